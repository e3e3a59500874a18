"""Freshness targets: how old what a view shows is at least, and whether that is too old."""

from collections.abc import Mapping
from datetime import datetime

from pwh_assets.core.health import Fact, IssueKind
from pwh_assets.services.health.troubles import Trouble, again, ago
from pwh_assets.services.lineage.graph import Graph


def shown_as_of(graph: Graph, facts: Mapping[str, Fact]) -> dict[str, tuple[datetime, str]]:
    """The moment nothing newer than which can be shown, and the table or view that is so old; of what leads to a target.

    A view is no newer than its own last build, nor than anything it reads.
    """
    if not any(fact.target for fact in facts.values()):
        return {}
    found: dict[str, tuple[datetime, str]] = {}
    for name in graph.order:
        fact = facts.get(name)
        oldest = [found[each] for each in graph.inputs.get(name, ()) if each in found]
        if fact and fact.succeeded_at and (fact.is_active or not fact.is_view):
            oldest.append((fact.succeeded_at, name))
        if oldest:
            found[name] = min(oldest)
    return found


def too_old(fact: Fact, as_of: tuple[datetime, str] | None, now: datetime) -> Trouble | None:
    """The issue of a view that breaks its target."""
    if fact.target is None or as_of is None or as_of[0] + fact.target.every >= now:
        return None
    moment, oldest = as_of
    through = "" if oldest == fact.name else f", because `{oldest}` is so old"
    return Trouble(
        IssueKind.STALE,
        f"It may be {fact.target.name} old at most and shows what was true {ago(moment, now)} ago{through}.",
        f"See what keeps `{oldest}` back (`pwh status`), or {again(fact)}.",
        moment + fact.target.every,
        f"target {fact.target.name}",
    )
