"""How often everything has to run so that every freshness target is kept: pure functions of a project's graph."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cached_property

from pwh_assets.core.frequency import FREQUENCIES, Frequency
from pwh_assets.services.lineage.graph import Graph

LADDER: tuple[str, ...] = tuple(FREQUENCIES)
"""Every cadence, shortest first."""
FOLLOW_LAG = timedelta(minutes=1)
"""So long after a change of its inputs, at most, a view that follows them is asked for."""
LONGEST_MONTH = timedelta(days=31)
_NOTHING = timedelta(0)


class Rhythm(StrEnum):
    """What brings new rows into a table or view."""

    CLOCK = "clock"
    """A run every so often."""
    FOLLOWS = "follows"
    """A build after its inputs changed."""
    THROUGH = "through"
    """Nothing: it is computed when it is read."""
    ARRIVES = "arrives"
    """Others, whenever they like: nobody here can promise when. Best effort."""
    NONE = "none"
    """Nothing by itself; a person has to ask. Whoever reads it can promise nothing."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How one table or view comes by new rows.

    `takes` is how long one run takes. `quickest` is the shortest cadence its mode allows.
    """

    name: str
    rhythm: Rhythm
    own: Frequency | None = None
    """Its own setting; None unless `rhythm` is `CLOCK`."""
    quickest: str = LADDER[0]
    takes: timedelta = _NOTHING
    target: str | None = None
    """How old what it shows may get at most, a name of the ladder."""
    reason: str = ""
    """Why it never runs by itself, for a sentence: `is paused`."""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One table or view on the way of the oldest row: what it adds to the age."""

    name: str
    cadence: str | None
    takes: timedelta
    adds: timedelta


def gap(cadence: str) -> timedelta:
    """The longest time between two ticks: that of its name, but a month may have 31 days."""
    return LONGEST_MONTH if cadence == "30day" else FREQUENCIES[cadence]


def adds(pace: Pace, cadence: str) -> timedelta:
    """What a table or view adds at most to the age of what it shows, were it run at this cadence.

    A run shows what its inputs showed when it began. That becomes visible `takes` later and is what readers see until
    the next run has ended: one whole period and the run itself. A run that is longer than the cadence skips ticks.

    >>> adds(Pace("orders", Rhythm.CLOCK, takes=timedelta(minutes=2)), "1hour")
    datetime.timedelta(seconds=3720)
    """
    if pace.rhythm is Rhythm.CLOCK:
        length = gap(cadence)
        periods = max(1, math.ceil(pace.takes / length))
        return periods * length + pace.takes
    if pace.rhythm is Rhythm.FOLLOWS:
        return max(FOLLOW_LAG, pace.takes) + pace.takes
    return _NOTHING


def cadence_at(pace: Pace, pressed: str) -> str:
    """The cadence when everything is pressed down to one: its own where that is quicker, never under its quickest."""
    own = LADDER.index(pace.own.name) if pace.own else len(LADDER) - 1
    return LADDER[max(min(own, LADDER.index(pressed)), LADDER.index(pace.quickest))]


@dataclass(frozen=True)
class Plan:
    """Effective cadences, and how old everything gets with them. Build it with `make_plan`."""

    graph: Graph
    paces: Mapping[str, Pace]
    cadences: Mapping[str, Frequency]
    """Of everything that runs by the clock."""
    because: Mapping[str, str]
    """Table or view -> the view whose target makes it run more often than its own setting."""
    demands: Mapping[str, tuple[str, str]]
    """Table or view -> the longest cadence the targets above it leave, and the view whose target that is."""

    def effective(self, name: str) -> Frequency | None:
        """How often it runs; None for what does not run by the clock."""
        return self.cadences.get(name)

    def adds(self, name: str) -> timedelta:
        pace = self.paces.get(name)
        cadence = self.cadences.get(name)
        return adds(pace, cadence.name if cadence else LADDER[-1]) if pace else _NOTHING

    @cached_property
    def ages(self) -> Mapping[str, timedelta | None]:
        """How old what each one shows gets at worst, while every run succeeds; None when nobody can say."""
        found: dict[str, timedelta | None] = {}
        for name in self.graph.order:
            above = [found[each] for each in self.graph.inputs.get(name, ())]
            pace = self.paces.get(name)
            if (pace is not None and pace.rhythm is Rhythm.NONE) or None in above:
                found[name] = None
            else:
                oldest = max((each for each in above if each is not None), default=_NOTHING)
                found[name] = oldest + self.adds(name)
        return found

    def path(self, name: str) -> tuple[Step, ...]:
        """The way of the oldest row, from its source to here; empty when nobody can say how old it gets."""
        if self.ages.get(name) is None:
            return ()
        steps: list[Step] = []
        here: str | None = name
        while here is not None:
            pace = self.paces.get(here)
            if pace is not None:
                cadence = self.cadences.get(here)
                steps.append(
                    Step(here, cadence.name if cadence else None, pace.takes, self.adds(here))
                )
            above = self.graph.inputs.get(here, ())
            here = max(above, key=lambda each: (self.ages[each] or _NOTHING, each), default=None)
        return tuple(reversed(steps))

    def blockers(self, name: str) -> tuple[str, ...]:
        """What it is made of, itself included, that never runs by itself; the nearest first."""
        reach = {name: 0} | self.graph.reach(name, self.graph.inputs)
        return tuple(
            each
            for each, _ in sorted(reach.items(), key=lambda item: (item[1], item[0]))
            if (pace := self.paces.get(each)) and pace.rhythm is Rhythm.NONE
        )

    def best_effort(self, name: str) -> tuple[str, ...]:
        """What it is made of whose rows come when others bring them."""
        return tuple(
            sorted(
                each
                for each in self.graph.reach(name, self.graph.inputs)
                if (pace := self.paces.get(each)) and pace.rhythm is Rhythm.ARRIVES
            )
        )

    def is_kept(self, name: str) -> bool | None:
        """Whether its target is kept while every run succeeds; None without a target."""
        pace = self.paces.get(name)
        if pace is None or pace.target is None:
            return None
        age = self.ages.get(name)
        return age is not None and age <= FREQUENCIES[pace.target]


