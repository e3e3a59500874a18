"""`pwh view` commands of a view's table: kept, built, cancelled, resumed, reverted, and its runs."""

import argparse
import time
from typing import Any

from pwh_assets.cli.arguments import ENGINES, Groups, UsageError, command, number, open_project
from pwh_assets.cli.console import print_json, say, table
from pwh_assets.cli.view_incremental import add_options, config_of
from pwh_assets.errors import InvalidInputError

CANCEL_WAIT_S = 15.0


def register_runs(nouns: Groups) -> None:
    """The commands, in the group `pwh view`."""
    materialize = command(nouns, "materialize", "keep a view as a table", _materialize)
    materialize.add_argument("name", metavar="NAME")
    when = materialize.add_mutually_exclusive_group()
    when.add_argument(
        "--every", metavar="FREQUENCY", help="15min to 30day; 24hour when nothing is said"
    )
    when.add_argument(
        "--after-inputs", action="store_true", help="whenever what it reads has changed"
    )
    when.add_argument("--manual", action="store_true", help="only when somebody asks")
    materialize.add_argument(
        "--lower-inputs", action="store_true", help="with --every: what it reads runs as often"
    )
    materialize.add_argument("--at", metavar="HH:MM", help="time of day in UTC, from 6hour on")
    parts = materialize.add_mutually_exclusive_group()
    parts.add_argument("--incremental", metavar="KEY", help="build it in parts by this column")
    parts.add_argument("--whole", action="store_true", help="build it as a whole again")
    materialize.add_argument(
        "--engine", choices=(*ENGINES, "default"), help="what builds it from now on"
    )
    add_options(materialize)
    run = command(nouns, "run", "build materialized views now; status 1 when one failed", _run)
    run.add_argument("names", metavar="NAME", nargs="+")
    run.add_argument(
        "--full", action="store_true", help="everything anew, also in parts built ones"
    )
    run.add_argument(
        "--engine", choices=ENGINES, help="what computes them this time; refused where it cannot"
    )
    runs = command(nouns, "runs", "the runs of a view, newest first", _runs)
    runs.add_argument("name", metavar="NAME")
    runs.add_argument("--limit", type=number("limit", 1, 1000), default=20, metavar="N")
    cancel = command(nouns, "cancel", "end the build that runs; the old rows stay", _cancel)
    cancel.add_argument("name", metavar="NAME")
    resume = command(nouns, "resume", "let a suspended view be built by itself again", _resume)
    resume.add_argument("name", metavar="NAME")
    revert = command(nouns, "revert", "make a materialized view plain again", _revert)
    revert.add_argument("name", metavar="NAME")


def _materialize(args: argparse.Namespace) -> int:
    from pwh_assets.cli.view import print_view, rhythm
    from pwh_assets.core.view import Refresh
    from pwh_assets.services.incremental import checked_config, set_incremental
    from pwh_assets.services.views.saved import materialize_view
    from pwh_assets.services.views.warehouse import check_engine, set_engine

    refresh = Refresh.SCHEDULE
    if args.after_inputs or args.manual:
        refresh = Refresh.INPUTS if args.after_inputs else Refresh.MANUAL
    if args.lower_inputs and not args.every:
        raise UsageError("`--lower-inputs` goes with `--every FREQUENCY`.")
    platform = open_project(args)
    if args.engine not in (None, "default"):
        check_engine(platform, platform.store.view(args.project, args.name), args.engine)
    if args.incremental:
        config = checked_config(
            platform, args.project, args.name, config_of(args, args.incremental)
        )
    elif args.unique_key or args.lookback:
        raise InvalidInputError(
            "incremental",
            "`--unique-key` and `--lookback` belong to `--incremental KEY`. Name the key.",
        )
    view = materialize_view(
        platform,
        args.project,
        args.name,
        args.every,
        args.at,
        refresh=refresh,
        lower_inputs=args.lower_inputs,
    )
    if args.engine:
        view = set_engine(platform, view, args.engine)
    if args.incremental or args.whole:
        view = set_incremental(platform, view, config if args.incremental else None)
    return print_view(
        args,
        view,
        f"`{view.name}` is built {rhythm(view)}. `pwh view run {view.name}` builds it now.",
    )


