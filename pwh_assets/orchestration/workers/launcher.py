"""Dagster's launcher of runs: forks of a process that is up already, and ends and looks after them by their process."""

import json
import os
import signal
import socket
from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterLaunchFailedError
from dagster._core.launcher import (
    CheckRunHealthResult,
    DefaultRunLauncher,
    LaunchRunContext,
    WorkerStatus,
)

from pwh_assets.orchestration.processes import PROCESS_TAG
from pwh_assets.store.processes import is_gone, pid_of

PATIENCE_S = 20.0


class ForkingRunLauncher(DefaultRunLauncher):
    """Where no process forks (Dagster without `pwh up`), runs start as Dagster's default launcher starts them.

    Dagster names this class in `dagster.yaml`.
    """

    def __init__(self, address: str, inst_data: Any = None) -> None:
        self._address = address
        super().__init__(inst_data)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {"socket": dg.StringSource}

    @classmethod
    def from_config_value(
        cls, inst_data: Any, config_value: Mapping[str, Any]
    ) -> "ForkingRunLauncher":
        return cls(config_value["socket"], inst_data)

    def launch_run(self, context: LaunchRunContext) -> None:
        run_id = context.dagster_run.run_id
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE_S)
        try:
            connection.connect(self._address)
        except OSError:
            connection.close()
            super().launch_run(context)
            return
        # From here on it may have been started, and nothing else may start it.
        with connection, connection.makefile("rwb") as stream:
            stream.write(json.dumps({"start": run_id}).encode() + b"\n")
            stream.flush()
            answer = stream.readline()
        if not answer:
            raise DagsterLaunchFailedError(  # type: ignore[no-untyped-call]
                f"The process that starts runs did not start run {run_id}; "
                "`logs/dagster-runs.log` in the home says why."
            )
        self._instance.add_run_tags(run_id, {PROCESS_TAG: json.loads(answer)["process"]})
        self._run_ids.add(run_id)

    def terminate(self, run_id: str) -> bool:
        """Also runs of commands: for them it is Ctrl-C."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        pid = pid_of(run.tags.get(PROCESS_TAG, ""))
        if pid is None:
            return bool(super().terminate(run_id))  # type: ignore[no-untyped-call]
        self._instance.report_run_canceling(run)
        try:
            os.kill(pid, signal.SIGINT)
        except ProcessLookupError:
            return False
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        process = run.tags.get(PROCESS_TAG)
        if process and is_gone(process):
            return CheckRunHealthResult(WorkerStatus.FAILED, "Its process is gone.")
        return CheckRunHealthResult(WorkerStatus.RUNNING)
