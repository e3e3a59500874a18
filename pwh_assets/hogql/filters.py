"""`{filters}`: the date range and the properties a page asks of every query on it, as HogQL over the rows that are read."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pwh_assets.hogql.actions import compared, property_condition
from pwh_assets.hogql.written import written_name

DATES: Final = {
    "events": "timestamp",
    "sessions": "`$start_timestamp`",
    "persons": "created_at",
    "groups": "created_at",
}
"""Tables that `{filters}` knows by itself, and the column that a date range is about."""
_UNITS: Final = {
    "s": ("Second", ""),
    "M": ("Minute", "toStartOfMinute"),
    "h": ("Hour", "toStartOfHour"),
    "d": ("Day", "toStartOfDay"),
    "w": ("Week", "toStartOfWeek"),
    "m": ("Month", "toStartOfMonth"),
    "q": ("Quarter", "toStartOfQuarter"),
    "y": ("Year", "toStartOfYear"),
}
_RELATIVE = re.compile(r"(?:-(?P<count>\d{1,6}))?(?P<unit>[sMhdwmqy])(?P<edge>Start|End)?")
_EXACT = frozenset("sMh")
"""Units so fine that a range of them rolls; all others begin and end at midnight."""


def conditions(given: Mapping[str, Any], table: str) -> list[str]:
    """HogQL that rows of a table that is known by name have to meet, each for itself.

    >>> conditions({"dateRange": {"date_from": "-7d", "date_to": "2024-03-01"}}, "events")[0]
    'timestamp >= toStartOfDay(now() - toIntervalDay(7))'

    Raises:
        ValueError: a filter cannot be written for this table; the sentence says why.
    """
    found = date_conditions(DATES[table], *date_range(given))
    return [*found, *(_property(one, table) for one in properties(given))]


def date_range(given: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Beginning and end as they were written; None where there is none."""
    found = given.get("dateRange") or {}
    if not isinstance(found, Mapping):
        raise ValueError("`dateRange` is no object with `date_from` and `date_to`")
    ends = []
    for name in ("date_from", "date_to"):
        value = found.get(name)
        if value is not None and not isinstance(value, str):
            raise ValueError(f"`{name}` is no text")
        ends.append(value if value and value != "all" else None)
    return ends[0], ends[1]


def properties(given: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The property filters; all of them hold."""
    found = given.get("properties") or ()
    if not isinstance(found, list | tuple) or not all(isinstance(one, Mapping) for one in found):
        raise ValueError("`properties` is no list of filters")
    return found


def date_conditions(field: str, date_from: str | None, date_to: str | None) -> list[str]:
    """What a column of times has to meet. A range without an end goes to the end of today."""
    found = []
    if date_from:
        found.append(f"{field} >= {beginning(date_from)}")
    if date_to:
        found.append(f"{field} {'<' if is_whole(date_to) else '<='} {ending(date_to)}")
    elif date_from:
        found.append(f"{field} < {ending('d')}")
    return found


def is_relative(text: str) -> bool:
    return _RELATIVE.fullmatch(text) is not None


def is_whole(text: str) -> bool:
    """Whether the end of a range means all of a day (month, …): `ending` is then the first moment that is outside."""
    relative = _RELATIVE.fullmatch(text)
    if relative is not None:
        return relative["edge"] == "End" or (
            relative["edge"] is None and relative["unit"] not in _EXACT
        )
    return len(text.strip()) == 10


def beginning(text: str) -> str:
    """The first moment of a range as HogQL.

    >>> beginning("-24h"), beginning("mStart")
    ('now() - toIntervalHour(24)', 'toDateTime(toStartOfMonth(now()))')

    Raises:
        ValueError: it is no date.
    """
    relative = _RELATIVE.fullmatch(text)
    if relative is None:
        return _absolute(text, 0)
    if relative["edge"] == "End":
        return ending(text)
    return _start(relative)


def ending(text: str) -> str:
    """The last moment of a range as HogQL, or the first one outside (see `is_whole`). Raises ValueError."""
    relative = _RELATIVE.fullmatch(text)
    if relative is None:
        return _absolute(text, 1 if is_whole(text) else 0)
    if not is_whole(text):
        return _start(relative)
    unit = relative["unit"] if relative["edge"] == "End" else "d"
    return f"{_start(relative, unit)} + toInterval{_UNITS[unit][0]}(1)"


def _start(relative: "re.Match[str]", floor: str = "") -> str:
    unit = relative["unit"]
    moment = "now()"
    if relative["count"]:
        moment += f" - toInterval{_UNITS[unit][0]}({int(relative['count'])})"
    if not floor:
        floor = unit if relative["edge"] else "" if unit in _EXACT else "d"
    function = _UNITS[floor][1] if floor else ""
    if not function:
        return moment
    found = f"{function}({moment})"
    return found if floor in "Mhd" else f"toDateTime({found})"


def _absolute(text: str, days: int) -> str:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(
            f"`{text}` is no date: write 2024-01-31, 2024-01-31T10:00:00Z, -7d, -24h, mStart or all"
        ) from None
    try:
        moment += timedelta(days=days)
    except OverflowError:
        raise ValueError(f"`{text}` is too far away") from None
    if moment.tzinfo is not None:
        return f"toDateTime('{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}', 'UTC')"
    return f"toDateTime('{moment:%Y-%m-%d %H:%M:%S}')"


def _property(given: Mapping[str, Any], table: str) -> str:
    if table == "events":
        return property_condition(given)
    return property_condition(given, lambda kind, key, one: _field(table, kind, key, one))


def _field(table: str, kind: str, key: str, given: Mapping[str, Any]) -> str:
    """A property of a row that is no event."""
    if (table, kind) == ("sessions", "session"):
        return written_name(key)
    if (table, kind) in (("persons", "person"), ("groups", "group")):
        return f"properties.{written_name(key)}"
    if (table, kind) == ("persons", "cohort"):
        return "id"
    raise ValueError(
        f"`{table}` has no properties of type `{kind}`; bind a column: {{filters(column AS '{key or kind}')}}"
    )


def bound_names(given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What `{filters(column AS name)}` has to bind: each name, and the filter it is for."""
    start, end = date_range(given)
    if start or end:
        yield "timestamp", (start, end)
    for one in properties(given):
        kind = one.get("type") or "event"
        if kind in ("hogql", "sql"):
            raise ValueError(
                "a filter in HogQL names columns itself, so none can be bound to it; write it into the query"
            )
        yield ("person_id" if kind == "cohort" else str(one.get("key"))), one


def bound_conditions(name: str, given: Any) -> list[str]:
    """HogQL over `__field`, the column that was bound to a name. Raises ValueError."""
    if name == "timestamp" and isinstance(given, tuple):
        return date_conditions("__field", *given)
    if (given.get("type") or "event") == "cohort":
        return [property_condition(given, lambda *_: "__field")]
    return [compared("__field", given.get("operator") or "exact", given.get("value"))]


__all__ = [
    "DATES",
    "beginning",
    "bound_conditions",
    "bound_names",
    "conditions",
    "ending",
    "is_relative",
    "is_whole",
]
