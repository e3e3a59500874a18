"""Importing what runs import, before there is one."""

import importlib
import pkgutil
import signal
from types import ModuleType

import dagster as dg

from pwh_assets.lake.connections import close_default
from pwh_assets.platform import prepare_libraries

_OWN = ("engines", "lake", "orchestration", "resources", "services", "sources", "store", "views")
_THEIRS = ("alembic.command", "dbt.cli.main", "dlt", "numpy", "psycopg", "pyarrow.parquet", "upath")
"""What nearly every run of a kind imports. Clients of single vendors are left to the runs that need them."""


def preload() -> None:
    """Import all of ours, the libraries most runs need, and what Dagster itself imports only on the way through a run.

    Opens nothing and leaves no thread of Python's or DuckDB's behind: forks of a process with threads may hang.
    """
    prepare_libraries()
    for name in _OWN:
        _import_all(importlib.import_module(f"pwh_assets.{name}"))
    for name in _THEIRS:
        importlib.import_module(name)
    _rehearse()
    close_default()


def _import_all(package: ModuleType) -> None:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.endswith("__main__") and ".migrations." not in module.name:
            importlib.import_module(module.name)


def _rehearse() -> None:
    """A run of nothing, in memory. Signals wait meanwhile: Dagster takes them for itself and does not give them back."""

    @dg.op
    def nothing() -> None: ...

    @dg.job(logger_defs={"console": dg.colored_console_logger})
    def rehearsal() -> None:
        nothing()

    numbers = (signal.SIGINT, signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    before = [signal.getsignal(number) for number in numbers]
    try:
        with dg.DagsterInstance.ephemeral() as instance:
            rehearsal.execute_in_process(
                instance=instance,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
