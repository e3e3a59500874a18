"""Taking staged Parquet files into a table as they are, instead of writing their rows a second time."""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pwh_assets.lake import catalog
from pwh_assets.lake.attach import ALIAS, Address, literal
from pwh_assets.lake.evolve import Made
from pwh_assets.lake.staged import Staged

if TYPE_CHECKING:
    import duckdb

_SIMPLE = re.compile(r"[A-Za-z0-9_]+")
"""Names of which DuckLake makes folders of the same name; others get a folder with a number."""


def fits(staged: Staged, names: Mapping[str, str], types: Mapping[str, str]) -> bool:
    """True when every file has every column of the table, under its name and in its very type, and no other.

    A column that a file lacks would be NULL in it, but DuckLake 1.0 then counts it as never NULL (2026-11-21).
    """
    return all(
        len(group.names) == len(types)
        and all(
            name is not None and names[name] == name and types.get(name) == kind
            for name, kind in zip(group.names, group.types, strict=True)
        )
        for group in staged.groups
    )


def folder_of(
    connection: "duckdb.DuckDBPyConnection",
    address: Address,
    schema: str,
    table: str,
    made: Made,
) -> str | None:
    """Where the table's files lie; for a table that is made in this transaction, where they will.

    None when that cannot be known before the commit. A file elsewhere would be found by its absolute
    path, which a home that is moved does not survive.
    """
    if made is Made.COPIED:
        return None
    names = {name: catalog.metadata(address, f"ducklake_{name}") for name in ("table", "schema")}
    row = connection.execute(
        f"SELECT s.path, s.path_is_relative, t.path, t.path_is_relative FROM {names['schema']} s "
        f"LEFT JOIN {names['table']} t ON t.schema_id = s.schema_id AND t.end_snapshot IS NULL "
        f"AND lower(t.table_name) = {literal(table.lower())} "
        f"WHERE lower(s.schema_name) = {literal(schema.lower())} AND s.end_snapshot IS NULL"
    ).fetchone()
    schema_path, schema_is_relative, path, is_relative = row or (None, None, None, None)
    if schema_path is None:
        schema_path, schema_is_relative = (
            (f"{schema}/" if _SIMPLE.fullmatch(schema) else None),
            True,
        )
    if path is None or made is Made.ANEW:
        path, is_relative = (f"{table}/" if _SIMPLE.fullmatch(table) else None), True
    if schema_path is None or path is None or not (schema_is_relative and is_relative):
        return None
    return f"{address.data_path}{schema_path}{path}"


def adopt(
    connection: "duckdb.DuckDBPyConnection",
    address: Address,
    schema: str,
    table: str,
    folder: str,
    staged: Staged,
    load_id: str,
) -> None:
    """Inside the caller's transaction, add the staged files to the table as files of its own.

    In a lake on this machine a file gets a second name in the table's folder, so nothing is copied and the
    staged one may be removed at any time; elsewhere its bytes are sent. Until the commit the new names belong
    to no table: what a crash leaves of them is cleaned up as orphans, which like this happens under the lock.
    """
    files = [file for group in staged.groups for file in group.files]
    targets = [f"{folder}load-{load_id}-{number}.parquet" for number in range(len(files))]
    if address.is_local:
        _link(files, [Path(target) for target in targets])
    else:
        for file, target in zip(files, targets, strict=True):
            connection.execute(
                f"COPY (SELECT content FROM read_blob({literal(str(file))})) TO {literal(target)} (FORMAT blob)"
            )
    listed = ", ".join(map(literal, targets))
    connection.execute(
        f"CALL ducklake_add_data_files('{ALIAS}', {literal(table)}, [{listed}], schema => {literal(schema)})"
    )


def _link(files: Sequence[Path], targets: Sequence[Path]) -> None:
    if not targets:
        return
    folder = targets[0].parent
    folder.mkdir(parents=True, exist_ok=True)
    for file, target in zip(files, targets, strict=True):
        with suppress(FileNotFoundError):
            target.unlink()  # of a publish of this load that died before its commit
        try:
            os.link(file, target)
        except OSError:  # another file system, or one without links
            part = target.with_suffix(".part")
            shutil.copyfile(file, part)
            with part.open("rb+") as copied:
                os.fsync(copied.fileno())
            part.rename(target)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
