"""Which columns of a table a sync could go by, best first; the one it goes by, and whether it still is what it was."""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol, TypeVar

from pwh_assets.core.source import SyncMode
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.errors import CursorChangedError, CursorMissingError, CursorTypeError

_UPDATED = re.compile(r"updat|modif|chang|edit|mutat|last_?(write|touch)", re.IGNORECASE)
_CREATED = re.compile(
    r"creat|insert|added|occur|happen|record|logged|received|sent|event_?time|^(ts|time|timestamp|date|day)$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?|NaN|-?Infinity")
_COUNTS_UP = re.compile(r"version|revision|sequence|seq(_?no|_?num)?$|offset|lsn", re.IGNORECASE)


class Ordered(Protocol):
    """A column's type. `cursor_kind` is what its order means: `instant`, `clock`, `day`, `number`; None: nothing."""

    @property
    def lake(self) -> str: ...
    @property
    def cursor_kind(self) -> str | None: ...


class Orderable(Protocol):
    """A column a table may be synced by."""

    @property
    def name(self) -> str: ...
    @property
    def typed(self) -> Ordered: ...


_BY_VALUE = (SyncMode.INCREMENTAL, SyncMode.APPEND)
_Column = TypeVar("_Column", bound=Orderable)


def ranked(
    columns: Iterable[tuple[str, str | None, bool]],
    primary_key: tuple[str, ...] = (),
    counting: Collection[str] = (),
) -> tuple[str, ...]:
    """When a row changed, when it was made, its number, other times.

    `columns` are name, kind of order (`instant`, `clock`, `day`, `number` or None) and whether it may be NULL;
    `counting` are those the database itself counts up.

    >>> ranked([("id", "number", False), ("name", None, True), ("updated_at", "instant", True)], ("id",))
    ('updated_at', 'id')
    """
    found = [
        (rank, is_nullable, place, name)
        for place, (name, kind, is_nullable) in enumerate(columns)
        if (rank := _rank(name, kind, name in counting or primary_key == (name,))) is not None
    ]
    return tuple(name for *_, name in sorted(found))


def _rank(name: str, kind: str | None, counts_up: bool) -> int | None:
    if kind is None:
        return None
    if kind == "number":
        if counts_up:
            return 2
        return 6 if _COUNTS_UP.search(name) else None
    if _UPDATED.search(name):
        return 0
    if _CREATED.search(name):
        return 1 if kind != "day" else 3
    return 4 if kind != "day" else 5


def cursor_of(request: ReadRequest, columns: Sequence[_Column]) -> _Column | None:
    """The column to sync by; None when the whole table is read.

    Raises:
        CursorMissingError, CursorTypeError: it is not there, or has no order.
    """
    if request.mode is SyncMode.FULL or request.cursor is None:
        return None
    for column in columns:
        if column.name == request.cursor:
            if column.typed.cursor_kind is None:
                wanted = "a timestamp, a date or a number that only grows"
                raise CursorTypeError(request.table, column.name, column.typed.lake, wanted)
            return column
    raise CursorMissingError(request.table, request.cursor, [column.name for column in columns])


def check_cursor(request: ReadRequest, columns: Sequence[Orderable]) -> None:
    """Compare the place the last sync got to with the column as it is now; some servers would compare anything, and find
    no row.

    Raises:
        CursorMissingError, CursorTypeError: see `cursor_of`.
        CursorChangedError: one of them is a number and the other a time.
    """
    column, since = cursor_of(request, columns), request.since
    if column is None or since is None or request.mode not in _BY_VALUE:
        return
    if (_NUMBER.fullmatch(since) is not None) != (column.typed.cursor_kind == "number"):
        raise CursorChangedError(request.table, column.name, column.typed.lake, since)
