"""Runs a Dagster command that can be ended: `python -m pwh_assets.orchestration.after SOCKET|- MODULE …`.

With a socket it waits for that first. The webserver and the daemon take seconds to import, so they do that while the code server starts; had they asked
it too early, their logs would begin with a page of connection errors.

Dagster ends on SIGTERM by whatever SIGINT does, and a shell starts background jobs with SIGINT ignored: then nothing
but SIGKILL would end it. So SIGINT gets its handler back.
"""

import importlib
import os
import runpy
import signal
import sys
import time

PATIENCE_S = 120.0
REFRESH_EVERY_S = 600
"""How often the daemon takes all definitions from the code server anew; its own 60 s cost more than all its other work.

It also watches the code server's id each second and takes new definitions at once, so this only mends what that missed.
"""


def main(argv: list[str]) -> None:
    socket, module, *arguments = argv
    signal.signal(signal.SIGINT, signal.default_int_handler)
    importlib.import_module(f"{module}.cli" if module == "dagster_webserver" else module)
    if module == "dagster._daemon":
        refresh_rarely()
    deadline = time.monotonic() + PATIENCE_S
    while socket != "-" and not os.path.exists(socket) and time.monotonic() < deadline:
        time.sleep(0.1)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def refresh_rarely() -> None:
    """Of this process's daemon. Dagster (1.13.27, pinned) has no setting for it."""
    from dagster._daemon import controller

    missing_for_s = controller.DEFAULT_WORKSPACE_FRESHNESS_TOLERANCE
    controller.DEFAULT_WORKSPACE_FRESHNESS_TOLERANCE = REFRESH_EVERY_S + missing_for_s
    controller.RELOAD_WORKSPACE_INTERVAL = REFRESH_EVERY_S


if __name__ == "__main__":
    main(sys.argv[1:])
