"""`warehouse_dag/`, `warehouse_model_paths/`, `managed_viewsets/`: what views are made of, and sets of them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from pwh_assets.api.context import Ask, asks
from pwh_assets.api.pages import Page, Paging
from pwh_assets.api.responses import CHANGES
from pwh_assets.errors import NotFoundError
from pwh_assets.services.lineage.graph import Node, NodeKind, project_graph
from pwh_assets.services.lineage.paths import paths_to
from pwh_assets.services.sources.view import moment
from pwh_assets.services.views.viewsets import Viewset, switch_viewset, viewset

dag_router = APIRouter(tags=["warehouse dag"])
paths_router = APIRouter(tags=["model paths"])
viewsets_router = APIRouter(tags=["managed viewsets"])

Read = Annotated[Ask, asks("warehouse_view:read")]
Write = Annotated[Ask, asks("warehouse_view:write")]
_VIEWS = (NodeKind.VIEW, NodeKind.MATERIALIZED, NodeKind.DBT)


class DagNode(BaseModel):
    """A table or view."""

    id: str
    name: str = Field(description="Its name in HogQL.")
    type: str = Field(
        description="`product_table`, `synced_table`, `view`, `materialized_view` or `dbt_model`."
    )
    source_type: str | None = Field(description="Of a synced table.")


class DagEdge(BaseModel):
    """Who reads whom."""

    source: str = Field(description="Id of what is read.")
    target: str = Field(description="Id of what reads it.")


class Dag(BaseModel):
    """A project's tables and views, and who reads whom. There is never a circle."""

    nodes: list[DagNode] = Field(description="Each after all it reads.")
    edges: list[DagEdge] = Field(description="By what reads.")


class ModelPath(BaseModel):
    """One way to a table or view."""

    id: str = Field(description="Id of the table or view it leads to.")
    path: list[str] = Field(description="Names from a table on; the last is its own.")
    saved_query: str | None = Field(description="Id of the view; null for a table.")
    table: str | None = Field(description="Id of the table; null for a view.")
    is_cut: bool = Field(description="There are more than the hundred ways to it that are shown.")


class ViewsetView(BaseModel):
    """A view of the set."""

    id: str
    name: str
    created_at: str | None
    created_by_id: str | None = Field(description="Always null: PWH made it.")
    status: str
    source: str = Field(description="Slug of its source.")


class ViewsetOut(BaseModel):
    """A managed set of views."""

    kind: str = Field(description="`revenue_analytics`.")
    enabled: bool = Field(description="It is on for a source.")
    sources: dict[str, bool] = Field(
        description="Id of each source it is for, and whether it is on."
    )
    count: int = Field(description="How many views there are.")
    views: list[ViewsetView] = Field(description="By name.")


class ViewsetSwitch(BaseModel):
    """On or off."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"enabled": True}]})

    enabled: bool = Field(description="Whether its views are there, for every source it is for.")
    force: bool = Field(False, description="Turn it off although views of people read its views.")


@dag_router.get("/", summary="All of it: tables, views, and who reads whom")
def get_dag(ask: Read) -> Dag:
    """Of one table or view alone: `lineage/`."""
    graph = project_graph(ask.platform, ask.project_id)
    nodes = [graph.nodes[name] for name in graph.order]
    shown = [node for node in nodes if node.kind is not NodeKind.EXTERNAL]
    known = {node.name for node in shown}
    return Dag(
        nodes=[_node(node) for node in shown],
        edges=[
            DagEdge(source=graph.nodes[each].id, target=node.id)
            for node in shown
            for each in graph.inputs[node.name]
            if each in known
        ],
    )


@paths_router.get("/", summary="The ways to each view and table")
def list_paths(
    ask: Read,
    paging: Annotated[Paging, Depends()],
    saved_query_id: Annotated[str, Query(description="To this view only.", max_length=100)] = "",
) -> Page[ModelPath]:
    """By name of what they lead to; a hundred of each at most."""
    graph = project_graph(ask.platform, ask.project_id)
    wanted = [
        node
        for _, node in sorted(graph.nodes.items())
        if node.kind is not NodeKind.EXTERNAL and saved_query_id in ("", node.id)
    ]
    if saved_query_id and not any(node.kind in _VIEWS for node in wanted):
        raise NotFoundError("saved query", saved_query_id)
    found = []
    for node in wanted:
        ways, is_cut = paths_to(graph, node)
        is_view = node.kind in _VIEWS
        found += [
            ModelPath(
                id=node.id,
                path=list(way),
                saved_query=node.id if is_view else None,
                table=None if is_view else node.id,
                is_cut=is_cut,
            )
            for way in ways
        ]
    return paging.page(found)


@viewsets_router.get("/{kind}/", summary="A managed set of views")
def show_viewset(ask: Read, kind: str) -> ViewsetOut:
    """`revenue_analytics`: its views, and the sources it is on for."""
    return _viewset(viewset(ask.platform, ask.project_id, kind))


@viewsets_router.put("/{kind}/", summary="Turn a managed set on or off", responses=CHANGES)
def switch(ask: Write, kind: str, body: ViewsetSwitch) -> ViewsetOut:
    """For every source it is for; of one alone: `warehouse_sources/{id}/revenue_analytics_config/`."""
    return _viewset(
        switch_viewset(ask.platform, ask.project_id, kind, enabled=body.enabled, force=body.force)
    )


def _node(node: Node) -> DagNode:
    return DagNode(id=node.id, name=node.name, type=node.kind.value, source_type=node.source_type)


def _viewset(found: Viewset) -> ViewsetOut:
    return ViewsetOut(
        kind=found.kind,
        enabled=found.is_enabled,
        sources=dict(found.sources),
        count=len(found.views),
        views=[
            ViewsetView(
                id=view.id,
                name=view.name,
                created_at=moment(view.created_at),
                created_by_id=None,
                status=view.status.value,
                source=view.managed_by.partition(":")[2],
            )
            for view in found.views
        ],
    )
