"""`warehouse_tables/` and `lineage/`: what HogQL can read, tables of one's own storage, and what they are made of."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from pwh_assets.api.context import Ask, asks
from pwh_assets.api.pages import Page, Paging
from pwh_assets.api.responses import SOURCE
from pwh_assets.core.names import SELF_MANAGED
from pwh_assets.core.source import SyncedTable
from pwh_assets.errors import NotFoundError
from pwh_assets.services.hogql import editor
from pwh_assets.services.lineage.tracing import lineage
from pwh_assets.services.sources import self_managed
from pwh_assets.services.sources.view import moment

router = APIRouter(tags=["tables"])
lineage_router = APIRouter(tags=["lineage"])

Read = Annotated[Ask, asks("warehouse_table:read")]
Write = Annotated[Ask, asks("warehouse_table:write")]
JsonObject = dict[str, Any]
_STORED = ("data_warehouse", "materialized_view", "posthog")


class TableOut(BaseModel):
    """A table as HogQL sees it."""

    model_config = ConfigDict(extra="allow")

    id: str
    name: str
    hogql_name: str = Field(description="What a text reads it by.")
    columns: list[JsonObject] = Field(
        description="`key`, `name`, `type` and `schema_valid` of each."
    )
    row_count: int | None = None
    format: str | None = Field(None, description="Of a self-managed table: as it was given.")
    url_pattern: str | None = Field(None, description="Of a self-managed table: where it lies.")
    credential: JsonObject | None = Field(
        None, description="Of a self-managed table: its `access_key`; the secret is never shown."
    )
    options: JsonObject | None = Field(
        None, description="Of a self-managed table: `region`, `endpoint`."
    )
    external_data_source: JsonObject | None = Field(
        None, description="Of a synced table: `id`, `source_type` and `prefix` of its source."
    )
    external_schema: JsonObject | None = Field(
        None,
        description="Of a synced table: `id`, `name`, `should_sync`, `status`, `last_synced_at`.",
    )
    created_at: str | None = None


class Keys(BaseModel):
    """Keys of the storage."""

    access_key: str = Field("", max_length=4096, description="Of Azure: the account's name.")
    access_secret: str = Field("", max_length=4096, description="Of Azure: the account's key.")


class TableSave(BaseModel):
    """Files somewhere, as one table."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "orders",
                    "format": "Parquet",
                    "url_pattern": "s3://bucket/orders/*.parquet",
                    "credential": {"access_key": "AKIA…", "access_secret": "…"},
                    "options": {"endpoint": "https://storage.example.com"},
                }
            ]
        }
    )

    name: str = Field(max_length=128, description="What queries call it.")
    format: str = Field(
        "auto",
        max_length=60,
        description="`CSV`, `CSVWithNames`, `Parquet`, `JSONEachRow`, `Delta`, or `auto`: by the files' endings.",
    )
    url_pattern: str = Field(
        max_length=2_000,
        description="`s3://bucket/orders/*.csv`, `gs://`, `r2://`, `az://`, or the vendor's `https://` address.",
    )
    credential: Keys | None = Field(None, description="None for a public bucket.")
    options: JsonObject | None = Field(None, description="`region`, `endpoint`.")


