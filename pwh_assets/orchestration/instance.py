"""Dagster's instance of a home: where runs, materializations, schedules and ticks are remembered."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pwh_assets.lake.locks import hold
from pwh_assets.orchestration.sockets import RUNS, socket_of
from pwh_assets.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

FIRST_LINE = (
    "# Written by PWH, and again when a release changes it. Take this line out to keep your own."
)
INSTANCE_YAML = f"""{FIRST_LINE}
telemetry:
  enabled: false
nux:
  enabled: false

concurrency:
  runs:
    max_concurrent_runs: 4
    tag_concurrency_limits:
      # One run per source, one of views, one of maintenance at a time.
      - key: pwh/queue
        value:
          applyLimitPerUniqueValue: true
        limit: 1

run_monitoring:
  enabled: true
  start_timeout_seconds: 180
  cancel_timeout_seconds: 180
  max_runtime_seconds: 86400
  poll_interval_seconds: 60

# A sync tries again by itself, table by table, when that can help; only a run whose process died is run again.
run_retries:
  enabled: true
  max_retries: 1
  retry_on_asset_or_op_failure: false

freshness:
  enabled: true

sensors:
  use_threads: true
  num_workers: 4
schedules:
  use_threads: true
  num_workers: 4

retention:
  schedule:
    purge_after_days: {{skipped: 7, failure: 30, success: 30, started: 30}}
  sensor:
    purge_after_days: {{skipped: 1, failure: 30, success: 30, started: 30}}
"""
STORAGE_YAML = """
# SQLite in this folder. For Postgres see
# https://docs.dagster.io/deployment/oss/oss-instance-configuration#dagster-storage
storage:
  custom:
    module: pwh_assets.orchestration.storage
    class: PooledSqliteStorage
    config:
      base_dir: {base_dir}
"""
LAUNCHER_YAML = """
# A run is a fork of a process that `pwh up` has ready.
run_launcher:
  module: pwh_assets.orchestration.workers.launcher
  class: ForkingRunLauncher
  config:
    socket: {socket}
run_coordinator:
  module: dagster._core.run_coordinator
  class: QueuedRunCoordinator
  config:
    dequeue_interval_seconds: 2
"""
IN_PROCESS_YAML = """
# Runs that a command executes itself print to its terminal, not to a captured log.
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""


def write_instance_files(settings: Settings) -> Path:
    """Make the home's Dagster folder with its configuration; a file somebody made their own is left alone."""
    folder = settings.dagster_home
    folder.mkdir(parents=True, exist_ok=True)
    base = folder / "storage"
    text = "".join(
        (
            INSTANCE_YAML,
            STORAGE_YAML.format(base_dir=json.dumps(str(base))),
            LAUNCHER_YAML.format(socket=json.dumps(str(socket_of(folder, RUNS)))),
        )
    )
    write_ours(folder / "dagster.yaml", text)
    if not (base / "history" / "event_log.db").exists():
        # Dagster's processes make the databases at the same time, and would trip over each other.
        import dagster as dg

        with hold(settings, "dagster-storage", 60), dg.DagsterInstance.from_config(str(folder)):
            pass
    return folder


def write_ours(path: Path, text: str) -> None:
    """Write a file of ours, whole or not at all, unless it is the same or no longer ours."""
    if path.exists():
        kept = path.read_text()
        if kept == text or not kept.startswith(FIRST_LINE):
            return
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    fresh.write_text(text)
    fresh.replace(path)


@contextmanager
def instance_for(settings: Settings) -> "Iterator[dg.DagsterInstance]":
    """The home's instance, closed at the end; safe beside running servers and other processes."""
    folder = write_instance_files(settings)
    with _opened(folder, "dagster.yaml") as instance:
        yield instance


@contextmanager
def in_process_instance(settings: Settings) -> "Iterator[dg.DagsterInstance]":
    """The same instance for runs of this process: it leaves stdout and stderr alone."""
    folder = write_instance_files(settings)
    own = (folder / "dagster.yaml").read_text()
    if "compute_logs:" not in own:
        own += IN_PROCESS_YAML
    write_ours(folder / "in_process.yaml", f"{FIRST_LINE}\n{own}")
    with _opened(folder, "in_process.yaml") as instance:
        yield instance


@contextmanager
def _opened(folder: Path, file: str) -> "Iterator[dg.DagsterInstance]":
    """An instance that leaves nothing behind: one that Dagster itself enters again while it is open stays the place for
    the state of definitions after it is closed, and definitions that are made later would ask it.
    """
    import dagster as dg
    from dagster._core.storage.defs_state.base import set_defs_state_storage

    with (
        set_defs_state_storage(None),
        dg.DagsterInstance.from_config(str(folder), file) as instance,
    ):
        yield instance
