"""Reading one object of Salesforce: which rows, by which of the two APIs, in which types."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pwh_assets.core.source import Column, SyncMode
from pwh_assets.errors import InvalidInputError
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.errors import CursorMissingError, CursorTypeError
from pwh_assets.sources.http import RowBuilder, ahead
from pwh_assets.sources.salesforce.api import SalesforceApi

if TYPE_CHECKING:
    import pyarrow as pa

BULK_FROM = 20_000
"""So many rows are worth a bulk job."""
LONGEST_SOQL = 12_000
"""An address may have 16,384 characters; a longer query goes as a bulk job too."""
SETTLED = timedelta(minutes=5)
"""How long after its time stamp a record is taken to be committed at the latest."""
BATCH = 10_000
_INSTANT = "TIMESTAMP WITH TIME ZONE"


class Reader:
    """Reads one object once. `watermark` is right after the last row was taken."""

    def __init__(self, config: Mapping[str, Any], request: ReadRequest) -> None:
        self._api = SalesforceApi(config)
        self._request = request
        self._object = self._api.object(request.table)
        self.columns: tuple[Column, ...] = tuple(
            column for column in self._object.columns if request.wants(column.name)
        )
        self._types = {column.name: column.type for column in self.columns}
        self.watermark: str | None = None
        if request.mode is not SyncMode.FULL:
            self._check_cursor(request.cursor or "")

    def batches(self) -> "Iterator[pa.Table]":
        builder = RowBuilder(f"Salesforce's {self._object.name}", self._types, key="Id")
        try:
            bound = self._bound()
            tail = f"{self._object.name}{self._where(bound)}"
            soql = f"SELECT {', '.join(self._types)} FROM {tail}"
            with_deleted = self._request.mode is SyncMode.INCREMENTAL
            is_large = len(soql) > LONGEST_SOQL or self._api.count(tail) >= BULK_FROM
            pages = (self._api.bulk if is_large else self._api.pages)(soql, with_deleted)
            for page in ahead(pages):
                for first in range(0, len(page), BATCH):
                    rows = page[first : first + BATCH]
                    yield builder.table([self._row(row, is_large) for row in rows])
            self.watermark = bound
        finally:
            self._api.http.stop()

    def _row(self, row: Mapping[str, Any], is_text: bool) -> dict[str, Any]:
        found = {name: row.get(name) for name in self._types}
        if is_text:
            for name, kind in self._types.items():
                if kind == "BOOLEAN" and found[name] is not None:
                    found[name] = found[name] == "true"
        return found

    def _bound(self) -> str | None:
        """The newest record that is old enough, at least the old watermark."""
        if self._request.mode is SyncMode.FULL:
            return None
        cursor, since = self._request.cursor, self._request.since
        settled = _spelled(datetime.now(UTC) - SETTLED)
        found = self._api.query(
            f"SELECT {cursor} FROM {self._object.name} WHERE {cursor} <= {settled} "
            f"ORDER BY {cursor} DESC LIMIT 1"
        )["records"]
        newest = _spelled(datetime.fromisoformat(found[0][cursor])) if found else None
        return max((one for one in (newest, since) if one), default=None)

    def _where(self, bound: str | None) -> str:
        cursor, mode = self._request.cursor, self._request.mode
        if mode is SyncMode.FULL:
            return ""
        since = _checked(self._request.lower)
        if mode is SyncMode.INCREMENTAL:
            return f" WHERE {cursor} >= {since}" if since else ""
        if bound is None:
            return f" WHERE {cursor} < 1900-01-01T00:00:00.000Z"
        lower = f"{cursor} > {_checked(self._request.since)} AND " if since else ""
        return f" WHERE {lower}{cursor} <= {bound}"

    def _check_cursor(self, cursor: str) -> None:
        if cursor not in {name for name, *_ in self._object.fields}:
            names = [name for name, *_ in self._object.fields]
            raise CursorMissingError(self._object.name, cursor, names)
        kinds = {name: kind for name, kind, _ in self._object.fields}
        if kinds[cursor] != _INSTANT:
            raise CursorTypeError(self._object.name, cursor, kinds[cursor], "`SystemModstamp`")


def _spelled(moment: datetime) -> str:
    """As SOQL writes it; texts of this form sort by time."""
    return (
        moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"
    )


def _checked(watermark: str | None) -> str | None:
    """A watermark as SOQL writes it: nothing else gets into a query."""
    if watermark is None:
        return None
    try:
        moment = datetime.fromisoformat(watermark)
    except ValueError:
        raise InvalidInputError(
            "cursor",
            f"The watermark `{watermark[:60]}` is no time. Sync the table in full once.",
        ) from None
    return _spelled(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
