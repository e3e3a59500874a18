"""Loading Dagster's storage for a run in this process, without what other processes of Dagster's make pretty with it."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def load_storage() -> None:
    """Load what the instance's configuration names, in two thirds of the time.

    Dagster's storage loads its daemons, whose log loads `rich`, and Alembic, whose templates load `pygments`: to colour
    tracebacks, where these packages are there. A run of ours shows neither.
    """
    with without("rich", "pygments"):
        importlib.import_module("pwh_assets.orchestration.storage")


@contextmanager
def without(*names: str) -> Iterator[None]:
    """What loads inside finds these packages missing, and does without; those that are loaded already stay."""
    hidden = [name for name in names if name not in sys.modules]
    # https://docs.python.org/3/reference/import.html#the-module-cache
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
