"""CSV, JSON lines and Parquet through DuckDB: the columns files have together, and the queries that read them.

Nothing is guessed from a sample: a CSV column gets a type only when every value of it has that type and would be
written the same way again, so that `007` stays text and no file is half read.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pwh_assets.core.source import Column
from pwh_assets.sources.errors import UnreadableDataError
from pwh_assets.sources.files.location import StoredFile
from pwh_assets.sources.files.words import literal, quoted_name

if TYPE_CHECKING:
    import duckdb

PATH = "__pwh_path"
"""Column of the queries that says which file a row is from."""
_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_ROWS = 2_000
_TIME = r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?"
_TESTS: dict[str, str] = {
    "BOOLEAN": "lower({0}) IN ('true', 'false')",
    "BIGINT": r"regexp_full_match({0}, '0|-?[1-9]\d{{0,17}}')",
    "DOUBLE": r"regexp_full_match({0}, '(0|-?[1-9]\d{{0,14}})|-?(0|[1-9]\d{{0,8}})\.\d{{1,6}}')",
    "DATE": r"regexp_full_match({0}, '\d{{4}}-\d{{2}}-\d{{2}}') AND TRY_CAST({0} AS DATE) IS NOT NULL",
    "TIMESTAMP": f"regexp_full_match({{0}}, '{_TIME.replace('{', '{{').replace('}', '}}')}') "
    "AND TRY_CAST({0} AS TIMESTAMP) IS NOT NULL",
    "TIMESTAMP WITH TIME ZONE": (
        f"regexp_full_match({{0}}, '{_TIME.replace('{', '{{').replace('}', '}}')}"
        r"(Z|[+-]\d{{2}}(:?\d{{2}})?)') AND TRY_CAST({0} AS TIMESTAMPTZ) IS NOT NULL"
    ),
}
"""What every value of a column has to pass for its type, the first that fits wins."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to read some files: their columns together, and one query per group of alike files."""

    columns: tuple[Column, ...]
    queries: tuple[str, ...]


def plan(
    connection: "duckdb.DuckDBPyConnection",
    format: str,  # noqa: A002
    files: Sequence[StoredFile],
    known: Mapping[str, str],
    is_exact: bool = True,
) -> Plan:
    """`known` are types the columns had before: what was text stays text.

    With `is_exact` every value is looked at; without, the beginning, which is enough to show a table.
    """
    if format == "csv":
        return _csv(connection, files, known, is_exact)
    if format == "parquet":
        return _parquet(connection, files)
    return _json(connection, files, known, is_exact)


def placed(
    connection: "duckdb.DuckDBPyConnection",
    format: str,  # noqa: A002
    files: Sequence[StoredFile],
    columns: Sequence[Column],
) -> list[str]:
    """Queries that read files as they are now with the columns as they are known, without looking at the values."""
    if format == "csv":
        return [_csv_query(run, columns) for run in _runs(connection, files)]
    if format == "parquet":
        return list(_parquet(connection, files).queries)
    return [_json_query(files, columns)]


def _paths(files: Sequence[StoredFile]) -> str:
    return "[" + ", ".join(literal(file.path) for file in files) + "]"


def _hive(files: Sequence[StoredFile]) -> str:
    """Folders called `key=value` are columns, as text."""
    is_hive = all(re.search(r"(^|/)[^/=]+=[^/]*/", file.name) for file in files)
    return f"hive_partitioning = {str(is_hive).lower()}, hive_types_autocast = false"


# CSV


@dataclass(frozen=True, slots=True)
class _Header:
    delimiter: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Run:
    """Files with the same header that follow one another in the order of reading."""

    header: _Header
    source: str


def _csv(
    connection: "duckdb.DuckDBPyConnection",
    files: Sequence[StoredFile],
    known: Mapping[str, str],
    is_exact: bool,
) -> Plan:
    runs = _runs(connection, files)
    names = list(dict.fromkeys(name for run in runs for name in run.header.names))
    types = _csv_types(connection, runs, names, known, is_exact)
    columns = tuple(Column(name, types[name]) for name in names)
    return Plan(columns, tuple(_csv_query(run, columns) for run in runs))


