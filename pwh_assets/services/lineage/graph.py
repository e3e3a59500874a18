"""The graph of one project: external tables, synced tables, product tables and views, and who reads whom."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from pwh_assets.core.metric import NODE, Metric, MetricKind, node_name
from pwh_assets.core.names import asset_key, slug, table_spellings
from pwh_assets.core.source import SyncedTable
from pwh_assets.core.view import SavedQuery, ViewOrigin
from pwh_assets.services.platform import Platform

PRODUCT_TABLES: Mapping[str, tuple[str, ...]] = {
    "events": (),
    "persons": (),
    "person_distinct_ids": (),
    "groups": (),
    "cohort_people": (),
    "sessions": ("events",),
    "exchange_rates": (),
}
"""The product's own tables and what each is made of."""

_INDEXES = {"exchange_rate_index": "exchange_rates"}
"""Tables kept beside another one for reading it fast: whoever reads them reads that one."""


class NodeKind(StrEnum):
    EXTERNAL = "external_table"
    """A table at its source, outside the warehouse."""
    SYNCED = "synced_table"
    PRODUCT = "product_table"
    VIEW = "view"
    MATERIALIZED = "materialized_view"
    DBT = "dbt_model"
    """A model of the operator's own dbt project."""
    METRIC = "metric"
    """Only in a graph that was asked for with metrics: nothing that runs has to do with them."""


@dataclass(frozen=True, slots=True)
class Node:
    """One table or view. `name` is its HogQL name; an external table goes by `<source slug>/<table>`."""

    name: str
    kind: NodeKind
    id: str
    """Id of the synced table or saved query; the name where there is none."""
    asset_key: tuple[str, ...]
    source_type: str | None = None
    description: str = ""


