"""Legal ranges: which cadences and targets a table or view may have, and who forbids the others."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from pwh_assets.core.frequency import FREQUENCIES, Frequency
from pwh_assets.services.freshness.plan import LADDER, Pace, Plan, Rhythm, make_plan, shortest_age

SHORTEST_VIEW = "15min"
"""The shortest cadence and target of a view; PostHog's as well."""


@dataclass(frozen=True, slots=True)
class Option:
    """One cadence or target. `blocked_by` is `source` when what it reads forbids it, `consumer` when its readers do,
    `itself` when its own mode or build does.
    """

    cadence: str
    allowed: bool
    blocked_by: str | None = None
    blocker: str | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    cadence: str
    blocker: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """A legal range in PostHog's shape. `frequency_mode` is `tiered` where the range means something."""

    frequency_mode: str
    options: tuple[Option, ...] = ()
    floor: Bound | None = None
    ceiling: Bound | None = None
    best_effort_sources: tuple[str, ...] = ()

    def option(self, cadence: str) -> Option | None:
        return next((each for each in self.options if each.cadence == cadence), None)

    def as_dict(self, plan: Plan) -> dict[str, Any]:
        """Plain JSON values; blockers with their ids."""
        return {
            "frequency_mode": self.frequency_mode,
            "options": [
                {
                    "cadence": option.cadence,
                    "allowed": option.allowed,
                    "blocked_by": option.blocked_by,
                    "blocker": _blocker(plan, option.blocker),
                }
                for option in self.options
            ],
            "floor": _bound(plan, self.floor),
            "ceiling": _bound(plan, self.ceiling),
            "best_effort_sources": [_blocker(plan, name) for name in self.best_effort_sources],
        }


def cadence_bounds(plan: Plan, name: str) -> Bounds:
    """Cadences a table or a scheduled view may be set to.

    The floor is the slowest of what it reads: run more often, it would show the same rows again. The ceiling is what
    the tightest target above it leaves.
    """
    pace = plan.paces.get(name)
    if pace is None or pace.rhythm is not Rhythm.CLOCK:
        mode = {Rhythm.FOLLOWS: "inputs", Rhythm.NONE: "manual"}.get(
            pace.rhythm if pace else Rhythm.THROUGH, "no_node"
        )
        return Bounds(mode, best_effort_sources=plan.best_effort(name))
    loosest = {**plan.paces, name: replace(pace, own=Frequency(LADDER[-1]))}
    free = make_plan(plan.graph, loosest)
    floor = _slowest_input(free, name)
    demand = free.demands.get(name)
    ceiling = None
    if demand is not None and demand[0] != LADDER[-1]:
        ceiling = Bound(free.cadences[name].name, demand[1])
    if floor and ceiling and FREQUENCIES[floor.cadence] > FREQUENCIES[ceiling.cadence]:
        # What a target asks for is always allowed, also where an input cannot follow.
        floor = Bound(ceiling.cadence, floor.blocker)
    options = []
    for cadence in LADDER[LADDER.index(pace.quickest) :]:
        if ceiling and FREQUENCIES[cadence] > FREQUENCIES[ceiling.cadence]:
            options.append(Option(cadence, False, "consumer", ceiling.blocker))
        elif floor and FREQUENCIES[cadence] < FREQUENCIES[floor.cadence]:
            options.append(Option(cadence, False, "source", floor.blocker))
        else:
            options.append(Option(cadence, True))
    guesses = {*plan.best_effort(name), *(each for each in plan.blockers(name) if each != name)}
    return Bounds("tiered", tuple(options), floor, ceiling, tuple(sorted(guesses)))


def target_bounds(plan: Plan, name: str) -> Bounds:
    """Targets a view may be given: those that can be kept when everything it is made of runs as often as its mode allows."""
    stopped = plan.blockers(name)
    if stopped:
        side = "itself" if stopped[0] == name else "source"
        options = tuple(Option(each, False, side, stopped[0]) for each in _targets())
        return Bounds("tiered", options, best_effort_sources=plan.best_effort(name))
    least, whose = shortest_age(plan.graph, plan.paces, name)
    side = "itself" if whose == name else "source"
    options = tuple(
        Option(each, True) if FREQUENCIES[each] >= least else Option(each, False, side, whose)
        for each in _targets()
    )
    first = next((each.cadence for each in options if each.allowed), None)
    floor = Bound(first, whose) if first and first != SHORTEST_VIEW else None
    return Bounds("tiered", options, floor, None, plan.best_effort(name))


def slow_inputs(plan: Plan, name: str, cadence: str) -> tuple[str, ...]:
    """What a view reads, through views without a clock, that runs more seldom than this cadence."""
    return tuple(
        each
        for each in _clocks_above(plan, name)
        if FREQUENCIES[plan.cadences[each].name] > FREQUENCIES[cadence]
    )


def in_words(length: timedelta) -> str:
    """A length of time for a reader.

    >>> in_words(timedelta(minutes=95)), in_words(timedelta(days=2)), in_words(timedelta(seconds=62))
    ('1 h 35 min', '2 d', '1 min 2 s')
    """
    left, words = round(length.total_seconds()), []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        if count:
            words.append(f"{count} {unit}")
    return " ".join(words[:2]) or "0 s"


def _targets() -> tuple[str, ...]:
    return LADDER[LADDER.index(SHORTEST_VIEW) :]


def _slowest_input(plan: Plan, name: str) -> Bound | None:
    slowest = max(
        _clocks_above(plan, name),
        key=lambda each: (FREQUENCIES[plan.cadences[each].name], each),
        default=None,
    )
    return Bound(plan.cadences[slowest].name, slowest) if slowest else None


def _clocks_above(plan: Plan, name: str) -> list[str]:
    """The nearest tables and views with a cadence that a node is made of."""
    found, seen, queue = [], {name}, list(plan.graph.inputs.get(name, ()))
    for each in queue:
        if each in seen:
            continue
        seen.add(each)
        pace: Pace | None = plan.paces.get(each)
        if each in plan.cadences:
            found.append(each)
        elif pace is not None and pace.rhythm is not Rhythm.NONE:
            queue += plan.graph.inputs.get(each, ())
    return found


def _bound(plan: Plan, bound: Bound | None) -> dict[str, Any] | None:
    if bound is None:
        return None
    return {
        "cadence": bound.cadence,
        "label": in_words(FREQUENCIES[bound.cadence]),
        "blocker": _blocker(plan, bound.blocker),
    }


def _blocker(plan: Plan, name: str | None) -> dict[str, str] | None:
    if name is None:
        return None
    pace = plan.paces.get(name)
    return {"id": pace.id if pace and pace.id else name, "name": name}
