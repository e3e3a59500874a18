"""Deletion requests: a person's rows leave every table, the views made of them, older snapshots and the disk.

Each step can be repeated, and what is known of the person is kept, sealed, until all are done: a request that was cut
off goes on where it was.
"""

import logging
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pwh_assets.core.names import slug
from pwh_assets.core.options import MaskKind
from pwh_assets.errors import BusyError, InvalidInputError, PwhError
from pwh_assets.lake.attach import ALIAS, quote
from pwh_assets.services.platform import Platform
from pwh_assets.services.policies.erasing import drop_copies, erase_history
from pwh_assets.services.policies.tombstones import (
    condition_of,
    digests_of,
    keyed_tables,
    masker_for,
    note,
    places_of,
)
from pwh_assets.services.sources.connecting import find_table
from pwh_assets.services.sources.view import moment
from pwh_assets.store.policies import DeletionRequest, PersonKey

if TYPE_CHECKING:
    import duckdb

    from pwh_assets.core.source import SyncedTable
    from pwh_assets.core.view import SavedQuery

log = logging.getLogger(__name__)

HOLDS = ("email", "distinct_id", "person_id")
WAIT_S = 60.0
UNEXPECTED = "Something went wrong inside PWH; the log has the details. The request can go on."
_PRODUCT = f"{ALIAS}.product"
_PRODUCT_TABLES = ("events", "persons", "person_distinct_ids", "cohort_people")
Report = dict[str, Any]


class PersonUnknownError(InvalidInputError):
    """Nothing is known of the person."""

    code = "person_unknown"

    def __init__(self, word: str) -> None:
        super().__init__(
            "person", f"Nobody is known as `{word[:100]}`, and no table has a person key."
        )


def set_person_key(
    platform: Platform, project_id: int, table: str, column: str | None, holds: str = "email"
) -> PersonKey | None:
    """Say which column of a synced table tells whose row it is; None takes it back.

    Raises:
        NotFoundError: there is no such table.
        InvalidInputError: it has no such column, or one that nobody can be told by because of its mask.
    """
    found = find_table(platform, project_id, table)
    if column is None:
        platform.store.set_person_key(project_id, found.table_name, None)
        return None
    if holds not in HOLDS:
        raise InvalidInputError("holds", f"`{holds}` is none of {', '.join(HOLDS)}.")
    names = {one.name.lower(): one.name for one in found.columns}
    stored = {(t.schema, t.name): t for t in platform.lakes.of(project_id).tables()}
    lake_table = stored.get((found.source.slug, slug(found.name)))
    names |= {c.name.lower(): c.name for c in (lake_table.columns if lake_table else ())}
    if column.lower() not in names:
        raise InvalidInputError("column", f"`{found.table_name}` has no column `{column}`.")
    key = PersonKey(found.table_name, names[column.lower()], holds)
    mask = next((one for one in found.options.masks if one.column == key.column), None)
    if mask is not None and mask.kind is not MaskKind.HASH:
        raise InvalidInputError(
            "column",
            f"`{found.table_name}.{key.column}` is masked with `{mask.kind.value}`, so it says of no row whose it is. "
            "Name another column, or mask it with `hash`.",
        )
    platform.store.set_person_key(project_id, found.table_name, key)
    return key


def request(platform: Platform, project_id: int, word: str, by: str) -> DeletionRequest:
    """Write down whom to forget, with everything the product tables know them by.

    Args:
        word: a distinct id, an e-mail address, or a person's id.

    Raises:
        PersonUnknownError.
    """
    from pwh_assets.services.capture.loading import load_all

    word = word.strip()
    load_all(platform, project_id, WAIT_S)
    with platform.lakes.of(project_id).read() as connection:
        person = _identify(connection, [word])
    if not person["known"] and not platform.store.person_keys(project_id):
        raise PersonUnknownError(word)
    return platform.store.add_deletion(project_id, person, by)


def carry_out(platform: Platform, asked: DeletionRequest) -> DeletionRequest:
    """Do what is left of a request. `report` says what was done; an error leaves it `failed`, to be resumed.

    Raises:
        PwhError: a step failed; the request keeps the sentence.
    """
    from pwh_assets.lake.locks import hold

    store = platform.store
    with hold(platform.settings, f"forget-{asked.project_id}", timeout_s=WAIT_S):
        asked = store.deletion(asked.project_id, asked.id)
        if asked.status == "completed":
            return asked
        report: Report = {"rows": {}, "views": [], "steps": [], **asked.report}
        for name, step in _STEPS:
            if name in report["steps"]:
                continue
            store.note_deletion(asked, "running", report)
            try:
                asked = step(platform, asked, report) or asked
            except Exception as error:
                why = error.sentence if isinstance(error, PwhError) else UNEXPECTED
                store.note_deletion(asked, "failed", report, why)
                raise
            report["steps"].append(name)
            store.note_deletion(asked, "running", report)
        return store.note_deletion(asked, "completed", report)


