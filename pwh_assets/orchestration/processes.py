"""Runs that are over without saying so, and runs of long ago: the first are failed, the second forgotten."""

import logging
from datetime import UTC, datetime, timedelta

import dagster as dg

from pwh_assets.services.platform import Platform
from pwh_assets.store.processes import is_gone, this_process

log = logging.getLogger(__name__)

PROCESS_TAG = ".dagster/pwh_process"
"""Dagster's UI hides tags that start so."""
KEEP_RUNS_DAYS = 90.0
"""Longer than two of the longest periods, so a table's last materialization is never among what is deleted."""
_MOST_AT_ONCE = 1_000
_WITH_PROCESS = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
"""A run in one of these is being executed, or its process is gone."""


def sign_run(context: dg.AssetExecutionContext) -> None:
    """Note in the run which process executes it."""
    if context.run.tags.get(PROCESS_TAG) != this_process():
        context.instance.add_run_tags(context.run.run_id, {PROCESS_TAG: this_process()})


def fail_dead_runs(instance: dg.DagsterInstance, platform: Platform | None = None) -> list[str]:
    """Fail runs whose process was killed, and the jobs they left running. Returns their ids.

    Dagster cannot tell on its own: its default launcher has no way to ask a process whether it lives.
    """
    dead = []
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=_WITH_PROCESS)):
        process = run.tags.get(PROCESS_TAG)
        if process and is_gone(process):
            fail_dead_run(instance, run)
            dead.append(run.run_id)
            log.warning("run %s was left by a process that is gone", run.run_id)
    if platform is not None:
        platform.store.abandon_jobs()
    return dead


def fail_dead_run(instance: dg.DagsterInstance, run: dg.DagsterRun, how: str = "") -> None:
    """Fail a run whose process is gone; `how` says by what."""
    ended = f"ended {how}".rstrip()
    instance.report_run_failed(
        run, f"The process of this run {ended} before it was done; the next run starts over."
    )


def forget_old_runs(instance: dg.DagsterInstance, keep_days: float = KEEP_RUNS_DAYS) -> int:
    """Delete finished runs of long ago with their events and logs, some at a time. Returns how many."""
    ended = [
        dg.DagsterRunStatus.SUCCESS,
        dg.DagsterRunStatus.FAILURE,
        dg.DagsterRunStatus.CANCELED,
    ]
    before = datetime.now(UTC) - timedelta(days=keep_days)
    old = instance.get_runs(
        filters=dg.RunsFilter(statuses=ended, created_before=before),
        limit=_MOST_AT_ONCE,
        ascending=True,
    )
    for run in old:
        instance.compute_log_manager.delete_logs(prefix=[run.run_id])
        instance.delete_run(run.run_id)
    return len(old)
