"""Small texts: HogQL spellings of names and values, numbers and spans for sentences, and reading spans."""

import re
from datetime import date, datetime, timedelta
from typing import Any

from pwh_assets.errors import InvalidInputError

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(m|min|minute|h|hour|d|day|w|week)s?")
_UNIT = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def ident(name: str) -> str:
    """A name as HogQL text, whatever is in it.

    >>> ident("a b`c")
    '`a b``c`'
    """
    return "`" + name.replace("\\", "\\\\").replace("`", "``") + "`"


def chain(name: str) -> str:
    """A dotted name as HogQL text.

    >>> chain("revenue.mrr")
    '`revenue`.`mrr`'
    """
    return ".".join(ident(part) for part in name.split("."))


def literal(value: Any) -> str:
    r"""A plain value as HogQL text.

    >>> literal("it's"), literal(3), literal(True)
    ("'it\\'s'", '3', 'true')
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"


def parse_span(attr: str, value: Any) -> str:
    """A length of time such as `24h`, `90 minutes` or `7d`, in one spelling. Raises InvalidInputError."""
    found = _SPAN.fullmatch(str(value).strip().lower())
    if not found or not float(found[1]):
        raise InvalidInputError(
            attr,
            f"`{value}` is not a length of time. Write it as `30m`, `24h`, `7d` or `2w`.",
        )
    return f"{float(found[1]):g}{found[2][0]}"


def span(text: str) -> timedelta:
    """What `parse_span` gave.

    >>> span("1.5d")
    datetime.timedelta(days=1, seconds=43200)
    """
    return timedelta(**{_UNIT[text[-1]]: float(text[:-1])})


def ago(age: timedelta) -> str:
    """A length of time for a sentence.

    >>> ago(timedelta(hours=26)), ago(timedelta(days=9)), ago(timedelta(minutes=3))
    ('26 hours', '9 days', '3 minutes')
    """
    minutes = int(age.total_seconds() // 60)
    for size, word, least in ((1440, "day", 3), (60, "hour", 2)):
        if minutes >= size * least:
            return f"{minutes // size} {word}s"
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


def rows(number: int) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{number:,} row{'' if number == 1 else 's'}"


def plain(value: Any) -> Any:
    """A value of a YAML document as JSON has it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    return value
