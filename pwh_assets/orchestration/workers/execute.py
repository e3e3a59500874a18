"""What a forked process does: execute one run that Dagster has queued, with the definitions that run needs."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.events import EngineEventData
from dagster._core.execution.api import execute_run_iterator
from dagster._utils.error import serializable_error_info_from_exc_info
from dagster._utils.interrupts import capture_interrupts

from pwh_assets.orchestration.instance import instance_for
from pwh_assets.orchestration.processes import fail_dead_run
from pwh_assets.orchestration.workers.scope import job_of
from pwh_assets.platform import open_platform
from pwh_assets.services.platform import Platform
from pwh_assets.settings import Settings


def execute(run_id: str) -> None:
    """Execute a run of the home in `PWH_HOME` to its end, which is in Dagster's log, whatever it is.

    SIGINT and SIGTERM end it in good order; they may be blocked when this is called.
    """
    with capture_interrupts():
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
        settings = Settings.from_env()
        with instance_for(settings) as instance:
            run = instance.get_run_by_id(run_id)
            if run is None:
                return
            pid = os.getpid()
            instance.report_engine_event(
                f"Started process for run (pid: {pid}).", run, EngineEventData.in_process(pid)
            )
            with _told(instance, run):
                platform = open_platform(settings)
                try:
                    _execute(platform, instance, run)
                finally:
                    platform.store.abandon_jobs(run_id=run_id)


def report_dead(run_id: str, code: int) -> None:
    """Say of a run that its process ended, unless it told its own end: with this status, or by a signal (-9 is signal 9)."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
    settings = Settings.from_env()
    with instance_for(settings) as instance:
        run = instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            how = f"by signal {-code}" if code < 0 else f"with status {code}"
            fail_dead_run(instance, run, how)
    open_platform(settings).store.abandon_jobs(run_id=run_id)


def _execute(platform: Platform, instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    try:
        job = job_of(platform, run)
    except Exception:
        instance.report_engine_event("Could not load job definition.", run, _error())
        raise
    now = instance.get_run_by_id(run.run_id) or run  # it may have been cancelled meanwhile
    for _ in execute_run_iterator(InMemoryJob(job), now, instance):
        pass


@contextmanager
def _told(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Iterator[None]:
    """Whatever ends a run ends it in Dagster's log too."""
    try:
        yield
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        _fail_if_open(instance, run.run_id)
        instance.report_engine_event("Run execution terminated by interrupt", run)
    except Exception:
        instance.report_engine_event("The run could not be executed.", run, _error())
        _fail_if_open(instance, run.run_id)


def _fail_if_open(instance: dg.DagsterInstance, run_id: str) -> None:
    run = instance.get_run_by_id(run_id)
    if run is not None and not run.is_finished:
        instance.report_run_failed(run)


def _error() -> EngineEventData:
    return EngineEventData.engine_error(serializable_error_info_from_exc_info(sys.exc_info()))
