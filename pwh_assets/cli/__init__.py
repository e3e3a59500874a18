"""The services from a terminal: `pwh`.

Belongs here: arguments, printing, exit statuses; a file per noun, each with one `register`.
Keep out: decisions, SQL, and heavy imports at module level: a command loads what it runs.
"""

import gc
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run `pwh` with these words; its exit status. With the process's own words it does not come back: the process ends."""
    # What loading makes stays: looking for garbage among it cost every command a tenth of its CPU.
    gc.set_threshold(50_000, 50, 100)
    try:
        if argv is None:
            from pwh_assets.cli.loading import begin

            begin()
        from pwh_assets.cli.entry import run

        status = run(argv)
    except KeyboardInterrupt:  # also while the program is still loading
        print("\nStopped.", file=sys.stderr)
        status = 130
    if argv is None:
        from pwh_assets.cli.leaving import leave

        leave(status)
    return status
