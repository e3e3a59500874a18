"""Rows of an API whose cursor is a time: what of them is new, and up to when all of them were seen."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pwh_assets.core.source import SyncMode
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.http.rows import RowBuilder

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 5_000

Row = dict[str, Any]


class Moments:
    """Takes pages of one reading. `watermark` is right after the last table was taken.

    It is never later than when the reading began: a row that changes while others are read may have been passed
    already, and must not be hidden behind a later one.
    """

    def __init__(self, request: ReadRequest, builder: RowBuilder, cursor: str | None) -> None:
        self._request, self._builder, self._cursor = request, builder, cursor
        self._began = datetime.now(UTC)
        self._newest: datetime | None = None
        self.watermark: str | None = None

    def tables(self, pages: Iterable[list[Row]]) -> Iterator["pa.Table"]:
        """Arrow tables of the rows that are wanted."""
        waiting: list[Row] = []
        for page in pages:
            waiting += [row for row in page if self._is_wanted(row)]
            while len(waiting) >= BATCH:
                yield self._builder.table(waiting[:BATCH])
                waiting = waiting[BATCH:]
        if waiting:
            yield self._builder.table(waiting)
        if self._request.mode is not SyncMode.FULL and self._newest is not None:
            self.watermark = written(min(self._newest, self._began))

    def _is_wanted(self, row: Mapping[str, Any]) -> bool:
        if self._request.mode is SyncMode.FULL or self._cursor is None:
            return True
        at = moment_of(row.get(self._cursor))
        if at is not None and (self._newest is None or at > self._newest):
            self._newest = at
        since = since_of(self._request)
        if self._request.mode is SyncMode.APPEND:
            return at is None or ((since is None or at > since) and at <= self._began)
        return True


def since_of(request: ReadRequest, overlap_s: float = 0) -> datetime | None:
    """Where reading begins: the watermark moved back by the table's lookback or the API's own lag."""
    if request.since is None or request.mode is SyncMode.FULL:
        return None
    found = moment_of(request.lower)
    if found is None or request.mode is SyncMode.APPEND:
        return found
    latest = moment_of(request.since)
    return found if latest is None else min(found, latest - timedelta(seconds=overlap_s))


def moment_of(value: Any) -> datetime | None:
    """The instant a text or a number of (milli)seconds means; None when it means none.

    >>> moment_of("2024-03-01T12:00:00.000+0000").isoformat(), moment_of(1709294400000).isoformat()
    ('2024-03-01T12:00:00+00:00', '2024-03-01T12:00:00+00:00')
    """
    if isinstance(value, int | float) or (isinstance(value, str) and value.isdecimal()):
        number = float(value)
        return datetime.fromtimestamp(number / 1000 if number >= 1e11 else number, UTC)
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def written(at: datetime) -> str:
    """A watermark: ISO 8601 in UTC, with milliseconds or what is finer.

    >>> written(datetime(2024, 3, 1, 12, tzinfo=UTC))
    '2024-03-01 12:00:00.000+00:00'
    """
    return at.isoformat(" ", "milliseconds" if at.microsecond % 1000 == 0 else "microseconds")
