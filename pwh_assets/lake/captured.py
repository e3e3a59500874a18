"""Captured events in the lake: rows, persons, merges and the log's position change in one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pwh_assets.lake.attach import ALIAS, literal
from pwh_assets.lake.product import INLINED_STATE_ROWS, OWN_SCHEMA

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_PRODUCT = f"{ALIAS}.product"
_OWN = {
    "capture_log": "segment VARCHAR, position BIGINT",
    "capture_told": "subject VARCHAR, told_at VARCHAR",
    "capture_group_types": "index INTEGER, name VARCHAR",
}
"""Where the log is loaded up to; when each property of a person or group was told; the names of group types."""

EVENT_COLUMNS = (
    ("uuid", "uuid::UUID"),
    ("event", "event"),
    ("properties", "properties::JSON"),
    ("timestamp", 'make_timestamp("timestamp")'),
    ("distinct_id", "distinct_id"),
    ("person_id", "person_id::UUID"),
    ("elements_chain", "elements_chain"),
    ("created_at", "make_timestamp(created_at)"),
    ("$session_id", '"$session_id"'),
    ("$window_id", '"$window_id"'),
    *((f"$group_{i}", f'"$group_{i}"') for i in range(5)),
)
"""Each column and how it is made of the rows handed over, whose times are microseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the lake knows of everybody a batch mentions. Properties and times are JSON."""

    ids: dict[str, str]
    persons: list[tuple[str, str, int, bool, str | None]]
    """id, properties, created at, is identified, when told."""
    group_types: list[str]
    groups: list[tuple[int, str, str, int, int, str | None]]
    """index, key, properties, created at, updated at, when told."""
    events: set[str]
    """Those of the asked ids that are events of late."""
    created: dict[str, int] = field(default_factory=dict)
    """When the persons of the quiet distinct ids were made."""


@dataclass(frozen=True, slots=True)
class Captured:
    """What a batch changes. Rows are in the order of the tables' columns; times are microseconds since 1970."""

    events: "Mapping[str, list[Any]]"
    positions: Mapping[str, int]
    done: Sequence[str] = ()
    """Segments of the log that are gone. Those of other machines on the same catalog are theirs to tell."""
    moves: Mapping[str, str] = field(default_factory=dict)
    """Person to person: rows of the first belong to the second from now on."""
    gone: Sequence[str] = ()
    """Persons that were merged into others."""
    ids: Sequence[tuple[str, str]] = ()
    persons: Sequence[tuple[str, str, int, bool]] = ()
    told: Sequence[tuple[str, str]] = ()
    groups: Sequence[tuple[int, str, str, int, int]] = ()
    group_types: Sequence[str] = ()
    """All of them, when there are new ones."""


def make_own_tables(connection: "duckdb.DuckDBPyConnection") -> None:
    """Safe to run again. Their few rows stay in the catalog, so that a load writes no file for them."""
    for name, columns in _OWN.items():
        table = f"{ALIAS}.{OWN_SCHEMA}.{name}"
        connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")
        connection.execute(
            f"CALL {ALIAS}.set_option('data_inlining_row_limit', {INLINED_STATE_ROWS}, "
            f"schema => '{OWN_SCHEMA}', table_name => '{name}')"
        )


def read_positions(connection: "duckdb.DuckDBPyConnection") -> dict[str, int]:
    """How far each segment of the log is loaded."""
    return dict(
        connection.execute(f"SELECT segment, position FROM {_own('capture_log')}").fetchall()
    )


