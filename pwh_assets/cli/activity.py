"""`pwh status`, `pwh jobs` and `pwh usage`: what runs, what ran, and how many rows it moved."""

import argparse
from typing import Any

from pwh_assets.cli.arguments import Groups, command, number, open_project
from pwh_assets.cli.console import count, facts, note, print_json, say, size, span, when


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
        rows = [(job.name, job.kind.value, *_progress(job), when(job.created_at)) for job in jobs]
        heads = ("name", "kind", "phase", "rows", "of", "size", "rows/s", "left", "began (UTC)")
        say(facts(heads, rows))
    return 0


def _progress(job: Any) -> tuple[Any, ...]:
    now = job.progress
    if now is None:
        return "starting", None, None, None, None, None
    expected = f"{now.rows_expected:,} ({now.share:.0%})" if now.rows_expected else ""
    left = span(now.left_s) if now.left_s is not None and now.phase == "extract" else ""
    return now.phase, now.rows, expected, size(now.bytes), round(now.rows_per_s), left


def _jobs(args: argparse.Namespace) -> int:
    from pwh_assets.cli.subjects import tables_of
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
                when(job.created_at),
                _took(job),
                job.name,
                job.status.value,
                job.rows,
                size(job.bytes),
                job.attempt if job.attempt > 1 else "",
                " ".join((job.error or "").split()),
            )
            for job in jobs
        ]
        heads = ("began (UTC)", "took", "name", "status", "rows", "size", "attempt", "error")
        say(facts(heads, rows))
    return 0


def _took(job: Any) -> str:
    if job.created_at is None or job.finished_at is None:
        return ""
    return span((job.finished_at - job.created_at).total_seconds())


def _tell_waiting(args: argparse.Namespace, platform: Any) -> None:
    """Tables the old limit held up go on by their schedules, or now."""
    from pwh_assets.core.source import TableStatus

    held = (TableStatus.BILLING_LIMIT_REACHED, TableStatus.BILLING_LIMIT_TOO_LOW)
    tables = platform.store.tables(args.project)
    if waiting := [one.table_name for one in tables if one.status in held]:
        names = " ".join(waiting)
        note(f"The limit had held up {len(waiting)}; `pwh sync {names}` syncs now what fits.")


def _usage(args: argparse.Namespace) -> int:
    from pwh_assets.services.sync.limits import set_row_limit, usage_of

    platform = open_project(args)
    if args.limit is not None:
        rows = None if args.limit == "none" else number("limit of rows", 0)(args.limit)
        set_row_limit(platform, args.project, rows)
    found = usage_of(platform, args.project)
    if args.json:
        print_json(found)
        return 0
    if args.limit is not None:
        _tell_waiting(args, platform)
    names = {source.id: source.slug for source in platform.store.sources(args.project)}
    say(
        f"{count(found['total_rows'], 'row')} synced from {found['billing_period_start']:%Y-%m-%d} "
        f"until {found['billing_period_end']:%Y-%m-%d} (UTC), {found['pending_rows']:,} more being read."
    )
    if found["row_limit"] is not None:
        say(f"The limit is {found['row_limit']:,}; {found['rows_left']:,} are left.")
    lines = [
        (names.get(source_id, "a removed source"), moved)
        for source_id, moved in sorted(
            found["breakdown_of_rows_by_source"].items(), key=lambda each: -each[1]
        )
    ]
    if lines:
        say(facts(("source", "rows"), lines))
    return 0
