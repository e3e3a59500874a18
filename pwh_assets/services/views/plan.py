"""How one build of a view is done: the whole table anew, or the part of it that changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from pwh_assets.core.view import SavedQuery
from pwh_assets.services.models import STAGE, ModelText, Publication, Replacement
from pwh_assets.services.platform import Platform


class BuildMode(StrEnum):
    FULL = "full"
    INCREMENTAL = "incremental"


class BuildPlan(Publication, Protocol):
    """The steps of one build, and what it leaves behind. Made anew for every build.

    `stage`, `audit` and `publish` are called in this order, on one connection; see `Publication`.
    """

    mode: BuildMode
    elsewhere: ModelText | None
    """The view for ClickHouse, where that computes it."""
    buckets: int | None
    """How many parts were computed; None when all were."""
    reason: str
    """Why it is done so, as a sentence for the run's history."""

    @property
    def engine(self) -> str:
        """What computes it: `duckdb`, in the lake, or `clickhouse`."""

    @property
    def preview(self) -> str:
        """A query (DuckDB) of the table as it will be when published; for audits, between staging and publishing."""

    def changes(self) -> Mapping[str, Any]:
        """Fields of the SavedQuery to set once it is published, such as `incremental_state`."""

    def say(self, note: str) -> None:
        """Have another sentence stand at the end of the reason."""


@dataclass(slots=True)
class FullBuild(Replacement):
    """The whole answer in the place of the whole table."""

    reason: str = "The view is built as a whole."
    mode: BuildMode = BuildMode.FULL
    after: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the SavedQuery to set once it is published."""
    engine: str = "duckdb"
    elsewhere: ModelText | None = None
    buckets: int | None = None

    @property
    def preview(self) -> str:
        return f'SELECT * FROM "{STAGE}"'

    def changes(self) -> Mapping[str, Any]:
        return self.after

    def say(self, note: str) -> None:
        self.reason = f"{self.reason} {note}"


@dataclass(slots=True)
class ClickHouseBuild(FullBuild):
    """The whole answer, computed in ClickHouse."""

    engine: str = "clickhouse"


def decide(
    platform: Platform, view: SavedQuery, full: bool = False, engine: str | None = None
) -> BuildPlan:
    """How to build the view now.

    Args:
        full: the whole table, whatever the view says.
        engine: what shall compute it; by default what the view asks for, or the warehouse.

    Raises:
        HogQLError: the text no longer fits its inputs.
        EngineUnfitError: the engine that was asked for cannot compute it.
        EngineUnavailableError: the view is built in ClickHouse, which is not there.
    """
    reason = "A full build was asked for." if full else "The view is built as a whole."
    after: Mapping[str, Any] = {}
    if view.incremental:
        from pwh_assets.services.incremental.plan import incremental_plan

        plan = incremental_plan(platform, view, full=full, engine=engine)
        if not isinstance(plan, str):
            return plan
        reason, after = plan, {"incremental_state": None}
    from pwh_assets.services.views.warehouse import in_clickhouse

    text, why_not = in_clickhouse(platform, view, engine)
    if text is not None:
        return ClickHouseBuild(f"{reason} ClickHouse computed it.", after=after, elsewhere=text)
    return FullBuild(f"{reason} {why_not}".strip(), after=after)
