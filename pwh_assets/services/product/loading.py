"""Product events and people from files into the lake: checked as a whole, then published at once or not at all."""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pwh_assets.core.source import Column, SyncMode
from pwh_assets.errors import InvalidInputError
from pwh_assets.services.platform import Platform
from pwh_assets.services.product.files import BadRowError, Reading, reading
from pwh_assets.services.scratch import scratch

if TYPE_CHECKING:
    import duckdb

    from pwh_assets.lake import Lake

_GROUPS = tuple(f"$group_{i}" for i in range(5))
_FROM_PROPERTIES = ("$session_id", "$window_id", *_GROUPS)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What one import did. `rows_new` are rows whose key the table did not have before."""

    table: str
    rows: int
    rows_new: int
    row_count: int
    duration_s: float
    events_filled: int = 0
    """Events that had no person and got one by this import."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """One product table as a file gives it: fields read, what is wrong with a row, and the row stored."""

    table: str
    fields: tuple[str, ...]
    key: str
    problems: tuple[tuple[str, str], ...]
    """(SQL condition, SQL text): the first that holds is what is wrong with the row."""
    columns: tuple[tuple[str, str, str], ...]
    """(name, type, SQL over the fields)."""
    order: str = "place"
    """Of rows with one key the last in this order stays."""


def _missing(field: str) -> tuple[str, str]:
    return f"coalesce({field}, '') = ''", f"'`{field}` is missing'"


def _not(field: str, kind: str, word: str) -> tuple[str, str]:
    test = f"{field} IS NOT NULL AND TRY_CAST({field} AS {kind}) IS NULL"
    if kind == "TIMESTAMPTZ":
        test = f"{field} IS NOT NULL AND NOT coalesce(isfinite(TRY_CAST({field} AS {kind})), false)"
    return test, f"'`{field}` is `' || left({field}, 60) || '`, which is not {word}'"


def _not_object(field: str) -> tuple[str, str]:
    return (
        f"{field} IS NOT NULL AND NOT CASE WHEN json_valid({field}) "
        f"THEN json_type({field}) = 'OBJECT' ELSE false END",
        f"'`{field}` is not a JSON object'",
    )


_TIME = "TRY_CAST({0} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'"
_PROPERTIES = ("properties", "JSON", "coalesce(properties, '{}')::JSON")
_EVENTS = _Shape(
    table="events",
    fields=(
        "uuid",
        "event",
        "properties",
        "timestamp",
        "distinct_id",
        "person_id",
        "elements_chain",
        "created_at",
        *_FROM_PROPERTIES,
    ),
    key="uuid",
    problems=(
        _missing("event"),
        _missing("distinct_id"),
        _missing('"timestamp"'),
        _not('"timestamp"', "TIMESTAMPTZ", "a point in time"),
        _not("uuid", "UUID", "a UUID"),
        _not("person_id", "UUID", "a UUID"),
        _not("created_at", "TIMESTAMPTZ", "a point in time"),
        _not_object("properties"),
    ),
    columns=(
        (
            "uuid",
            "UUID",
            "coalesce(TRY_CAST(uuid AS UUID), "
            'md5(concat_ws(chr(31), event, distinct_id, "timestamp", properties))::UUID)',
        ),
        ("event", "VARCHAR", "event"),
        _PROPERTIES,
        ("timestamp", "TIMESTAMP", _TIME.format('"timestamp"')),
        ("distinct_id", "VARCHAR", "distinct_id"),
        ("person_id", "UUID", "TRY_CAST(person_id AS UUID)"),
        ("elements_chain", "VARCHAR", "elements_chain"),
        ("created_at", "TIMESTAMP", f"coalesce({_TIME.format('created_at')}, $now::TIMESTAMP)"),
        *(
            (name, "VARCHAR", f'coalesce("{name}", properties ->> \'$."{name}"\')')
            for name in _FROM_PROPERTIES
        ),
    ),
)
_PERSONS = _Shape(
    table="persons",
    fields=("id", "properties", "created_at", "is_identified"),
    key="id",
    problems=(
        _missing("id"),
        _not("id", "UUID", "a UUID"),
        _not("created_at", "TIMESTAMPTZ", "a point in time"),
        _not("is_identified", "BOOLEAN", "true or false"),
        _not_object("properties"),
    ),
    columns=(
        ("id", "UUID", "TRY_CAST(id AS UUID)"),
        _PROPERTIES,
        ("created_at", "TIMESTAMP", f"coalesce({_TIME.format('created_at')}, $now::TIMESTAMP)"),
        ("is_identified", "BOOLEAN", "coalesce(TRY_CAST(is_identified AS BOOLEAN), false)"),
    ),
)
_DISTINCT_IDS = _Shape(
    table="person_distinct_ids",
    fields=("distinct_id", "person_id", "version"),
    key="distinct_id",
    problems=(
        _missing("distinct_id"),
        _missing("person_id"),
        _not("person_id", "UUID", "a UUID"),
        _not("version", "BIGINT", "a whole number"),
    ),
    columns=(
        ("distinct_id", "VARCHAR", "distinct_id"),
        ("person_id", "UUID", "TRY_CAST(person_id AS UUID)"),
        ("version", "BIGINT", "coalesce(TRY_CAST(version AS BIGINT), 0)"),
    ),
    order="version, place",
)


def import_events(platform: Platform, project_id: int, path: Path | str) -> ImportResult:
    """Events of a Parquet or JSON-lines file (or a folder of such files) in PostHog's shape.

    `event`, `distinct_id` and `timestamp` are needed; `properties` is an object or JSON text. An event without
    `uuid` gets one made from its content, so importing a file twice changes nothing. An event the table has is
    replaced. `person_id` is looked up by `distinct_id` where the file has none.

    Raises:
        InvalidInputError: the file cannot be read, or a line of it is wrong; nothing was imported.
    """
    filled = (
        "SELECT e.* REPLACE (coalesce(e.person_id, d.person_id) AS person_id) "
        "FROM ({staged}) e LEFT JOIN lake.product.person_distinct_ids d USING (distinct_id)"
    )
    return _import(platform, project_id, path, _EVENTS, filled)


def import_persons(platform: Platform, project_id: int, path: Path | str) -> ImportResult:
    """Persons by `id`, with `properties`, `created_at` and `is_identified`; one the table has is replaced."""
    return _import(platform, project_id, path, _PERSONS)


def import_distinct_ids(platform: Platform, project_id: int, path: Path | str) -> ImportResult:
    """Which person a `distinct_id` belongs to. The highest `version` stays; events without a person get theirs."""
    newer = (
        "SELECT s.* FROM ({staged}) s LEFT JOIN lake.product.person_distinct_ids d USING (distinct_id) "
        "WHERE d.version IS NULL OR s.version >= d.version"
    )
    return _import(platform, project_id, path, _DISTINCT_IDS, newer)


def _import(
    platform: Platform, project_id: int, path: Path | str, shape: _Shape, refine: str = "{staged}"
) -> ImportResult:
    from pwh_assets.lake.locks import hold

    started = time.monotonic()
    lake = platform.lakes.of(project_id)
    with scratch(platform.settings, "import") as folder:
        files = reading(Path(path), shape.fields, folder)
        staged = folder / "rows.parquet"
        with (
            hold(platform.settings, f"product-{project_id}", timeout_s=600),
            lake.read() as connection,
        ):
            _check(connection, files, shape)
            rows = _stage(connection, files, shape, refine, staged)
            before = _count(connection, shape.table)
            row_count = _publish(lake, shape, staged) if rows else before
            filled = _fill_events(lake, folder) if shape is _DISTINCT_IDS and rows else 0
    return ImportResult(
        shape.table, rows, row_count - before, row_count, time.monotonic() - started, filled
    )


def _connect(lake: "Lake", folder: Path) -> "duckdb.DuckDBPyConnection":
    """A reader of our own, which may spill into our folder."""
    from pwh_assets.lake.connections import connect

    return connect(lake.address, read_only=True, config={"temp_directory": str(folder / "spill")})


def _check(
    connection: "duckdb.DuckDBPyConnection", files: Sequence[Reading], shape: _Shape
) -> None:
    """Raises BadRowError naming the first line that is wrong."""
    cases = " ".join(f"WHEN {test} THEN {text}" for test, text in shape.problems)
    for file in files:
        query = (
            f"SELECT place, problem, count(*) OVER () FROM "
            f"(SELECT place, CASE {cases} END AS problem FROM ({file.sql})) "
            "WHERE problem IS NOT NULL ORDER BY place LIMIT 1"
        )
        row = _run(connection, file, query).fetchone()
        if row:
            problem = row[1].replace('`"', "`").replace('"`', "`")
            raise BadRowError(file.path.name, row[0], problem, row[2] - 1, file.unit)


def _stage(
    connection: "duckdb.DuckDBPyConnection",
    files: Sequence[Reading],
    shape: _Shape,
    refine: str,
    target: Path,
) -> int:
    """Write the rows to store, one per key, as Parquet. Returns how many."""
    values = ", ".join(f'{sql} AS "{name}"' for name, _, sql in shape.columns)
    values = values.replace("$now", f"'{_now()}'")
    every = " UNION ALL ".join(
        f"SELECT {number} AS file, * FROM ({file.sql})" for number, file in enumerate(files)
    )
    typed = f"SELECT {values}, file, place FROM ({every})"
    last = ", ".join(
        f"{part.strip()} DESC" for part in shape.order.replace("place", "file, place").split(",")
    )
    single = (
        f"SELECT * EXCLUDE (file, place) FROM ({typed}) "
        f'QUALIFY row_number() OVER (PARTITION BY "{shape.key}" ORDER BY {last}) = 1'
    )
    row = _run(
        connection,
        files[0],
        f"COPY ({refine.format(staged=single)}) TO '{_text(target)}' (FORMAT parquet)",
    ).fetchone()
    return int(row[0]) if row else 0


def _run(connection: "duckdb.DuckDBPyConnection", file: Reading, query: str) -> Any:
    import duckdb

    try:
        return connection.execute(query)
    except (duckdb.InvalidInputException, duckdb.IOException, duckdb.ConversionException) as error:
        words = str(error).splitlines()[0].replace(str(file.path.parent), "").rstrip(".")
        raise InvalidInputError(
            "path", f"`{file.path.name}` cannot be read: {words}. Nothing was imported."
        ) from None


def _publish(lake: "Lake", shape: _Shape, staged: Path) -> int:
    """Merge the staged rows on the key. Returns the table's rows."""
    from pwh_assets.lake import Publish

    published = lake.publish(
        Publish(
            schema="product",
            table=shape.table,
            mode=SyncMode.INCREMENTAL,
            files=(staged,),
            columns=tuple(Column(name, kind) for name, kind, _ in shape.columns),
            primary_key=(shape.key,),
            state=None,
        )
    )
    return int(published.row_count)


def _fill_events(lake: "Lake", folder: Path) -> int:
    """Give events without a person the one their distinct id belongs to now."""
    target = folder / "events.parquet"
    with closing(_connect(lake, folder)) as connection:
        row = connection.execute(
            "COPY (SELECT e.* REPLACE (d.person_id AS person_id) FROM lake.product.events e "
            "JOIN lake.product.person_distinct_ids d USING (distinct_id) WHERE e.person_id IS NULL) "
            f"TO '{_text(target)}' (FORMAT parquet)"
        ).fetchone()
    filled = int(row[0]) if row else 0
    if filled:
        _publish(lake, _EVENTS, target)
    return filled


def _count(connection: "duckdb.DuckDBPyConnection", table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM lake.product.{table}").fetchone()
    return int(row[0]) if row else 0


def _text(path: Path) -> str:
    return str(path).replace("'", "''")


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