def make_plan(graph: Graph, paces: Mapping[str, Pace]) -> Plan:
    """Effective cadences of a project.

    A table's or view's cadence is the longest one with which every target it serves is kept on every way through it,
    were everything on that way run at that cadence (or at its own where that is shorter). So a tighter target never
    makes anything run more seldom, no cadence is longer than the target of anybody who reads it, and when each keeps
    its own, all of them together keep every target that can be kept.
    """
    allowed, blame = _demands(graph, paces)
    cadences, because, demands = {}, {}, {}
    for name, pace in paces.items():
        if name in allowed and pace.rhythm is Rhythm.CLOCK:
            demands[name] = (LADDER[max(0, allowed[name])], blame[name])
        if pace.rhythm is not Rhythm.CLOCK or pace.own is None:
            continue
        pressed = LADDER[max(0, allowed.get(name, len(LADDER) - 1))]
        cadence = cadence_at(pace, pressed)
        if LADDER.index(cadence) >= LADDER.index(pace.own.name):
            cadences[name] = pace.own
        else:
            cadences[name] = anchored(cadence, pace.own.time_of_day)
            because[name] = blame[name]
    return Plan(graph, paces, cadences, because, demands)


def anchored(cadence: str, time_of_day: str | None) -> Frequency:
    """The cadence at its own minute and hour, where it is long enough to have them."""
    is_long = FREQUENCIES[cadence] >= FREQUENCIES["1hour"]
    return Frequency(cadence, time_of_day if is_long else None)


def shortest_age(graph: Graph, paces: Mapping[str, Pace], name: str) -> tuple[timedelta, str]:
    """How old it gets at worst with everything as quick as its mode allows, and what adds most to that."""
    reach = {name, *graph.reach(name, graph.inputs)}
    ages: dict[str, tuple[timedelta, timedelta, str]] = {}
    for each in graph.order:
        if each not in reach:
            continue
        pace = paces.get(each)
        own = adds(pace, cadence_at(pace, LADDER[0])) if pace else _NOTHING
        above = max(
            (ages[i] for i in graph.inputs.get(each, ())), default=(_NOTHING, _NOTHING, each)
        )
        worst = (own, each) if own >= above[1] else above[1:]
        ages[each] = (above[0] + own, *worst)
    return ages[name][0], ages[name][2]


def _demands(graph: Graph, paces: Mapping[str, Pace]) -> tuple[dict[str, int], dict[str, str]]:
    """For everything that serves a target: the rung of the ladder it may run at, and whose target says so.

    A rung of -1 stands for a target that cannot be kept: everything runs as quickly as it can.
    """
    serving: set[str] = set()
    queue = [name for name, pace in paces.items() if pace.target is not None]
    for name in queue:
        if name in serving:
            continue
        serving.add(name)
        pace = paces.get(name)
        if pace is None or pace.rhythm is not Rhythm.NONE:
            queue += graph.inputs.get(name, ())
    if not serving:
        return {}, {}
    order = [name for name in graph.order if name in serving]
    rung = dict.fromkeys(order, -1)
    blame: dict[str, str] = {}
    for index, pressed in enumerate(LADDER):
        up, left = _ages_and_slack(graph, paces, order, pressed)
        for name in order:
            slack, whose = left[name]
            if rung[name] == index - 1:
                # The first rung that is too long names the target that makes it so.
                blame[name] = whose
                if up[name] <= slack:
                    rung[name] = index
    return rung, blame


def _ages_and_slack(
    graph: Graph, paces: Mapping[str, Pace], order: list[str], pressed: str
) -> tuple[dict[str, timedelta], dict[str, tuple[timedelta, str]]]:
    """Of each name: how old it gets on its longest way, and how old it may get for the tightest target after it."""
    cost = {
        name: adds(paces[name], cadence_at(paces[name], pressed)) if name in paces else _NOTHING
        for name in order
    }
    up: dict[str, timedelta] = {}
    for name in order:
        up[name] = cost[name] + max(
            (up[each] for each in graph.inputs.get(name, ()) if each in up), default=_NOTHING
        )
    left: dict[str, tuple[timedelta, str]] = {}
    for name in reversed(order):
        pace = paces.get(name)
        found = []
        if pace is not None and pace.target is not None:
            found.append((FREQUENCIES[pace.target], name))
        for reader in graph.outputs[name]:
            stops = paces[reader].rhythm is Rhythm.NONE if reader in paces else False
            if reader in left and not stops:
                found.append((left[reader][0] - cost[reader], left[reader][1]))
        left[name] = min(found)
    return up, left
