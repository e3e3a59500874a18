"""Files as a table that is read where it lies: the query an engine runs, with the columns as they are known."""

from collections.abc import Mapping, Sequence
from typing import Any

from pwh_assets.core.in_place import PlacedTable
from pwh_assets.core.source import Column
from pwh_assets.sources.errors import TableMissingError
from pwh_assets.sources.files import delta
from pwh_assets.sources.files.access import extensions_of, opened, secrets_of
from pwh_assets.sources.files.formats import PATH, placed, plan
from pwh_assets.sources.files.location import Location
from pwh_assets.sources.files.tables import DELTA, FileTable
from pwh_assets.sources.files.words import literal, quoted_name

FILE_NAME = "_file_name"


def columns_of(config: Mapping[str, Any], table: FileTable) -> tuple[Column, ...]:
    """The columns with the types all values of all files have."""
    if table.format == DELTA:
        return delta.columns(config, table)
    with opened(config) as connection:
        found = plan(connection, table.format, table.files, {}).columns
    ours = Column(FILE_NAME, "VARCHAR", False, "Path of the file the row is from.")
    return (*found, *([] if any(one.name == FILE_NAME for one in found) else [ours]))


def place(
    config: Mapping[str, Any],
    tables: Sequence[FileTable],
    name: str,
    columns: Sequence[Column],
    path: tuple[str, ...],
) -> PlacedTable:
    """How the table is read now.

    Raises:
        TableMissingError: none of its files is there any more.
    """
    location = Location.of(config)
    table = next((one for one in tables if one.name == name), None)
    if table is None:
        raise TableMissingError(name, f"`{config['url']}`")
    known = [one for one in columns if one.name != FILE_NAME]
    if table.format == DELTA:
        source = delta.source(table)
        cells = [
            f"CAST({quoted_name(one.name)} AS {one.type}) AS {quoted_name(one.name)}"
            for one in known
        ]
    else:
        with opened(config) as connection:
            queries = placed(connection, table.format, table.files, known)
        # Columns that files have lost, or got since the last look, are NULL or left out.
        declared = ", ".join(f"NULL::{one.type} AS {quoted_name(one.name)}" for one in known)
        nothing = f"SELECT {declared}, NULL::VARCHAR AS {PATH} WHERE false"
        source = "(" + " UNION ALL BY NAME ".join([nothing, *queries]) + ")"
        cells = [
            f"CAST({quoted_name(one.name)} AS {one.type}) AS {quoted_name(one.name)}"
            for one in known
        ]
        prefix = literal(f"{location.root}/")
        cells.append(f"replace({PATH}, {prefix}, '') AS {quoted_name(FILE_NAME)}")
    root = location.root
    if any(file.path == root for file in table.files):
        root = root.rpartition("/")[0]
    more = ("delta",) if table.format == DELTA else ()
    return PlacedTable(
        path=path,
        query=f"SELECT {', '.join(cells)} FROM {source}",
        extensions=(*extensions_of(location), *more),
        secrets=tuple(secrets_of(location, config, "_".join(path), root)),
        root=root,
    )
