"""Lineage: what a table or view is made of and what is made of it, by table, column and property."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from pwh_assets.core.metric import metric_key, node_name
from pwh_assets.core.names import nearest
from pwh_assets.core.view import SavedQuery
from pwh_assets.errors import NotFoundError
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.hogql.plan import OutputColumn
from pwh_assets.services.lineage.graph import Graph, Node, NodeKind, metric_graph
from pwh_assets.services.lineage.steps import Steps
from pwh_assets.services.platform import Platform
from pwh_assets.services.views.text import compile_step


@dataclass(frozen=True, slots=True)
class LineageNode:
    """A table or view of the answer. `depth` is steps away: negative upstream, 0 itself, positive downstream."""

    name: str
    kind: NodeKind
    depth: int
    id: str
    asset_key: tuple[str, ...]
    source_type: str | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class LineageEdge:
    """`target` reads `source`."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class ColumnEdge:
    """`target`'s column is made of `source`'s; `path` is the property inside a JSON column, where it is one."""

    source: str
    source_column: str
    target: str
    target_column: str
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lineage:
    """Everything connected to one table or view, upstream first."""

    name: str
    nodes: tuple[LineageNode, ...]
    edges: tuple[LineageEdge, ...]
    columns: tuple[ColumnEdge, ...] = ()

    @property
    def upstream(self) -> tuple[str, ...]:
        return tuple(node.name for node in self.nodes if node.depth < 0)

    @property
    def downstream(self) -> tuple[str, ...]:
        return tuple(node.name for node in self.nodes if node.depth > 0)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "name": self.name,
            "nodes": [asdict(node) | {"asset_key": list(node.asset_key)} for node in self.nodes],
            "edges": [asdict(edge) for edge in self.edges],
            "columns": [asdict(edge) | {"path": list(edge.path)} for edge in self.columns],
        }


def lineage(platform: Platform, project_id: int, name: str, columns: bool = False) -> Lineage:
    """Lineage of a table, view or metric by any of its names; with `columns` also column by column.

    Raises:
        NotFoundError: nothing has this name.
    """
    graph = metric_graph(platform, project_id)
    node = graph.find(name) or graph.find(node_name(metric_key(name)))
    if node is None:
        meant = nearest(name, list(graph.nodes))
        hint = f"Did you mean `{meant}`?" if meant else "`pwh view list` shows the views there are."
        raise NotFoundError("table or view", name, hint)
    found = trace(graph, node)
    if not columns:
        return found
    edges = tuple(dict.fromkeys(_column_edges(platform, project_id, graph, found)))
    return Lineage(found.name, found.nodes, found.edges, edges)


def trace(graph: Graph, start: Node) -> Lineage:
    """The part of the graph above and below one node. Pure."""
    above, below = graph.reach(start.name, graph.inputs), graph.reach(start.name, graph.outputs)
    depth = {name: -steps for name, steps in above.items()} | {start.name: 0} | below
    nodes = tuple(
        _node(graph.nodes[name], steps)
        for name, steps in sorted(depth.items(), key=lambda item: (item[1], item[0]))
    )
    up, down = above.keys() | {start.name}, below.keys() | {start.name}
    edges = tuple(
        LineageEdge(source, target)
        for target in sorted(depth)
        for source in sorted(graph.inputs.get(target, ()))
        if (source in up and target in up) or (source in down and target in down)
    )
    return Lineage(start.name, nodes, edges)


def _node(node: Node, depth: int) -> LineageNode:
    return LineageNode(
        node.name,
        node.kind,
        depth,
        node.id,
        node.asset_key,
        node.source_type,
        node.description,
    )


def origins(platform: Platform, view: SavedQuery) -> tuple[OutputColumn, ...]:
    """A view's columns and what each is made of; empty when its text no longer compiles.

    Compiled when first asked for and kept until the project's catalog changes.
    """
    version = platform.store.catalog_version(view.project_id)
    return _origins(_Text(platform, view, (str(platform.settings.home), view.id, version)))


class _Text:
    """A view's text as a key of the cache: equal while nothing it depends on has changed."""

    def __init__(self, platform: Platform, view: SavedQuery, key: tuple[str, ...]) -> None:
        self.platform, self.view, self.key = platform, view, key

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Text) and self.key == other.key


@lru_cache(maxsize=4096)
def _origins(text: _Text) -> tuple[OutputColumn, ...]:
    try:
        return compile_step(text.platform, text.view.project_id, text.view.sql).columns
    except HogQLError:
        return ()


def _column_edges(
    platform: Platform, project_id: int, graph: Graph, found: Lineage
) -> Iterator[ColumnEdge]:
    names = {node.name for node in found.nodes}
    linked = {(edge.source, edge.target) for edge in found.edges}
    steps = Steps(platform, project_id)
    views = {view.name: view for view in platform.store.views(project_id) if view.name in names}
    made: dict[str, tuple[OutputColumn, ...]] = {}
    for node in found.nodes:
        if node.kind is NodeKind.METRIC:
            made[node.name] = steps.of_metric(node.name)
        elif node.name in views:
            made[node.name] = steps.of_view(views[node.name])
    used: set[tuple[str, str]] = set()
    for name, columns in made.items():
        for column in columns:
            for table, of, path in column.origins:
                source = graph.spellings.get(table.lower())
                if source in names and source is not None:
                    used.add((source, of))
                    yield ColumnEdge(source, of, name, column.name, path)
    for source, column_name in sorted(used):
        for outside in graph.inputs.get(source, ()):
            if (outside, source) in linked and graph.nodes[outside].kind is NodeKind.EXTERNAL:
                yield ColumnEdge(outside, column_name, source, column_name)
