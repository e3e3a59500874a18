"""Table contracts: does a synced table hold what it was declared to hold? Run after every sync, on the lake."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pwh_assets.core.check import CheckResult
from pwh_assets.core.names import slug
from pwh_assets.core.source import SyncedTable, SyncMode
from pwh_assets.lake.attach import ALIAS, quote
from pwh_assets.lake.staged import lake_names
from pwh_assets.lake.types import canonical, widened

if TYPE_CHECKING:
    import duckdb
    import pandera.pandas as pa
    from pyarrow import Table

COLUMNS = "columns_as_declared"
"""Every declared column is there, with the declared type or a wider one."""
UNIQUE = "key_is_unique"
"""No two rows share the primary key, and none lacks it."""
PRESENT = "key_is_present"
"""No row lacks the primary key (appended tables hold several versions of a row)."""
SAMPLE_ROWS = 1_000
GROUPED_ROWS = 1_000_000
"""Up to this many rows, grouping them by their key costs less than loading what sorts numbers."""
SORTED_ROWS = 12_000_000
"""As many whole numbers are sorted at once to find those that repeat: 100 MB, a quarter of the CPU of grouping them."""
KEY_MEMORY = "192MiB"
"""For finding repeated keys. More makes it no faster: 10 million keys took 1.5 CPU seconds with 160 MB, 2.3 with 1 GB."""
PART_ROWS, MOST_PARTS = 1_250_000, 16
"""About how many rows' keys are compared at a time; each part reads all keys once more."""


BATCH_ROWS = 122_880


def contract_of(table: SyncedTable) -> Mapping[str, str]:
    """The checks a table has: name -> what it says. One of which only the changes are kept has none."""
    if _has_no_rows_here(table):
        return {}
    checks = {COLUMNS: "Every declared column is there, with its type or a wider one."}
    if table.primary_key:
        key = ", ".join(f"`{name}`" for name in table.primary_key)
        if table.mode is SyncMode.APPEND:
            checks[PRESENT] = f"No row lacks its key {key}."
        else:
            checks[UNIQUE] = f"No two rows share their key {key}, and none lacks it."
    return checks


def check_contract(
    connection: "duckdb.DuckDBPyConnection", table: SyncedTable
) -> tuple[CheckResult, ...]:
    """Check a table's contract over a connection that has the project's lake attached as `lake`.

    Columns are checked with pandera on a sample, keys with SQL on all rows; memory is bounded by the
    connection's limit. A table whose declared columns are not known yet passes the first.
    """
    if _has_no_rows_here(table):
        return ()
    if not table.columns and not _is_made(connection, table):
        return ()  # what never had a row nor a column is not made
    place = f"{ALIAS}.{quote(table.source.slug)}.{quote(slug(table.name))}"
    stored = {
        str(row[0]): str(row[1]) for row in connection.execute(f"DESCRIBE {place}").fetchall()
    }
    table = _as_stored(table, list(stored))
    results = [_columns(connection, table, place, stored)]
    if not table.primary_key:
        return tuple(results)
    made = {name.lower() for name in stored}
    is_made = all(name.lower() in made for name in table.primary_key)
    results.append((_key if is_made else _without_key)(connection, table, place))
    return tuple(results)


def _has_no_rows_here(table: SyncedTable) -> bool:
    """Whether the lake has no table of current rows: only changes are kept, or nothing is copied."""
    if table.mode is SyncMode.IN_PLACE:
        return True
    return table.mode is SyncMode.CDC and table.options.cdc_table_mode == "cdc_only"


def _is_made(connection: "duckdb.DuckDBPyConnection", table: SyncedTable) -> bool:
    query = (
        "SELECT 1 FROM duckdb_tables() WHERE (database_name, schema_name, table_name) = (?, ?, ?)"
    )
    values = [ALIAS, table.source.slug, slug(table.name)]
    return connection.execute(query, values).fetchone() is not None


def schema_of(types: Mapping[str, Any], required: frozenset[str]) -> "pa.DataFrameSchema":
    """The pandera schema of declared columns; `types` are Arrow types, `required` may not be null."""
    import pandas as pd
    import pandera.pandas as pa

    return pa.DataFrameSchema(
        {
            name: pa.Column(pd.ArrowDtype(kind), nullable=name not in required)
            for name, kind in types.items()
        },
        strict=False,
    )


def _as_stored(table: SyncedTable, stored: Sequence[str]) -> SyncedTable:
    """The table with its columns by the names the lake keeps them under."""
    names = lake_names((column.name for column in table.columns), stored)
    return replace(
        table,
        columns=tuple(replace(column, name=names[column.name]) for column in table.columns),
        primary_key=tuple(names.get(name, name) for name in table.primary_key),
    )


