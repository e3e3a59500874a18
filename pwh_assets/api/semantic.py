"""`metrics/` and `virtual_tables/`: numbers and joins with one definition, declared and asked."""

import uuid
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from pwh_assets.api.context import Ask, asks
from pwh_assets.api.pages import Page, Paging
from pwh_assets.api.responses import ASKS, CHANGES
from pwh_assets.core.metric import SavedMetric
from pwh_assets.core.view import SavedQuery
from pwh_assets.services import semantic
from pwh_assets.services.queries import Ask as Question
from pwh_assets.services.queries import Queries
from pwh_assets.services.semantic import declaring
from pwh_assets.services.semantic.applying import virtual_tables
from pwh_assets.services.semantic.asking import MOST_ROWS, dimensions_of
from pwh_assets.services.semantic.exporting import metric_entry
from pwh_assets.services.sources.view import moment

router = APIRouter(tags=["metrics"])
tables_router = APIRouter(tags=["virtual tables"])

Read = Annotated[Ask, asks("warehouse_view:read")]
Write = Annotated[Ask, asks("warehouse_view:write")]
ReadRows = Annotated[Ask, asks("query:read")]
Force = Annotated[bool, Query(description="Although something reads it, and breaks.")]
JsonObject = dict[str, Any]


class MetricOut(BaseModel):
    """A number with one definition."""

    id: str
    name: str = Field(description="In small letters and underscores, as queries spell it.")
    kind: str = Field(description="`simple`, `ratio`, `derived` or `cumulative`.")
    description: str
    owner: str
    definition: JsonObject = Field(description="As a document declares it.")
    dimensions: list[str] = Field(description="What it can be grouped by.")
    version: int
    created_at: str | None
    updated_at: str | None


class MetricVersionOut(BaseModel):
    """A definition it had."""

    version: int
    definition: JsonObject = Field(description="As a document declares it.")
    author: str
    created_at: str | None


class VirtualTable(BaseModel):
    """A join with a name."""

    id: str
    name: str
    query: str = Field(description="The HogQL it stands for.")
    description: str
    owner: str
    every: str | None = Field(description="How often it is kept as a table; null: computed.")
    version: int
    columns: list[JsonObject] = Field(description="`name` and `type` of each.")


class Declaration(BaseModel):
    """An entry of a document, in its words; see the page on metrics."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "name": "events a day",
                    "source": "events",
                    "measure": "count",
                    "dimensions": ["event"],
                    "time": "timestamp",
                    "grain": "day",
                }
            ]
        },
    )

    name: str = Field(max_length=128)

    def entry(self) -> JsonObject:
        return self.model_dump()


class TableDeclaration(Declaration):
    """A virtual table, as a document has it."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [{"name": "seen", "query": "SELECT event, timestamp AS at FROM events"}]
        },
    )