def _run(args: argparse.Namespace) -> int:
    from pwh_assets.cli.runs import print_outcome, reporter
    from pwh_assets.orchestration.run import run_views

    platform = open_project(args)
    views = [platform.store.view(args.project, name) for name in dict.fromkeys(args.names)]
    if args.engine:
        from pwh_assets.services.views.warehouse import check_engine

        for view in views:
            check_engine(platform, view, args.engine)
    if args.full:
        from pwh_assets.services.incremental import forget_progress

        for view in views:
            forget_progress(platform, view)
    outcome = run_views(platform, views, watcher=reporter(args.json), engine=args.engine)
    return print_outcome(outcome, args.json)


def _runs(args: argparse.Namespace) -> int:
    store = open_project(args).store
    view = store.view(args.project, args.name)
    store.abandon_jobs(args.project)
    jobs = store.jobs(args.project, args.limit, subject_id=view.id)
    if args.json:
        print_json({"results": [_run_facts(job) for job in jobs], "count": len(jobs)})
    elif not jobs:
        say(f"`{view.name}` was never built.")
    else:
        heads = ("began (UTC)", "took", "status", "try", "rows", "engine", "why")
        say(table(heads, map(_run_row, jobs)))
    return 0


def _run_facts(job: Any) -> dict[str, Any]:
    from pwh_assets.services.sources.view import job_to_dict

    return {**job_to_dict(job), "engine": job.engine, "mode": job.mode, "reason": job.reason}


def _run_row(job: Any) -> tuple[Any, ...]:
    began = f"{job.created_at:%Y-%m-%d %H:%M:%S}" if job.created_at else ""
    is_done = job.created_at and job.finished_at and job.status.value != "Skipped"
    took = f"{(job.finished_at - job.created_at).total_seconds():.1f} s" if is_done else ""
    landed = f"{job.rows:,}" if job.status.value == "Completed" else ""
    return (
        began,
        took,
        job.status.value,
        job.attempt,
        landed,
        job.engine or "",
        job.error or job.reason or "",
    )


def _cancel(args: argparse.Namespace) -> int:
    from pwh_assets.services.sources.view import job_to_dict
    from pwh_assets.services.views.running import cancel_build

    platform = open_project(args)
    asked = cancel_build(platform, args.project, args.name)
    deadline = time.monotonic() + CANCEL_WAIT_S
    jobs = [platform.store.job(job.id) for job in asked]
    while any(job.finished_at is None for job in jobs) and time.monotonic() < deadline:
        time.sleep(0.1)
        jobs = [platform.store.job(job.id) for job in asked]
    if args.json:
        print_json({"results": [job_to_dict(job) for job in jobs], "count": len(jobs)})
        return 0
    for job in jobs:
        if job.finished_at is None:
            say(
                f"`{job.name}` was asked to end and has not yet; `pwh view runs {job.name}` shows it."
            )
        else:
            say(f"The build of `{job.name}` ended as {job.status.value}.")
    return 0


def _resume(args: argparse.Namespace) -> int:
    from pwh_assets.cli.view import print_view
    from pwh_assets.services.views.saved import resume_view

    platform = open_project(args)
    before = platform.store.view(args.project, args.name)
    view = resume_view(platform, args.project, args.name)
    words = "is not suspended" if not before.is_suspended else "is built by itself again"
    return print_view(args, view, f"`{view.name}` {words}.")


def _revert(args: argparse.Namespace) -> int:
    from pwh_assets.cli.view import print_view
    from pwh_assets.services.views.saved import revert_view

    view = revert_view(open_project(args), args.project, args.name)
    return print_view(args, view, f"`{view.name}` is plain again: computed whenever it is read.")
