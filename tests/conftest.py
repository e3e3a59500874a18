"""What every test gets."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def freed_engines() -> Iterator[None]:
    """An in-process ClickHouse that a module let go of is gone before the next opens its own: one process has one."""
    yield
    gc.collect()
