"""The seam of managed views: a set is a list of HogQL texts that PWH writes for one kind of source.

Belongs here: what a set says of itself, and what a text is told about the source it is written for.
Keep out: saving, building and removing; that is `services/managed_views`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class InputTable:
    """A synced table as a text may use it: its HogQL name and the columns it has now."""

    name: str
    columns: frozenset[str]

    def column(self, name: str, instead: str = "NULL") -> str:
        """The column, or what stands for it where the source does not sync it.

        >>> table = InputTable("stripe_charge", frozenset({"id"}))
        >>> table.column("id"), table.column("invoice", "''")
        ('`id`', "''")
        """
        return f"`{name}`" if name in self.columns else instead


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a text is written from. `views` are the names of the set's other views, by noun."""

    label: str
    """How rows say which source they are of: the source's slug."""
    tables: Mapping[str, InputTable]
    views: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)

    def has(self, table: str, *columns: str) -> bool:
        """Whether the table is synced, with all of these columns."""
        found = self.tables.get(table)
        return found is not None and found.columns.issuperset(columns)


@dataclass(frozen=True, slots=True)
class ManagedView:
    """One view of a set. The same inputs always give the same text."""

    noun: str
    description: str
    columns: Mapping[str, str]
    """What each column says, in the order of the text."""
    text: Callable[[Inputs], str]
    needs: tuple[str, ...] = ()
    """Tables without which there is no such view."""
    needs_columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Columns of those tables without which the numbers would be wrong."""
    reads: tuple[str, ...] = ()
    """Nouns of views of the set it is made of."""
    improved_by: Mapping[str, str] = field(default_factory=dict)
    """Table -> what is missing from the view while it is not synced."""


class ManagedSet(Protocol):
    """A set of views for one kind of source, each after those it reads."""

    @property
    def name(self) -> str: ...
    @property
    def source_type(self) -> str: ...
    @property
    def views(self) -> Sequence[ManagedView]: ...

    def view_name(self, source_type: str, prefix: str, noun: str) -> str:
        """The HogQL name of one of its views."""
        ...