def _runs(connection: "duckdb.DuckDBPyConnection", files: Sequence[StoredFile]) -> list[_Run]:
    found: list[tuple[_Header, list[StoredFile]]] = []
    for file in files:
        header = _header(connection, file)
        if header is None:
            continue
        if found and found[-1][0] == header:
            found[-1][1].append(file)
        else:
            found.append((header, [file]))
    return [_Run(header, _csv_source(header, members)) for header, members in found]


def _csv_query(run: _Run, columns: Sequence[Column]) -> str:
    cells = [
        f"CAST({quoted_name(one.name) if one.name in run.header.names else 'NULL'} AS {one.type}) "
        f"AS {quoted_name(one.name)}"
        for one in columns
    ]
    return f"SELECT {', '.join(cells)}, {PATH} FROM {run.source}"


def _header(connection: "duckdb.DuckDBPyConnection", file: StoredFile) -> _Header | None:
    """The first line, taken apart by the delimiter it has most of."""
    row = connection.execute(
        "SELECT line FROM read_csv(?, columns = {'line': 'VARCHAR'}, auto_detect = false, header = false, "
        "delim = '\x01', quote = '', escape = '', strict_mode = false) LIMIT 1",
        [file.path],
    ).fetchone()
    line = (row[0] or "").removeprefix("\ufeff") if row else ""
    if not line.strip():
        return None
    delimiter = max(_DELIMITERS, key=lambda one: (line.count(one), -_DELIMITERS.index(one)))
    names: list[str] = []
    for place, cell in enumerate(next(csv.reader([line], delimiter=delimiter)), 1):
        name = cell.strip() or f"column_{place}"
        if name.lower() in (other.lower() for other in names):
            raise UnreadableDataError(
                f"`{file.name}`, line 1",
                f"the header names `{name}` twice.",
                "Give every column its own name, then sync again.",
            )
        names.append(name)
    return _Header(delimiter, tuple(names))


def _csv_source(header: _Header, files: Sequence[StoredFile]) -> str:
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in header.names)
    return (
        f"read_csv({_paths(files)}, columns = {{{columns}}}, auto_detect = false, header = true, "
        f"delim = {literal(header.delimiter)}, quote = '\"', escape = '\"', nullstr = '', "
        f"strict_mode = true, null_padding = false, ignore_errors = false, filename = '{PATH}', "
        f"hive_partitioning = false)"
    )


def _csv_types(
    connection: "duckdb.DuckDBPyConnection",
    runs: Sequence[_Run],
    names: Sequence[str],
    known: Mapping[str, str],
    is_exact: bool,
) -> dict[str, str]:
    """Each column's type: what a sample suggests, when all values agree; else the next wider one."""
    asked = {name: tuple(_TESTS) for name in names if known.get(name) != "VARCHAR"}
    passed = _passing(connection, runs, asked, _SAMPLE_ROWS)
    if is_exact:
        asked = {name: _candidates(kinds) for name, kinds in passed.items() if kinds}
        passed = _passing(connection, runs, asked, None)
    return {name: next(iter(passed.get(name, ())), "VARCHAR") for name in names}