class TableUpdate(BaseModel):
    """What changes; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"format": "CSVWithNames"}]})

    name: str | None = Field(None, max_length=128, description="A table keeps its name.")
    format: str | None = Field(None, max_length=60, description="As in a new one.")
    url_pattern: str | None = Field(None, max_length=2_000, description="As in a new one.")
    credential: Keys | None = Field(None, description="A changed endpoint needs it again.")
    options: JsonObject | None = Field(None, description="`region`, `endpoint`.")


@router.get("/", summary="List tables")
def list_tables(
    ask: Read,
    paging: Annotated[Paging, Depends()],
    search: Annotated[str, Query(description="In the name.", max_length=200)] = "",
) -> Page[TableOut]:
    """Every stored table HogQL can read, and self-managed ones."""
    word = search.strip().lower()
    found = [each for name, each in sorted(_tables(ask).items()) if word in name.lower()]
    synced = {table.id: table for table in ask.platform.store.tables(ask.project_id)}
    return paging.shown(found, lambda each: _shown(each, synced.get(each["id"])))


@router.post("/", status_code=201, summary="Read files where they lie", responses=SOURCE)
def create_table(ask: Write, body: TableSave) -> TableOut:
    """A self-managed table: its files are looked at now and read whenever it is asked; nothing is copied."""
    made = self_managed.create_table(
        ask.platform,
        ask.project_id,
        body.name,
        body.format,
        body.url_pattern,
        _keys(body.credential),
        body.options,
    )
    return show_table(ask, made.id)


@router.get("/{table_id}/", summary="One table")
def show_table(ask: Read, table_id: str) -> TableOut:
    """As in the list."""
    for each in _tables(ask).values():
        if each["id"] == table_id:
            return _shown(each, ask.platform.store.find_table(ask.project_id, table_id))
    raise NotFoundError("table", table_id)


@router.patch("/{table_id}/", summary="Change a self-managed table", responses=SOURCE)
def update_table(ask: Write, table_id: str, body: TableUpdate) -> TableOut:
    """The storage is asked before anything is kept. Tables of sources are changed through these."""
    changed = self_managed.update_table(
        ask.platform,
        ask.project_id,
        table_id,
        name=body.name,
        format_word=body.format,
        url_pattern=body.url_pattern,
        credential=_keys(body.credential),
        options=body.options,
    )
    return show_table(ask, changed.id)


@router.delete(
    "/{table_id}/", status_code=204, summary="Forget a self-managed table", responses=SOURCE
)
def remove_table(ask: Write, table_id: str) -> None:
    """And its keys. Its files stay."""
    self_managed.remove_table(ask.platform, ask.project_id, table_id)


@router.post(
    "/{table_id}/refresh_schema/", summary="Look at a self-managed table again", responses=SOURCE
)
def refresh_schema(ask: Write, table_id: str) -> TableOut:
    """Finds columns that are new. Its rows are always those of its files."""
    return show_table(ask, self_managed.refresh_table(ask.platform, ask.project_id, table_id).id)


@lineage_router.get("/", summary="What a table or view is made of, and what is made of it")
def get_lineage(
    ask: Read,
    name: Annotated[str, Query(description="Any of its names, or its id.", max_length=1000)],
    columns: Annotated[bool, Query(description="Column by column, and by property.")] = False,
) -> JsonObject:
    """Nodes with their depth (negative upstream), edges, and column edges."""
    return lineage(ask.platform, ask.project_id, name, columns).as_dict()


def _tables(ask: Ask) -> dict[str, JsonObject]:
    found: dict[str, JsonObject] = editor.schema(ask.platform, ask.project_id, ask.caller)["tables"]
    return {name: each for name, each in found.items() if each["type"] in _STORED}


def _keys(given: Keys | None) -> self_managed.Credential | None:
    return None if given is None else self_managed.Credential(given.access_key, given.access_secret)


def _shown(table: JsonObject, synced: SyncedTable | None) -> TableOut:
    columns = [
        {"key": name, "name": name, "type": field["type"], "schema_valid": True}
        for name, field in table["fields"].items()
        if "schema_valid" in field and not field.get("hidden")
    ]
    more = {name: value for name, value in table.items() if name not in ("fields", "query")}
    if synced is not None:
        more |= _of_source(synced)
    return TableOut.model_validate({**more, "hogql_name": table["name"], "columns": columns})


def _of_source(table: SyncedTable) -> JsonObject:
    source = table.source
    more: JsonObject = {"created_at": moment(table.created_at)}
    if source.source_type == SELF_MANAGED:
        return {**more, **self_managed.described(table)}
    return more | {
        "external_data_source": {
            "id": source.id,
            "source_type": source.source_type,
            "prefix": source.prefix,
        },
        "external_schema": {
            "id": table.id,
            "name": table.name,
            "should_sync": table.should_sync,
            "status": table.status.value,
            "last_synced_at": moment(table.last_synced_at),
        },
    }
