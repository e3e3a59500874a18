"""Sources and their tables: what is connected, what is synced, how, and how it went last time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from pwh_assets.core.frequency import Frequency
from pwh_assets.core.names import source_slug, table_name
from pwh_assets.core.options import AutoSync, TableOptions


class SyncMode(StrEnum):
    """How a table's rows reach the lake."""

    FULL = "full"
    """The whole table each time, swapped in at once."""
    INCREMENTAL = "incremental"
    """Rows past the watermark, merged on the primary key."""
    APPEND = "append"
    """Rows past the watermark, added as they are."""
    XMIN = "xmin"
    """Rows written by transactions since the last sync, merged on the primary key; deletes are not seen."""
    CDC = "cdc"
    """The source's stream of changes: inserts, updates, deletes and truncations, in commit order."""
    WEBHOOK = "webhook"
    """As incremental, and of what the vendor pushed to us."""
    IN_PLACE = "in_place"
    """Not copied at all: queries read the files where they lie. A sync looks what columns there are."""

    @property
    def merges(self) -> bool:
        """True when rows of a known key replace the ones there are."""
        return self in (SyncMode.INCREMENTAL, SyncMode.XMIN, SyncMode.CDC, SyncMode.WEBHOOK)

    @property
    def has_cursor(self) -> bool:
        """True when a table syncs by one of its columns."""
        return self in (SyncMode.INCREMENTAL, SyncMode.APPEND, SyncMode.WEBHOOK)

    @classmethod
    def _missing_(cls, value: object) -> "SyncMode | None":
        return cls.FULL if value == "full_refresh" else None


class TableStatus(StrEnum):
    """State of a synced table or a materialized view, in PostHog's spelling."""

    NEVER_RUN = "NeverRun"
    RUNNING = "Running"
    COMPLETED = "Completed"
    FAILED = "Failed"
    PAUSED = "Paused"
    CANCELLED = "Cancelled"
    """Somebody ended a view's last build; it keeps the rows of the one before."""
    MODIFIED = "Modified"
    """A view's text is newer than its table."""
    BILLING_LIMIT_REACHED = "BillingLimitReached"
    """The period's row limit was reached; it syncs again when the next period begins or the limit is raised."""
    BILLING_LIMIT_TOO_LOW = "BillingLimitTooLow"
    """The rows to read would have exceeded what is left of the limit; nothing was read."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the lake stores it; `type` is DuckDB's spelling (`BIGINT`, `DECIMAL(18,2)`, `JSON`)."""

    name: str
    type: str
    nullable: bool = True
    description: str = ""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    columns: tuple[str, ...]
    table: str
    referred: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DiscoveredTable:
    """A table a source says it has. `cursors` are columns a sync could go by, best first."""

    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()
    cursors: tuple[str, ...] = ()
    row_estimate: int | None = None
    description: str = ""
    foreign_keys: tuple[ForeignKey, ...] = ()
    modes: tuple[SyncMode, ...] = (SyncMode.FULL, SyncMode.INCREMENTAL, SyncMode.APPEND)


@dataclass(frozen=True, slots=True)
class Source:
    """A connected source. `config` holds no secret; those are decrypted only where a connection is made."""

    id: str
    project_id: int
    source_type: str
    prefix: str = ""
    description: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None
    auto_sync: AutoSync = AutoSync()

    @property
    def slug(self) -> str:
        return source_slug(self.source_type, self.prefix)


@dataclass(frozen=True, slots=True)
class SyncedTable:
    """A table of a source (PostHog calls it a schema): how it syncs and how the last sync went."""

    id: str
    source: Source
    name: str
    """Name at the source."""
    columns: tuple[Column, ...] = ()
    primary_key: tuple[str, ...] = ()
    cursors: tuple[str, ...] = ()
    description: str = ""
    should_sync: bool = True
    mode: SyncMode = SyncMode.FULL
    cursor: str | None = None
    frequency: Frequency = Frequency("6hour")
    status: TableStatus = TableStatus.NEVER_RUN
    watermark: str | None = None
    """The cursor value everything up to which is in the lake, as text; the lake's own state is the truth."""
    last_synced_at: datetime | None = None
    latest_error: str | None = None
    failed_at: datetime | None = None
    row_count: int | None = None
    is_missing: bool = False
    """True when the last schema refresh no longer found it at the source."""
    created_at: datetime | None = None
    options: TableOptions = TableOptions()
    available: tuple[Column, ...] = ()
    """Every column the source was last seen to have, with its types there, read or not."""
    resync_reason: str | None = None
    """Why the stored rows are wrong by now: the next sync reads everything and replaces the table. None when they
    are right."""
    full_synced_at: datetime | None = None
    """When everything was last read at once."""

    @property
    def table_name(self) -> str:
        """The flat HogQL name."""
        return table_name(self.source.source_type, self.source.prefix, self.name)

    @property
    def tracked_by(self) -> str | None:
        """What a watermark is a value of: the cursor column, or `xmin`; None where there is none."""
        if self.mode in (SyncMode.FULL, SyncMode.CDC, SyncMode.IN_PLACE):
            return None
        return "xmin" if self.mode is SyncMode.XMIN else self.cursor

    @property
    def project_id(self) -> int:
        return self.source.project_id

    @property
    def source_columns(self) -> tuple[Column, ...]:
        """Columns at the source, as far as they are known."""
        known = {column.name for column in self.available}
        return (*self.available, *(each for each in self.columns if each.name not in known))
