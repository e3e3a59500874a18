"""Sequences of events: funnels, patterns and retention, on DuckDB as folds over the sorted events of a group."""

import re
from dataclasses import replace

from pwh_assets.hogql.functions.base import Agg, Call, Handler, Row, alike
from pwh_assets.hogql.functions.sqltext import both, let, tail
from pwh_assets.hogql.types import BOOLEAN, INTEGER, array


def _stamp(call: Call) -> str:
    """DuckDB: the first argument as a number that grows with time."""
    arg = call.args[0]
    if arg.type.name == "DateTime":
        return f"epoch_us({arg.sql})"
    if arg.type.name == "Date":
        return f"({arg.sql} - DATE '1970-01-01')"
    return f"CAST({arg.sql} AS BIGINT)"


def _events(call: Call, *, keeps_others: bool = False) -> str:
    """DuckDB: the sorted list of [time, step] of every condition that is true; others have step 0, if they are kept."""
    time = _stamp(call)
    pairs = ", ".join(
        f"CASE WHEN {condition.sql} THEN [{time}, {step}] END"
        for step, condition in enumerate(call.args[1:], 1)
    )
    listed = f"list_filter([{pairs}], lambda __p: __p IS NOT NULL)"
    if keeps_others:
        some = " OR ".join(f"coalesce({condition.sql}, FALSE)" for condition in call.args[1:])
        listed = f"CASE WHEN {some} THEN {listed} ELSE [[{time}, 0]] END"
    kept = replace(call, filter_sql=both(call.filter_sql, f"{call.args[0].sql} IS NOT NULL"))
    return f"list_sort(coalesce(flatten(list({listed}){tail(kept)}), []))"


MODES = ("strict_deduplication", "strict_order", "strict_increase")


def _window_funnel(call: Call, /) -> str:
    """Steps reached in order within the window."""
    window, *given = call.params
    modes = [str(mode.literal) for mode in given]
    if unknown := [mode for mode in modes if mode not in (*MODES, "strict_once")]:
        raise ValueError(f"it has no mode {unknown[0]}, only {', '.join(MODES)}.")
    time = call.args[0]
    width = (
        f"CAST({window.sql} AS BIGINT) * 1000000" if time.type.name == "DateTime" else window.sql
    )
    if call.engine == "clickhouse":
        first = time.sql
        rest = ", ".join(f"ifNull({arg.sql}, false)" for arg in call.args[1:])
        if time.type.name == "DateTime":
            first = f"toUInt64(toUnixTimestamp64Micro(toDateTime64({time.sql}, 6)))"
        elif time.type.name == "Integer":
            first = f"toUInt64({time.sql})"
        named = "".join(f", '{mode}'" for mode in modes)
        return f"coalesce(windowFunnel({width}{named})({first}, {rest}){tail(call)}, 0)"
    if "strict_once" in modes:
        raise ValueError(f"there it has only the modes {', '.join(MODES)}.")
    return _funnel_fold(call, width, modes)


def _funnel_fold(call: Call, width: str, modes: list[str]) -> str:
    """DuckDB: a fold over the events. Its state holds, per step, when its chain began, then, per step, when the step was
    reached, and at the end the answer where a mode has ended the funnel early. Steps are reached in order, so their
    number is how many of them have a beginning.
    """
    steps = len(call.args) - 1
    chained = f"__acc[__e[2] - 1] IS NOT NULL AND __e[1] <= __acc[__e[2] - 1] + {width}"
    if "strict_increase" in modes:
        chained += f" AND __acc[{steps} + __e[2] - 1] < __e[1]"
    reached = f"len(list_filter(__acc[1:{steps}], lambda __s: __s IS NOT NULL))"
    ends = ["__e[2] = 0 AND __acc[1] IS NOT NULL"]
    if "strict_deduplication" in modes:
        ends.append("__e[2] > 1 AND __acc[__e[2]] IS NOT NULL")
    if "strict_order" in modes:
        ends.append("__e[2] > 1 AND __acc[1] IS NOT NULL AND __acc[__e[2] - 1] IS NULL")
    ended = " OR ".join(f"({end})" for end in ends)
    step = (
        f"list_transform(__acc, lambda __v, __k: CASE WHEN __k = {2 * steps + 1} "
        f"THEN coalesce(__v, CASE WHEN {ended} THEN {reached} END) "
        f"WHEN __e[2] = 0 OR __k NOT IN (__e[2], {steps} + __e[2]) THEN __v WHEN __e[2] = 1 THEN __e[1] "
        f"WHEN {chained} THEN CASE WHEN __k <= {steps} THEN __acc[__e[2] - 1] ELSE __e[1] END ELSE __v END)"
    )
    begin = f"[{', '.join(['CAST(NULL AS BIGINT)'] * (2 * steps + 1))}]"
    events = _events(call, keeps_others="strict_order" in modes)
    final = f"list_reduce({events}, lambda __acc, __e: {step}, {begin})"
    return let(
        final,
        lambda acc: f"coalesce({acc}[{2 * steps + 1}], {reached.replace('__acc', acc)})",
        "__f",
    )


