"""What the log holds becomes rows of the lake: a batch is one transaction with the position it reaches."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from pwh_assets.services.capture.checking import UPGRADED
from pwh_assets.services.capture.log import (
    Segment,
    aside,
    folder_of,
    put_aside,
    records,
    segments,
)
from pwh_assets.services.capture.people import Event, Group, People, Person, Told
from pwh_assets.services.platform import Platform
from pwh_assets.services.policies.tombstones import late_events

if TYPE_CHECKING:
    from pwh_assets.lake import Lake
    from pwh_assets.lake.captured import Captured, Known

log = logging.getLogger(__name__)

MOST_EVENTS = 20_000
MOST_BYTES = 24 * 1024 * 1024
"""Of one transaction: what one load keeps in memory."""
SAME_EVENT_S = 24 * 3600
"""An event that comes again within a day of its first arrival is known by its uuid."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one load did. `is_more` when the log had more than one transaction takes."""

    events: int = 0
    repeated: int = 0
    is_more: bool = False


@dataclass(slots=True)
class _Batch:
    events: list[Event]
    properties: list[str]
    arrived: list[int]
    positions: dict[str, int]
    is_more: bool = False
    is_late: Callable[[Event], bool] | None = None
    """True for what a forgotten person did before."""


def load_all(platform: Platform, project_id: int, timeout_s: float) -> None:
    """Load whatever is in the log. Raises as `load`."""
    while load(platform, project_id, timeout_s).is_more:
        pass


def load(platform: Platform, project_id: int, timeout_s: float = 5.0) -> Loaded:
    """Load what fits one transaction, then put aside segments that are loaded and no longer written.

    Raises:
        BusyError: the product tables or the lake are being written by somebody else.
        LakeError: the lake cannot be written; everything stays in the log.
    """
    from pwh_assets.lake.captured import make_own_tables, read_positions
    from pwh_assets.lake.locks import hold

    folder = folder_of(platform.settings.home, project_id)
    if not any(folder.glob("*.log")):
        return Loaded()
    lake = platform.lakes.of(project_id)
    with hold(platform.settings, f"product-{project_id}", timeout_s):
        if not _has_own_tables(lake):
            with lake.write(timeout_s) as connection:
                make_own_tables(connection)
        with lake.read() as connection:
            positions = read_positions(connection)
        found = segments(folder)
        batch = _read(found, positions)
        loaded = Loaded()
        if any(positions.get(name, 0) != at for name, at in batch.positions.items()):
            past = aside(folder)
            done = [path.with_suffix(".log").name for path in past]
            batch.is_late = late_events(platform, project_id)
            loaded = _commit(lake, project_id, batch, done, timeout_s)
            for path in past:
                path.unlink(missing_ok=True)
        for segment in found:
            if segment.is_closed and batch.positions[segment.name] >= segment.size:
                put_aside(segment)
    return loaded


def _has_own_tables(lake: "Lake") -> bool:
    from pwh_assets.lake.product import OWN_SCHEMA

    return lake.has_table(OWN_SCHEMA, "capture_group_types")


def _read(found: Sequence[Segment], positions: dict[str, int]) -> _Batch:
    """The next records of all segments."""
    reached = {segment.name: positions.get(segment.name, 0) for segment in found}
    batch = _Batch([], [], [], reached)
    size = 0
    for segment in found:
        for payload, position in records(segment, reached[segment.name], MOST_BYTES - size):
            size += len(payload)
            _take(batch, payload)
            reached[segment.name] = position
            if len(batch.events) >= MOST_EVENTS:
                batch.is_more = True
                return batch
        if size >= MOST_BYTES:
            batch.is_more = True
            return batch
    return batch


def _take(batch: _Batch, payload: bytes) -> None:
    """A payload is a line with the time of arrival, then two lines per event: head and properties."""
    lines = iter(payload.split(b"\n"))
    arrived = int(next(lines) or 0)
    for head, properties in zip(lines, lines, strict=True):
        batch.events.append(Event.read(head))
        batch.properties.append(properties.decode())
        batch.arrived.append(arrived)


def payload_of(arrived_us: int, events: Sequence[tuple[bytes, bytes]]) -> bytes:
    """What one request adds to the log."""
    return b"\n".join([str(arrived_us).encode(), *(line for event in events for line in event)])


