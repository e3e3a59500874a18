"""PostgreSQL's change capture: a logical replication slot with `pgoutput`, and the publication it reads.

Belongs here: prerequisites, setting up, opening, telling how it stands, taking it down. Keep out: the protocol
(`replication`), its messages (`pgoutput`), values (`texts`).
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pwh_assets.errors import SourceUnavailableError, quoted
from pwh_assets.sources.changes import (
    Collector,
    Counting,
    Finding,
    Prepared,
    Reached,
    StagedColumn,
    StreamSpec,
    StreamStatus,
    StreamTable,
    TableShape,
)
from pwh_assets.sources.errors import StreamLostError, StreamNotReadyError
from pwh_assets.sources.network.route import routed
from pwh_assets.sources.postgres import prerequisites
from pwh_assets.sources.postgres.catalog import tables, types_of
from pwh_assets.sources.postgres.connection import connected, parameters, place, raise_ours
from pwh_assets.sources.postgres.pgoutput import Decoder, Relation, Shaped
from pwh_assets.sources.postgres.prerequisites import Names, names_of, now_lsn, qualified
from pwh_assets.sources.postgres.replication import (
    Receiver,
    number_of,
    receiving,
    shown,
    text_of,
)
from pwh_assets.sources.postgres.texts import Parser, text_column
from pwh_assets.sources.postgres.types import PgType

if TYPE_CHECKING:
    import psycopg

WRITERS_PATIENCE_S = 60.0
"""How long writers of a table may take to end before it is read whole."""
STALL_S = 1800.0
"""A server that is silent for so long will not go on; decoding a transaction of many gigabytes takes minutes."""
RECORD_BYTES = 1 << 20
"""How long the last record of the log may be that is not safe on disk as a whole."""
_SETUP = {"lock_timeout": "30s", "statement_timeout": "10min", "TimeZone": "UTC"}
_REPAIR = "`pwh source cdc repair` makes a new slot and reads the tables whole again."


class PostgresChanges:
    """See `sources.changes.ChangeSource`."""

    def check(self, config: Mapping[str, Any], spec: StreamSpec) -> list[Finding]:
        with connected(config) as connection:
            return prerequisites.check(connection, config, spec)

    def status(self, config: Mapping[str, Any], spec: StreamSpec) -> StreamStatus:
        with connected(config) as connection:
            return _status(connection, names_of(config, spec))

    def prepare(self, config: Mapping[str, Any], spec: StreamSpec) -> Prepared:
        findings = self.check(config, spec)
        if findings:
            raise StreamNotReadyError(
                place(config),
                [finding.problem for finding in findings],
                [statement for finding in findings for statement in finding.statements],
            )
        names = names_of(config, spec)
        with _administering(config) as connection:
            added = _publish(connection, config, spec, names)
            status = _status(connection, names)
            if not status.exists:
                _make_slot(connection, names)
                status = _status(connection, names)
        identity = f"{config['database']}/{names.slot}"
        return Prepared(status.confirmed or text_of(0), identity, added)

    def settle(
        self, config: Mapping[str, Any], spec: StreamSpec, tables: Sequence[str]
    ) -> dict[str, str]:
        """A transaction lets go of its lock on a table only when everybody sees what it did. So when all who held
        one have ended, all that the slot has passed is visible, also what waited for a standby, and so is all that
        was written before the publication had the table.
        """
        with connected(config) as connection:
            marks = _marks(connection, config, tables)
            give_up = time.monotonic() + WRITERS_PATIENCE_S
            waiting: set[str] | None = None
            while True:
                relations = [qualified(config, table) for table in tables]
                seen = {str(row[0]) for row in connection.execute(_WRITERS, [relations])}
                waiting = seen if waiting is None else waiting & seen
                if not waiting:
                    return marks
                if time.monotonic() > give_up:
                    raise SourceUnavailableError(
                        f"{place(config)}: {len(waiting)} transactions have been writing to {quoted(list(tables))} for "
                        f"over {WRITERS_PATIENCE_S:.0f} s, so the table cannot be read whole yet. "
                        "It is tried again; end them if they hang (`pg_locks` shows them)."
                    )
                time.sleep(0.05)

    @contextmanager
    def open(
        self, config: Mapping[str, Any], spec: StreamSpec, since: str
    ) -> Iterator["PostgresStream"]:
        names = names_of(config, spec)
        with connected(config) as connection:
            _insist_on_all(config, _status(connection, names), names, since)
            target = now_lsn(connection)
            types = types_of(connection)
            shapes = _Shapes(config, spec, types, _dimensions(connection, config, spec))
        with receiving(config, names.slot, names.publication, number_of(since)) as receiver:
            yield PostgresStream(receiver, shapes, target)

    def left_out(self, config: Mapping[str, Any], spec: StreamSpec, table: str) -> frozenset[str]:
        with connected(config) as connection:
            names = names_of(config, spec)
            return prerequisites.left_out(connection, config, names, [table])[table]

    def drift(self, config: Mapping[str, Any], spec: StreamSpec) -> dict[str, str]:
        found: dict[str, str] = {}
        wanted = [table.name for table in spec.tables]
        with connected(config) as connection:
            marks = _marks(connection, config, wanted)
            filled = _filled_columns(connection, config, spec)
            unseen = prerequisites.left_out(connection, config, names_of(config, spec), wanted)
            now = {table.name: table for table in tables(connection, config["schema"])}
        for table in spec.tables:
            reason = _other_rows(table.mark, marks.get(table.name, ""))
            if reason is None and table.name in now:
                current = {
                    column.name: column.typed.lake
                    for column in now[table.name].columns
                    if table.wants(column.name) and column.name not in unseen[table.name]
                }
                reason = _reshaped(table, current, filled.get(table.name, frozenset()))
            if reason is not None:
                found[table.name] = f"`{table.name}` {reason}"
        return found

    def counting(self, config: Mapping[str, Any]) -> AbstractContextManager[Counting]:
        from pwh_assets.sources.postgres.counting import counting

        return counting(config)

    def drop(self, config: Mapping[str, Any], spec: StreamSpec) -> None:
        names = names_of(config, spec)
        with _administering(config) as connection:
            if names.is_slot_ours:
                _drop_slot(connection, names)
            if names.is_publication_ours:
                connection.execute(f'DROP PUBLICATION IF EXISTS "{names.publication}"'.encode())


@dataclass(slots=True)
class _Shapes:
    """Shapes of the relations a stream names, as they were at that moment."""

    config: Mapping[str, Any]
    spec: StreamSpec
    types: Mapping[int, PgType]
    dimensions: Mapping[tuple[str, str], int]

    def of(self, relation: Relation) -> Shaped | None:
        """None for relations nobody asked for."""
        if relation.schema != self.config["schema"]:
            return None
        table = next((each for each in self.spec.tables if each.name == relation.name), None)
        if table is None:
            return None
        if any(column.oid not in self.types for column in relation.columns):
            with connected(self.config) as connection:
                self.types = types_of(connection)
        were_text = {column.name for column in table.columns if column.type == "VARCHAR"}
        were_json = {column.name for column in table.columns if column.type == "JSON"}
        columns: list[StagedColumn] = []
        parsers: dict[int, Parser] = {}
        for i, column in enumerate(relation.columns):
            found = text_column(
                self.types,
                column.name,
                column.oid,
                column.modifier,
                self.dimensions.get(
                    (table.name, column.name), 2 if column.name in were_json else 1
                ),
                column.name in were_text,
            )
            columns.append(found.column)
            if found.parser is not None:
                parsers[i] = found.parser
        shape = TableShape(table.name, tuple(columns), table.key)
        known = {column.name for column in relation.columns}
        told = {column.name for column in relation.columns if column.is_identity}
        if missing := [name for name in table.key if name not in known]:
            return Shaped(shape, {}, f"`{table.name}` has no column {quoted(missing)} any more.")
        if missing := [name for name in table.key if name not in told]:
            problem = (
                f"`{table.name}` does not say the old value of {quoted(missing)} in its changes."
            )
            return Shaped(shape, {}, problem)
        return Shaped(shape, parsers)


class PostgresStream:
    """See `sources.changes.ChangeStream`."""

    def __init__(self, receiver: Receiver, shapes: _Shapes, target: int) -> None:
        self._receiver, self._target = receiver, target
        self._decoder = Decoder(shapes.of)
        self._decoder.position = receiver.sent

    def read(self, collector: Collector) -> Reached:
        receiver, decoder = self._receiver, self._decoder
        decoder.into(collector)
        while True:
            message = receiver.next(0.0 if self._is_at_target else 0.05)
            if message is not None:
                if decoder.feed(message) and collector.is_full:
                    return Reached(text_of(decoder.position), decoder.position >= self._target)
                continue
            if not decoder.in_transaction and (self._is_at_target or self._is_at_end):
                return Reached(text_of(max(decoder.position, receiver.sent)), True)
            if time.monotonic() - receiver.heard_at > STALL_S:
                raise SourceUnavailableError(
                    f"{place(receiver.config)} has sent nothing for {STALL_S / 60:.0f} minutes. Sync again."
                )
            receiver.ask()

    @property
    def _is_at_target(self) -> bool:
        if self._decoder.in_transaction:
            return False
        return max(self._receiver.sent, self._decoder.position) >= self._target

    @property
    def _is_at_end(self) -> bool:
        """The log is safe on disk up to the middle of its last record, and the server has sent what comes before."""
        return self._receiver.is_quiet and self._target - self._receiver.sent <= RECORD_BYTES

    def confirm(self, position: str) -> None:
        self._receiver.flushed = max(self._receiver.flushed, number_of(position))
        self._receiver.say(ask=True)


# -- at the server -----------------------------------------------------------------------------

# `pg_partition_tree` waits for whoever has locked the table, so it is asked about partitioned ones alone.
_WRITERS = """
WITH wanted AS (SELECT DISTINCT coalesce(t.relid, r.oid)::oid AS oid
    FROM unnest(%s::text[]) AS n(name) CROSS JOIN LATERAL (SELECT n.name::regclass AS oid) r
    JOIN pg_class c ON c.oid = r.oid
    LEFT JOIN LATERAL pg_partition_tree(CASE WHEN c.relkind = 'p' THEN r.oid END) t ON true)
