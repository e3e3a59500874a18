"""Printing: tables, JSON, progress and errors. Facts go to stdout, everything else to stderr."""

import json
import math
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

CELL_WIDTH = 60


def say(text: str = "") -> None:
    print(text, flush=True)


def note(text: str) -> None:
    """Something beside the facts."""
    print(text, file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    say(json.dumps(plain(value), ensure_ascii=False, indent=2))


def print_json_line(value: Any) -> None:
    say(json.dumps(plain(value), ensure_ascii=False, separators=(",", ":")))


def plain(value: Any) -> Any:
    """A value as JSON has it: instants as ISO 8601, exact decimals as numbers where a number holds them."""
    if value is None or (isinstance(value, bool | str | int) and not isinstance(value, Enum)):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, UUID | Path):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict) or hasattr(value, "items"):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, Iterable):
        return [plain(inner) for inner in value]
    return str(value)


def _decimal(value: Decimal) -> int | float | str | None:
    if not value.is_finite():
        return None
    if value == value.to_integral_value():
        return int(value)
    number = float(value)
    return number if Decimal(repr(number)) == value else str(value)


def table(
    headers: Sequence[str], rows: Iterable[Sequence[Any]], width: int | None = CELL_WIDTH
) -> str:
    """Aligned columns, numbers to the right; long cells are cut at `width`. For answers: every value as it is."""
    return _table(headers, rows, lambda value: _cell(value, width))


def facts(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """The same for what PWH itself knows: nothing where nothing is known, thousands apart, instants to the second."""
    return _table(headers, rows, _fact)


def _table(
    headers: Sequence[str], rows: Iterable[Sequence[Any]], shown: Callable[[Any], str]
) -> str:
    cells = [[shown(value) for value in row] for row in rows]
    numeric = _numeric_columns(rows if isinstance(rows, Sequence) else [], len(headers))
    widths = [
        max([_width(header), *(_width(row[i]) for row in cells)])
        for i, header in enumerate(headers)
    ]
    lines = [
        "  ".join(_pad(h, w, n) for h, w, n in zip(headers, widths, numeric, strict=True)).rstrip(),
        "  ".join("─" * w for w in widths),
    ]
    lines += [
        "  ".join(_pad(c, w, n) for c, w, n in zip(row, widths, numeric, strict=True)).rstrip()
        for row in cells
    ]
    return "\n".join(lines)


def _fact(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return when(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return _cell(value, CELL_WIDTH)


def when(at: datetime | str | None) -> str:
    """An instant as tables of facts show it, in UTC; columns say so in their heads."""
    if not at:
        return ""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def size(number: int) -> str:
    """`426 B`, `1.2 MB`."""
    amount, unit = float(number), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:,.0f} {unit}" if unit == "B" else f"{amount:,.1f} {unit}"


def span(seconds: float) -> str:
    """`4 s`, `12 min 30 s`, `3 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:,.1f} s" if seconds < 10 else f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def _cell(value: Any, width: int | None) -> str:
    if value is None:
        return "NULL"
    shown = plain(value)
    text = shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False, default=str)
    if isinstance(value, Decimal):
        text = f"{value:f}"
    text = "".join(c if c.isprintable() else " " for c in text.replace("\n", "⏎"))
    if width is not None and len(text) > width:
        text = text[: width - 1] + "…"
    return text


def _numeric_columns(rows: Sequence[Sequence[Any]], count: int) -> list[bool]:
    kinds = [[row[i] for row in rows if row[i] is not None] for i in range(count)]
    return [
        bool(kind)
        and all(isinstance(v, int | float | Decimal) and not isinstance(v, bool) for v in kind)
        for kind in kinds
    ]


def _width(text: str) -> int:
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _pad(text: str, width: int, right: bool) -> str:
    gap = " " * (width - _width(text))
    return gap + text if right else text + gap


def count(number: int, noun: str, plural: str | None = None) -> str:
    """`1 row`, `2,000 rows`; `plural` where it takes more than an s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
