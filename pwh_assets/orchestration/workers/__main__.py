"""`python -m pwh_assets.orchestration.workers SOCKET`: the process that forks runs, until SIGTERM."""

import sys
from pathlib import Path

from pwh_assets.orchestration.workers.server import serve

if __name__ == "__main__":
    serve(Path(sys.argv[1]))
