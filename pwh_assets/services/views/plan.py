"""How one build of a view is done: the whole table anew, or the part of it that changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from pwh_assets.core.view import SavedQuery
from pwh_assets.services.models import STAGE, Publication, Replacement
from pwh_assets.services.platform import Platform


class BuildMode(StrEnum):
    FULL = "full"
    INCREMENTAL = "incremental"


class BuildPlan(Publication, Protocol):
    """The steps of one build, and what it leaves behind. Made anew for every build.

    `stage`, `audit` and `publish` are called in this order, on one connection; see `Publication`.
    """

    mode: BuildMode
    reason: str
    """Why it is done so, as a sentence for the run's history."""

    @property
    def preview(self) -> str:
        """A query (DuckDB) of the table as it will be when published; for audits, between staging and publishing."""

    def changes(self) -> Mapping[str, Any]:
        """Fields of the SavedQuery to set once it is published, such as `incremental_state`."""


@dataclass(slots=True)
class FullBuild(Replacement):
    """The whole answer in the place of the whole table."""

    reason: str = "The view is built as a whole."
    mode: BuildMode = BuildMode.FULL
    after: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the SavedQuery to set once it is published."""

    @property
    def preview(self) -> str:
        return f'SELECT * FROM "{STAGE}"'

    def changes(self) -> Mapping[str, Any]:
        return self.after


def decide(platform: Platform, view: SavedQuery, full: bool = False) -> BuildPlan:
    """How to build the view now; `full` asks for the whole table whatever the view says."""
    if view.incremental:
        from pwh_assets.services.incremental.plan import incremental_plan

        return incremental_plan(platform, view, full=full)
    return FullBuild("A full build was asked for." if full else "The view is built as a whole.")
