"""A project's freshness from the store: its paces, its plan, and what a person may change about it."""

import hashlib
import statistics
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from pwh_assets.core.frequency import FREQUENCIES, Frequency
from pwh_assets.core.names import nearest
from pwh_assets.core.source import SyncedTable, SyncMode, TableStatus
from pwh_assets.core.view import Refresh, SavedQuery
from pwh_assets.errors import ConflictError, InvalidInputError, NotFoundError, UserError, quoted
from pwh_assets.services.freshness.bounds import (
    SHORTEST_VIEW,
    cadence_bounds,
    in_words,
    slow_inputs,
    target_bounds,
)
from pwh_assets.services.freshness.plan import (
    LADDER,
    Pace,
    Plan,
    Rhythm,
    anchored,
    make_plan,
    shortest_age,
)
from pwh_assets.services.lineage.graph import Graph, Node, NodeKind, build_graph, project_graph
from pwh_assets.services.platform import Platform

QUICKEST_SYNC = "5min"
QUICKEST_STREAM = "1min"
"""Of tables that follow their source's changes (`cdc`)."""
_KEPT_S = 60.0
_KEPT_UNPROMISED_S = 600.0
"""Where nobody promised anything, the length of runs changes no cadence."""
_STEPS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 43_200)
"""Lengths of runs are rounded up to these, so that a second more or less changes no schedule."""


class UnreachableTargetError(UserError):
    """A view cannot be as fresh as asked: something it is made of does not allow it, and is named."""

    code = "freshness_target_unreachable"
    attr = "freshness_target"

    def __init__(self, name: str, target: str, blocker: str, sentence: str) -> None:
        self.name, self.target, self.blocker = name, target, blocker
        super().__init__(sentence)


class CadenceError(ConflictError):
    """A table or view cannot be run so often or so seldom; who forbids it is named."""

    code = "cadence_out_of_range"
    attr = "sync_frequency"

    def __init__(self, name: str, cadence: str, blocker: str, why: str, way_out: str) -> None:
        self.name, self.cadence, self.blocker, self.why = name, cadence, blocker, why
        super().__init__(f"{why} {way_out}")


@dataclass(frozen=True, slots=True)
class Follower:
    """What runs at another cadence because of a change."""

    name: str
    before: str
    after: str


def project_plan(platform: Platform, project_id: int) -> Plan:
    """The plan of a project, kept until its catalog changes, and a minute where somebody promised something: runs may
    take longer by then.
    """
    store = platform.store
    version = store.catalog_version(project_id)
    key = (f"{platform.settings.home}\n{platform.settings.store_url}", project_id)
    kept = _plans.get(key)
    now = time.monotonic()
    if kept is not None and (kept.version != version or now - kept.made_s >= _KEPT_UNPROMISED_S):
        kept = None
    if kept is not None:
        is_promised = any(pace.target for pace in kept.plan.paces.values())
        if not is_promised or now - kept.looked_s < _KEPT_S:
            return kept.plan
    lengths = run_lengths(platform, project_id)
    if kept is not None and kept.lengths == lengths:
        _plans[key] = replace(kept, looked_s=now)
        return kept.plan
    tables, views = store.tables(project_id), store.views(project_id)
    graph = project_graph(platform, project_id)
    plan = make_plan(graph, paces_of(graph, tables, views, lengths))
    _plans[key] = _Kept(version, now, now, lengths, plan)
    return plan


@dataclass(frozen=True, slots=True)
class _Kept:
    """A plan with what it was made of: the catalog's version and how long runs took, looked at once more since."""

    version: str
    made_s: float
    looked_s: float
    lengths: Mapping[str, timedelta]
    plan: Plan


_plans: dict[tuple[str, int], _Kept] = {}


def cadence_mark(platform: Platform, project_id: int) -> str:
    """A text that changes when a freshness target comes to need other cadences; empty where nobody promised anything."""
    needed = project_plan(platform, project_id)
    if not needed.because:
        return ""
    listed = sorted((name, needed.cadences[name].name) for name in needed.because)
    return hashlib.sha256(repr(listed).encode()).hexdigest()[:16]