def read_known(
    connection: "duckdb.DuckDBPyConnection",
    distinct_ids: Iterable[str],
    involved: Iterable[str],
    quiet: Iterable[str],
    groups: Iterable[str],
    uuids: Sequence[str],
    since_us: int,
) -> Known:
    """Look up a batch: `involved` are the distinct ids whose persons are needed too, `quiet` those of whose persons it is
    only asked since when they are there.

    Events are looked for among those that arrived after `since_us`.
    """
    connection.register("asked_ids", _table(distinct_id=list(distinct_ids)))
    ids = dict(
        connection.execute(
            f"SELECT distinct_id, person_id::VARCHAR FROM {_PRODUCT}.person_distinct_ids "
            "WHERE distinct_id IN (SELECT distinct_id FROM asked_ids)"
        ).fetchall()
    )
    connection.unregister("asked_ids")
    wanted = sorted({ids[one] for one in involved if one in ids})
    persons = []
    if wanted:
        connection.register("asked_persons", _table(id=wanted))
        persons = connection.execute(
            "SELECT p.id::VARCHAR, p.properties::VARCHAR, epoch_us(p.created_at), p.is_identified, t.told_at "
            f"FROM {_PRODUCT}.persons p LEFT JOIN {_own('capture_told')} t ON t.subject = p.id::VARCHAR "
            "WHERE p.id IN (SELECT id::UUID FROM asked_persons)"
        ).fetchall()
        connection.unregister("asked_persons")
    created = {}
    asked = sorted({ids[one] for one in quiet if one in ids}.difference(wanted))
    if asked:
        connection.register("asked_persons", _table(id=asked))
        created = dict(
            connection.execute(
                f"SELECT id::VARCHAR, epoch_us(created_at) FROM {_PRODUCT}.persons "
                "WHERE id IN (SELECT id::UUID FROM asked_persons) AND created_at IS NOT NULL"
            ).fetchall()
        )
        connection.unregister("asked_persons")
    types = connection.execute(
        f"SELECT name FROM {_own('capture_group_types')} ORDER BY index"
    ).fetchall()
    found_groups = []
    keys = sorted(set(groups))
    if keys:
        connection.register("asked_groups", _table(key=keys))
        found_groups = connection.execute(
            "SELECT g.index, g.key, g.properties::VARCHAR, epoch_us(g.created_at), epoch_us(g.updated_at), t.told_at "
            f"FROM {_PRODUCT}.groups g LEFT JOIN {_own('capture_told')} t "
            "ON t.subject = g.index || ':' || g.key WHERE g.key IN (SELECT key FROM asked_groups)"
        ).fetchall()
        connection.unregister("asked_groups")
    connection.register("asked_events", _table(uuid=list(uuids)))
    events = connection.execute(
        f"SELECT uuid::VARCHAR FROM {_PRODUCT}.events WHERE created_at >= make_timestamp({int(since_us)}) "
        "AND uuid IN (SELECT uuid::UUID FROM asked_events)"
    ).fetchall()
    connection.unregister("asked_events")
    return Known(
        ids,
        persons,
        [row[0] for row in types],
        found_groups,
        {row[0] for row in events},
        created,
    )


def store(connection: "duckdb.DuckDBPyConnection", what: Captured) -> None:
    """Write a batch inside the caller's transaction."""
    if what.moves:
        olds, news = list(what.moves), list(what.moves.values())
        connection.register("moves", _table(old=olds, new=news))
        for table, more in (
            ("events", ""),
            ("person_distinct_ids", ", version = coalesce(version, 0) + 1"),
            ("cohort_people", ""),
        ):
            connection.execute(
                f"UPDATE {_PRODUCT}.{table} SET person_id = m.new{more} FROM "
                f"(SELECT old::UUID AS old, new::UUID AS new FROM moves) m WHERE person_id = m.old"
            )
        connection.unregister("moves")
    if what.persons or what.gone:
        stale = [row[0] for row in what.persons] + list(what.gone)
        connection.register("stale", _table(id=stale))
        connection.execute(
            f"DELETE FROM {_PRODUCT}.persons WHERE id IN (SELECT id::UUID FROM stale)"
        )
        connection.unregister("stale")
    if what.persons:
        _insert(
            connection,
            "persons",
            "id::UUID, properties::JSON, make_timestamp(created_at), is_identified",
            _columns(("id", "properties", "created_at", "is_identified"), what.persons),
        )
    if what.ids:
        _insert(
            connection,
            "person_distinct_ids",
            "distinct_id, person_id::UUID, 0",
            _columns(("distinct_id", "person_id"), what.ids),
        )
    _store_told(connection, what)
    _store_groups(connection, what)
    if what.events["uuid"]:
        values = ", ".join(sql for _, sql in EVENT_COLUMNS)
        _insert(connection, "events", values, what.events)
    _store_positions(connection, what.positions, what.done)


def _store_told(connection: "duckdb.DuckDBPyConnection", what: Captured) -> None:
    stale = [subject for subject, _ in what.told] + list(what.gone)
    if stale:
        connection.register("stale", _table(subject=stale))
        connection.execute(
            f"DELETE FROM {_own('capture_told')} WHERE subject IN (SELECT subject FROM stale)"
        )
        connection.unregister("stale")
    if what.told:
        connection.register("told", _table(**_columns(("subject", "told_at"), what.told)))
        connection.execute(f"INSERT INTO {_own('capture_told')} SELECT * FROM told")
        connection.unregister("told")