SELECT DISTINCT l.virtualtransaction FROM pg_locks l JOIN wanted w ON w.oid = l.relation
WHERE l.locktype = 'relation' AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
    AND l.pid IS DISTINCT FROM pg_backend_pid()
"""

# A partition made as one has a row type as old as its place in the tree; one that was attached had it before.
_MARKS = """
SELECT c.relname, c.oid::text, coalesce((SELECT string_agg(l.oid || '/' || l.relfilenode
        || CASE WHEN i.xmin::text = y.xmin::text THEN '' ELSE '/attached' END, ',' ORDER BY l.oid)
    FROM pg_partition_tree(CASE WHEN c.relkind = 'p' THEN c.oid END) t JOIN pg_class l ON l.oid = t.relid AND t.isleaf
    LEFT JOIN pg_inherits i ON i.inhrelid = l.oid LEFT JOIN pg_type y ON y.oid = l.reltype), '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = ANY(%s)
"""

_FILLED = """
SELECT c.relname, a.attname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = %s AND c.relname = ANY(%s)
    AND (a.atthasmissing OR a.atthasdef OR a.attidentity <> '')
"""


@contextmanager
def _administering(config: Mapping[str, Any]) -> Iterator["psycopg.Connection[tuple[Any, ...]]"]:
    """A connection in autocommit that may write: slots and publications are made and dropped with it."""
    import psycopg

    try:
        with (
            routed(config) as route,
            psycopg.connect(
                **parameters(config, route), autocommit=True, prepare_threshold=None
            ) as connection,
        ):
            connection.execute("; ".join(f"SET {n} = '{v}'" for n, v in _SETUP.items()).encode())
            yield connection
    except psycopg.Error as error:
        raise_ours(config, error)


def _publish(
    connection: "psycopg.Connection[Any]",
    config: Mapping[str, Any],
    spec: StreamSpec,
    names: Names,
) -> frozenset[str]:
    """Make the publication, or add what it lacks. The tables that were added."""
    published = prerequisites.published(connection, config, names)
    lacking = [table.name for table in spec.tables if table.name not in (published or {})]
    if published is None:
        connection.execute(
            prerequisites.create_publication(connection, config, names, lacking).encode()
        )
    elif lacking:
        connection.execute(prerequisites.add_tables(config, names, lacking).encode())
    return frozenset(lacking)


def _make_slot(connection: "psycopg.Connection[Any]", names: Names) -> None:
    row = connection.execute(
        "SELECT current_setting('server_version_num')::int >= 170000 AND NOT pg_is_in_recovery()"
    ).fetchone()
    failover = ", failover => true" if row and row[0] else ""
    connection.execute(
        f"SELECT pg_create_logical_replication_slot(%s, 'pgoutput'{failover})", [names.slot]
    )


def _drop_slot(connection: "psycopg.Connection[Any]", names: Names) -> None:
    import psycopg

    give_up = time.monotonic() + 10
    while True:
        try:
            connection.execute(
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
                "WHERE slot_name = %s",
                [names.slot],
            )
            return
        except psycopg.errors.ObjectInUse:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.2)


def _status(connection: "psycopg.Connection[Any]", names: Names) -> StreamStatus:
    newest = now_lsn(connection)
    row = connection.execute(
        "SELECT row_to_json(s)::text FROM pg_replication_slots s WHERE slot_name = %s", [names.slot]
    ).fetchone()
    facts: dict[str, Any] = {"slot": names.slot, "publication": names.publication}
    if row is None:
        return StreamStatus(False, newest=text_of(newest), details=facts)
    slot = json.loads(row[0])
    reason = slot.get("invalidation_reason")
    confirmed = _lsn(slot.get("confirmed_flush_lsn"))
    kept = _lsn(slot.get("restart_lsn"))
    for name in ("wal_status", "safe_wal_size", "active_pid", "invalidation_reason"):
        if slot.get(name) is not None:
            facts[name] = slot[name]
    if confirmed is not None:
        facts["confirmed"] = shown(text_of(confirmed))
    return StreamStatus(
        exists=True,
        confirmed=text_of(confirmed) if confirmed is not None else None,
        newest=text_of(newest),
        lag_bytes=max(0, newest - kept) if kept is not None else None,
        is_lost=slot.get("wal_status") == "lost" or bool(reason),
        is_active=bool(slot.get("active")),
        details=facts,
    )


def _lsn(text: str | None) -> int | None:
    if not text:
        return None
    high, low = text.split("/")
    return int(high, 16) << 32 | int(low, 16)


def _insist_on_all(
    config: Mapping[str, Any], status: StreamStatus, names: Names, since: str
) -> None:
    """Raises StreamLostError when what came after `since` cannot be had any more."""
    who = place(config)
    if not status.exists:
        raise StreamLostError(who, f"slot `{names.slot}` does not exist any more.", _REPAIR)
    if status.is_lost:
        why = (
            status.details.get("invalidation_reason")
            or "the server removed WAL that was still needed"
        )
        raise StreamLostError(who, f"slot `{names.slot}` is invalid: {why}.", _REPAIR)
    if status.confirmed is not None and status.confirmed > since:
        raise StreamLostError(
            who,
            f"slot `{names.slot}` is at {shown(status.confirmed)}, past {shown(since)} up to where it was read: "
            "somebody else has read or moved it.",
            _REPAIR,
        )
    if status.newest is not None and status.newest < since:
        raise StreamLostError(
            who,
            f"its WAL ends at {shown(status.newest)}, before {shown(since)} up to where it was read: "
            "it was restored from a backup, or is another server.",
            _REPAIR,
        )


def _dimensions(
    connection: "psycopg.Connection[Any]", config: Mapping[str, Any], spec: StreamSpec
) -> dict[tuple[str, str], int]:
    rows = connection.execute(
        "SELECT c.relname, a.attname, greatest(a.attndims, y.typndims)::int FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
        "JOIN pg_type y ON y.oid = a.atttypid "
        "WHERE n.nspname = %s AND c.relname = ANY(%s) AND greatest(a.attndims, y.typndims) > 1",
        [config["schema"], [table.name for table in spec.tables]],
    )
    return {(table, column): dimensions for table, column, dimensions in rows}


# -- what the stream does not show ---------------------------------------------------------------


def _marks(
    connection: "psycopg.Connection[Any]", config: Mapping[str, Any], names: Sequence[str]
) -> dict[str, str]:
    rows = connection.execute(_MARKS, [config["schema"], list(names)])
    return {name: f"{oid}:{leaves}" if leaves else oid for name, oid, leaves in rows}


def _other_rows(before: str, now: str) -> str | None:
    """Whether rows came or went without a change in the stream; the rest of a sentence.

    >>> _other_rows("12", "12"), _other_rows("12", "13")
    (None, 'was dropped and made anew.')
    >>> _other_rows("12:3/7,4/8", "12:4/8,5/9")
    'lost a partition, or one of them was truncated or written anew.'
    """
    if not before or not now:
        return None
    oid, _, old = before.partition(":")
    again, _, new = now.partition(":")
    if oid != again:
        return "was dropped and made anew."
    leaves, known = set(new.split(",")), set(old.split(","))
    bare = {leaf.removesuffix("/attached") for leaf in leaves}
    if old and not {leaf.removesuffix("/attached") for leaf in known} <= bare:
        return "lost a partition, or one of them was truncated or written anew."
    seen = {leaf.removesuffix("/attached") for leaf in known}
    if any(
        leaf.endswith("/attached") and leaf.removesuffix("/attached") not in seen for leaf in leaves
    ):
        return "got a partition that may have had rows already."
    return None


def _filled_columns(
    connection: "psycopg.Connection[Any]", config: Mapping[str, Any], spec: StreamSpec
) -> dict[str, frozenset[str]]:
    """Columns per table that rows may have got a value in without being written."""
    found: dict[str, set[str]] = {}
    wanted = [table.name for table in spec.tables]
    for table, column in connection.execute(_FILLED, [config["schema"], wanted]):
        found.setdefault(table, set()).add(column)
    return {table: frozenset(columns) for table, columns in found.items()}


_GROWS = ("SMALLINT", "INTEGER", "BIGINT")


def _reshaped(table: StreamTable, current: Mapping[str, str], filled: frozenset[str]) -> str | None:
    """Whether rows that were not written have other values than the lake; the rest of a sentence. `current` are the
    lake's types of the columns there are now.
    """
    before = {column.name: column.type for column in table.columns}
    if not before:
        return None
    fresh = [name for name in current if name not in before]
    if filled & set(fresh):
        return f"got the columns {quoted(sorted(filled & set(fresh)))}, which rows already there have values in."
    gone = [name for name in before if name not in current]
    if fresh and gone:
        return f"has {quoted(fresh)} where it had {quoted(gone)}: renamed, as it seems."
    for name, kind in current.items():
        old = before.get(name, kind)
        is_outgrown = (old == "VARCHAR" and kind.startswith("DECIMAL(38,")) or (
            old == "JSON" and kind.endswith("[]")
        )
        if old == kind or is_outgrown:
            continue
        if (old in _GROWS and kind in _GROWS) or (old.startswith("DEC") and kind.startswith("DEC")):
            continue
        return f"has another type in `{name}`: {kind}, where it had {old}."
    return None
