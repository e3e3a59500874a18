"""What a text may name: tables, columns, joins and views, as one immutable value with a version.

The caller builds it (from the store and the lake); the compiler only reads it. A table that is not in the
catalog does not exist for the query, which is how access and tenancy are decided.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from pwh_assets.core.metric import Metric
from pwh_assets.core.policy import AccessPolicy
from pwh_assets.hogql.types import Type

if TYPE_CHECKING:
    from pwh_assets.hogql.policy import Access


@dataclass(frozen=True, slots=True)
class ColumnDef:
    """A readable column. `expression` is HogQL over the same row, for computed columns."""

    name: str
    type: Type
    description: str = ""
    expression: str | None = None
    hidden: bool = False
    """True keeps it out of `*` and of completion."""
    stored: str = ""
    """The lake's spelling of its type, where it is a stored column."""


@dataclass(frozen=True, slots=True)
class LazyJoin:
    """A field of a table that stands for a joined table, inserted once per path when it is used.

    `on` is HogQL with `this` and `that` as the two sides: `this.person_id = that.id`.
    """

    name: str
    table: str
    on: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class FieldAlias:
    """A field that is another chain: `events.person_alias` -> `("pdi", "person")`."""

    name: str
    chain: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VirtualTable:
    """Columns of the same row shown as a sub-table, such as `events.poe.properties`."""

    name: str
    columns: Mapping[str, str]
    """Field name -> HogQL expression over the row."""


@dataclass(frozen=True, slots=True)
class TableDef:
    """A table or view a query may name.

    A stored table has `physical`; a plain view has `view_sql` and is expanded where it is named.
    """

    name: str
    columns: tuple[ColumnDef, ...]
    physical: tuple[str, ...] = ()
    """Path inside the engine's attached lake: ("stripe", "invoice"). Engines print it their way."""
    view_sql: str | None = None
    spellings: tuple[str, ...] = ()
    """Other names that mean this table (`stripe.invoice`)."""
    joins: tuple[LazyJoin, ...] = ()
    aliases: tuple[FieldAlias, ...] = ()
    virtual: tuple[VirtualTable, ...] = ()
    source: str | None = None
    """Slug of the source it came from; None for product tables and views."""
    kind: str = "synced"
    """`product`, `synced`, `view` (plain) or `materialized`."""
    description: str = ""
    property_types: Mapping[str, Type] = field(default_factory=dict)
    """Property definitions: `properties.$screen_width` -> FLOAT. Key: column + "." + property."""
    is_hidden: bool = False
    """True keeps it out of lists and of completion; a text may still name it."""
    access: "Access | None" = None
    """Where a reader sees less than there is: what of it they see. Then `columns` are those they see."""


@dataclass(frozen=True)
class Catalog:
    """All tables of one project. `version` changes whenever anything in it changes (plan caches key on it)."""

    tables: tuple[TableDef, ...]
    version: str = ""
    timezone: str = "UTC"
    week_start: str = "sunday"
    cohorts: Mapping[str, int] = field(default_factory=dict)
    """Cohorts by name, for `IN COHORT 'name'`; numbers need no entry."""
    actions: Mapping[str, str] = field(default_factory=dict)
    """Actions by name and by number: HogQL conditions over a row of `events`."""
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    """Metrics by key, for `metric('name')`."""
    waiting: Mapping[str, str] = field(default_factory=dict)
    """Tables that are connected and have no rows yet: every spelling, lower case, to the name."""
    policies: tuple[AccessPolicy, ...] = ()
    """The project's, not applied yet: `hogql.policy.restrict` makes the catalog of one reader."""
    metrics_are_steps: bool = False
    """What a column is made of ends at a metric that a text asks, not at what that is measured on."""

    @cached_property
    def by_name(self) -> Mapping[str, TableDef]:
        """Every spelling, lower case, to its table."""
        names: dict[str, TableDef] = {}
        for table in self.tables:
            for name in (*table.spellings, table.name):
                names[name.lower()] = table
        return names
