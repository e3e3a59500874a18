"""Keys that became texts: rows stored before are found by them only where both are spelled alike."""

from collections.abc import Sequence

from pwh_assets.core.source import Column, SyncedTable

_SPELLED_ALIKE = frozenset((
    "VARCHAR", "JSON", "UUID", "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT",
    "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
))  # fmt: skip
"""Types whose values, made texts by the lake, are the texts a source has of them."""


def respelled(table: SyncedTable, columns: Sequence[Column]) -> tuple[str, ...]:
    """The key's columns that are texts in `columns` and were of a type whose texts the source spells otherwise.

    A number that outgrew its type is one: `1.500000000` is stored, and `1.5` comes.
    """
    known = {column.name: column.type for column in table.columns}
    return tuple(
        column.name
        for column in columns
        if column.name in table.primary_key
        and column.type == "VARCHAR"
        and known.get(column.name, "VARCHAR") not in _SPELLED_ALIKE
    )
