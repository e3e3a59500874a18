"""The project's row limit: what is used up in the period, what is left, and syncs that would exceed it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pwh_assets.core.job import JobStatus
from pwh_assets.errors import InvalidInputError, PwhError
from pwh_assets.services.platform import Platform
from pwh_assets.sources.base import ReadRequest, SourceType


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar month in UTC: `since <= at < until`."""

    since: datetime
    until: datetime


class RowLimitError(PwhError):
    """The project's row limit stands in the way; nothing of the table was changed."""

    job_status = JobStatus.BILLING_LIMIT_REACHED
    status = 402


class RowLimitReachedError(RowLimitError):
    """The period's rows are used up."""

    code = "billing_limit_reached"

    def __init__(self, table: str, limit: int, used: int, until: datetime) -> None:
        self.limit, self.used = limit, used
        super().__init__(
            f"`{table}` was not synced: the project's limit of {limit:,} rows a month is reached ({used:,} are used). "
            f"It goes on by itself on {until:%Y-%m-%d}, or now with a higher limit: `pwh usage --limit ROWS`."
        )


class RowLimitTooLowError(RowLimitError):
    """The rows to read exceed what is left of the limit, so reading did not begin."""

    code = "billing_limit_too_low"
    job_status = JobStatus.BILLING_LIMIT_TOO_LOW

    def __init__(self, table: str, limit: int, left: int, wanted: int, until: datetime) -> None:
        self.limit, self.left, self.wanted = limit, left, wanted
        super().__init__(
            f"`{table}` was not synced: it has {wanted:,} rows to read, and {left:,} are left of the project's limit "
            f"of {limit:,} rows a month. Raise it with `pwh usage --limit ROWS`, read fewer rows with `row_filters`, "
            f"or wait until {until:%Y-%m-%d}."
        )


def period_of(now: datetime) -> Period:
    """The month a moment is in.

    >>> period_of(datetime(2026, 12, 24, tzinfo=UTC)).until.isoformat()
    '2027-01-01T00:00:00+00:00'
    """
    since = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    is_last = since.month == 12
    until = since.replace(year=since.year + is_last, month=1 if is_last else since.month + 1)
    return Period(since, until)


class Budget:
    """What one sync may read. Rows other syncs are reading right now count as used."""

    def __init__(
        self, platform: Platform, project_id: int, table: str, *job_ids: str, spent: int = 0
    ) -> None:
        """`job_ids` are the sync's own; `spent` are rows it has read before these, not booked yet."""
        store = platform.store
        self.table = table
        self.limit = store.row_limit(project_id)
        self.period = period_of(datetime.now(UTC))
        self.used = 0
        if self.limit is not None:
            booked = store.rows_used(project_id, self.period.since)
            self.used = spent + booked + store.rows_in_flight(project_id, job_ids)

    @property
    def left(self) -> int | None:
        """None for any number."""
        return None if self.limit is None else max(0, self.limit - self.used)

    def exceeded_by(self, rows: int) -> RowLimitReachedError | None:
        """The error of a sync that has read so many rows, or None while it may go on."""
        if self.limit is None or (rows <= (self.left or 0) and not (rows == 0 and not self.left)):
            return None
        return RowLimitReachedError(self.table, self.limit, self.used + rows, self.period.until)

    def check(
        self, source_type: SourceType, config: Mapping[str, Any], request: ReadRequest
    ) -> int | None:
        """Before reading: how many rows will come, where the source can count and a limit makes it worth it.

        Raises:
            RowLimitReachedError: nothing is left.
            RowLimitTooLowError: more would come than is left.
        """
        if self.limit is None:
            return None
        if not self.left:
            raise RowLimitReachedError(self.table, self.limit, self.used, self.period.until)
        count = getattr(source_type, "count_rows", None)
        wanted: int | None = count(config, request) if count else None
        if wanted is not None and wanted > self.left:
            raise RowLimitTooLowError(self.table, self.limit, self.left, wanted, self.period.until)
        return wanted


def usage_of(platform: Platform, project_id: int, now: datetime | None = None) -> dict[str, Any]:
    """Rows and bytes synced in this month, per source, and the limit."""
    store = platform.store
    period = period_of(now or datetime.now(UTC))
    per_source = store.usage_by_source(project_id, period.since, period.until)
    rows = sum(each[0] for each in per_source.values())
    views = store.usage(project_id, period.since, period.until, "view")
    limit = store.row_limit(project_id)
    return {
        "billing_period_start": period.since,
        "billing_period_end": period.until,
        "total_rows": rows,
        "pending_rows": store.rows_in_flight(project_id),
        "materialized_rows_in_billing_period": sum(views.values()),
        "breakdown_of_rows_by_source": {name: each[0] for name, each in per_source.items()},
        "breakdown_of_bytes_by_source": {name: each[1] for name, each in per_source.items()},
        "row_limit": limit,
        "rows_left": None if limit is None else max(0, limit - rows),
    }


def set_row_limit(platform: Platform, project_id: int, rows: int | None) -> None:
    """Rows that may be synced in a calendar month; None for any number. Raises InvalidInputError."""
    if rows is not None and (isinstance(rows, bool) or not isinstance(rows, int) or rows < 0):
        raise InvalidInputError(
            "row_limit", f"`row_limit` is {rows!r}; it must be a whole number of rows, or null."
        )
    platform.store.set_row_limit(project_id, rows)
