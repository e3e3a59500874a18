"""Joins of a catalog: those PWH makes by itself, those people made, and which of them can be used now."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pwh_assets.core.language import TableJoin

if TYPE_CHECKING:
    from pwh_assets.hogql.catalog import TableDef


@dataclass(frozen=True, slots=True)
class PlacedJoin:
    """A join and why it cannot be used now; None when it can."""

    join: TableJoin
    problem: str | None = None

    @property
    def is_active(self) -> bool:
        return self.problem is None


def automatic_joins(tables: "Iterable[TableDef]") -> list[TableJoin]:
    """Persons and Stripe's customers, by e-mail, in both directions."""
    found: list[TableJoin] = []
    for table in tables:
        if not _is_stripe_customer(table):
            continue
        field = "stripe_customer" if not found else table.name
        found.append(
            TableJoin(
                "persons",
                "properties.email",
                table.name,
                "email",
                field,
                {"description": "The customer with this e-mail."},
                f"auto:persons.{field}",
            )
        )
        found.append(
            TableJoin(
                table.name,
                "email",
                "persons",
                "properties.email",
                "person",
                {"description": "The person with this e-mail."},
                f"auto:{table.name}.person",
            )
        )
    return found


def _is_stripe_customer(table: "TableDef") -> bool:
    source = table.source or ""
    is_stripe = source == "stripe" or source.startswith("stripe_")
    return (
        is_stripe
        and table.physical[-1] == "customer"
        and any(column.name == "email" for column in table.columns)
    )


def placed_joins(
    kept: Iterable[TableJoin], tables: "Sequence[TableDef]"
) -> "tuple[list[PlacedJoin], tuple[TableDef, ...]]":
    """All joins, people's before automatic ones of the same place; and the tables with those that can be used.

    A join whose table or column is gone stays and is not used: nothing else breaks.
    """
    if not (kept := list(kept)) and not any(_is_stripe_customer(table) for table in tables):
        return [], tuple(tables)
    names = _spellings(tables)
    places = {(_name(join.source_table, names), join.field_name.lower()) for join in kept}
    wanted = [join for join in kept if not join.is_removed]
    wanted += [
        join
        for join in automatic_joins(tables)
        if (join.source_table.lower(), join.field_name.lower()) not in places
    ]
    found: list[PlacedJoin] = []
    added: dict[str, list[TableJoin]] = {}
    for join in wanted:
        problem = _problem(join, names, added)
        found.append(PlacedJoin(join, problem))
        if problem is None:
            added.setdefault(_name(join.source_table, names), []).append(join)
    return found, tuple(
        _with_joins(table, added[table.name.lower()], names)
        if table.name.lower() in added
        else table
        for table in tables
    )


def _spellings(tables: "Iterable[TableDef]") -> "dict[str, TableDef]":
    found: dict[str, TableDef] = {}
    for table in tables:
        for name in (*table.spellings, table.name):
            found[name.lower()] = table
    return found


def _name(spelled: str, names: "Mapping[str, TableDef]") -> str:
    table = names.get(spelled.lower())
    return (table.name if table is not None else spelled).lower()


def _problem(
    join: TableJoin, names: "Mapping[str, TableDef]", added: Mapping[str, list[TableJoin]]
) -> str | None:
    for spelled, key in (
        (join.source_table, join.source_key),
        (join.joining_table, join.joining_key),
    ):
        table = names.get(spelled.lower())
        if table is None:
            return f"There is no table `{spelled}` now."
        try:
            field = field_of(key, table)
        except ValueError as error:
            return f"Key `{key}` cannot be used: {error}."
        if not has_field(table, field):
            return f"`{table.name}` has no column `{field}` now."
    source = names[join.source_table.lower()]
    others = [*added.get(source.name.lower(), ())]
    if has_field(source, join.field_name) or any(
        other.field_name.lower() == join.field_name.lower() for other in others
    ):
        return f"`{source.name}` has a field `{join.field_name}` of its own now."
    return None


def field_of(key: str, table: "TableDef") -> str:
    """The first name of a key's field. Raises ValueError."""
    from pwh_assets.hogql.joins import join_key

    return join_key(key, (table.name, *table.spellings), "this")[1]


def has_field(table: "TableDef", name: str) -> bool:
    """Whether a table has a column, join or sub-table of that name, in any case."""
    folded = name.lower()
    names = [column.name for column in table.columns]
    names += [join.name for join in table.joins]
    names += [alias.name for alias in table.aliases]
    names += [virtual.name for virtual in table.virtual]
    return any(one.lower() == folded for one in names)


def keys(join: TableJoin, source: "TableDef", joining: "TableDef") -> tuple[str, str]:
    """Both keys in HogQL, over `this` and over `that`. Raises ValueError."""
    from pwh_assets.hogql.joins import join_key

    left, _ = join_key(join.source_key, (source.name, *source.spellings), "this")
    right, _ = join_key(join.joining_key, (joining.name, *joining.spellings), "that")
    return left, right


def condition(join: TableJoin, source: "TableDef", joining: "TableDef") -> str:
    """The condition, in HogQL over `this` and `that`. Raises ValueError."""
    return " = ".join(keys(join, source, joining))


def _with_joins(
    table: "TableDef", joins: Iterable[TableJoin], names: "Mapping[str, TableDef]"
) -> "TableDef":
    from pwh_assets.hogql.catalog import LazyJoin

    made = []
    for join in joins:
        joining = names[join.joining_table.lower()]
        described = str(join.configuration.get("description") or f"Joined: `{joining.name}`.")
        made.append(
            LazyJoin(join.field_name, joining.name, condition(join, table, joining), described)
        )
    return replace(table, joins=(*table.joins, *made))
