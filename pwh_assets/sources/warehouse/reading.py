"""One table's rows out of a warehouse: the query, its bounds, and the batches that come back."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pwh_assets.core.source import Column, SyncMode
from pwh_assets.errors import InvalidInputError
from pwh_assets.sources.base import ReadRequest, Tally
from pwh_assets.sources.conditions import conditions
from pwh_assets.sources.cursors import check_cursor, cursor_of
from pwh_assets.sources.errors import TableMissingError
from pwh_assets.sources.warehouse.base import (
    SETTLED_AFTER_S,
    Connect,
    Dialect,
    Session,
    WarehouseColumn,
    WarehouseTable,
)

if TYPE_CHECKING:
    import pyarrow as pa

_SPELLED = {
    "instant": re.compile(
        r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)?"
    ),
    "clock": re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,9})?)?"),
    "day": re.compile(r"\d{4}-\d\d-\d\d"),
    "number": re.compile(r"-?\d+(\.\d+)?"),
}
"""How a watermark of each kind is written: nothing else gets into a query."""


@dataclass(slots=True)
class TableReader:
    """Reads one table once. `watermark` is set after the last row was taken."""

    connect: Connect
    dialect: Dialect
    config: Mapping[str, Any]
    request: ReadRequest
    table: WarehouseTable
    watermark: str | None = None

    @classmethod
    def open(
        cls, connect: Connect, dialect: Dialect, config: Mapping[str, Any], request: ReadRequest
    ) -> "TableReader":
        """Look at the table as it is now.

        Raises:
            TableMissingError, CursorMissingError, CursorTypeError, CursorChangedError: what the request names is not
                there, or not what it was.
            SourceAccessError, SourceUnavailableError.
        """
        with connect(config) as session:
            found = session.tables(request.table)
            if not found:
                raise TableMissingError(request.table, session.place)
        check_cursor(request, found[0].columns)
        return cls(connect, dialect, config, request, found[0])

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.table.lake_columns

    def batches(self) -> Iterator["pa.Table"]:
        """Arrow tables with the source's column names. The bound is taken before the first row."""
        with self.connect(self.config) as session:
            bound = self._bound(session)
            yield from session.batches(self.query(bound), self.request.batch_rows)
        self.watermark = bound

    def query(self, bound: str | None) -> str:
        """The rows at or past the watermark, for appending those between both ends."""
        columns = ", ".join(
            f"{column.typed.select.format(self.dialect.quote(column.name))} AS {self.dialect.quote(column.name)}"
            for column in self.table.columns
            if self.request.wants(column.name)
        )
        return (
            f"SELECT {columns} FROM {self._relation}{_where(self._between(bound), *self._filters)}"
        )

    def count(self) -> int:
        """How many rows a read beginning now would bring."""
        with self.connect(self.config) as session:
            return self._count(session, self._between(self._bound(session)), *self._filters)

    def mark(self) -> str:
        """A text that is another one after most changes: rows, and the highest cursor value."""
        column = self._cursor_column()
        with self.connect(self.config) as session:
            count = self._count(session)
            if column is None:
                return str(count)
            name = self.dialect.quote(column.name)
            highest = self.dialect.text_of(column.typed.cursor_kind or "", f"MAX({name})")
            return f"{count} {session.value(f'SELECT {highest} AS highest FROM {self._relation}')}"

    def tally(self, bound: str | None) -> Tally:
        """How many rows the table should hold after a sync up to the bound."""
        column = self._cursor_column()
        upper = ""
        if column is not None and bound is not None:
            name = self.dialect.quote(column.name)
            nulls = f" OR {name} IS NULL" if column.is_nullable else ""
            upper = f"{name} <= {self._literal(column.typed.cursor_kind or '', bound)}{nulls}"
        with self.connect(self.config) as session:
            return Tally(self._count(session, upper, *self._filters))

    def _count(self, session: Session, *limits: str) -> int:
        text = f"CAST(COUNT(*) AS {self.dialect.text_type})"
        query = f"SELECT {text} AS total FROM {self._relation}{_where(*limits)}"
        return int(session.value(query) or 0)

    @property
    def _filters(self) -> list[str]:
        return conditions(self.request.filters, self.dialect.quote, self.dialect.constant)

    @property
    def _relation(self) -> str:
        return self.dialect.relation(self.config, self.table.name)

    def _cursor_column(self) -> WarehouseColumn | None:
        return cursor_of(self.request, self.table.columns)

    def _bound(self, session: Session) -> str | None:
        """The new watermark: the highest value old enough to be committed, at least the old one."""
        column = self._cursor_column()
        if column is None:
            return None
        kind = column.typed.cursor_kind or ""
        name = self.dialect.quote(column.name)
        settled = self.dialect.settled.get(kind)
        limits = [f"{name} <= {settled.format(SETTLED_AFTER_S)}"] if settled else []
        if self.request.since is not None:
            limits.append(f"{name} >= {self._literal(kind, self.request.since)}")
        where = f" WHERE {' AND '.join(limits)}" if limits else ""
        highest = self.dialect.text_of(kind, f"MAX({name})")
        found = session.value(f"SELECT {highest} AS highest FROM {self._relation}{where}")
        return found if found is not None else self.request.since

    def _between(self, bound: str | None) -> str:
        """Rows without a cursor value have no place in the order: merging reads them every time, appending
        takes them the first time.
        """
        column = self._cursor_column()
        if column is None:
            return ""
        name, kind = self.dialect.quote(column.name), column.typed.cursor_kind or ""
        since, lower = self.request.since, self.request.lower
        nulls = f" OR {name} IS NULL" if column.is_nullable else ""
        if self.request.mode is not SyncMode.APPEND:
            return f"{name} >= {self._literal(kind, lower)}{nulls}" if lower else ""
        if bound is None:
            return "1 = 0"
        upper = f"{name} <= {self._literal(kind, bound)}"
        if since is None:
            return f"{upper}{nulls}"
        return f"{name} > {self._literal(kind, since)} AND {upper}"

    def _literal(self, kind: str, value: str) -> str:
        if not _SPELLED[kind].fullmatch(value):
            raise InvalidInputError(
                "cursor",
                f"The watermark `{value[:60]}` of `{self.table.name}` is no {kind} to sync by. "
                "Sync the table in full once.",
            )
        return self.dialect.literal[kind].format(value)


def _where(*limits: str) -> str:
    found = [f"({limit})" for limit in limits if limit]
    return f" WHERE {' AND '.join(found)}" if found else ""
