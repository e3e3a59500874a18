"""`pwh view freshness`: what is promised, how often things run because of it, and how old they get at worst."""

import argparse
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pwh_assets.cli.arguments import Groups, UsageError, command, open_project
from pwh_assets.cli.console import note, print_json, say, table

if TYPE_CHECKING:
    from pwh_assets.services.freshness.project import Follower


def register_freshness(nouns: Groups) -> None:
    parser = command(
        nouns, "freshness", "how old rows get at worst; promise how old they may get", _freshness
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="a view or a table; all without it")
    parser.add_argument(
        "--target", metavar="AGE", help="the view's rows are never older, such as 1hour; none"
    )
    parser.add_argument(
        "--every", metavar="FREQUENCY", help="its own cadence, within what it reads and is read by"
    )
    parser.add_argument(
        "--lower-inputs", action="store_true", help="with --every: what it reads runs as often"
    )


def _freshness(args: argparse.Namespace) -> int:
    from pwh_assets.services.freshness.project import (
        describe,
        find_node,
        project_plan,
        set_cadence,
        set_target,
    )

    if args.name is None:
        if args.target or args.every or args.lower_inputs:
            raise UsageError("Say which view or table: `pwh view freshness NAME`.")
        return _all(args)
    if args.lower_inputs and not args.every:
        raise UsageError("`--lower-inputs` goes with `--every FREQUENCY`.")
    platform = open_project(args)
    followers: tuple[Follower, ...] = ()
    if args.every:
        followers += set_cadence(
            platform, args.project, args.name, args.every, lower_inputs=args.lower_inputs
        )
    if args.target:
        target = None if args.target == "none" else args.target
        followers += set_target(platform, args.project, args.name, target)[1]
    plan = project_plan(platform, args.project)
    facts = describe(plan, find_node(plan.graph, args.name).name)
    if args.json:
        print_json(facts | {"changed": followers})
        return 0
    for each in followers:
        note(f"`{each.name}` runs every {each.after} instead of every {each.before}.")
    _say_one(facts)
    return 0


def _say_one(facts: dict[str, Any]) -> None:
    from pwh_assets.services.freshness.bounds import in_words

    say(f"{facts['name']}  ({facts['kind'].replace('_', ' ')})")
    say(f"  runs        {_rhythm(facts)}")
    if facts["freshness_target"]:
        kept = {True: "kept", False: "NOT kept", None: ""}[facts["is_kept"]]
        say(f"  promise     rows no older than {facts['freshness_target']}: {kept}")
    if facts["worst_age_s"] is None:
        stopped = ", ".join(f"`{name}`" for name in facts["never_run"])
        say(f"  at worst    nobody can say: {stopped} never runs by itself")
    else:
        age = in_words(timedelta(seconds=facts["worst_age_s"]))
        say(f"  at worst    {age} old, while every run succeeds")
        for step in facts["worst_path"]:
            if step["adds_s"]:
                every = f"every {step['cadence']}" if step["cadence"] else "after its inputs"
                takes = f", takes {in_words(timedelta(seconds=step['takes_s']))}"
                adds = in_words(timedelta(seconds=step["adds_s"]))
                say(f"    + {adds:12} {step['name']}  {every}{takes if step['takes_s'] else ''}")
    for label, key in (
        ("cadences", "sync_frequency_bounds"),
        ("promises", "freshness_target_bounds"),
    ):
        bounds = facts[key]
        allowed = [option["cadence"] for option in bounds["options"] if option["allowed"]]
        if bounds["options"]:
            say(f"  {label}    {', '.join(allowed) or 'none is possible'}")
        blockers: dict[str, list[str]] = {}
        for option in bounds["options"]:
            if option["blocker"]:
                blockers.setdefault(option["blocker"]["name"], []).append(option["cadence"])
        for name, cadences in blockers.items():
            say(f"    not {', '.join(cadences)}: because of `{name}`")
    guesses = facts["freshness_target_bounds"]["best_effort_sources"]
    if guesses:
        names = ", ".join(f"`{each['name']}`" for each in guesses)
        say(f"  best effort {names}: as fresh as others bring it")


def _all(args: argparse.Namespace) -> int:
    from pwh_assets.services.freshness.bounds import in_words
    from pwh_assets.services.freshness.project import project_plan, summary

    lines = summary(project_plan(open_project(args), args.project))
    if args.json:
        print_json({"results": lines, "count": len(lines)})
        return 0
    rows = [
        (
            each["name"],
            _rhythm(each),
            each["freshness_target"] or "",
            in_words(timedelta(seconds=each["worst_age_s"]))
            if each["worst_age_s"] is not None
            else "unknown",
            "no" if each["is_kept"] is False else "",
        )
        for each in lines
    ]
    say(table(("name", "runs", "promise", "oldest", "broken"), rows))
    return 0


def _rhythm(facts: dict[str, Any]) -> str:
    if facts["effective_frequency"]:
        every = f"every {facts['effective_frequency']}"
        if facts["because"]:
            every += f" (set to {facts['sync_frequency']}; `{facts['because']}` needs it)"
        return every
    return {
        "follows": "after its inputs change",
        "through": "computed when read",
        "arrives": "when rows come",
        "none": "only when asked",
    }.get(facts["runs"] or "", "outside of PWH")
