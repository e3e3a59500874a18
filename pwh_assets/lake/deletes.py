"""Rows whose keys are gone at the source leave the table, in one transaction."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pwh_assets.lake.attach import ALIAS, quote
from pwh_assets.lake.staged import lake_names, read_staged
from pwh_assets.lake.state import read_state, write_state

if TYPE_CHECKING:
    import duckdb


def delete_all_but(
    connection: "duckdb.DuckDBPyConnection",
    schema: str,
    table: str,
    table_id: str,
    files: Sequence[Path],
    renames: Mapping[str, str | None],
    key: Sequence[str],
    columns: Sequence[str] = (),
) -> tuple[int, int]:
    """Delete every row whose key is not in these files, over a read-write connection under the lake's lock.

    The comparison spills to disk. The table's load gets a new id when rows went, so that its readers are built anew.

    Args:
        columns: all the source has, by which those whose names differ by case alone are told apart.

    Returns:
        How many rows went, and how many are left.
    """
    target = f"{ALIAS}.{quote(schema)}.{quote(table)}"
    types = {
        str(row[0]): str(row[1]) for row in connection.execute(f"DESCRIBE {target}").fetchall()
    }
    staged = read_staged(connection, files, renames)
    names = lake_names(dict.fromkeys([*columns, *staged.columns, *key]), list(types))
    parts = [names[name] for name in key]
    if staged.row_count:
        keys = staged.select(names, {name: types[name] for name in parts})
        # A part may be NULL here that is none at the source: a date no calendar has, a decimal's NaN.
        same = " AND ".join(
            f"t.{quote(name)} IS NOT DISTINCT FROM k.{quote(name)}" for name in parts
        )
        condition = f"WHERE NOT EXISTS (SELECT 1 FROM ({keys}) AS k WHERE {same})"
    else:
        condition = ""
    connection.execute("BEGIN")
    try:
        row = connection.execute(f"DELETE FROM {target} AS t {condition}").fetchone()
        gone = int(row[0]) if row else 0
        left = connection.execute(f"SELECT count(*) FROM {target}").fetchone()
        count = int(left[0]) if left else 0
        state = read_state(connection, table_id)
        if gone and state is not None:
            write_state(connection, replace(state, load_id=str(uuid.uuid4()), row_count=count))
        connection.execute("COMMIT" if gone else "ROLLBACK")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return gone, count