def run_lengths(platform: Platform, project_id: int) -> dict[str, timedelta]:
    """How long one run of each table and view takes, by its id: the middle one of its last five, rounded up."""
    return {
        subject_id: rounded(statistics.median_high(lengths))
        for subject_id, lengths in platform.store.last_run_lengths(project_id).items()
    }


def rounded(seconds: float) -> timedelta:
    """Up to the next of a few steps.

    >>> rounded(0.4), rounded(61)
    (datetime.timedelta(seconds=1), datetime.timedelta(seconds=120))
    """
    return timedelta(seconds=next((step for step in _STEPS_S if seconds <= step), seconds))


def paces_of(
    graph: Graph,
    tables: Collection[SyncedTable],
    views: Collection[SavedQuery],
    takes: Mapping[str, timedelta],
) -> dict[str, Pace]:
    """The pace of every node of the graph but the tables at their sources."""
    found: dict[str, Pace] = {}
    for node in graph.nodes.values():
        if node.kind is NodeKind.PRODUCT:
            rhythm = Rhythm.THROUGH if graph.inputs[node.name] else Rhythm.ARRIVES
            found[node.name] = Pace(node.name, rhythm, id=node.id)
    for table in tables:
        found[table.table_name] = _table_pace(table, takes.get(table.id, timedelta()))
    for view in views:
        found[view.name] = _view_pace(view, takes.get(view.id, timedelta()))
    return found


def _table_pace(table: SyncedTable, takes: timedelta) -> Pace:
    reason = ""
    if not table.should_sync:
        reason = "is paused"
    elif table.is_missing:
        reason = "is no longer at its source"
    elif table.mode is SyncMode.IN_PLACE:
        return Pace(table.table_name, Rhythm.ARRIVES, id=table.id)
    elif table.frequency.is_never:
        reason = "syncs only when asked"
    quickest = QUICKEST_STREAM if table.mode is SyncMode.CDC else QUICKEST_SYNC
    if reason:
        return Pace(table.table_name, Rhythm.NONE, quickest=quickest, reason=reason, id=table.id)
    return Pace(table.table_name, Rhythm.CLOCK, table.frequency, quickest, takes, id=table.id)


def _view_pace(view: SavedQuery, takes: timedelta) -> Pace:
    target = view.freshness_target
    if not view.is_materialized:
        return Pace(view.name, Rhythm.THROUGH, target=target, id=view.id)
    if view.status is TableStatus.PAUSED:
        return Pace(view.name, Rhythm.NONE, target=target, reason="is paused", id=view.id)
    if view.refresh is Refresh.INPUTS:
        return Pace(view.name, Rhythm.FOLLOWS, takes=takes, target=target, id=view.id)
    if view.refresh is Refresh.MANUAL or view.frequency is None or view.frequency.is_never:
        return Pace(
            view.name, Rhythm.NONE, target=target, reason="is built only when asked", id=view.id
        )
    return Pace(view.name, Rhythm.CLOCK, view.frequency, SHORTEST_VIEW, takes, target, id=view.id)


def set_target(
    platform: Platform, project_id: int, name: str, target: str | None
) -> tuple[SavedQuery, tuple[Follower, ...]]:
    """Promise how old what a view shows may get; None takes the promise back.

    Returns:
        The view, and the tables and views that run at another cadence from now on.

    Raises:
        NotFoundError: no such view.
        InvalidInputError: not a target a view may have.
        UnreachableTargetError: it cannot be kept; who stands in the way is named.
    """
    view = platform.store.view(project_id, name)
    before = project_plan(platform, project_id)
    if target is not None:
        target = check_target(before, view.name, target)
    view = platform.store.update_view(view.id, freshness_target=target)
    return view, followers(before, project_plan(platform, project_id))


