"""Times as text and back by format letters, and the names of their parts."""

from collections.abc import Sequence

from pwh_assets.hogql.functions.base import Arg, Call, Handler, Row, family
from pwh_assets.hogql.functions.moments import UNITS, datetime, in_zone, instant, local, zone_of
from pwh_assets.hogql.functions.sqltext import quote
from pwh_assets.hogql.functions.texts import to_text
from pwh_assets.hogql.types import DATETIME, INTEGER, STRING, Type

row = family("dates")

LETTERS: dict[str, str] = {
    "a": "%a", "b": "%b", "c": "%m", "d": "%d", "D": "%m/%d/%y", "e": "%-d", "F": "%Y-%m-%d", "f": "%f",
    "G": "%G", "h": "%I", "H": "%H", "i": "%M", "I": "%I", "j": "%j", "k": "%H", "l": "%I", "m": "%m",
    "M": "%B", "n": "\n", "p": "%p", "r": "%I:%M %p", "R": "%H:%M", "s": "%S", "S": "%S", "t": "\t",
    "T": "%H:%M:%S", "u": "%u", "V": "%V", "w": "%w", "W": "%A", "y": "%y", "Y": "%Y", "%": "%%",
}  # fmt: skip
"""ClickHouse's format letters in DuckDB's; `%i` is the minute, `%M` the month's name."""


def _format(call: Call, /) -> str:
    arg, pattern, *rest = call.args
    if rest and isinstance(rest[0].literal, str):
        call = in_zone(call, 2)
        arg = Arg(datetime(call, arg), DATETIME, arg.node)
    there = local(call, arg)
    if call.engine == "clickhouse":
        return f"formatDateTime({there}, {pattern.sql})"
    text = pattern.literal
    if not isinstance(text, str):
        raise ValueError("its format has to be a text such as '%Y-%m-%d'.")
    parts: list[str] = []
    plain = ""

    def flush() -> None:
        nonlocal plain
        if plain:
            parts.append(f"strftime({there}, {quote(plain)})")
            plain = ""

    at = 0
    while at < len(text):
        letter = text[at + 1 : at + 2] if text[at] == "%" else ""
        if not letter:
            plain += text[at]
            at += 1
            continue
        at += 2
        if letter in LETTERS:
            plain += LETTERS[letter]
            continue
        special = {
            "Q": f"CAST(quarter({there}) AS VARCHAR)",
            "C": f"lpad(CAST(year({there}) // 100 AS VARCHAR), 2, '0')",
            "g": f"right(strftime({there}, '%G'), 2)",
            "z": _offset(call, arg, there),
        }.get(letter)
        if special is None:
            raise ValueError(f"its format letter %{letter} is not known.")
        flush()
        parts.append(special)
    flush()
    return "(" + " || ".join(parts) + ")" if parts else "''"


def _offset(call: Call, arg: Arg, there: str) -> str:
    if zone_of(call, arg) == "UTC" or arg.type.name == "Date":
        return "'+0000'"
    minutes = f"date_diff('minute', {datetime(call, arg)}, {there})"
    return (
        f"(CASE WHEN {minutes} < 0 THEN '-' ELSE '+' END || lpad(CAST(abs({minutes}) // 60 AS VARCHAR), 2, '0') "
        f"|| lpad(CAST(abs({minutes}) % 60 AS VARCHAR), 2, '0'))"
    )


PARSED: dict[str, str] = {
    **{letter: LETTERS[letter] for letter in "abcdFfHiIjmMpRsSTyY%ehklDr"},
    "e": "%d",
    "W": "%A",
    "n": "\n",
    "t": "\t",
}


def _parse(call: Call, /) -> str:
    text = to_text(call, call.args[0])
    pattern = call.args[1]
    zone = call.args[2].literal if len(call.args) > 2 else call.timezone
    if not isinstance(zone, str):
        raise ValueError("its zone has to be a text such as 'Europe/Berlin'.")
    if call.engine == "clickhouse":
        return f"toDateTime64(parseDateTime64OrNull({text}, {pattern.sql}, {quote(zone)}), 6)"
    given = pattern.literal
    if not isinstance(given, str):
        raise ValueError("its format has to be a text such as '%Y-%m-%d'.")
    out, at = "", 0
    while at < len(given):
        if given[at] == "%" and at + 1 < len(given):
            letter = PARSED.get(given[at + 1])
            if letter is None:
                raise ValueError(f"its format letter %{given[at + 1]} is not known.")
            out += letter
            at += 2
        else:
            out += given[at]
            at += 1
    return instant(call, f"try_strptime({text}, {quote(out)})", zone)


def _zoned(args: Sequence[Arg]) -> Type:
    from dataclasses import replace

    zone = args[2].literal if len(args) > 2 else None
    return replace(DATETIME, timezone=zone if isinstance(zone, str) else None)


