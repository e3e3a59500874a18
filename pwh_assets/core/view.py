"""Saved queries: named HogQL, plain or materialized, with every version kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pwh_assets.core.frequency import Frequency
from pwh_assets.core.source import Column, TableStatus

SUSPENDED_AFTER = 5
"""So many failed runs in a row suspend a view; the attempts of one run count once."""


class Refresh(StrEnum):
    """What makes a materialized view be built."""

    SCHEDULE = "schedule"
    """Its frequency."""
    INPUTS = "inputs"
    """A change of what it reads."""
    MANUAL = "manual"
    """Only somebody who asks for it."""


class ViewOrigin(StrEnum):
    """Who writes a view's text."""

    USER = "user"
    MANAGED = "managed"
    """A managed set, such as revenue analytics; `SavedQuery.managed_by` names it."""
    DBT = "dbt"
    """A model of somebody's own dbt project."""
    VIRTUAL = "virtual"
    """A virtual table declared in a file."""


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """A view. `inputs` are the HogQL names (tables and views) it reads, kept from its last resolution."""

    id: str
    project_id: int
    name: str
    sql: str
    version: int = 1
    description: str = ""
    owner: str = ""
    is_materialized: bool = False
    frequency: Frequency | None = None
    columns: tuple[Column, ...] = ()
    inputs: tuple[str, ...] = ()
    status: TableStatus = TableStatus.NEVER_RUN
    last_run_at: datetime | None = None
    latest_error: str | None = None
    failed_at: datetime | None = None
    row_count: int | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    refresh: Refresh = Refresh.SCHEDULE
    """Means something for a materialized view only; `frequency` is None unless it is `SCHEDULE`."""
    incremental: Mapping[str, Any] | None = None
    """`key`, `unique_key` and `lookback_seconds` of a view that is built in parts; None for a full build."""
    incremental_state: Mapping[str, Any] | None = None
    """How far the parts are built, as the last build left it."""
    freshness_target: str | None = None
    """A frequency's name: how old its rows may get. What it reads is refreshed as often."""
    failures_in_a_row: int = 0
    suspended_at: datetime | None = None
    """When `SUSPENDED_AFTER` failures ended its automatic builds; None while they go on."""
    last_attempt_at: datetime | None = None
    """When a build last began, whatever became of it."""
    attempted_snapshot: int | None = None
    """The lake's newest snapshot when a build last began: what changed later it cannot have seen."""
    stale_since: datetime | None = None
    """Since when its rows are kept back because something it reads is broken; None when nothing keeps them back."""
    stale_reason: str | None = None
    """What keeps them back, in words."""
    built_version: int | None = None
    """The version its table shows; differs from `version` between an edit and the next build."""
    folder: str = ""
    origin: ViewOrigin = ViewOrigin.USER
    managed_by: str = ""
    """The managed set it belongs to; people cannot edit, materialize or remove it. Empty for everything else."""
    audit_blocks: bool = True
    """A failed quality check of severity `error` keeps the old rows instead of publishing the new ones."""
    engine: str | None = None
    """The engine that shall build it; None for the warehouse's."""
    last_build: Mapping[str, Any] | None = None
    """`engine`, `mode`, `reason` and `buckets` of the build its table comes from."""

    @property
    def place(self) -> tuple[str, str]:
        """Schema and name of its table in the lake."""
        if self.origin is ViewOrigin.DBT:
            return "dbt", self.name.removeprefix("dbt.")
        return "views", self.name

    @property
    def is_suspended(self) -> bool:
        return self.suspended_at is not None

    @property
    def is_modified(self) -> bool:
        """True when its table still shows an earlier text."""
        return (
            self.is_materialized
            and self.built_version is not None
            and self.built_version != self.version
        )


@dataclass(frozen=True, slots=True)
class SavedQueryVersion:
    version: int
    sql: str
    created_at: datetime
    author: str = ""
    note: str = ""
    """What was changed and why, in its author's words."""
