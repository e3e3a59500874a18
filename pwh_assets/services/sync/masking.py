"""Masks: columns are hashed, cut, emptied or left out before a row of theirs is written anywhere."""

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from pwh_assets.core.options import Mask, MaskKind
from pwh_assets.core.source import Column
from pwh_assets.errors import quoted
from pwh_assets.lake.attach import quote
from pwh_assets.sources.errors import UnreadableDataError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_BLOCK = 64
CUT = "***"


class Masker:
    """The masks of one table, with the project's key. One value gives one hash, in rows and in Arrow alike.

    May be used by several threads at a time.
    """

    def __init__(self, masks: Sequence[Mask], key: bytes) -> None:
        self.masks = {mask.column: mask for mask in masks}
        self._key = key
        self._own = threading.local()

    def __repr__(self) -> str:
        return f"Masker({list(self.masks.values())!r})"

    def columns(self, columns: Sequence[Column]) -> tuple[Column, ...]:
        """The columns as they are written: without those left out, hashes and stumps as text."""
        found = []
        for column in columns:
            mask = self.masks.get(column.name)
            if mask is None or mask.kind is MaskKind.NULL:
                found.append(column if mask is None else replace(column, nullable=True))
            elif mask.kind is not MaskKind.DROP:
                found.append(replace(column, type="VARCHAR"))
        return tuple(found)

    def row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row as it may be written."""
        return {
            name: self._value(self.masks[name], value) if name in self.masks else value
            for name, value in row.items()
            if name not in self.masks or self.masks[name].kind is not MaskKind.DROP
        }

    def arrow(self, table: "pa.Table") -> "pa.Table":
        """A table as it may be written; columns without a mask are not touched."""
        import pyarrow as pa

        dropped = [name for name, mask in self.masks.items() if mask.kind is MaskKind.DROP]
        table = table.drop_columns([name for name in dropped if name in table.column_names])
        masked = [name for name in table.column_names if name in self.masks]
        texts = [name for name in masked if self.masks[name].kind is not MaskKind.NULL]
        values = self._texts(table, texts)
        for name in masked:
            place = table.column_names.index(name)
            if name in texts:
                table = table.set_column(place, name, values[name])
            else:
                kind = table.schema.field(name).type
                table = table.set_column(
                    place, pa.field(name, kind), pa.nulls(table.num_rows, kind)
                )
        return table

    def covers(self, column: str) -> bool:
        """Whether the column is masked and still written."""
        return column in self.masks and self.masks[column].kind is not MaskKind.DROP

    def sql(self, name: str, value: str) -> str:
        """SQL of a masked column for DuckDB. The connection has to be prepared first."""
        mask, text = self.masks[name], f"CAST({value} AS VARCHAR)"
        if mask.kind is MaskKind.NULL:
            return "NULL"
        if mask.kind is MaskKind.TRUNCATE:
            stump = (
                f"CASE WHEN length({text}) > {mask.keep} THEN left({text}, {mask.keep}) ELSE '' END"
            )
            return f"CASE WHEN {value} IS NOT NULL THEN {stump} || '{CUT}' END"
        inner = f"unhex(sha256(getvariable('pwh_inner') || encode({text})))"
        return f"CASE WHEN {value} IS NOT NULL THEN sha256(getvariable('pwh_outer') || {inner}) END"

    def prepare(self, connection: "duckdb.DuckDBPyConnection") -> None:
        """Give a connection the key as variables, so that no SQL text, and no error, ever holds it."""
        key = self._key if len(self._key) <= _BLOCK else hashlib.sha256(self._key).digest()
        padded = key.ljust(_BLOCK, b"\0")
        connection.execute("SET TimeZone = 'UTC'")  # an instant's text is the same everywhere
        for name, byte in (("pwh_inner", 0x36), ("pwh_outer", 0x5C)):
            pad = bytes(each ^ byte for each in padded)
            connection.execute(f"SET VARIABLE {name} = $1", [pad])

    def staged(self, table: "pa.Table", clear: Mapping[str, tuple[str, str]]) -> "pa.Table":
        """The table with some of its columns masked, as text. `clear` says of each which column at the source it is,
        and gives SQL of its clear value.

        Raises:
            UnreadableDataError: a value is not of its column's type.
        """
        words = {name: self.sql(source, value) for name, (source, value) in clear.items()}
        for name, values in self._selected(table, words, quoted([c for c, _ in clear.values()])):
            table = table.set_column(table.column_names.index(name), name, values)
        return table

    def _texts(self, table: "pa.Table", names: Sequence[str]) -> dict[str, Any]:
        words = {name: self.sql(name, quote(name)) for name in names}
        return dict(self._selected(table, words, quoted(list(names))))

    def _selected(
        self, table: "pa.Table", words: Mapping[str, str], who: str
    ) -> list[tuple[str, Any]]:
        """Texts of columns, by name."""
        if not words:
            return []
        import duckdb

        connection: duckdb.DuckDBPyConnection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = duckdb.connect(config={"threads": 2})
            self.prepare(connection)
        # A bare stream: for any other form DuckDB imports pyarrow's datasets, and those pandas.
        connection.register("clear", table.select(list(words)).__arrow_c_stream__())
        try:
            wanted = ", ".join(
                f"CAST({word} AS VARCHAR) AS c{i}" for i, word in enumerate(words.values())
            )
            found = connection.execute(f"SELECT {wanted} FROM clear").to_arrow_table()
        except duckdb.ConversionException:  # whose text shows the value
            raise UnreadableDataError(
                who, "a value is not of its column's type.", "Mask it with `null` or `drop`."
            ) from None
        finally:
            connection.unregister("clear")
        return [(name, found.column(i)) for i, name in enumerate(words)]

    def _value(self, mask: Mask, value: Any) -> Any:
        if value is None or mask.kind is MaskKind.NULL:
            return None
        text = as_text(value)
        if mask.kind is MaskKind.TRUNCATE:
            return (text[: mask.keep] if len(text) > mask.keep else "") + CUT
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256").hex()


def as_text(value: Any) -> str:
    """A value's text as DuckDB writes it, so that a hash does not depend on the way a row came.

    >>> as_text(True), as_text(7), as_text("x"), as_text({"a": [1]})
    ('true', '7', 'x', '{"a":[1]}')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime) and value.tzinfo is not None:
        return f"{as_text(value.astimezone(UTC).replace(tzinfo=None))}+00"
    if isinstance(value, datetime | time) and value.microsecond:
        return str(value).rstrip("0")
    if isinstance(value, datetime | date):
        return str(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return str(value)


def masker_of(masks: Sequence[Mask], key: Callable[[], bytes]) -> Masker | None:
    """None when nothing is masked; then no key is asked for."""
    return Masker(masks, key()) if masks else None
