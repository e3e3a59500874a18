"""Effective cadences and ages as pure functions: by example, and over random graphs."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pwh_assets.core.frequency import FREQUENCIES, Frequency
from pwh_assets.services.freshness.bounds import cadence_bounds, target_bounds
from pwh_assets.services.freshness.plan import LADDER, Pace, Rhythm, make_plan, shortest_age
from pwh_assets.services.lineage.graph import Graph, Node, NodeKind

MINUTE = timedelta(minutes=1)


def graph_of(**inputs):
    nodes = {name: Node(name, NodeKind.VIEW, name, (name,)) for name in inputs}
    return Graph(nodes, inputs, {}, {name: name for name in inputs})


def table(name, every="6hour", quickest="5min", takes=timedelta()):
    return Pace(name, Rhythm.CLOCK, Frequency(every), quickest, takes)


def view(name, every="24hour", target=None, takes=timedelta()):
    return Pace(name, Rhythm.CLOCK, Frequency(every), "15min", takes, target)


def plan_of(graph, *paces):
    return make_plan(graph, {pace.name: pace for pace in paces})


def cadences(plan):
    return {name: frequency.name for name, frequency in plan.cadences.items()}


def test_a_view_every_hour_on_a_table_every_hour_is_two_hours_old_at_worst():
    graph = graph_of(users=(), daily=("users",))
    plan = plan_of(graph, table("users", "1hour"), view("daily", "1hour"))
    assert plan.ages["users"] == timedelta(hours=1)
    assert plan.ages["daily"] == timedelta(hours=2)


def test_the_time_runs_take_counts_and_a_run_longer_than_its_cadence_skips_ticks():
    graph = graph_of(users=(), daily=("users",))
    slow = table("users", "15min", takes=20 * MINUTE)
    plan = plan_of(graph, slow, view("daily", "1hour", takes=2 * MINUTE))
    assert plan.ages["users"] == (30 + 20) * MINUTE
    assert plan.ages["daily"] == (50 + 62) * MINUTE
    assert [(step.name, step.adds) for step in plan.path("daily")] == [
        ("users", 50 * MINUTE),
        ("daily", 62 * MINUTE),
    ]


def test_a_target_makes_the_view_and_its_inputs_run_as_often_as_it_needs():
    graph = graph_of(users=(), daily=("users",))
    plan = plan_of(graph, table("users"), view("daily", target="1hour"))
    assert cadences(plan) == {"users": "30min", "daily": "30min"}
    assert plan.because == {"users": "daily", "daily": "daily"}
    assert plan.ages["daily"] == timedelta(hours=1) and plan.is_kept("daily")


def test_an_input_that_is_quicker_by_itself_leaves_its_readers_more_time():
    graph = graph_of(users=(), middle=("users",), daily=("middle",))
    paces = (table("users"), view("middle"), view("daily", target="24hour"))
    assert cadences(plan_of(graph, *paces)) == {
        "users": "6hour",
        "middle": "6hour",
        "daily": "6hour",
    }
    quick = (table("users", "15min"), view("middle", "15min"), paces[2])
    assert cadences(plan_of(graph, *quick))["daily"] == "12hour"


def test_the_tightest_consumer_wins_and_is_named():
    graph = graph_of(users=(), hourly=("users",), daily=("users",))
    plan = plan_of(
        graph, table("users"), view("hourly", target="1hour"), view("daily", target="24hour")
    )
    assert plan.effective("users").name == "30min" and plan.because["users"] == "hourly"
    assert plan.effective("daily").name == "12hour"


def test_plain_views_add_nothing_and_views_that_follow_add_their_wait_and_build():
    graph = graph_of(users=(), plain=("users",), follows=("plain",), top=("follows",))
    plan = plan_of(
        graph,
        table("users", "30min"),
        Pace("plain", Rhythm.THROUGH),
        Pace("follows", Rhythm.FOLLOWS, takes=timedelta(seconds=10)),
        Pace("top", Rhythm.THROUGH, target="1hour"),
    )
    assert plan.ages["top"] == timedelta(minutes=31, seconds=10)
    assert cadences(plan) == {"users": "30min"} and plan.is_kept("top")


def test_what_never_runs_makes_an_age_unknown_and_a_target_impossible():
    graph = graph_of(users=(), events=(), daily=("users", "events"))
    plan = plan_of(
        graph,
        Pace("users", Rhythm.NONE, reason="is paused"),
        Pace("events", Rhythm.ARRIVES),
        view("daily", target="1hour"),
    )
    assert plan.ages["daily"] is None and plan.is_kept("daily") is False
    assert plan.blockers("daily") == ("users",) and plan.best_effort("daily") == ("events",)
    bounds = target_bounds(plan, "daily")
    assert {(each.allowed, each.blocked_by, each.blocker) for each in bounds.options} == {
        (False, "source", "users")
    }
    assert bounds.best_effort_sources == ("events",)


def test_targets_are_offered_from_the_shortest_that_can_be_kept():
    graph = graph_of(users=(), daily=("users",))
    plan = plan_of(graph, table("users", takes=12 * MINUTE), view("daily"))
    assert shortest_age(graph, plan.paces, "daily") == (42 * MINUTE, "users")
    options = {each.cadence: each for each in target_bounds(plan, "daily").options}
    assert not options["30min"].allowed and options["30min"].blocker == "users"
    assert options["1hour"].allowed and target_bounds(plan, "daily").floor.cadence == "1hour"


def test_cadences_lie_between_the_slowest_input_and_the_tightest_reader():
    graph = graph_of(users=(), orders=(), middle=("users", "orders"), top=("middle",))
    plan = plan_of(
        graph,
        table("users", "15min"),
        table("orders", "1hour"),
        view("middle"),
        view("top", "6hour", target="24hour"),
    )
    bounds = cadence_bounds(plan, "middle")
    assert (bounds.floor.cadence, bounds.floor.blocker) == ("1hour", "orders")
    assert (bounds.ceiling.cadence, bounds.ceiling.blocker) == ("12hour", "top")
    assert [each.cadence for each in bounds.options if each.allowed] == ["1hour", "6hour", "12hour"]
    sides = {each.cadence: (each.blocked_by, each.blocker) for each in bounds.options}
    assert sides["15min"] == ("source", "orders") and sides["24hour"] == ("consumer", "top")
    assert next(each.cadence for each in cadence_bounds(plan, "users").options) == "5min"
    assert cadence_bounds(plan, "users").best_effort_sources == ()


def test_a_shorter_cadence_keeps_the_minute_and_hour_of_its_own_setting():
    graph = graph_of(users=(), daily=("users",))
    anchored = replace(table("users"), own=Frequency("24hour", "02:30"))
    plan = plan_of(graph, anchored, view("daily", target="24hour"))
    assert plan.effective("users") == Frequency("12hour", "02:30")
    plan = plan_of(graph, anchored, view("daily", target="1hour"))
    assert plan.effective("users") == Frequency("30min")


@st.composite
def projects(draw):
    """A graph of up to a dozen tables and views with settings, lengths and targets of every kind."""
    size = draw(st.integers(2, 12))
    names = [f"n{index}" for index in range(size)]
    inputs, paces = {}, {}
    for index, name in enumerate(names):
        above = (
            draw(st.lists(st.sampled_from(names[:index]), max_size=3, unique=True)) if index else []
        )
        inputs[name] = tuple(above)
        takes = draw(st.sampled_from([0, 1, 20, 90, 600, 4_000])) * timedelta(seconds=1)
        target = draw(st.none() | st.sampled_from(LADDER[2:])) if above else None
        every = Frequency(draw(st.sampled_from(LADDER[2:])))
        if above:
            rhythm = draw(
                st.sampled_from(
                    [Rhythm.CLOCK, Rhythm.CLOCK, Rhythm.FOLLOWS, Rhythm.THROUGH, Rhythm.NONE]
                )
            )
        else:
            rhythm = draw(st.sampled_from([Rhythm.CLOCK] * 4 + [Rhythm.ARRIVES, Rhythm.NONE]))
        own = every if rhythm is Rhythm.CLOCK else None
        paces[name] = Pace(name, rhythm, own, "15min" if above else "5min", takes, target)
    return graph_of(**inputs), paces


def longest_way(graph, plan, name):
    """The age by walking every way, which is what the plan must agree with."""
    ways = [longest_way(graph, plan, each) for each in graph.inputs[name]]
    return plan.adds(name) + max(ways, default=timedelta())


@given(projects())
def test_every_target_that_can_be_kept_is_kept(project):
    graph, paces = project
    alone = {name: replace(pace, target=None) for name, pace in paces.items()}
    for name, pace in paces.items():
        bounds = target_bounds(make_plan(graph, alone), name)
        if pace.target and not bounds.option(pace.target).allowed:
            paces = {**paces, name: replace(pace, target=None)}
    plan = make_plan(graph, paces)
    for name, pace in paces.items():
        if pace.target:
            assert plan.is_kept(name), (name, plan.ages[name])
            assert longest_way(graph, plan, name) <= FREQUENCIES[pace.target]
            for above in (name, *graph.reach(name, graph.inputs)):
                if above in plan.cadences:
                    assert plan.cadences[above].every <= FREQUENCIES[pace.target]


@given(projects(), st.data())
def test_a_tighter_target_never_makes_anything_run_more_seldom(project, data):
    graph, paces = project
    name = data.draw(st.sampled_from(list(paces)))
    plans = [
        make_plan(graph, {**paces, name: replace(paces[name], target=target)})
        for target in (None, *reversed(LADDER[2:]))
    ]
    for looser, tighter in pairwise(plans):
        for each, frequency in tighter.cadences.items():
            assert frequency.every <= looser.cadences[each].every
            age, before = tighter.ages[each], looser.ages[each]
            assert before is None or age is None or age <= before


@given(projects())
def test_nothing_runs_more_seldom_than_its_own_setting_nor_quicker_than_its_mode_allows(project):
    graph, paces = project
    plan = make_plan(graph, paces)
    for name, frequency in plan.cadences.items():
        assert frequency.every <= paces[name].own.every
        assert frequency.every >= min(FREQUENCIES[paces[name].quickest], paces[name].own.every)
        assert (frequency != paces[name].own) == (name in plan.because)
    for name, whose in plan.because.items():
        assert paces[whose].target and (whose == name or whose in graph.reach(name, graph.outputs))


@given(projects())
def test_a_cadence_that_is_offered_breaks_no_target_and_one_that_consumers_block_would(project):
    graph, paces = project
    plan = make_plan(graph, paces)
    kept = {name for name in paces if plan.is_kept(name)}
    for name in list(plan.cadences)[:3]:
        for option in cadence_bounds(plan, name).options:
            changed = {**paces, name: replace(paces[name], own=Frequency(option.cadence))}
            after = make_plan(graph, changed)
            if option.allowed:
                assert all(after.is_kept(each) for each in kept)
            elif option.blocked_by == "consumer":
                assert after.cadences[name].every < FREQUENCIES[option.cadence]
                assert paces[option.blocker].target


@given(projects())
def test_there_is_always_a_cadence_to_choose(project):
    graph, paces = project
    plan = make_plan(graph, paces)
    for name in plan.cadences:
        assert any(option.allowed for option in cadence_bounds(plan, name).options)
