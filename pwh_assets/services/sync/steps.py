"""Work in steps: at each yield somebody else may use the thread, while rows come in on others."""

from collections.abc import Generator
from typing import TypeVar

_T = TypeVar("_T")
Steps = Generator[None, None, _T]


def drained(steps: Steps[_T]) -> _T:
    """Its result, with all steps taken at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: _T = end.value
            return result
