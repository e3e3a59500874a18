"""`pwh status`, `pwh jobs` and `pwh usage`: what runs, what ran, and how many rows it moved."""

import argparse
from typing import Any

from pwh_assets.cli.arguments import Groups, command, number, open_project
from pwh_assets.cli.console import count, print_json, say, table


def register(groups: Groups) -> None:
    command(groups, "status", "what is running now, and how far it is", _status)
    jobs = command(groups, "jobs", "syncs and builds, newest first", _jobs)
    jobs.add_argument("what", metavar="ID|TABLE", nargs="*", help="of these sources or tables")
    jobs.add_argument("--limit", type=number("limit", 1, 1000), default=20, metavar="N")
    usage = command(groups, "usage", "rows synced this month, per source, and the limit", _usage)
    usage.add_argument("--limit", metavar="ROWS", help="rows that may be synced a month; none")


def _status(args: argparse.Namespace) -> int:
    from pwh_assets.core.job import JobStatus
    from pwh_assets.services.sources.view import job_to_dict

    store = open_project(args).store
    store.abandon_jobs(args.project)
    jobs = store.jobs(args.project, 100, JobStatus.RUNNING)
    if args.json:
        print_json({"results": [job_to_dict(job) for job in jobs], "count": len(jobs)})
    elif not jobs:
        say("Nothing is running.")
    else:
        rows = [(job.name, job.kind.value, *_progress(job), _began(job)) for job in jobs]
        say(table(("name", "kind", "phase", "rows", "of", "rows/s", "left", "began (UTC)"), rows))
    return 0


def _progress(job: Any) -> tuple[Any, ...]:
    now = job.progress
    if now is None:
        return "", "", "", "", ""
    expected = f"{now.rows_expected:,} ({now.share:.0%})" if now.rows_expected else ""
    left = f"{now.left_s:,.0f} s" if now.left_s is not None and now.phase == "extract" else ""
    return now.phase, f"{now.rows:,}", expected, f"{now.rows_per_s:,.0f}", left


def _began(job: Any) -> str:
    return f"{job.created_at:%Y-%m-%d %H:%M:%S}" if job.created_at else ""


def _jobs(args: argparse.Namespace) -> int:
    from pwh_assets.cli.source_tables import tables_of
    from pwh_assets.services.sources.view import job_to_dict

    platform = open_project(args)
    platform.store.abandon_jobs(args.project)
    ids = [one.id for one in tables_of(args, platform, args.what)] if args.what else None
    jobs = platform.store.jobs(args.project, args.limit, subject_ids=ids)
    if args.json:
        print_json({"results": [job_to_dict(job) for job in jobs], "count": len(jobs)})
    elif not jobs:
        say("Nothing has run yet.")
    else:
        rows = [
            (
                _began(job),
                job.name,
                job.status.value,
                f"{job.rows:,}",
                job.attempt if job.attempt > 1 else "",
                " ".join((job.error or "").split()),
            )
            for job in jobs
        ]
        say(table(("began (UTC)", "name", "status", "rows", "attempt", "error"), rows))
    return 0


def _usage(args: argparse.Namespace) -> int:
    from pwh_assets.services.sync.limits import set_row_limit, usage_of

    platform = open_project(args)
    if args.limit is not None:
        rows = None if args.limit == "none" else number("row_limit", 0)(args.limit)
        set_row_limit(platform, args.project, rows)
    found = usage_of(platform, args.project)
    if args.json:
        print_json(found)
        return 0
    names = {source.id: source.slug for source in platform.store.sources(args.project)}
    say(
        f"{count(found['total_rows'], 'row')} synced from {found['billing_period_start']:%Y-%m-%d} "
        f"until {found['billing_period_end']:%Y-%m-%d} (UTC), {found['pending_rows']:,} more being read."
    )
    if found["row_limit"] is not None:
        say(f"The limit is {found['row_limit']:,}; {found['rows_left']:,} are left.")
    lines = [
        (names.get(source_id, "a removed source"), f"{moved:,}")
        for source_id, moved in sorted(
            found["breakdown_of_rows_by_source"].items(), key=lambda each: -each[1]
        )
    ]
    if lines:
        say(table(("source", "rows"), lines))
    return 0
