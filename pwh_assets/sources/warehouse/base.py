"""The seam a warehouse fills: a session over its own client, and how its SQL spells a few things."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from pwh_assets.core.options import Scalar
from pwh_assets.core.source import Column, DiscoveredTable, SyncMode
from pwh_assets.sources.cursors import ranked

if TYPE_CHECKING:
    import pyarrow as pa

SETTLED_AFTER_S = 15 * 60
"""How long after its time stamp a row is taken to be committed at the latest."""


@dataclass(frozen=True, slots=True)
class Typed:
    """One column's way into the lake: its type there, and the SQL that selects it so that nothing is lost."""

    lake: str
    select: str = "{0}"
    cursor_kind: str | None = None
    """What its order means: `instant` (with a time zone), `clock` (without), `day`, `number`; None: nothing."""


@dataclass(frozen=True, slots=True)
class WarehouseColumn:
    name: str
    typed: Typed
    is_nullable: bool = True
    comment: str = ""


@dataclass(frozen=True, slots=True)
class WarehouseTable:
    """A table or view as it is now. `changed` is a text that is another one after a change, where known."""

    name: str
    columns: tuple[WarehouseColumn, ...]
    primary_key: tuple[str, ...] = ()
    row_estimate: int | None = None
    comment: str = ""
    changed: str | None = None

    def discovered(self) -> DiscoveredTable:
        cursors = ranked(
            [(c.name, c.typed.cursor_kind, c.is_nullable) for c in self.columns], self.primary_key
        )
        modes = (SyncMode.FULL, SyncMode.INCREMENTAL, SyncMode.APPEND)
        return DiscoveredTable(
            name=self.name,
            columns=self.lake_columns,
            primary_key=self.primary_key,
            cursors=cursors,
            row_estimate=self.row_estimate,
            description=self.comment,
            modes=modes if cursors else (SyncMode.FULL,),
        )

    @property
    def lake_columns(self) -> tuple[Column, ...]:
        return tuple(
            Column(column.name, column.typed.lake, column.is_nullable, column.comment)
            for column in self.columns
        )


class Session(Protocol):
    """An open connection. Its errors are ours already."""

    place: str
    """How a sentence names the warehouse."""

    def tables(self, only: str | None = None) -> list[WarehouseTable]:
        """The tables and views of the configured schema, or the one called `only`."""
        ...

    def value(self, query: str) -> str | None:
        """The one value of a query of one row and one text column."""
        ...

    def batches(self, query: str, rows: int) -> Iterator["pa.Table"]:
        """The answer in Arrow tables of about `rows` rows, read as they are asked for."""
        ...


Connect = Callable[[Mapping[str, Any]], AbstractContextManager[Session]]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a warehouse spells what a read needs. `{0}` stands for the text of a value or for an expression."""

    relation: Callable[[Mapping[str, Any], str], str]
    """The quoted name of a table."""
    quote: Callable[[str], str]
    literal: Mapping[str, str]
    """A value of each cursor kind. Texts are checked before they are put in."""
    as_text: Mapping[str, str] = field(default_factory=dict)
    """A cursor's value as text with all its digits; `CAST({0} AS VARCHAR)` where nothing is said."""
    settled: Mapping[str, str] = field(default_factory=dict)
    """The time up to which rows are committed, per kind; `{0}` is a number of seconds."""
    text_type: str = "VARCHAR"
    has_backslashes: bool = False
    """Whether a backslash in a text means something."""

    def constant(self, value: Scalar) -> str:
        """A value of a row filter."""
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        if not isinstance(value, str):
            return repr(value)
        text = (
            value.replace("\\", "\\\\").replace("'", "\\'")
            if self.has_backslashes
            else value.replace("'", "''")
        )
        return f"'{text}'"

    def text_of(self, kind: str, expression: str) -> str:
        return self.as_text.get(kind, f"CAST({{0}} AS {self.text_type})").format(expression)


def double_quoted(name: str) -> str:
    """An identifier as most warehouses quote it.

    >>> double_quoted('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def backquoted(name: str) -> str:
    """An identifier as BigQuery and Databricks quote it.

    >>> backquoted("a`b")
    '`a``b`'
    """
    return "`" + name.replace("`", "``") + "`"


def key_of(key: Sequence[str], columns: Sequence[WarehouseColumn]) -> tuple[str, ...]:
    """A declared key, unless one of its columns cannot be read."""
    return tuple(key) if {column.name for column in columns}.issuperset(key) else ()
