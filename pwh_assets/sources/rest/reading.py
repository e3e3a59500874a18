"""Reading one declared resource: its requests, its parents' rows, and rows past the watermark."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pwh_assets.core.source import Column, SyncMode
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.http import Answer, RowBuilder, in_order
from pwh_assets.sources.http.rows import inferred
from pwh_assets.sources.rest.client import Client
from pwh_assets.sources.rest.config import Resource
from pwh_assets.sources.rest.paging import Pages, value_at

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 5_000
_PARENT = "_{}_{}"
"""How dlt names what a row has from its parent."""

Row = dict[str, Any]


class Resources:
    """All declared resources, with one client."""

    def __init__(
        self,
        config: Mapping[str, Any],
        resources: Mapping[str, Resource],
        attempts: int | None = None,
    ) -> None:
        self.client = Client(config, attempts)
        self._by_name = resources

    def rows(self, name: str, start: Any = None) -> Iterator[list[Row]]:
        """Pages of one resource's rows; `start` fills in where the cursor begins."""
        one = self._by_name[name]
        if one.parent is None:
            yield from self._pages(one)(
                self._ask(one, {}, start), one.path, self._params(one, start)
            )
            return

        def of(parent: Row) -> list[Row]:
            filled = self._filled(one, parent)
            pages = self._pages(one, threads=1)
            ask = self._ask(one, filled, start)
            found = pages(ask, _fill(one.path, filled), self._params(one, start, filled))
            inherited = {
                _PARENT.format(one.parent.resource, field): parent.get(field)  # type: ignore[union-attr]
                for field in one.include_from_parent
            }
            return [{**row, **inherited} for page in found for row in page]

        parents = (row for page in self.rows(one.parent.resource) for row in page)
        yield from in_order(of, parents, self.client.concurrency)

    def sample(self, name: str) -> list[Row]:
        """Rows of the first page; of a child, of the first parents that have any."""
        one = self._by_name[name]
        start = one.incremental.initial_value if one.incremental else None
        parents = self.sample(one.parent.resource)[:5] if one.parent else [{}]
        for parent in parents:
            filled = self._filled(one, parent)
            ask, params = self._ask(one, filled, start), self._params(one, start, filled)
            if rows := self._pages(one).first(ask, _fill(one.path, filled), params):
                link = one.parent.resource if one.parent else ""
                inherited = {
                    _PARENT.format(link, field): parent.get(field)
                    for field in one.include_from_parent
                }
                return [{**row, **inherited} for row in rows]
        return []

    def _pages(self, one: Resource, threads: int | None = None) -> Pages:
        place = f"{self.client.place}, resource `{one.name}`"
        return Pages(place, one.paginator, one.data_selector, threads or self.client.concurrency)

    def _ask(self, one: Resource, filled: Mapping[str, Any], start: Any) -> Any:
        def ask(path: str, params: Mapping[str, Any]) -> Answer:
            is_post = one.method == "POST"
            body = (
                _deep(one.body, filled, start)
                if one.body is not None
                else ({} if is_post else None)
            )
            if is_post and isinstance(body, dict):
                return self.client.call("POST", path, {}, {**body, **params})
            return self.client.call(one.method, path, params, body)

        return ask

    def _params(
        self, one: Resource, start: Any, filled: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        params = {}
        for name, value in one.params.items():
            found = _deep(value, filled or {}, start)
            if found is not None:
                params[name] = str(found).lower() if isinstance(found, bool) else found
        if one.incremental and one.incremental.param and start is not None:
            params[one.incremental.param] = start
        if one.parent and filled and f"{{{one.parent.param}}}" not in _texts(one):
            params[one.parent.param] = filled[one.parent.param]
        return params

    def _filled(self, one: Resource, parent: Row) -> dict[str, Any]:
        return {one.parent.param: value_at(parent, one.parent.field)} if one.parent else {}


class Reader:
    """Reads one resource once. `watermark` is right after the last table was taken."""

    def __init__(
        self, config: Mapping[str, Any], resources: Mapping[str, Resource], request: ReadRequest
    ) -> None:
        self._resources, self._request = Resources(config, resources), request
        self._one = resources[request.table]
        known = {column.name: column.type for column in request.columns}
        types = {**known, **self._one.types}
        self.columns = tuple(Column(name, kind) for name, kind in types.items())
        self._builder = RowBuilder(
            f"A row of `{request.table}`", types, is_strict=False, infers=True
        )
        self._newest: Any = None
        self.watermark: str | None = None

    def batches(self) -> Iterator["pa.Table"]:
        """Arrow tables of at most a few thousand rows."""
        waiting: list[Row] = []
        try:
            for page in self._resources.rows(self._one.name, self._start()):
                waiting += [row for row in page if self._is_wanted(row)]
                while len(waiting) >= BATCH:
                    yield self._builder.table(waiting[:BATCH])
                    waiting = waiting[BATCH:]
            if waiting:
                yield self._builder.table(waiting)
        finally:
            self._resources.client.http.stop()
        if self._request.mode is not SyncMode.FULL and self._newest is not None:
            self.watermark = str(self._newest)

    def _start(self) -> Any:
        if self._one.incremental is None:
            return None
        since = self._request.since if self._request.mode is not SyncMode.FULL else None
        if since is None:
            return self._one.incremental.initial_value
        return like(self._request.lower, since)

    def _is_wanted(self, row: Row) -> bool:
        """Also where the API does not narrow its list: only what is past the watermark (at it, when merging)."""
        mode, cursor = self._request.mode, self._request.cursor
        if mode is SyncMode.FULL or cursor is None:
            return True
        value = row.get(cursor)
        if value is None:
            return True
        if self._newest is None or order(value) > order(self._newest):
            self._newest = value
        since = self._request.since if mode is SyncMode.APPEND else self._request.lower
        if since is None:
            return True
        here, there = order(value), order(since)
        return here > there if mode is SyncMode.APPEND else here >= there


def order(value: Any) -> tuple[int, Any]:
    """What cursor values are compared by: numbers as numbers, times as instants, else texts.

    >>> order("9") < order("10"), order("2024-03-01T12:00:00Z") == order("2024-03-01 13:00:00+01:00")
    (True, True)
    """
    text = str(value)
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        return 0, Decimal(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return 2, text
    return 1, moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def like(moved: str | None, since: str) -> str | None:
    """A time that was moved back, written as the API writes its own.

    >>> like("2024-03-01 11:00:00+00:00", "2024-03-01T12:00:00Z")
    '2024-03-01T11:00:00Z'
    """
    if moved is None or moved == since:
        return since
    text = moved.replace(" ", "T") if "T" in since else moved
    return text.replace("+00:00", "Z") if since.endswith("Z") else text


def columns_of(rows: list[Row], types: Mapping[str, str]) -> tuple[Column, ...]:
    """Columns a sample of rows has; declared ones first."""
    names = dict.fromkeys([*types, *(name for row in rows for name in row)])
    return tuple(
        Column(name, types.get(name) or inferred([row.get(name) for row in rows])) for name in names
    )


def _texts(one: Resource) -> str:
    return " ".join([one.path, *map(str, one.params.values()), str(one.body)])


def _fill(path: str, filled: Mapping[str, Any]) -> str:
    from urllib.parse import quote

    for name, value in filled.items():
        path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
    return path


def _deep(value: Any, filled: Mapping[str, Any], start: Any) -> Any:
    """The value with its placeholders filled in; None when one stands for a start there is not."""
    if isinstance(value, Mapping):
        return {name: _deep(inner, filled, start) for name, inner in value.items()}
    if isinstance(value, list):
        return [_deep(inner, filled, start) for inner in value]
    if not isinstance(value, str):
        return value
    if re.search(r"\{incremental\.(start_value|last_value)\}", value):
        if start is None:
            return None
        value = re.sub(r"\{incremental\.(start_value|last_value)\}", lambda _: str(start), value)
    for name, inner in filled.items():
        value = value.replace(f"{{{name}}}", str(inner))
    return value