class DocumentApply(BaseModel):
    """A document of virtual tables and metrics, ours or MetricFlow's."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "document": "metrics:\n  - {name: events, source: events, measure: count}\n",
                    "dry_run": True,
                }
            ]
        }
    )

    document: str = Field(max_length=2_000_000, description="YAML or JSON.")
    prune: bool = Field(False, description="Remove those that are not in it.")
    dry_run: bool = Field(False, description="Say what would change, and change nothing.")
    force: bool = Field(False, description="Also where something that reads them breaks.")


class DocumentApplied(BaseModel):
    """What applying did, or would do. Metrics go by `metric:<name>`."""

    added: list[str] = Field(description="Those that are new.")
    changed: list[str] = Field(description="Those with another definition.")
    unchanged: list[str] = Field(description="Those that were so already.")
    removed: list[str] = Field(description="Those that are gone.")


class DocumentOut(BaseModel):
    """All of it as a document."""

    document: str = Field(description="YAML that changes nothing when it is applied.")


class MetricAsk(BaseModel):
    """How a metric is asked."""

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={"examples": [{"by": [], "grain": "day", "from": "2026-01-01"}]},
    )

    by: list[str] = Field(default_factory=list, max_length=50, description="Dimensions.")
    grain: str | None = Field(
        None, max_length=20, description="`minute` to `year`, or `none`; its own when left out."
    )
    start: str | None = Field(
        None, alias="from", max_length=40, description="The first day or moment, ISO 8601, UTC."
    )
    end: str | None = Field(
        None, alias="to", max_length=40, description="The last day, or the moment it ends before."
    )
    where: list[str] = Field(
        default_factory=list, max_length=50, description="HogQL conditions on rows that count."
    )


class MetricAnswer(BaseModel):
    """`time` where it has periods, the dimensions, `value`; sorted by them."""

    columns: list[str] = Field(description="Their names.")
    types: list[str] = Field(description="Their types in HogQL.")
    results: list[list[Any]] = Field(description="At most 50,000 rows.")
    hogql: str = Field(description="The text that was asked.")
    is_cached: bool = Field(description="Whether it was computed before, of the same rows.")


@router.get("/", summary="List metrics")
def list_metrics(ask: Read, paging: Annotated[Paging, Depends()]) -> Page[MetricOut]:
    """By name."""
    found = ask.platform.store.metrics(ask.project_id)
    return paging.shown(found, lambda each: _metric(ask, each))


@router.post("/", status_code=201, summary="Declare a metric", responses=CHANGES)
def declare_metric(ask: Write, body: Declaration, force: Force = False) -> MetricOut:
    """Makes it, or gives the one of this name another definition. What would break its readers is refused."""
    declaring.declare(
        ask.platform, ask.project_id, ask.caller, "metrics", body.entry(), force=force
    )
    return show_metric(ask, body.name)


@router.get("/document/", summary="All of it as a document")
def export_document(ask: Read) -> DocumentOut:
    """Virtual tables and metrics."""
    return DocumentOut(document=semantic.export_document(ask.platform, ask.project_id))


@router.post("/document/", summary="Apply a document", responses=CHANGES)
def apply_document(ask: Write, body: DocumentApply) -> DocumentApplied:
    """All of it or nothing; every mistake is told at once, with its line."""
    done = declaring.apply_text(
        ask.platform,
        ask.project_id,
        ask.caller,
        body.document,
        prune=body.prune,
        dry_run=body.dry_run,
        force=body.force,
    )
    return DocumentApplied(
        added=list(done.added),
        changed=list(done.changed),
        unchanged=list(done.unchanged),
        removed=list(done.removed),
    )


@router.get("/{name}/", summary="One metric")
def show_metric(ask: Read, name: str) -> MetricOut:
    """By its name in any spelling."""
    return _metric(ask, semantic.find_metric(ask.platform, ask.project_id, name))


@router.delete("/{name}/", status_code=204, summary="Forget a metric", responses=CHANGES)
def remove_metric(ask: Write, name: str, force: Force = False) -> None:
    """Refused where views or metrics read it."""
    declaring.remove(ask.platform, ask.project_id, name, "metrics", force=force)


@router.get("/{name}/history/", summary="Every definition it had")
def list_versions(ask: Read, name: str) -> list[MetricVersionOut]:
    """Newest first."""
    found = semantic.metric_history(ask.platform, ask.project_id, name)
    return [
        MetricVersionOut(
            version=each.version,
            definition=metric_entry(each.definition),
            author=each.author,
            created_at=moment(each.created_at),
        )
        for each in reversed(found)
    ]


@router.post("/{name}/query/", summary="Ask a metric", responses=ASKS)
def query_metric(ask: ReadRows, request: Request, name: str, body: MetricAsk) -> MetricAnswer:
    """By period and dimensions, between two days, over the rows the caller may see."""
    text = semantic.metric_text(
        ask.platform,
        ask.project_id,
        name,
        by=body.by,
        grain=body.grain,
        start=body.start,
        end=body.end,
        where=body.where,
    )
    queries: Queries = request.app.state.queries
    question = Question(
        ask.project_id,
        text,
        str(uuid.uuid4()),
        limit=MOST_ROWS,
        who=ask.caller.name,
        reader=ask.caller,
    )
    answer = queries.ask(question)
    return MetricAnswer(
        columns=[each.name for each in answer.plan.columns],
        types=[str(each.type) for each in answer.plan.columns],
        results=orjson.loads(answer.rows),
        hogql=text,
        is_cached=answer.is_cached,
    )


@tables_router.get("/", summary="List virtual tables")
def list_tables(ask: Read, paging: Annotated[Paging, Depends()]) -> Page[VirtualTable]:
    """By name. They are saved queries too, which only their declaration changes."""
    found = virtual_tables(ask.platform, ask.project_id)
    return paging.page([_table(each) for each in found])


@tables_router.post("/", status_code=201, summary="Declare a virtual table", responses=CHANGES)
def declare_table(ask: Write, body: TableDeclaration, force: Force = False) -> VirtualTable:
    """Makes it, or gives the one of this name another definition."""
    declaring.declare(
        ask.platform, ask.project_id, ask.caller, "virtual_tables", body.entry(), force=force
    )
    return show_table(ask, body.name)


@tables_router.get("/{name}/", summary="One virtual table")
def show_table(ask: Read, name: str) -> VirtualTable:
    """By its name in any case."""
    return _table(declaring.find_virtual_table(ask.platform, ask.project_id, name.strip()))


@tables_router.delete("/{name}/", status_code=204, summary="Forget it", responses=CHANGES)
def remove_table(ask: Write, name: str, force: Force = False) -> None:
    """Refused where views or metrics read it."""
    declaring.remove(ask.platform, ask.project_id, name, "virtual_tables", force=force)


def _metric(ask: Ask, saved: SavedMetric) -> MetricOut:
    metric = saved.definition
    return MetricOut(
        id=saved.id,
        name=metric.key,
        kind=metric.kind.value,
        description=metric.description,
        owner=metric.owner,
        definition=metric_entry(metric),
        dimensions=list(dimensions_of(ask.platform, ask.project_id, metric.key)),
        version=saved.version,
        created_at=moment(saved.created_at),
        updated_at=moment(saved.updated_at),
    )


def _table(view: SavedQuery) -> VirtualTable:
    return VirtualTable(
        id=view.id,
        name=view.name,
        query=view.sql,
        description=view.description,
        owner=view.owner,
        every=view.frequency.name if view.frequency else None,
        version=view.version,
        columns=[{"name": column.name, "type": column.type} for column in view.columns],
    )
