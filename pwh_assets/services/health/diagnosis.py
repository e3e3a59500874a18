"""From facts to issues: one walk over the graph that tells roots from what follows from them."""

from collections.abc import Mapping
from datetime import UTC, datetime

from pwh_assets.core.health import Fact, HealthIssue, IssueKind, IssueType
from pwh_assets.errors import quoted
from pwh_assets.services.health.grouping import Away, Group, grouped
from pwh_assets.services.health.targets import shown_as_of, too_old
from pwh_assets.services.health.troubles import WORDS, Trouble, again, own_trouble
from pwh_assets.services.lineage.graph import Graph


def diagnose(
    graph: Graph, facts: Mapping[str, Fact], now: datetime, away: Away | None = None
) -> list[HealthIssue]:
    """Issues of these facts. Pure: the same graph, facts and moment give the same answer.

    A view that is late because something upstream is in trouble is `blocked` and names that root; one
    that was in trouble before, or failed by itself, is a root of its own. Tables of one source that fail for the same
    reason have one root, the source; what is late because nothing starts it has the daemon.

    Args:
        away: since when nothing is started by itself; None while something does or nobody can say.
    """
    found = {name: own_trouble(graph, fact, now) for name, fact in facts.items()}
    groups, group_of = grouped(facts, {n: t for n, t in found.items() if t is not None}, away)
    as_of = shown_as_of(graph, facts)
    roots: dict[str, Trouble] = {name: group.trouble for name, group in groups.items()}
    waits: dict[str, dict[str, None]] = {}
    blocks: dict[str, dict[str, None]] = {}
    for name in graph.order:
        fact = facts.get(name)
        above: dict[str, None] = {}
        for each in graph.inputs.get(name, ()):
            if each in group_of:
                above[group_of[each]] = None
            elif each in roots:
                above[each] = None
            above.update(waits.get(each, {}))
        own = found.get(name) if fact else None
        if fact and own is None:
            own = too_old(fact, as_of.get(name), now)
        if name not in group_of and own and not (above and _follows(own, above, roots, facts)):
            roots[name] = own
        if above:
            waits[name] = above
            for root in above if fact else ():
                blocks.setdefault(root, {})[name] = None
    issues = [
        _issue(facts[name], trouble, blocks=_names(blocks, name))
        for name, trouble in roots.items()
        if name not in groups
    ]
    issues += [_of_group(group, _names(blocks, key)) for key, group in groups.items()]
    issues.sort(key=lambda issue: (-len(issue.blocks) - len(issue.tables), issue.name))
    for name, roots_of in sorted(waits.items()):
        fact = facts.get(name)
        if fact and fact.is_view and fact.is_active and name not in roots and name not in group_of:
            issues.append(_blocked(fact, roots_of, roots, groups))
    return issues


def _names(blocks: Mapping[str, Mapping[str, None]], root: str) -> tuple[str, ...]:
    return tuple(sorted(blocks.get(root, ())))


def _follows(
    own: Trouble,
    above: Mapping[str, None],
    roots: Mapping[str, Trouble],
    facts: Mapping[str, Fact],
) -> bool:
    """Whether a view's trouble is explained by what is upstream.

    A failure is when an input never had rows; lateness is when it began no earlier than the first root's.
    """
    if own.kind in (IssueKind.FAILED, IssueKind.SUSPENDED):
        return any(root in facts and facts[root].succeeded_at is None for root in above)
    if own.kind is IssueKind.DEFINITION:
        return any(roots[root].kind is IssueKind.DEFINITION for root in above)
    if own.kind not in (IssueKind.STALE, IssueKind.NEVER_RAN):
        return False
    began = [roots[root].since for root in above]
    known = [moment for moment in began if moment is not None]
    return own.since is None or len(known) < len(began) or own.since >= min(known)


def _blocked(
    fact: Fact,
    above: Mapping[str, None],
    roots: Mapping[str, Trouble],
    groups: Mapping[str, Group],
) -> HealthIssue:
    ordered = sorted(above, key=lambda name: (_moment(roots[name].since), name))
    names = [groups[name].name if name in groups else name for name in ordered]
    because = "; ".join(
        f"`{name}` {WORDS[roots[root].kind]}"
        for name, root in zip(names[:3], ordered[:3], strict=True)
    )
    kept = (
        f"It shows what was true at {fact.succeeded_at:%Y-%m-%d %H:%M} UTC"
        if fact.succeeded_at
        else "It has no rows yet"
    )
    trouble = Trouble(
        IssueKind.BLOCKED,
        f"{kept}, because {because}.",
        f"Mend {quoted(names)} first, then {again(fact)}, or wait for its schedule.",
        roots[ordered[0]].since,
    )
    return _issue(fact, trouble, root=names[0])


def _issue(
    fact: Fact, trouble: Trouble, *, root: str | None = None, blocks: tuple[str, ...] = ()
) -> HealthIssue:
    kind = IssueType.TABLE
    if fact.is_view:
        kind = IssueType.MATERIALIZED if fact.is_active else IssueType.VIEW
    return HealthIssue(
        id=fact.id,
        name=fact.name,
        type=kind.value,
        kind=trouble.kind,
        error=trouble.error,
        way_out=trouble.way_out,
        since=trouble.since,
        source_type=fact.source_type,
        root=root,
        blocks=blocks,
        source=fact.source or None,
        is_retrying=trouble.is_retrying,
        cause=trouble.cause,
    )


def _of_group(group: Group, blocks: tuple[str, ...]) -> HealthIssue:
    trouble = group.trouble
    return HealthIssue(
        id=group.id,
        name=group.name,
        type=group.type.value,
        kind=trouble.kind,
        error=trouble.error,
        way_out=trouble.way_out,
        since=trouble.since,
        source_type=group.source_type,
        blocks=tuple(name for name in blocks if name not in group.members),
        source=group.source,
        tables=group.members,
        is_retrying=trouble.is_retrying,
        cause=trouble.cause,
    )


def _moment(value: datetime | None) -> datetime:
    return value or datetime.min.replace(tzinfo=UTC)