def resume_unfinished(platform: Platform) -> int:
    """Go on with every request whose process died; what fails again is said in the request. How many were completed.

    Raises nothing: it is for a thread of a server, which may be ending.
    """
    completed = 0
    try:
        store = platform.store
        waiting = [
            asked
            for project in store.projects()
            for asked in store.deletions(project.id)
            if asked.status == "running"
        ]
        for asked in waiting:
            carry_out(platform, asked)
            completed += 1
    except Exception as error:
        log.warning("a deletion request could not go on: %s", type(error).__name__)
    return completed


def sweep(platform: Platform, project_id: int) -> dict[str, int]:
    """Delete rows of forgotten persons that are in tables with a person key, whatever brought them; rows by table.

    Views and older snapshots are not touched: `carry_out` of a new request does that.
    """
    known = sorted(platform.store.forgotten(project_id))
    found = {}
    for key, table in keyed_tables(platform.store, project_id) if known else ():
        if count := _delete_rows(platform, table, key, known, lambda number: None):
            found[key.table] = count
            note(platform.store, project_id, key.table, count)
    return found


def as_dict(asked: DeletionRequest) -> dict[str, Any]:
    """What may be shown of a request: nothing that says who it was."""
    return {
        "id": asked.id,
        "status": asked.status,
        "report": dict(asked.report),
        "requested_by": asked.requested_by,
        "created_at": moment(asked.created_at),
        "ended_at": moment(asked.ended_at),
        "latest_error": asked.latest_error,
    }


# Who it is


def _identify(connection: "duckdb.DuckDBPyConnection", words: Sequence[str]) -> dict[str, Any]:
    """Everybody one of the words means, with everything they are known by."""
    lower = [word.lower() for word in words]
    mails = "properties ->> '$.email'", "properties ->> '$.\"$email\"'"
    ids = _column(
        connection,
        f"SELECT person_id FROM {_PRODUCT}.person_distinct_ids WHERE list_contains($w, distinct_id) "
        f"UNION SELECT person_id FROM {_PRODUCT}.events WHERE list_contains($w, distinct_id) "
        f"UNION SELECT id FROM {_PRODUCT}.persons WHERE list_contains($l, id::VARCHAR) "
        + "".join(f"OR list_contains($l, lower({mail})) " for mail in mails),
        {"w": list(words), "l": lower},
    )
    uuids = [str(uuid.UUID(word)) for word in words if _is_uuid(word)]
    is_named = bool(set(ids) - set(uuids))
    ids = sorted({*ids, *uuids})
    distinct = _column(
        connection,
        f"SELECT distinct_id FROM {_PRODUCT}.person_distinct_ids WHERE list_contains($ids, person_id::VARCHAR) "
        f"UNION SELECT distinct_id FROM {_PRODUCT}.events WHERE list_contains($ids, person_id::VARCHAR) "
        "OR list_contains($w, distinct_id)",
        {"ids": ids, "w": list(words)},
    )
    emails = _column(
        connection,
        f"SELECT unnest([{', '.join(mails)}]) FROM {_PRODUCT}.persons WHERE list_contains($ids, id::VARCHAR)",
        {"ids": ids},
    )
    return {
        "known": bool(distinct) or bool(emails) or is_named,
        "words": sorted(words),
        "person_ids": ids,
        "distinct_ids": sorted({*distinct, *words}),
        "emails": sorted({*emails, *(word for word in words if "@" in word)}),
    }


