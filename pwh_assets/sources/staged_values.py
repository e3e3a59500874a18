"""Values of a stream as they are staged: into Arrow, and in SQL out of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pwh_assets.sources.changes import UNCHANGED, StagedColumn

if TYPE_CHECKING:
    import pyarrow as pa


def clear_sql(column: StagedColumn, name: str) -> str:
    """SQL of a staged value as the lake's type writes it, or as it came where it does not fit."""
    value = f"CAST({column.here.replace('{0}', name)} AS {column.type})"
    if column.fits is None:
        return value
    fits = column.fits.replace("{0}", name)
    return f"CASE WHEN {fits} THEN CAST({value} AS VARCHAR) ELSE CAST({name} AS VARCHAR) END"


def array_of(values: Sequence[Any], column: StagedColumn) -> "pa.Array":
    import pyarrow as pa

    kind = pa.list_(pa.string()) if column.staged == "list<string>" else _arrow(column.staged)
    if UNCHANGED in values:
        values = [None if value is UNCHANGED else value for value in values]
    return pa.array(values, kind)


def _arrow(alias: str) -> "pa.DataType":
    import pyarrow as pa

    if alias.startswith("decimal128("):
        precision, scale = alias[11:-1].split(",")
        return pa.decimal128(int(precision), int(scale))
    return pa.type_for_alias(alias)