def _store_groups(connection: "duckdb.DuckDBPyConnection", what: Captured) -> None:
    if what.group_types:
        rows = ", ".join(f"({i}, {literal(name)})" for i, name in enumerate(what.group_types))
        connection.execute(f"DELETE FROM {_own('capture_group_types')}")
        connection.execute(f"INSERT INTO {_own('capture_group_types')} VALUES {rows}")
    if what.groups:
        names = ("index", "key", "properties", "created_at", "updated_at")
        columns = _columns(names, what.groups)
        connection.register("stale", _table(**columns))
        connection.execute(
            f"DELETE FROM {_PRODUCT}.groups g USING stale s WHERE g.index = s.index AND g.key = s.key"
        )
        connection.unregister("stale")
        values = (
            "index, key, properties::JSON, make_timestamp(created_at), make_timestamp(updated_at)"
        )
        _insert(connection, "groups", values, columns)


def _store_positions(
    connection: "duckdb.DuckDBPyConnection", positions: Mapping[str, int], done: Sequence[str]
) -> None:
    stale = ", ".join(map(literal, [*positions, *done]))
    connection.execute(f"DELETE FROM {_own('capture_log')} WHERE segment IN ({stale})")
    if positions:
        rows = ", ".join(f"({literal(name)}, {int(at)})" for name, at in positions.items())
        connection.execute(f"INSERT INTO {_own('capture_log')} VALUES {rows}")


def _insert(
    connection: "duckdb.DuckDBPyConnection",
    table: str,
    values: str,
    columns: "Mapping[str, list[Any]]",
) -> None:
    connection.register("arrived", _table(**columns))
    connection.execute(f"INSERT INTO {_PRODUCT}.{table} SELECT {values} FROM arrived")
    connection.unregister("arrived")


def _columns(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


_KINDS = {"created_at": "int64", "updated_at": "int64", "timestamp": "int64", "index": "int32"}


def _table(**columns: list[Any]) -> "pa.Table":
    import pyarrow as pa

    kinds = {"int64": pa.int64(), "int32": pa.int32()}
    return pa.table(
        {
            name: pa.array(
                values,
                pa.bool_()
                if name == "is_identified"
                else kinds.get(_KINDS.get(name, ""), pa.string()),
            )
            for name, values in columns.items()
        }
    )


def _own(name: str) -> str:
    return f"{ALIAS}.{OWN_SCHEMA}.{name}"


def forget(
    connection: "duckdb.DuckDBPyConnection", distinct_ids: Sequence[str], alone: Sequence[str]
) -> tuple[int, int, int]:
    """Delete the persons of these distinct ids. `alone` are persons that only events may bear.

    Returns:
        Rows deleted of persons, distinct ids and events.
    """
    connection.register("asked", _table(distinct_id=list(distinct_ids)))
    connection.register("alone", _table(id=list(alone)))
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE forgotten AS SELECT id::UUID AS id FROM alone UNION "
        f"SELECT person_id FROM {_PRODUCT}.person_distinct_ids "
        "WHERE distinct_id IN (SELECT distinct_id FROM asked)"
    )
    of_them = "IN (SELECT id FROM forgotten)"
    mine = "distinct_id IN (SELECT distinct_id FROM asked)"
    statements = (
        f"DELETE FROM {_PRODUCT}.events WHERE person_id {of_them} OR {mine}",
        f"DELETE FROM {_PRODUCT}.person_distinct_ids WHERE person_id {of_them} OR {mine}",
        f"DELETE FROM {_PRODUCT}.persons WHERE id {of_them}",
        f"DELETE FROM {_PRODUCT}.cohort_people WHERE person_id {of_them}",
        f"DELETE FROM {_own('capture_told')} WHERE subject IN (SELECT id::VARCHAR FROM forgotten)",
    )
    counts = []
    for statement in statements:
        row = connection.execute(statement).fetchone()
        counts.append(int(row[0]) if row else 0)
    connection.execute("DROP TABLE forgotten")
    connection.unregister("asked")
    connection.unregister("alone")
    return counts[2], counts[1], counts[0]
