"""Saved queries: named HogQL, plain or materialized, with every version kept."""

from dataclasses import dataclass
from datetime import datetime

from pwh_assets.core.frequency import Frequency
from pwh_assets.core.source import Column, TableStatus


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


@dataclass(frozen=True, slots=True)
class SavedQueryVersion:
    version: int
    sql: str
    created_at: datetime
    author: str = ""