def _candidates(kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Whole numbers may turn out to be fractions further down."""
    return ("BIGINT", "DOUBLE") if "BIGINT" in kinds else kinds[:1]


def _passing(
    connection: "duckdb.DuckDBPyConnection",
    runs: Sequence[_Run],
    kinds: Mapping[str, Sequence[str]],
    rows: int | None,
) -> dict[str, tuple[str, ...]]:
    """The types whose test all values of a column pass, in every run; a column of NULLs is not among them."""
    found: dict[str, tuple[str, ...]] = {}
    for run in runs:
        asked = [(name, kind) for name in run.header.names for kind in kinds.get(name, ())]
        if not asked:
            continue
        tests = ", ".join(
            f"bool_and({_TESTS[kind].format(quoted_name(name))})" for name, kind in asked
        )
        limit = f" LIMIT {rows}" if rows else ""
        query = f"SELECT {tests} FROM (FROM {run.source}{limit})"
        answers = dict(zip(asked, connection.execute(query).fetchone() or (), strict=True))
        for name in dict.fromkeys(name for name, _ in asked):
            here = [answers[name, kind] for kind in kinds[name]]
            if None in here:
                continue
            fit = tuple(kind for kind, ok in zip(kinds[name], here, strict=True) if ok)
            found[name] = tuple(k for k in found[name] if k in fit) if name in found else fit
    return found


# Parquet and JSON

_READ_AS = {
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
    "TIMESTAMP_NS": "TIMESTAMP",
    "INTERVAL": "VARCHAR",
    "TIME WITH TIME ZONE": "VARCHAR",
    "TIME_NS": "TIME",
    "HUGEINT": "VARCHAR",
    "UHUGEINT": "VARCHAR",
    "BIT": "VARCHAR",
    '"NULL"': "VARCHAR",
}


def _parquet(connection: "duckdb.DuckDBPyConnection", files: Sequence[StoredFile]) -> Plan:
    source = (
        f"read_parquet({_paths(files)}, union_by_name = true, filename = '{PATH}', {_hive(files)})"
    )
    described = connection.execute(f"DESCRIBE SELECT * EXCLUDE ({PATH}) FROM {source}").fetchall()
    columns = tuple(Column(name, lake_type(kind)) for name, kind, *_ in described)
    chosen = ", ".join(
        quoted_name(name)
        if column.type == kind
        else f"CAST({quoted_name(name)} AS {column.type}) AS {quoted_name(name)}"
        for column, (name, kind, *_) in zip(columns, described, strict=True)
    )
    return Plan(columns, (f"SELECT {chosen}, {PATH} FROM {source}",))


def lake_type(kind: str) -> str:
    return "VARCHAR" if kind.startswith(("ENUM(", "UNION(")) else _READ_AS.get(kind, kind)


def _json(
    connection: "duckdb.DuckDBPyConnection",
    files: Sequence[StoredFile],
    known: Mapping[str, str],
    is_exact: bool,
) -> Plan:
    """Every record of every file is looked at; what is nested stays JSON."""
    options = _json_options(files)
    described = connection.execute(
        f"DESCRIBE SELECT * EXCLUDE ({PATH}) FROM read_json({_paths(files)}, {options}, "
        f"sample_size = {-1 if is_exact else _SAMPLE_ROWS}, maximum_depth = 2, union_by_name = true, map_inference_threshold = -1)"
    ).fetchall()
    columns = tuple(
        Column(name, "VARCHAR" if known.get(name) == "VARCHAR" else _json_type(kind))
        for name, kind, *_ in described
    )
    return Plan(columns, (_json_query(files, columns),))


def _json_query(files: Sequence[StoredFile], columns: Sequence[Column]) -> str:
    words = ", ".join(f"{literal(column.name)}: {literal(column.type)}" for column in columns)
    source = f"read_json({_paths(files)}, {_json_options(files)}, columns = {{{words}}})"
    chosen = ", ".join(
        f"CAST({quoted_name(c.name)} AS VARCHAR) AS {quoted_name(c.name)}"
        if c.type == "JSON"
        else quoted_name(c.name)
        for c in columns
    )
    return f"SELECT {chosen}, {PATH} FROM {source}"


def _json_options(files: Sequence[StoredFile]) -> str:
    is_lines = not any(
        file.name.lower().split(".json")[-1] in ("", ".gz", ".zst") for file in files
    )
    return (
        f"format = '{'newline_delimited' if is_lines else 'auto'}', filename = '{PATH}', "
        "hive_partitioning = false, ignore_errors = false"
    )


def _json_type(kind: str) -> str:
    """Scalars as found; lists, objects and columns of several kinds as JSON."""
    if kind.endswith("]") or kind.startswith(("STRUCT", "MAP")):
        return "JSON"
    return {"HUGEINT": "JSON", "UHUGEINT": "JSON", "TIME WITH TIME ZONE": "VARCHAR"}.get(kind, kind)
