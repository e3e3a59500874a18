"""What every test gets."""

import gc
from collections.abc import Iterator

import pytest


def pytest_collection_finish() -> None:
    """What importing made stays: looking for garbage among it cost every module of tests a tenth of its time."""
    gc.collect()
    gc.freeze()


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Bytes do not name a test: a packed body holds the second of its making, and workers must agree on the names."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(autouse=True, scope="module")
def freed_engines() -> Iterator[None]:
    """An in-process ClickHouse that a module let go of is gone before the next opens its own: one process has one."""
    yield
    gc.collect()
