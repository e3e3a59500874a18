"""Which columns of a table a sync could go by, best first, and whether one still is what the last sync went by."""

import re
from collections.abc import Collection, Iterable

from pwh_assets.sources.errors import CursorChangedError

_UPDATED = re.compile(r"updat|modif|chang|edit|mutat|last_?(write|touch)", re.IGNORECASE)
_CREATED = re.compile(
    r"creat|insert|added|occur|happen|record|logged|received|sent|event_?time|^(ts|time|timestamp|date|day)$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?|NaN|-?Infinity")
_COUNTS_UP = re.compile(r"version|revision|sequence|seq(_?no|_?num)?$|offset|lsn", re.IGNORECASE)


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


def check_since(table: str, cursor: str, lake: str, kind: str | None, since: str | None) -> None:
    """Compare the place the last sync got to with the column as it is now; some servers would compare anything, and find
    no row.

    Raises:
        CursorChangedError: one of them is a number and the other a time.

    >>> check_since("t", "at", "TIMESTAMP", "clock", "2024-03-01 12:00:00")
    """
    if since is not None and (_NUMBER.fullmatch(since) is not None) != (kind == "number"):
        raise CursorChangedError(table, cursor, lake, since)
