"""Columns that masks hide already: before they are written, or from everybody who is no administrator."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pwh_assets.core.access import Caller, Role
from pwh_assets.core.policy import folded
from pwh_assets.services.platform import Platform
from pwh_assets.services.policies.reading import policy_of
from pwh_assets.services.policies.tombstones import LOG_SUFFIX

if TYPE_CHECKING:
    from pwh_assets.hogql.catalog import Catalog, TableDef

IsHidden = Callable[["TableDef", str], bool]


def hidden_columns(platform: Platform, project_id: int, catalog: "Catalog") -> IsHidden:
    """Tells of a table's column, or of a JSON column's key `column.key`, whether a mask hides it."""
    at_ingestion = {
        (table.table_name, folded(mask.column))
        for table in platform.store.tables(project_id)
        for mask in table.options.masks
    }
    readers = [Caller("", {project_id: role}) for role in (Role.EDITOR, Role.VIEWER)]
    rules = [policy_of(catalog.policies, project_id, reader) for reader in readers]

    def is_hidden(table: "TableDef", column: str) -> bool:
        tables = [table.name]
        base = catalog.by_name.get(table.name.removesuffix(LOG_SUFFIX).lower())
        if base is not None and base is not table and base.source == table.source:
            tables.append(base.name)  # rules and masks of a table hold for that of its every change
        names = {folded(column), folded(column.partition(".")[0])}
        if any((one, name) in at_ingestion for one in tables for name in names):
            return True
        for by_table in rules:
            found = [by_table[one.lower()] for one in tables if one.lower() in by_table]
            taken = {name for one in found for name in one.denied}
            taken |= {mask.column for one in found for mask in one.masks}
            if not taken & {*names, "*"}:
                return False
        return True

    return is_hidden
