"""Builders of views in processes of their own that may be killed: forked from one that has loaded dbt already."""

import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Nursery:
    """Forks a builder per `start`; each builds one view over and over until it is killed or a build is cancelled."""

    def __init__(self, home: Path) -> None:
        environment = {
            **os.environ,
            "PWH_HOME": str(home),
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",  # of the locks that the killed leave behind
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.view_nursery"],
            env=environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.line() == "ready"

    def line(self) -> str:
        """What a builder or the nursery said next."""
        return self._process.stdout.readline().strip()

    def start(self, view: str) -> int:
        """The process id of a builder that has built nothing yet."""
        self._process.stdin.write(f"{view}\n")
        self._process.stdin.flush()
        return int(self.line())

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        assert self.line() == f"gone {pid}"

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()


def _build(view_name: str) -> None:
    from pwh_assets.platform import open_platform
    from pwh_assets.services.views.running import ViewCancelledError
    from pwh_assets.services.views.saved import build_view

    platform = open_platform()
    view = platform.store.view(1, view_name)
    try:
        while True:
            build_view(platform, view)
    except ViewCancelledError as error:
        print(f"cancelled: {error}", flush=True)


LOADED = (
    "dbt.adapters.duckdb",
    "dbt.cli.main",
    "pwh_assets.platform",
    "pwh_assets.services.models.plugin",
    "pwh_assets.services.views.saved",
)


def main() -> None:
    for module in LOADED:
        importlib.import_module(module)
    print("ready", flush=True)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            try:
                _build(line.strip())
            finally:
                os._exit(0)
        print(pid, flush=True)
        os.waitpid(pid, 0)
        print(f"gone {pid}", flush=True)


if __name__ == "__main__":
    main()
