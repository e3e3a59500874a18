"""The end of a command's process."""

import atexit
import os
import sys
import threading


def leave(status: int) -> None:
    """End the process: threads and exit handlers first, as Python does, but nothing is taken apart that ends with it.

    Freeing two thousand loaded modules one object at a time took a sync 0.4 s after its last word. Returns only when
    what was printed could not be written; Python then ends in its own way and says so.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # the first two steps of Py_FinalizeEx
    atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        return
    os._exit(status)
