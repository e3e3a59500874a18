"""Does the lake hold what its catalog says? Every file is opened, every row is read."""

from typing import TYPE_CHECKING

from pwh_assets.lake import catalog
from pwh_assets.lake.attach import ALIAS, Address, literal, quote
from pwh_assets.lake.connections import first_line, scrub
from pwh_assets.lake.maintenance import GRACE

if TYPE_CHECKING:
    import duckdb

    from pwh_assets.lake.lake import Lake

_FILES = """
select s.schema_name, t.table_name, d.path, d.path_is_relative, d.record_count,
       t.path, t.path_is_relative, s.path, s.path_is_relative
from {data_file} d
join {table} t on t.table_id = d.table_id and t.end_snapshot is null
join {schema} s on s.schema_id = t.schema_id and s.end_snapshot is null
where d.end_snapshot is null
"""


def verify(lake: "Lake") -> list[str]:
    """Problems in words, none when all is well. Reads the whole lake."""
    with lake.read() as connection:
        problems = _files(connection, lake.address) + _tables(connection, lake.address)
    with lake.write() as connection:
        problems += _orphans(connection)
    return problems


def _files(connection: "duckdb.DuckDBPyConnection", address: Address) -> list[str]:
    """Files that are missing, unreadable, or have another number of rows than the catalog says."""
    import duckdb

    names = {
        name: catalog.metadata(address, f"ducklake_{name}")
        for name in ("table", "schema", "data_file")
    }
    glob = f"SELECT file FROM glob({literal(address.data_path + '**')})"
    connection.execute("BEGIN")
    rows = connection.execute(_FILES.format(**names)).fetchall()
    found = {str(row[0]) for row in connection.execute(glob).fetchall()}
    connection.execute("ROLLBACK")
    expected = {
        _full_path(address.data_path, row): (f"{row[0]}.{row[1]}", int(row[4])) for row in rows
    }
    problems = []
    for file, (table, _) in expected.items():
        if file not in found:
            problems.append(
                f"`{table}` lost its file `{_short(file, address)}`. Sync the table again with `--full`."
            )
    for file in expected.keys() & found:
        table, count = expected[file]
        try:
            footer = connection.execute(
                f"SELECT num_rows FROM parquet_file_metadata({literal(file)})"
            ).fetchone()
        except duckdb.Error:
            problems.append(
                f"`{table}` has a damaged file `{_short(file, address)}`. Sync the table again with `--full`."
            )
            continue
        if footer is None or int(footer[0]) != count:
            problems.append(
                f"`{table}`: the file `{_short(file, address)}` has {footer[0] if footer else 0} rows, the "
                f"catalog says {count}. Sync the table again with `--full`."
            )
    return problems


def _full_path(data_path: str, row: tuple[object, ...]) -> str:
    """DuckLake's rule: a relative path continues its table's, that its schema's, that the data path."""
    _, _, path, is_relative, _, table_path, table_is_relative, schema_path, schema_is_relative = row
    if not is_relative:
        return str(path)
    if not table_is_relative:
        return f"{table_path}{path}"
    if not schema_is_relative:
        return f"{schema_path}{table_path}{path}"
    return f"{data_path}{schema_path}{table_path}{path}"


def _short(file: str, address: Address) -> str:
    return file.removeprefix(address.data_path)


def _tables(connection: "duckdb.DuckDBPyConnection", address: Address) -> list[str]:
    """Tables whose rows cannot be read or are not as many as the catalog says."""
    problems: list[str] = []
    checked: set[tuple[str, str]] = set()
    while True:
        # One look at the catalog and the rows in one transaction; a damaged file ends it, so begin again.
        connection.execute("BEGIN")
        try:
            tables = catalog.tables(connection, address, with_transaction=False)
            open_ones = [table for table in tables if (table.schema, table.name) not in checked]
            if not open_ones:
                return problems
            for table in open_ones:
                checked.add((table.schema, table.name))
                problem, is_readable = _table(connection, address, table)
                problems += [problem] if problem else []
                if not is_readable:
                    break
        finally:
            connection.execute("ROLLBACK")


def _table(
    connection: "duckdb.DuckDBPyConnection", address: Address, table: catalog.LakeTable
) -> tuple[str | None, bool]:
    import duckdb

    name = f"{table.schema}.{table.name}"
    words = ", ".join(quote(column.name) for column in table.columns)
    try:
        row = connection.execute(
            f"SELECT count(*), bit_xor(hash({words})) FROM {ALIAS}.{quote(table.schema)}.{quote(table.name)}"
        ).fetchone()
    except duckdb.Error as error:
        text = first_line(scrub(str(error), address).replace(address.data_path, ""))
        return f"`{name}` cannot be read: {text} Sync the table again with `--full`.", False
    if row and int(row[0]) != table.row_count:
        return (
            f"`{name}` has {row[0]} rows, the catalog says {table.row_count}. "
            "Sync the table again with `--full`."
        ), True
    return None, True


def _orphans(connection: "duckdb.DuckDBPyConnection") -> list[str]:
    seconds = int(GRACE.total_seconds())
    rows = connection.execute(
        f"CALL ducklake_delete_orphaned_files('{ALIAS}', dry_run => true, "
        f"older_than => now() - INTERVAL {seconds} SECOND)"
    ).fetchall()
    if not rows:
        return []
    return [
        f"{len(rows)} files in the lake belong to no table, left by runs that were killed. They do no harm; "
        "the lake's maintenance deletes them."
    ]