def _columns(
    connection: "duckdb.DuckDBPyConnection",
    table: SyncedTable,
    place: str,
    stored: Mapping[str, str],
) -> CheckResult:
    declared = dict(
        zip(
            (column.name for column in table.columns),
            canonical(connection, [column.type for column in table.columns]),
            strict=True,
        )
    )
    expected = {
        name: stored[name] if widened(kind, stored.get(name, kind)) == stored.get(name) else kind
        for name, kind in declared.items()
    }
    rows, nulls = _sampled(connection, place, [n for n in table.primary_key if n in stored])
    problems: list[str] = []
    if nulls or any(stored.get(name) != kind for name, kind in expected.items()):
        problems = _found(
            connection, place, expected, frozenset(table.primary_key), declared, stored
        )
    details: dict[str, Any] = {"columns": len(declared), "sampled_rows": rows}
    if problems:
        details["problems"] = problems
    return _result(table, COLUMNS, not problems, details)


def _sampled(
    connection: "duckdb.DuckDBPyConnection", place: str, key: Sequence[str]
) -> tuple[int, int]:
    """How many rows are looked at, and how many NULLs of the key are among them."""
    columns = ", ".join(map(quote, key)) or "1"
    nulls = " + ".join(f"count(*) - count({quote(name)})" for name in key) or "0"
    sample = f"SELECT {columns} FROM {place} LIMIT {SAMPLE_ROWS}"
    return _one(connection, f"SELECT count(*), {nulls} FROM ({sample})")


def _found(
    connection: "duckdb.DuckDBPyConnection",
    place: str,
    expected: Mapping[str, str],
    required: frozenset[str],
    declared: Mapping[str, str],
    stored: Mapping[str, str],
) -> list[str]:
    """What is not as declared. Only here are rows brought to Arrow: where all is well, pyarrow is not loaded."""
    sample = connection.execute(f"SELECT * FROM {place} LIMIT {SAMPLE_ROWS}").to_arrow_table()
    types = arrow_types(connection, expected)
    if is_as_declared(sample, types, required):
        return []
    return _problems(failure_cases(sample, types, required), declared, stored)


def is_as_declared(sample: "Table", types: Mapping[str, Any], required: frozenset[str]) -> bool:
    """What pandera would find in order. Importing pandas and pandera costs 1.5 CPU seconds and 50 MB, so they are
    left to name what is not.
    """
    for name, kind in types.items():
        if sample.schema.get_field_index(name) < 0:
            return False
        column = sample.column(name)
        if column.type != kind or (name in required and column.null_count):
            return False
    return True


def failure_cases(
    sample: "Table", types: Mapping[str, Any], required: frozenset[str]
) -> list[dict[str, Any]]:
    import pandas as pd
    import pandera.pandas as pa

    try:
        schema_of(types, required).validate(sample.to_pandas(types_mapper=pd.ArrowDtype), lazy=True)
    except pa.errors.SchemaErrors as errors:
        return [
            {str(name): value for name, value in case.items()}
            for case in errors.failure_cases.to_dict("records")
        ]
    return []


def _problems(
    cases: list[dict[str, Any]], declared: Mapping[str, str], stored: Mapping[str, str]
) -> list[str]:
    """One sentence per column; pandera lists every value. Values are not told: they may be personal."""
    found: dict[str, str] = {}
    for case in cases:
        is_absent = case["check"] == "column_in_dataframe"
        name = str(case["failure_case" if is_absent else "column"])
        if name not in stored:
            found[name] = f"`{name}` is missing; declared `{declared.get(name, '?')}`"
        elif case["check"] == "not_nullable":
            found.setdefault(name, f"`{name}` is part of the key and has NULLs")
        else:
            found[name] = f"`{name}` is `{stored[name]}`; declared `{declared.get(name, '?')}`"
    return list(found.values())


def arrow_types(
    connection: "duckdb.DuckDBPyConnection", types: Mapping[str, str]
) -> dict[str, Any]:
    """What DuckDB hands to Arrow for each type."""
    if not types:
        return {}
    casts = ", ".join(f"CAST(NULL AS {kind}) AS c{i}" for i, kind in enumerate(types.values()))
    schema = connection.execute(f"SELECT {casts}").to_arrow_table().schema
    return {name: schema.field(i).type for i, name in enumerate(types)}


