"""`warehouse_tables/` and `lineage/`: what HogQL can read, and what it is made of."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from pwh_assets.api.context import Ask, asks
from pwh_assets.api.pages import Page, Paging
from pwh_assets.api.view_models import TableOut
from pwh_assets.errors import NotFoundError
from pwh_assets.services.hogql import editor
from pwh_assets.services.lineage.tracing import lineage

router = APIRouter(tags=["tables"])
lineage_router = APIRouter(tags=["lineage"])

Read = Annotated[Ask, asks("warehouse_table:read")]
_STORED = ("data_warehouse", "materialized_view", "posthog")


@router.get("/", summary="List tables")
def list_tables(
    ask: Read,
    paging: Annotated[Paging, Depends()],
    search: Annotated[str, Query(description="In the name.", max_length=200)] = "",
) -> Page[TableOut]:
    """Every stored table HogQL can read."""
    word = search.strip().lower()
    found = [each for name, each in sorted(_tables(ask).items()) if word in name.lower()]
    shown = found[paging.offset : paging.offset + paging.limit]
    return paging.of([_shown(each) for each in shown], len(found))


@router.get("/{table_id}/", summary="One table")
def show_table(ask: Read, table_id: str) -> TableOut:
    """As in the list."""
    for each in _tables(ask).values():
        if each["id"] == table_id:
            return _shown(each)
    raise NotFoundError("table", table_id)


@lineage_router.get("/", summary="What a table or view is made of, and what is made of it")
def get_lineage(
    ask: Read,
    name: Annotated[str, Query(description="Any of its names, or its id.", max_length=1000)],
    columns: Annotated[bool, Query(description="Column by column, and by property.")] = False,
) -> dict[str, Any]:
    """Nodes with their depth (negative upstream), edges, and column edges."""
    return lineage(ask.platform, ask.project_id, name, columns).as_dict()


def _tables(ask: Ask) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = editor.schema(ask.platform, ask.project_id, ask.caller)[
        "tables"
    ]
    return {name: each for name, each in found.items() if each["type"] in _STORED}


def _shown(table: dict[str, Any]) -> TableOut:
    columns = [
        {"key": name, "name": name, "type": field["type"], "schema_valid": True}
        for name, field in table["fields"].items()
        if "schema_valid" in field and not field.get("hidden")
    ]
    more = {name: value for name, value in table.items() if name not in ("fields", "query")}
    return TableOut.model_validate({**more, "hogql_name": table["name"], "columns": columns})
