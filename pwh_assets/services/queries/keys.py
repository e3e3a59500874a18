"""What an answer depends on, as one text: the plan, the policy, and each table's last change."""

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

from pwh_assets.core.in_place import is_in_place
from pwh_assets.services.platform import Platform

if TYPE_CHECKING:
    from pwh_assets.hogql.plan import Plan

TIMED_FOR = timedelta(seconds=60)
"""How long the cache may answer a text that asks for the time."""


class TableMarks:
    """The snapshot in which each stored table last changed, read once per snapshot of the lake."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._known: dict[int, tuple[int, dict[tuple[str, str], int]]] = {}

    def of(self, project_id: int, plan: "Plan") -> tuple[str, ...] | None:
        """A mark per table the plan reads; None when one of them can change without our knowing."""
        if any(is_in_place(path) for path in plan.physical):
            return None
        lake = self._platform.lakes.of(project_id)
        snapshot = lake.snapshot_id()
        known = self._known.get(project_id)
        if known is None or known[0] != snapshot:
            known = self._known[project_id] = snapshot, lake.changed_snapshots()
        return _marks(plan, known[1])

    def glanced(self, project_id: int, plan: "Plan") -> tuple[str, ...] | None:
        """The same where it is known without asking the lake, else None."""
        lake, known = self._platform.lakes.opened(project_id), self._known.get(project_id)
        if lake is None or known is None or known[0] != lake.glanced_snapshot_id():
            return None
        if any(is_in_place(path) for path in plan.physical):
            return None
        return _marks(plan, known[1])


def _marks(plan: "Plan", marks: dict[tuple[str, str], int]) -> tuple[str, ...]:
    return tuple(
        f"{path[-2]}.{path[-1]}@{marks.get((path[-2], path[-1]), 0)}"
        for path in sorted(plan.physical)
    )


def cache_key(project_id: int, sql: str, plan: "Plan", marks: tuple[str, ...]) -> str:
    """The same for two asks exactly when they have the same answer for the same reader.

    A plan that holds the present moment is known by `sql`, what was asked, instead of its own text.
    """
    text = sql if plan.reads_clock else plan.sql
    parts = [str(project_id), plan.policy, plan.engine, text, *marks]
    parts += [f"{name}={value}" for name, value in sorted(plan.settings.items())]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
