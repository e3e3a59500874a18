"""The ways from what a view is made of to the view itself, each as the names along it."""

from collections.abc import Iterator

from pwh_assets.services.lineage.graph import Graph, Node, NodeKind

MOST = 100
"""Ways that are told of one table or view: there can be as many as 2 to the power of its steps."""


def paths_to(graph: Graph, node: Node, most: int = MOST) -> tuple[list[tuple[str, ...]], bool]:
    """Every way from a table to the node, first names first, and whether there are more than `most`.

    Tables at their sources are left out.
    """
    found: list[tuple[str, ...]] = []
    for path in _ways(graph, node.name):
        if len(found) == most:
            return found, True
        found.append(path)
    return found, False


def _ways(graph: Graph, name: str) -> Iterator[tuple[str, ...]]:
    """Depth first, without recursion: chains of views can be long."""
    waiting: list[tuple[str, ...]] = [(name,)]
    while waiting:
        path = waiting.pop()
        above = [
            each
            for each in sorted(graph.inputs.get(path[0], ()), reverse=True)
            if graph.nodes[each].kind is not NodeKind.EXTERNAL
        ]
        if not above:
            yield path
        waiting += [(each, *path) for each in above]
