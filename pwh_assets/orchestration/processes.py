"""Runs whose process died: each run signs with its process, and whoever comes by fails those that are gone."""

import logging

import dagster as dg

from pwh_assets.services.platform import Platform
from pwh_assets.store.processes import is_gone, this_process

log = logging.getLogger(__name__)

PROCESS_TAG = "pwh/process"
_LATER = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def sign_run(context: dg.AssetExecutionContext) -> None:
    """Note in the run which process executes it."""
    if context.run.tags.get(PROCESS_TAG) != this_process():
        context.instance.add_run_tags(context.run.run_id, {PROCESS_TAG: this_process()})


def fail_dead_runs(instance: dg.DagsterInstance, platform: Platform | None = None) -> list[str]:
    """Fail runs whose process was killed, and the jobs they left running. Returns their ids.

    Dagster cannot tell on its own: its default launcher has no way to ask a process whether it lives.
    """
    dead = []
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=_LATER)):
        process = run.tags.get(PROCESS_TAG)
        if process and is_gone(process):
            instance.report_run_failed(
                run, "The process of this run ended before it was done; the next run starts over."
            )
            dead.append(run.run_id)
            log.warning("run %s was left by a process that is gone", run.run_id)
    if platform is not None:
        platform.store.abandon_jobs()
    return dead
