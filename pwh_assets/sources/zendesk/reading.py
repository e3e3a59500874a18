"""Reading one Zendesk table: an export from where the last one ended, or a whole list."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pwh_assets.core.source import Column, DiscoveredTable, SyncMode
from pwh_assets.errors import SourceError
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.errors import CursorTypeError, TableMissingError
from pwh_assets.sources.http import RowBuilder, ahead
from pwh_assets.sources.http.moments import Moments, moment_of
from pwh_assets.sources.zendesk.api import Object, ZendeskApi
from pwh_assets.sources.zendesk.tables import BY_NAME, TABLES, Table, Way

if TYPE_CHECKING:
    import pyarrow as pa

EXPORT_START = 1


def discovered(config: Mapping[str, Any]) -> list[DiscoveredTable]:
    """Tables the agent may read; exports are an administrator's."""
    api = ZendeskApi(config, attempts=3)
    found = []
    for table in TABLES:
        if table.way is Way.LIST and not _may_list(api, table):
            continue
        modes = (SyncMode.FULL, SyncMode.INCREMENTAL)
        is_export = table.way is not Way.LIST
        found.append(
            DiscoveredTable(
                table.name,
                _columns(table.types),
                ("name",) if table.name == "tags" else ("id",),
                (table.cursor,) if is_export else (),
                description=table.description,
                modes=modes if is_export else (SyncMode.FULL,),
            )
        )
    return found


def newest(config: Mapping[str, Any], requests: Sequence[ReadRequest]) -> dict[str, str | None]:
    """How many rows the large tables have."""
    api = ZendeskApi(config, attempts=2)
    found: dict[str, str | None] = {}
    for request in requests:
        if request.table in ("tickets", "users", "organizations"):
            try:
                found[request.table] = api.count(BY_NAME[request.table])
            except SourceError:
                continue
    return found


class Reader:
    """Reads one table once. `watermark` is right after the last table was taken."""

    def __init__(self, config: Mapping[str, Any], request: ReadRequest) -> None:
        table = BY_NAME.get(request.table)
        if table is None:
            raise TableMissingError(request.table, "Zendesk")
        is_export = table.way is not Way.LIST
        if request.mode is not SyncMode.FULL and (not is_export or request.cursor != table.cursor):
            raise CursorTypeError(
                table.name, request.cursor or "", "not what Zendesk exports by", f"`{table.cursor}`"
            )
        self._table, self._request = table, request
        self._api = ZendeskApi(config)
        known = {one.name: one.type for one in request.columns if one.name not in table.types}
        types = {**table.types, **known}
        self.columns = _columns(table.types)
        builder = RowBuilder(f"Zendesk's {table.name}", types, is_strict=False)
        self._moments = Moments(request, builder, table.cursor)
        self._goes_on = ""
        self.watermark: str | None = None

    def batches(self) -> Iterator["pa.Table"]:
        """Arrow tables of at most a few thousand rows."""
        try:
            pages = self._api.pages(self._table) if self._table.way is Way.LIST else self._export()
            yield from self._moments.tables(ahead(pages))
        finally:
            self._api.stop()
        if self._request.mode is not SyncMode.FULL:
            since = (self._request.since or "").partition(";")[0]
            seen = [one for one in (self._moments.watermark, since) if one]
            self.watermark = f"{max(seen)}; {self._goes_on}" if seen else None

    def _export(self) -> Iterator[list[Object]]:
        start, cursor = self._start()
        for rows, after, end in self._api.exported(self._table, start, cursor):
            if self._request.mode is not SyncMode.FULL:
                self._goes_on = f"cursor {after}" if after else f"from {end}"
            yield rows

    def _start(self) -> tuple[int, str | None]:
        """Where the last export ended: its cursor or time, unless the table looks back."""
        since = None if self._request.mode is SyncMode.FULL else self._request.since
        if since is None:
            return EXPORT_START, None
        first, _, rest = since.partition(";")
        at = moment_of(first)
        start = int(at.timestamp()) if at else EXPORT_START
        if self._request.lookback_s:
            return max(EXPORT_START, start - self._request.lookback_s), None
        if match := re.fullmatch(r" cursor (\S+)", rest):
            return start, match[1]
        return (int(match[1]) if (match := re.fullmatch(r" from (\d+)", rest)) else start), None


def _may_list(api: ZendeskApi, table: Table) -> bool:
    """False when the agent, or the account's plan, has no such list."""
    pages = api.pages(table)
    try:
        next(pages)
    except SourceError as error:
        if error.retryable:
            raise
        return False
    return True


def _columns(types: Mapping[str, str]) -> tuple[Column, ...]:
    return tuple(Column(name, kind, name != "id") for name, kind in types.items())