def check_target(plan: Plan, name: str, target: str) -> str:
    """The target as it is written down.

    Raises:
        InvalidInputError: not a target a view may have.
        UnreachableTargetError: it cannot be kept; who stands in the way is named.
    """
    target = _target(target)
    option = target_bounds(plan, name).option(target)
    if option is not None and not option.allowed and option.blocker:
        raise _unreachable(plan, name, target, option.blocker)
    return target


def set_cadence(
    platform: Platform, project_id: int, name: str, every: str, *, lower_inputs: bool = False
) -> tuple[Follower, ...]:
    """Run a table or a view this often by its own setting; a time of day stays.

    Args:
        lower_inputs: have what it reads run as often, where that is more seldom now.

    Returns:
        What runs at another cadence from now on.

    Raises:
        NotFoundError: nothing has this name.
        CadenceError: what it reads is slower, or a target above it needs it more often.
        InvalidInputError: not a frequency, or none that its mode allows.
        UserError: it has no cadence.
    """
    plan = project_plan(platform, project_id)
    node = find_node(plan.graph, name)
    pace = plan.paces.get(node.name)
    if pace is None or node.kind not in (NodeKind.SYNCED, NodeKind.MATERIALIZED):
        raise UserError(
            f"`{node.name}` has no cadence: it is not run by PWH. "
            "Synced tables and materialized views have one."
        )
    frequency = Frequency.parse(every, attr="sync_frequency")
    is_view = node.kind is NodeKind.MATERIALIZED
    if (is_view or pace.rhythm is Rhythm.CLOCK) and not frequency.is_never:
        wanted = _timed(plan, node.name) if is_view else plan
        check_cadence(wanted, node.name, frequency, lower_inputs=lower_inputs)
        if lower_inputs:
            _lower_inputs(platform, project_id, wanted, node.name, frequency)
    _apply(platform, project_id, node, frequency)
    return followers(plan, project_plan(platform, project_id))


def plan_of_views(platform: Platform, project_id: int, views: Collection[SavedQuery]) -> Plan:
    """The plan the project would have, were these its views."""
    tables = platform.store.tables(project_id)
    graph = build_graph(project_id, tables, views)
    return make_plan(graph, paces_of(graph, tables, views, run_lengths(platform, project_id)))


def fit_cadence(
    platform: Platform,
    project_id: int,
    name: str,
    frequency: Frequency,
    *,
    is_default: bool = False,
    lower_inputs: bool = False,
) -> Frequency:
    """The cadence a view may be built by, were it built by the clock from now on: the one that is wanted.

    Args:
        is_default: nobody asked for this cadence in particular, so the nearest one that makes sense is taken instead.
        lower_inputs: have what it reads run as often, where that is more seldom now.

    Raises:
        CadenceError: what it reads is slower, or a target above it needs it more often.
    """
    plan = _timed(project_plan(platform, project_id), name)
    if is_default and not lower_inputs:
        allowed = [each.cadence for each in cadence_bounds(plan, name).options if each.allowed]
        quicker = [each for each in allowed if FREQUENCIES[each] <= frequency.every]
        nearest_one = quicker[-1] if quicker else next(iter(allowed), frequency.name)
        return anchored(nearest_one, frequency.time_of_day)
    check_cadence(plan, name, frequency, lower_inputs=lower_inputs)
    if lower_inputs:
        _lower_inputs(platform, project_id, plan, name, frequency)
    return frequency


def _timed(plan: Plan, name: str) -> Plan:
    """The same plan, were this view built by the clock; what it reads and is read by stays as it is."""
    pace = plan.paces[name]
    if pace.rhythm is Rhythm.CLOCK:
        return plan
    timed = replace(
        pace, rhythm=Rhythm.CLOCK, own=Frequency(LADDER[-1]), quickest=SHORTEST_VIEW, reason=""
    )
    return make_plan(plan.graph, {**plan.paces, name: timed})