def _key(connection: "duckdb.DuckDBPyConnection", table: SyncedTable, place: str) -> CheckResult:
    key = [quote(name) for name in table.primary_key]
    lacks = " OR ".join(f"{name} IS NULL" for name in key)
    if len(key) == 1 and table.mode is not SyncMode.APPEND:
        found = _in_numbers(connection, key[0], place)
        if found is not None:
            passed = not (found["null_keys"] or found["duplicated_keys"])
            return _result(table, UNIQUE, passed, {"key": list(table.primary_key), **found})
    rows, nulls = _one(connection, f"SELECT count(*), count(*) FILTER (WHERE {lacks}) FROM {place}")
    details: dict[str, Any] = {"key": list(table.primary_key), "rows": rows, "null_keys": nulls}
    if table.mode is SyncMode.APPEND:
        return _result(table, PRESENT, nulls == 0, details)
    # Grouping spills to disk under the memory limit; count(DISTINCT ...) does not. In parts it need not spill.
    parts = max(1, min(MOST_PARTS, -(-rows // PART_ROWS)))
    keys = surplus = 0
    for number in range(parts):
        part = f" AND hash({', '.join(key)}) % {parts} = {number}" if parts > 1 else ""
        repeated = _one_in_little_memory(
            connection,
            f"SELECT count(*), coalesce(sum(n - 1), 0)::BIGINT FROM (SELECT count(*) AS n FROM {place} "
            f"WHERE NOT ({lacks}){part} GROUP BY {', '.join(key)} HAVING count(*) > 1)",
        )
        keys, surplus = keys + repeated[0], surplus + repeated[1]
    details |= {"duplicated_keys": keys, "surplus_rows": surplus}
    return _result(table, UNIQUE, nulls == 0 and keys == 0, details)


def _without_key(
    connection: "duckdb.DuckDBPyConnection", table: SyncedTable, place: str
) -> CheckResult:
    """Columns that no row brought yet are not made; rows that came without them lack their key."""
    rows, _ = _one(connection, f"SELECT count(*), 0 FROM {place}")
    name = PRESENT if table.mode is SyncMode.APPEND else UNIQUE
    details = {"key": list(table.primary_key), "rows": rows, "null_keys": rows}
    return _result(table, name, rows == 0, details)


def _in_numbers(
    connection: "duckdb.DuckDBPyConnection", key: str, place: str
) -> dict[str, int] | None:
    """What a key of one column holds; None where that has no whole numbers, or too few or too many to sort them."""
    rows, _ = _one(connection, f"SELECT count(*), 0 FROM {place}")
    if not GROUPED_ROWS < rows <= SORTED_ROWS:
        return None
    import numpy as np
    import pyarrow as pa

    reader = connection.execute(f"SELECT {key} FROM {place}").to_arrow_reader(BATCH_ROWS)
    try:
        if not pa.types.is_signed_integer(reader.schema.field(0).type):
            return None
        numbers, nulls, end = np.empty(rows, np.int64), 0, 0
        for batch in reader:
            column = batch.column(0)
            if column.null_count:
                nulls += column.null_count
                column = column.drop_null()
            if end + len(column) > len(numbers):  # it grew since it was counted
                numbers = np.resize(numbers, end + len(column) + BATCH_ROWS)
            numbers[end : end + len(column)] = np.from_dlpack(column)  # `to_numpy` imports pandas
            end += len(column)
    finally:
        reader.close()
    numbers = numbers[:end]
    numbers.sort()
    same = numbers[1:] == numbers[:-1]
    firsts = same.copy()
    firsts[1:] &= ~same[:-1]
    return {
        "rows": end + nulls,
        "null_keys": nulls,
        "duplicated_keys": int(np.count_nonzero(firsts)),
        "surplus_rows": int(np.count_nonzero(same)),
    }


def _one(connection: "duckdb.DuckDBPyConnection", sql: str) -> tuple[int, int]:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def _one_in_little_memory(connection: "duckdb.DuckDBPyConnection", sql: str) -> tuple[int, int]:
    """Within `KEY_MEMORY`; what cannot be done in that, in all the connection may use."""
    import duckdb

    try:
        with _memory(connection, KEY_MEMORY):
            return _one(connection, sql)
    except duckdb.OutOfMemoryException:
        return _one(connection, sql)


@contextmanager
def _memory(connection: "duckdb.DuckDBPyConnection", limit: str) -> Iterator[None]:
    row = connection.execute("SELECT current_setting('memory_limit')").fetchone()
    assert row is not None
    try:
        # A limit that what is held does not fit in is set all the same, with an error.
        connection.execute(f"SET memory_limit = '{limit}'")
        yield
    finally:
        connection.execute(f"SET memory_limit = '{row[0]}'")


def _result(table: SyncedTable, name: str, passed: bool, details: Mapping[str, Any]) -> CheckResult:
    return CheckResult(table.project_id, table.id, name, passed, "error", details)


def explain(result: CheckResult, table_name: str) -> str:
    """A failed check in one sentence."""
    found = result.details
    if found.get("message"):
        return f"Check `{result.name}` of `{table_name}` did not pass. {found['message']}"
    if result.name == COLUMNS:
        return f"`{table_name}` differs from its declaration: {'; '.join(found['problems'])}."
    words = []
    if found.get("duplicated_keys"):
        words.append(
            f"{found['surplus_rows']} rows repeat a key (in {found['duplicated_keys']} keys)"
        )
    if found.get("null_keys"):
        words.append(f"{found['null_keys']} rows have no key")
    key = ", ".join(f"`{name}`" for name in found.get("key", ()))
    return f"`{table_name}` breaks its key {key}: {' and '.join(words)}."
