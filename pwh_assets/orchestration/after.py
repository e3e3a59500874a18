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


def main(argv: list[str]) -> None:
    socket, module, *arguments = argv
    signal.signal(signal.SIGINT, signal.default_int_handler)
    importlib.import_module(f"{module}.cli" if module == "dagster_webserver" else module)
    deadline = time.monotonic() + PATIENCE_S
    while socket != "-" and not os.path.exists(socket) and time.monotonic() < deadline:
        time.sleep(0.1)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