@dataclass(frozen=True)
class Graph:
    """Nodes by name, and the names each one reads. Never has a cycle: saving one is refused."""

    nodes: Mapping[str, Node]
    inputs: Mapping[str, tuple[str, ...]]
    missing: Mapping[str, tuple[str, ...]]
    """View -> names its text reads that nothing has any more."""
    spellings: Mapping[str, str]
    """Every spelling, lower case -> name."""

    @cached_property
    def outputs(self) -> Mapping[str, tuple[str, ...]]:
        """Who reads each node."""
        found: dict[str, list[str]] = {name: [] for name in self.nodes}
        for name, inputs in self.inputs.items():
            for each in inputs:
                found[each].append(name)
        return {name: tuple(readers) for name, readers in found.items()}

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Every node after all it reads."""
        waiting = {name: len(self.inputs.get(name, ())) for name in self.nodes}
        ready = [name for name, count in waiting.items() if not count]
        for name in ready:
            for reader in self.outputs[name]:
                waiting[reader] -= 1
                if not waiting[reader]:
                    ready.append(reader)
        return tuple(ready)

    def find(self, name: str) -> Node | None:
        """The node a text means: any spelling, an id, `<source slug>/<table>`."""
        known = self.spellings.get(name.strip().lower())
        return self.nodes[known] if known else None

    def reach(self, name: str, step: Mapping[str, Sequence[str]]) -> dict[str, int]:
        """Everything reached from a node along `inputs` or `outputs`, with the fewest steps to it."""
        depth = {name: 0}
        queue = [name]
        for each in queue:
            for following in step.get(each, ()):
                if following not in depth:
                    depth[following] = depth[each] + 1
                    queue.append(following)
        del depth[name]
        return depth

    def read_by(self, name: str) -> tuple[str, ...]:
        """What a view reads, itself or through plain views; these are among them."""
        found: dict[str, None] = {}
        queue = list(self.inputs.get(name, ()))
        for each in queue:
            if each not in found:
                found[each] = None
                if self.nodes[each].kind is NodeKind.VIEW:
                    queue += self.inputs.get(each, ())
        return tuple(found)


def build_graph(
    project_id: int,
    tables: Iterable[SyncedTable],
    views: Iterable[SavedQuery],
    metrics: Iterable[Metric] | None = None,
) -> Graph:
    """The graph of these tables, views and metrics and the product's own tables; without metrics, who reads them is not in it."""
    nodes: dict[str, Node] = {}
    inputs: dict[str, tuple[str, ...]] = {}
    spellings: dict[str, str] = {}
    for name, made_of in PRODUCT_TABLES.items():
        nodes[name] = Node(name, NodeKind.PRODUCT, name, asset_key(project_id, "product", name))
        inputs[name] = made_of
        spellings[name] = name
    spellings.update(_INDEXES)
    for table in tables:
        name, source = table.table_name, table.source
        outside = f"{source.slug}/{table.name}"
        key = asset_key(project_id, source.slug, slug(table.name))
        kind = source.source_type.lower()
        nodes[outside] = Node(
            outside, NodeKind.EXTERNAL, outside, ("external", *key), kind, table.description
        )
        nodes[name] = Node(name, NodeKind.SYNCED, table.id, key, kind, table.description)
        inputs[outside], inputs[name] = (), (outside,)
        for spelling in table_spellings(source.source_type, source.prefix, table.name):
            spellings[spelling.lower()] = name
        spellings[table.id.lower()] = spellings[f"{source.slug}.{slug(table.name)}"] = name
        spellings[outside.lower()] = outside
    saved = list(views)
    for view in saved:
        kind_of_view = NodeKind.MATERIALIZED if view.is_materialized else NodeKind.VIEW
        if view.origin is ViewOrigin.DBT:
            kind_of_view = NodeKind.DBT
        key = asset_key(project_id, *view.place)
        nodes[view.name] = Node(view.name, kind_of_view, view.id, key, None, view.description)
        spellings[view.name.lower()] = spellings[view.id.lower()] = view.name
    measured = list(metrics or ())
    for metric in measured:
        name = node_name(metric.key)
        key = asset_key(project_id, "metrics", metric.key)
        nodes[name] = Node(name, NodeKind.METRIC, name, key, None, metric.description)
        spellings[name] = name
    for metric in measured:
        read = [node_name(each.metric) for each in metric.inputs]
        if metric.kind is MetricKind.SIMPLE:
            read = [metric.source]
        found_of = (spellings.get(each.lower()) for each in read)
        inputs[node_name(metric.key)] = tuple(dict.fromkeys(each for each in found_of if each))
    missing: dict[str, tuple[str, ...]] = {}
    for view in saved:
        known = {
            name: spellings.get(name.lower())
            for name in view.inputs
            if metrics is not None or not name.startswith(NODE)
        }
        inputs[view.name] = tuple(dict.fromkeys(found for found in known.values() if found))
        if lost := tuple(name for name, found in known.items() if not found):
            missing[view.name] = lost
    return Graph(nodes, inputs, missing, spellings)


_built: dict[tuple[str, int, bool], tuple[str, Graph]] = {}


def project_graph(platform: Platform, project_id: int) -> Graph:
    """The graph of a project, kept until a source, table or view of it changes."""
    return _kept(platform, project_id, has_metrics=False)


def metric_graph(platform: Platform, project_id: int) -> Graph:
    """The graph of a project with its metrics, for whoever asks what a change would reach."""
    return _kept(platform, project_id, has_metrics=True)


def _kept(platform: Platform, project_id: int, *, has_metrics: bool) -> Graph:
    version = platform.store.catalog_version(project_id)
    key = (f"{platform.settings.home}\n{platform.settings.store_url}", project_id, has_metrics)
    kept = _built.get(key)
    if kept is None or kept[0] != version:
        metrics = None
        if has_metrics:
            metrics = [each.definition for each in platform.store.metrics(project_id)]
        kept = version, build_graph(project_id, *platform.store.outlines(project_id), metrics)
        _built[key] = kept
    return kept[1]