_NAMES = {
    "year": ("CAST(year({0}) AS VARCHAR)", "year"),
    "quarter": ("CAST(quarter({0}) AS VARCHAR)", "quarter"),
    "month": ("monthname({0})", "month"),
    "week": ("CAST(weekofyear({0}) AS VARCHAR)", "week"),
    "dayofyear": ("CAST(dayofyear({0}) AS VARCHAR)", "dayofyear"),
    "day": ("CAST(day({0}) AS VARCHAR)", "day"),
    "weekday": ("dayname({0})", "weekday"),
    "hour": ("CAST(hour({0}) AS VARCHAR)", "hour"),
    "minute": ("CAST(minute({0}) AS VARCHAR)", "minute"),
    "second": ("CAST(second({0}) AS VARCHAR)", "second"),
}


def _name(call: Call, /) -> str:
    unit, arg, *_ = call.args
    word = str(unit.literal).lower()
    if word not in _NAMES:
        raise ValueError(f"its part has to be one of {', '.join(_NAMES)}.")
    there = local(call, arg)
    if call.engine == "clickhouse":
        return f"dateName('{word}', {there})"
    return _NAMES[word][0].replace("{0}", there)


def _local_name(duckdb: str, clickhouse: str) -> tuple[Handler, Handler]:
    return (
        lambda call, /: duckdb.replace("{0}", local(call, call.args[0])),
        lambda call, /: clickhouse.replace("{0}", local(call, call.args[0])),
    )


_PARTS = {
    "dow": ("isodow({0})", "toDayOfWeek({0})"),
    "isodow": ("isodow({0})", "toDayOfWeek({0})"),
    "doy": ("dayofyear({0})", "toDayOfYear({0})"),
    "epoch": ("CAST(floor(epoch({0})) AS BIGINT)", "toInt64(toUnixTimestamp({0}))"),
    "year": ("year({0})", "toYear({0})"),
    "quarter": ("quarter({0})", "toQuarter({0})"),
    "month": ("month({0})", "toMonth({0})"),
    "week": ("weekofyear({0})", "toISOWeek({0})"),
    "day": ("day({0})", "toDayOfMonth({0})"),
    "hour": ("hour({0})", "toHour({0})"),
    "minute": ("minute({0})", "toMinute({0})"),
    "second": ("second({0})", "toSecond({0})"),
}


def _part(call: Call, /) -> str:
    unit, arg = call.args
    word = str(unit.literal).lower()
    word = word if word in _PARTS else UNITS.get(word, word)
    if word not in _PARTS:
        raise ValueError(f"its part has to be one of {', '.join(_PARTS)}.")
    if call.engine == "clickhouse":
        return _PARTS[word][1].replace("{0}", local(call, arg))
    there = datetime(call, arg) if word == "epoch" else local(call, arg)
    if word in ("hour", "minute", "second"):
        there = f"CAST({there} AS TIMESTAMP)"
    if word in ("hour", "minute", "second", "epoch") or call.engine == "duckdb":
        return _PARTS[word][0].replace("{0}", there)
    return f"date_part('{word}', {there})"


_T = "toDateTime('2024-02-03 04:05:06')"

ROWS: tuple[Row, ...] = (
    row(
        "formatDateTime",
        (2, 3),
        STRING,
        "A time by a format such as '%Y-%m-%d %H:%i:%S', in the third argument's zone.",
        _format,
        _format,
        (f"formatDateTime({_T}, '%Y-%m-%d %H:%i:%S')", "2024-02-03 04:05:06"),
        (f"formatDateTime({_T}, '%M %e, %a')", "February 3, Sat"),
        (f"formatDateTime({_T}, '%H:%i', 'Europe/Berlin')", "05:05"),
        aliases=("to_char", "DATE_FORMAT", "date_format"),
    ),
    row(
        "parseDateTime",
        (2, 3),
        DATETIME,
        "The time in a text by a format, NULL where it does not fit.",
        _parse,
        _parse,
        ("toString(parseDateTime('03/02/2024 04:05', '%d/%m/%Y %H:%i'))", "2024-02-03 04:05:00"),
        ("parseDateTime('x', '%Y')", None),
        aliases=(
            "parseDateTimeOrNull",
            "parseDateTime64",
            "parseDateTime64OrNull",
            "str_to_date",
            "STR_TO_DATE",
        ),
        typed=_zoned,
    ),
    row(
        "dateName",
        (2, 3),
        STRING,
        "A part of a date in words: dateName('weekday', date).",
        _name,
        _name,
        (f"dateName('weekday', {_T})", "Saturday"),
        (f"dateName('month', {_T})", "February"),
    ),
    row(
        "monthName",
        (1, 1),
        STRING,
        "The month in words.",
        *_local_name("monthname({0})", "monthName({0})"),
        (f"monthName({_T})", "February"),
    ),
    row(
        "date_part",
        (2, 2),
        INTEGER,
        "A part of a date by its name: date_part('month', date).",
        _part,
        _part,
        (f"date_part('month', {_T})", 2),
        (f"date_part('dow', {_T})", 6),
        aliases=("datePart", "DATE_PART", "__extract"),
    ),
)