def _commit(
    lake: "Lake", project_id: int, batch: _Batch, done: Sequence[str], timeout_s: float
) -> Loaded:
    from pwh_assets.lake.captured import read_known, store

    ids, involved, quiet, keys = set(), set(), set(), set()
    for event in batch.events:
        ids.add(event.distinct_id)
        if not event.has_person:
            quiet.add(event.distinct_id)
        part = event.part
        if part is not None:
            involved.add(event.distinct_id)
            if "merge" in part:
                involved.add(part["merge"][1])
            if "group" in part:
                keys.add(part["group"][1])
    since = min(batch.arrived, default=0) - SAME_EVENT_S * 1_000_000
    uuids = [event.uuid for event in batch.events]
    with lake.write(timeout_s) as connection:
        connection.execute("BEGIN")
        known = read_known(connection, ids | involved, involved, quiet, keys, uuids, since)
        people = _people(project_id, known)
        what, repeated = _captured(batch, people, known.events, done)
        store(connection, what)
        connection.execute("COMMIT")
    return Loaded(len(what.events["uuid"]), repeated, batch.is_more)


def _people(project_id: int, known: "Known") -> People:
    persons = {
        row[0]: Person(row[0], row[2], bool(row[3]), _told(row[1], row[4])) for row in known.persons
    }
    groups = {
        (row[0], row[1]): Group(row[0], row[1], row[3], row[4], _told(row[2], row[5]))
        for row in known.groups
    }
    return People(project_id, known.ids, persons, known.group_types, groups, known.created)


def _told(properties: str | None, at: str | None) -> Told:
    return Told(orjson.loads(properties or "{}"), orjson.loads(at or "{}"))


def _captured(
    batch: _Batch, people: People, seen: set[str], done: Sequence[str]
) -> "tuple[Captured, int]":
    from pwh_assets.lake.captured import EVENT_COLUMNS, Captured

    types_before = list(people.group_types)
    rows = []
    for event, properties, arrived in zip(
        batch.events, batch.properties, batch.arrived, strict=True
    ):
        if event.uuid in seen or (batch.is_late is not None and batch.is_late(event)):
            continue
        seen.add(event.uuid)
        groups: list[str | None] = [None] * 5
        for kind, key in (event.groups or {}).items():
            index = people.group_index(kind)
            if index is not None:
                groups[index] = key
        if people.is_upgraded(event):
            properties = _marked(properties)
        rows.append((event, properties, arrived, people.take(event), groups))
    events: dict[str, list[Any]] = {name: [] for name, _ in EVENT_COLUMNS}
    columns = list(events.values())
    for event, properties, arrived, person_id, groups in rows:
        values = (
            event.uuid,
            event.name,
            properties,
            event.timestamp,
            event.distinct_id,
            people.survivor(person_id),
            event.elements_chain,
            arrived,
            event.session_id,
            event.window_id,
            *groups,
        )
        for column, value in zip(columns, values, strict=True):
            column.append(value)
    told = {one: people.persons[one].told for one in people.retold if one in people.persons}
    subjects: Iterator[tuple[str, Told]] = iter(told.items())
    changed_groups = [people.groups[key] for key in sorted(people.changed_groups)]
    what = Captured(
        events=events,
        positions=batch.positions,
        done=done,
        moves={old: people.survivor(old) for old in people.moved},
        gone=sorted(people.merged),
        ids=[(one, people.ids[one]) for one in sorted(people.new_ids)],
        persons=[_person_row(people.persons[one]) for one in sorted(people.changed)],
        told=[
            *((subject, orjson.dumps(of.at).decode()) for subject, of in subjects),
            *((f"{g.index}:{g.key}", orjson.dumps(g.told.at).decode()) for g in changed_groups),
        ],
        groups=[
            (g.index, g.key, orjson.dumps(g.told.values).decode(), g.created_at, g.updated_at)
            for g in changed_groups
        ],
        group_types=people.group_types if people.group_types != types_before else (),
    )
    return what, len(batch.events) - len(rows)


def _marked(properties: str) -> str:
    """An event's properties as JSON, with the mark of those that ask for no person though there is one.

    >>> _marked('{"a":1}'), _marked("{}")
    ('{"a":1,"$force_upgrade":true}', '{"$force_upgrade":true}')
    """
    return f'{properties[:-1]}{"," if len(properties) > 2 else ""}"{UPGRADED}":true}}'


def _person_row(person: Person) -> tuple[str, str, int, bool]:
    return (
        person.id,
        orjson.dumps(person.told.values).decode(),
        person.created_at,
        person.is_identified,
    )