def check_cadence(
    plan: Plan, name: str, frequency: Frequency, *, lower_inputs: bool = False
) -> None:
    """Raises CadenceError or InvalidInputError when what is built by the clock may not be so as often, or as seldom.

    Args:
        lower_inputs: what it reads is going to run as often.
    """
    inputs = slow_inputs(plan, name, frequency.name)
    option = cadence_bounds(plan, name).option(frequency.name)
    if option is None:
        raise InvalidInputError(
            "sync_frequency",
            f"`{name}` can run every `{plan.paces[name].quickest}` at most, not every `{frequency.name}`.",
        )
    if not option.allowed and option.blocker and not (lower_inputs and inputs):
        raise _forbidden(plan, name, frequency.name, option.blocked_by, option.blocker)


def _lower_inputs(
    platform: Platform, project_id: int, plan: Plan, name: str, frequency: Frequency
) -> None:
    for each in slow_inputs(plan, name, frequency.name):
        _apply(platform, project_id, plan.graph.nodes[each], _lowered(plan, each, frequency))


def followers(before: Plan, after: Plan) -> tuple[Follower, ...]:
    """What runs at another cadence in the second plan, by name."""
    return tuple(
        Follower(name, before.cadences[name].name, frequency.name)
        for name, frequency in sorted(after.cadences.items())
        if name in before.cadences and before.cadences[name].name != frequency.name
    )


def find_node(graph: Graph, name: str) -> Node:
    """By any name the thing has. Raises NotFoundError."""
    node = graph.find(name)
    if node is None:
        meant = nearest(name, list(graph.nodes))
        hint = f"Did you mean `{meant}`?" if meant else "`pwh view list` shows the views there are."
        raise NotFoundError("table or view", name, hint)
    return node


def describe(plan: Plan, name: str) -> dict[str, Any]:
    """All about the freshness of one table or view, as plain JSON values."""
    node = plan.graph.nodes[name]
    pace = plan.paces.get(name)
    age, effective = plan.ages.get(name), plan.effective(name)
    return {
        "name": name,
        "id": node.id,
        "kind": node.kind.value,
        "runs": pace.rhythm.value if pace else None,
        "sync_frequency": pace.own.name if pace and pace.own else None,
        "effective_frequency": effective.name if effective else None,
        "effective_time_of_day": effective.time_of_day if effective else None,
        "because": plan.because.get(name),
        "freshness_target": pace.target if pace else None,
        "is_kept": plan.is_kept(name),
        "worst_age_s": age.total_seconds() if age is not None else None,
        "worst_path": [
            {
                "name": step.name,
                "cadence": step.cadence,
                "takes_s": step.takes.total_seconds(),
                "adds_s": step.adds.total_seconds(),
            }
            for step in plan.path(name)
        ],
        "never_run": list(plan.blockers(name)),
        "sync_frequency_bounds": cadence_bounds(plan, name).as_dict(plan),
        "freshness_target_bounds": target_bounds(plan, name).as_dict(plan),
    }


def summary(plan: Plan) -> list[dict[str, Any]]:
    """Everything that runs, or promises something, one line each, by name."""
    return [
        {
            "name": name,
            "kind": plan.graph.nodes[name].kind.value,
            "runs": pace.rhythm.value,
            "sync_frequency": pace.own.name if pace.own else None,
            "effective_frequency": plan.cadences[name].name if name in plan.cadences else None,
            "because": plan.because.get(name),
            "freshness_target": pace.target,
            "is_kept": plan.is_kept(name),
            "worst_age_s": age.total_seconds() if (age := plan.ages[name]) is not None else None,
        }
        for name, pace in sorted(plan.paces.items())
        if plan.graph.nodes[name].kind is not NodeKind.PRODUCT
    ]