def _sequence(count: bool) -> Handler:
    """The pattern as a regular expression over one letter per event."""
    name = "sequenceCount" if count else "sequenceMatch"

    def handler(call: Call, /) -> str:
        if not call.params or not isinstance(call.params[0].literal, str):
            raise ValueError(f"it needs a pattern: {name}('(?1)(?2)')(time, first, second).")
        pattern = call.params[0].literal
        if call.engine == "clickhouse":
            time = call.args[0]
            first = f"toDateTime({time.sql})" if time.type.name == "DateTime" else time.sql
            rest = ", ".join(f"ifNull({arg.sql}, false)" for arg in call.args[1:])
            return f"coalesce({name}({call.params[0].sql})({first}, {rest}){tail(call)}, 0)"
        steps = len(call.args) - 1
        if steps > 5:
            raise ValueError("it takes at most five conditions there.")
        regexp = _regexp(pattern, steps)
        mask = " + ".join(
            f"CASE WHEN {condition.sql} THEN {1 << i} ELSE 0 END"
            for i, condition in enumerate(call.args[1:])
        )
        some = " OR ".join(f"({condition.sql})" for condition in call.args[1:])
        kept = replace(call, filter_sql=both(call.filter_sql, some))
        letters = f"coalesce(string_agg(chr(64 + {mask}), '' ORDER BY {call.args[0].sql}){tail(kept)}, '')"
        if count:
            return f"len(regexp_extract_all({letters}, '{regexp}'))"
        return f"regexp_matches({letters}, '{regexp}')"

    return handler


def _regexp(pattern: str, steps: int) -> str:
    out, at = "", 0
    for piece in re.finditer(r"\(\?(\d+)\)|\.\*|\.|\s+", pattern):
        if piece.start() != at:
            break
        at = piece.end()
        if piece.group(1):
            step = int(piece.group(1))
            if not 1 <= step <= steps:
                raise ValueError(f"its pattern names condition {step}, there are {steps}.")
            letters = "".join(
                chr(64 + mask) for mask in range(1, 1 << steps) if mask >> (step - 1) & 1
            )
            out += f"[{re.escape(letters)}]"
        elif piece.group() == ".*":
            out += ".*?"
        elif piece.group() == ".":
            out += "."
    if at != len(pattern):
        raise ValueError("its pattern may hold (?1), .* and . there, no times.")
    return out


def _retention(call: Call, /) -> str:
    if call.engine == "clickhouse":
        return (
            f"retention({', '.join(f'ifNull({arg.sql}, false)' for arg in call.args)}){tail(call)}"
        )
    hit = [f"coalesce(bool_or({arg.sql}){tail(call)}, false)" for arg in call.args]
    return "[" + ", ".join(f"CAST({hit[0]} AND {one} AS INTEGER)" for one in hit) + "]"


_EVENTS = "[(1, 'a'), (5, 'b'), (30, 'c')]"


def _query(call: str) -> str:
    return f"SELECT {call} FROM (SELECT t.1 AS a, t.2 AS b FROM (SELECT arrayJoin({_EVENTS}) AS t))"


ROWS: tuple[Row, ...] = (
    Agg(
        "windowFunnel",
        (2, None),
        INTEGER,
        "How many conditions were true one after another within so many seconds: windowFunnel(3600)(time, first, second …).",
        alike(_window_funnel),
        example=(
            (_query("windowFunnel(10)(a, b = 'a', b = 'b', b = 'c')"), 2),
            (_query("windowFunnel(100)(a, b = 'a', b = 'b', b = 'c')"), 3),
            (_query("windowFunnel(10)(a, b = 'x', b = 'b')"), 0),
            (_query("windowFunnel(100, 'strict_order')(a, b = 'a', b = 'c')"), 1),
        ),
        params=(1, 4),
    ),
    Agg(
        "sequenceMatch",
        (2, None),
        BOOLEAN,
        "Whether the conditions came true in the pattern's order: sequenceMatch('(?1)(?2)')(time, first, second …).",
        alike(_sequence(False)),
        example=(
            (_query("sequenceMatch('(?1)(?2)')(a, b = 'a', b = 'b')"), True),
            (_query("sequenceMatch('(?2)(?1)')(a, b = 'a', b = 'b')"), False),
        ),
        params=(1, 1),
    ),
    Agg(
        "sequenceCount",
        (2, None),
        INTEGER,
        "How often the conditions came true in the pattern's order.",
        alike(_sequence(True)),
        example=(_query("sequenceCount('(?1)(?2)')(a, b = 'a', b = 'b')"), 1),
        params=(1, 1),
    ),
    Agg(
        "retention",
        (1, None),
        array(INTEGER),
        "Whether the first condition was true, and with it each of the others.",
        alike(_retention),
        example=(_query("retention(b = 'a', b = 'b', b = 'z')"), [1, 1, 0]),
    ),
)