def _both(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    fields = ("words", "person_ids", "distinct_ids", "emails")
    return {name: sorted({*first.get(name, ()), *second.get(name, ())}) for name in fields}


def _column(
    connection: "duckdb.DuckDBPyConnection", sql: str, values: Mapping[str, Any]
) -> list[str]:
    rows = connection.execute(sql, dict(values)).fetchall()
    return sorted({str(row[0]) for row in rows if row[0] is not None})


def _is_uuid(word: str) -> bool:
    try:
        uuid.UUID(word)
    except ValueError:
        return False
    return True


# The steps


def _remember(platform: Platform, asked: DeletionRequest, report: Report) -> None:
    store = platform.store
    store.add_forgotten(asked.project_id, digests_of(store, asked.project_id, asked.person))


def _product(platform: Platform, asked: DeletionRequest, report: Report) -> DeletionRequest:
    """Rows of the product tables, in one transaction. What became known of the person since they were named counts too."""
    from pwh_assets.services.capture.forgetting import forget_found

    now = asked

    def find(connection: "duckdb.DuckDBPyConnection") -> tuple[list[str], list[str]]:
        nonlocal now
        words = asked.person.get("words") or asked.person["distinct_ids"]
        person = _both(asked.person, _identify(connection, words))
        _count_product(connection, person, report)
        store = platform.store
        now = replace(asked, person=person)
        store.note_deletion(now, "running", report, person=person)  # counts outlive a crash
        store.add_forgotten(asked.project_id, digests_of(store, asked.project_id, person))
        return person["distinct_ids"], person["person_ids"]

    forget_found(platform, asked.project_id, find)
    return now


def _count_product(
    connection: "duckdb.DuckDBPyConnection", person: Mapping[str, Any], report: Report
) -> None:
    ids, distinct = list(person["person_ids"]), list(person["distinct_ids"])
    theirs, words = "list_contains($ids, {0}::VARCHAR)", "list_contains($distinct, distinct_id)"
    conditions = {
        "events": f"{theirs.format('person_id')} OR {words}",
        "persons": theirs.format("id"),
        "person_distinct_ids": f"{theirs.format('person_id')} OR {words}",
        "cohort_people": theirs.format("person_id"),
    }
    for table, condition in conditions.items():
        given = {"ids": ids} | ({"distinct": distinct} if words in condition else {})
        row = connection.execute(
            f"SELECT count(*) FROM {_PRODUCT}.{table} WHERE {condition}", given
        ).fetchone()
        _note_rows(report, table, row[0] if row else 0)


def _log(platform: Platform, asked: DeletionRequest, report: Report) -> None:
    from pwh_assets.services.capture.forgetting import wipe_log

    wipe_log(platform, asked.project_id)


def _synced(platform: Platform, asked: DeletionRequest, report: Report) -> None:
    store, project_id = platform.store, asked.project_id
    digests = digests_of(store, project_id, asked.person)
    keyed = keyed_tables(store, project_id)
    for key, table in keyed:

        def note_count(number: int, name: str = key.table) -> None:
            _note_rows(report, name, number)
            store.note_deletion(asked, "running", report)

        _delete_rows(platform, table, key, digests, note_count)
    report["without_person_key"] = sorted(
        {t.table_name for t in store.tables(project_id)} - {key.table for key, _ in keyed}
    )


def _delete_rows(
    platform: Platform,
    table: "SyncedTable",
    key: PersonKey,
    digests: Sequence[str],
    note_count: Callable[[int], None],
) -> int:
    """Rows of the table, and of the one of its every change, whose key is one of the hashes'."""
    from pwh_assets.lake.locks import hold
    from pwh_assets.services.sources.tables import discard_leftovers

    lake = platform.lakes.of(table.project_id)
    masker = masker_for(platform.store, table.project_id, key.column)
    stored = {(t.schema, t.name): {c.name for c in t.columns} for t in lake.tables()}
    targets = [
        f"{ALIAS}.{quote(place[0])}.{quote(place[1])}"
        for place in places_of(table)
        if key.column in stored.get(place, ())
    ]
    given = {"digests": list(digests)}
    try:
        with hold(platform.settings, f"sync-{table.id}", timeout_s=WAIT_S):
            discard_leftovers(platform, table)
            with lake.write() as connection:
                masker.prepare(connection)
                condition = condition_of(table, key.column, masker)
                whole = 0
                for target in targets:
                    row = connection.execute(
                        f"SELECT count(*) FROM {target} WHERE {condition}", given
                    ).fetchone()
                    whole += row[0] if row else 0
                note_count(whole)
                connection.execute("BEGIN")
                for target in targets:
                    connection.execute(f"DELETE FROM {target} WHERE {condition}", given)
                connection.execute("COMMIT")
                return whole
    except BusyError:
        raise BusyError(
            f"`{table.table_name}` is being synced. The request can go on when that has ended."
        ) from None


def _views(platform: Platform, asked: DeletionRequest, report: Report) -> None:
    """Every materialized view behind a table the person was in is built anew, inputs first."""
    from pwh_assets.services.lineage.graph import project_graph

    graph = project_graph(platform, asked.project_id)
    touched = {
        *_PRODUCT_TABLES,
        *(key.table for key, _ in keyed_tables(platform.store, asked.project_id)),
    }
    below = {
        name for table in touched if graph.find(table) for name in graph.reach(table, graph.outputs)
    }
    views = {v.name: v for v in platform.store.views(asked.project_id) if v.is_materialized}
    for name in graph.order:
        if name in below and name in views and name not in report["views"]:
            if views[name].last_run_at is not None:
                _build(platform, views[name])
            report["views"].append(name)
            platform.store.note_deletion(asked, "running", report)


def _build(platform: Platform, view: "SavedQuery") -> None:
    """Anew as a whole; a build that runs has read rows from before, so its end is waited for."""
    from pwh_assets.services.views.builds import build_view

    until = time.monotonic() + WAIT_S
    while True:
        try:
            build_view(platform, view, full=True)
        except BusyError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
        else:
            return


def _history(platform: Platform, asked: DeletionRequest, report: Report) -> None:
    report["history"] = erase_history(platform, asked.project_id)


def _copies(platform: Platform, asked: DeletionRequest, report: Report) -> None:
    report["copies"] = drop_copies(platform, asked.project_id)


_STEPS: tuple[
    tuple[str, Callable[[Platform, DeletionRequest, Report], DeletionRequest | None]], ...
] = (
    ("remember", _remember),
    ("product", _product),
    ("log", _log),
    ("synced", _synced),
    ("views", _views),
    ("copies", _copies),
    ("history", _history),
)


def _note_rows(report: Report, table: str, number: int) -> None:
    """A step that is repeated finds nothing more: what was found first stays."""
    report["rows"][table] = max(int(number), report["rows"].get(table, 0))