def _target(target: str) -> str:
    frequency = Frequency.parse(target, attr="freshness_target")
    if frequency.is_never or FREQUENCIES[frequency.name] < FREQUENCIES[SHORTEST_VIEW]:
        raise InvalidInputError(
            "freshness_target",
            f"A view can promise `{SHORTEST_VIEW}` at best, not `{frequency.name}`; `none` takes a promise back.",
        )
    return frequency.name


def _unreachable(plan: Plan, name: str, target: str, blocker: str) -> UnreachableTargetError:
    pace = plan.paces[blocker]
    if pace.rhythm is Rhythm.NONE:
        ways = {
            "is paused": f"Resume it: `pwh source resume {blocker}`.",
            "syncs only when asked": f"Give it a frequency: `pwh source set {blocker} --every 6hour`.",
            "is built only when asked": f"Give it a cadence: `pwh view materialize {blocker} --every 24hour`.",
        }
        way = ways.get(pace.reason, "Leave it out of the view.")
        sentence = f"View `{name}` cannot promise `{target}`: `{blocker}` {pace.reason}. {way}"
    else:
        least, _ = shortest_age(plan.graph, plan.paces, name)
        allowed = target_bounds(plan, name).floor
        hint = f" The shortest it can promise is `{allowed.cadence}`." if allowed else ""
        slow = f", and one run of it takes {in_words(pace.takes)}" if pace.takes else ""
        what = (
            f"`{blocker}` runs every `{pace.quickest}` at most{slow}"
            if pace.rhythm is Rhythm.CLOCK
            else f"`{blocker}` takes {in_words(pace.takes)} to build"
        )
        sentence = (
            f"View `{name}` cannot promise `{target}`: with everything it is made of as quick as it can be, its rows "
            f"are {in_words(least)} old at worst; {what}.{hint}"
        )
    return UnreachableTargetError(name, target, blocker, sentence)


def _forbidden(plan: Plan, name: str, cadence: str, side: str | None, blocker: str) -> CadenceError:
    if side == "consumer":
        promised = plan.paces[blocker].target
        own = "its own target" if blocker == name else f"`{blocker}`, which reads it,"
        why = f"`{name}` cannot run every `{cadence}`: {own} promises rows no older than `{promised}`."
        way_out = f"Loosen that first with `pwh view freshness {blocker} --target AGE`, or take it back with `--target none`."
    else:
        slow = slow_inputs(plan, name, cadence)
        pace = plan.cadences[blocker].name
        why = (
            f"`{name}` would show the same rows again every `{cadence}`: `{blocker}` runs every "
            f"`{pace}`."
        )
        way_out = f"Have {quoted(slow)} run as often with `--lower-inputs`, or choose `{pace}`."
    return CadenceError(name, cadence, blocker, why, way_out)


def _lowered(plan: Plan, name: str, frequency: Frequency) -> Frequency:
    """The cadence, or the quickest its mode allows."""
    quickest = plan.paces[name].quickest
    is_allowed = frequency.every >= FREQUENCIES[quickest]
    return frequency if is_allowed else Frequency(quickest)


def _apply(platform: Platform, project_id: int, node: Node, frequency: Frequency) -> None:
    if node.kind is NodeKind.SYNCED:
        from pwh_assets.services.sources.connecting import update_table

        update_table(platform, project_id, node.id, {"sync_frequency": frequency.name})
        return
    view = platform.store.view(project_id, node.id)
    time_of_day = view.frequency.time_of_day if view.frequency else None
    changes: dict[str, Any] = {
        "frequency": None if frequency.is_never else Frequency(frequency.name, time_of_day),
        "refresh": Refresh.MANUAL if frequency.is_never else Refresh.SCHEDULE,
    }
    platform.store.update_view(view.id, **changes)


def paused_chain(graph: Graph, stopped: Sequence[str]) -> dict[str, str]:
    """Views that wait for a suspended or paused one, each with the one it waits for; those themselves included."""
    found: dict[str, str] = {}
    for name in stopped:
        found[name] = name
        for reader in graph.reach(name, graph.outputs):
            found.setdefault(reader, name)
    return found
