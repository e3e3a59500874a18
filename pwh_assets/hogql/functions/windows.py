"""Functions that need OVER."""

import re

from pwh_assets.hogql.functions.base import (
    Arg,
    Call,
    Handler,
    Row,
    TypeRule,
    WindowFn,
    alike,
)
from pwh_assets.hogql.functions.rules import first
from pwh_assets.hogql.functions.sqltext import over_clause
from pwh_assets.hogql.types import FLOAT, INTEGER


def _plain(name: str) -> Handler:
    def handler(call: Call, /) -> str:
        return f"{name}({', '.join(arg.sql for arg in call.args)}){_over(call)}"

    return handler


def _over(call: Call) -> str:
    clause = over_clause(call)
    if not clause:
        raise ValueError("it needs OVER (…).")
    return clause


def _nullable(arg: Arg) -> str:
    """ClickHouse: what lies outside the window is NULL only of values that can be NULL."""
    return arg.sql if arg.type.name in ("Array", "Map", "Tuple") else f"toNullable({arg.sql})"


def _neighbour(name: str) -> Handler:
    """Lag and lead: NULL, or the third argument, outside the partition."""

    def handler(call: Call, /) -> str:
        head, *rest = call.args
        if call.engine == "clickhouse":
            listed = [_nullable(head), *(arg.sql for arg in rest[:1])]
            if len(rest) > 1:
                listed.append(_nullable(rest[1]))
            return f"{name}({', '.join(listed)}){_over(call)}"
        return f"{name}({', '.join(arg.sql for arg in call.args)}){_over(call)}"

    return handler


def _reach(frame: str, word: str) -> int | None:
    """How many rows behind (`lag`) or ahead (`lead`) a frame of ROWS holds; None where that is not fixed.

    >>> _reach("OVER (ORDER BY X ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)", "lag")
    2
    """
    bounds = re.search(r" ROWS (?:BETWEEN (.+?) AND (.+?)|(.+?))\)?$", frame)
    if bounds is None:
        return None
    near = bounds[1] or bounds[3] if word == "lag" else bounds[2] or "CURRENT ROW"
    far = bounds[2] or "CURRENT ROW" if word == "lag" else bounds[1] or bounds[3]
    if far != "CURRENT ROW" and not far.endswith("FOLLOWING" if word == "lag" else "PRECEDING"):
        return None
    if near == "CURRENT ROW":
        return 0
    side = "PRECEDING" if word == "lag" else "FOLLOWING"
    found = re.fullmatch(rf"(\d+) {side}", near)
    return int(found[1]) if found else None


def in_frame(name: str) -> Handler:
    """LagInFrame and leadInFrame: like lag and lead, but only within the window's frame."""
    word = name.removesuffix("InFrame")

    def handler(call: Call, /) -> str:
        head, *rest = call.args
        frame = call.over_sql.upper()
        framed = (
            any(word in frame for word in (" ROWS ", " RANGE ", " GROUPS "))
            and "UNBOUNDED PRECEDING AND UNBOUNDED" not in frame
        )
        if call.engine == "clickhouse":
            listed = [_nullable(head), *(arg.sql for arg in rest[:1])]
            if len(rest) > 1:
                listed.append(_nullable(rest[1]))
            return f"{name}({', '.join(listed)}){_over(call)}"
        if (
            word == "lead"
            and not framed
            and "ORDER BY" in frame
            and "UNBOUNDED FOLLOWING" not in frame
        ):
            # The default frame ends at the current row, so nothing lies ahead in it.
            default = rest[1].sql if len(rest) > 1 else "NULL"
            return f"(CASE WHEN count(*){_over(call)} > 0 THEN {default} END)"
        if framed and not (
            "UNBOUNDED PRECEDING" in frame if word == "lag" else "UNBOUNDED FOLLOWING" in frame
        ):
            reach = _reach(frame, word)
            step = rest[0].literal if rest else 1
            if reach is None or not isinstance(step, int):
                raise ValueError(
                    "frames other than ROWS with whole numbers are not known there; use lag or lead."
                )
            if step > reach:
                default = rest[1].sql if len(rest) > 1 else "NULL"
                return f"(CASE WHEN count(*){_over(call)} >= 0 THEN {default} END)"
        return f"{word}({', '.join(arg.sql for arg in call.args)}){_over(call)}"

    return handler


def _value(name: str) -> Handler:
    def handler(call: Call, /) -> str:
        head, *rest = call.args
        if call.engine == "clickhouse":
            kept = ", ".join([_nullable(head), *(arg.sql for arg in rest)])
            respect = " RESPECT NULLS" if name != "nth_value" else ""
            return f"{name}({kept}){respect}{_over(call)}"
        return f"{name}({', '.join(arg.sql for arg in call.args)}){_over(call)}"

    return handler


def _query(call: str, values: str = "[1, 2, 2, 3]") -> str:
    return f"SELECT arraySort(groupArray(r)) FROM (SELECT {call} AS r FROM (SELECT arrayJoin({values}) AS x))"


def _row(
    name: str,
    args: tuple[int, int],
    returns: TypeRule,
    doc: str,
    handler: Handler,
    example: str,
    value: object,
    aliases: tuple[str, ...] = (),
) -> WindowFn:
    return WindowFn(
        name, args, returns, doc, alike(handler), example=(_query(example), value), aliases=aliases
    )


ROWS: tuple[Row, ...] = (
    _row(
        "row_number",
        (0, 0),
        INTEGER,
        "Number of the row in its window.",
        _plain("row_number"),
        "row_number() OVER (ORDER BY x)",
        [1, 2, 3, 4],
        ("rowNumber",),
    ),
    _row(
        "rank",
        (0, 0),
        INTEGER,
        "Rank of the row; equals share one, then numbers are left out.",
        _plain("rank"),
        "rank() OVER (ORDER BY x)",
        [1, 2, 2, 4],
    ),
    _row(
        "dense_rank",
        (0, 0),
        INTEGER,
        "Rank of the row; no numbers are left out.",
        _plain("dense_rank"),
        "dense_rank() OVER (ORDER BY x)",
        [1, 2, 2, 3],
        ("denseRank",),
    ),
    _row(
        "percent_rank",
        (0, 0),
        FLOAT,
        "Rank as a share from 0 to 1.",
        _plain("percent_rank"),
        "percent_rank() OVER (ORDER BY x)",
        [0.0, 1 / 3, 1 / 3, 1.0],
        ("percentRank",),
    ),
    _row(
        "cume_dist",
        (0, 0),
        FLOAT,
        "Share of rows up to this one.",
        _plain("cume_dist"),
        "cume_dist() OVER (ORDER BY x)",
        [0.25, 0.75, 0.75, 1.0],
    ),
    _row(
        "ntile",
        (1, 1),
        INTEGER,
        "Which of so many equal groups the row is in.",
        _plain("ntile"),
        "ntile(2) OVER (ORDER BY x)",
        [1, 1, 2, 2],
    ),
    _row(
        "lag",
        (1, 3),
        first,
        "The value so many rows before, one unless told; else NULL or the third argument.",
        _neighbour("lag"),
        "lag(x) OVER (ORDER BY x)",
        [1, 2, 2],
    ),
    _row(
        "lead",
        (1, 3),
        first,
        "The value so many rows after, one unless told; else NULL or the third argument.",
        _neighbour("lead"),
        "lead(x, 1, 9) OVER (ORDER BY x)",
        [2, 2, 3, 9],
    ),
    _row(
        "lagInFrame",
        (1, 3),
        first,
        "lag within the window's frame.",
        in_frame("lagInFrame"),
        "lagInFrame(x) OVER (ORDER BY x)",
        [1, 2, 2],
    ),
    _row(
        "leadInFrame",
        (1, 3),
        first,
        "lead within the window's frame, which by default ends at the row itself.",
        in_frame("leadInFrame"),
        "leadInFrame(x) OVER (ORDER BY x ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)",
        [2, 2, 3],
    ),
    _row(
        "first_value",
        (1, 1),
        first,
        "The value of the frame's first row.",
        _value("first_value"),
        "first_value(x) OVER (ORDER BY x)",
        [1, 1, 1, 1],
        ("firstValue",),
    ),
    _row(
        "last_value",
        (1, 1),
        first,
        "The value of the frame's last row.",
        _value("last_value"),
        "last_value(x) OVER (ORDER BY x)",
        [1, 2, 2, 3],
        ("lastValue",),
    ),
    _row(
        "nth_value",
        (2, 2),
        first,
        "The value of the frame's n-th row.",
        _value("nth_value"),
        "nth_value(x, 2) OVER (ORDER BY x)",
        [2, 2, 2],
        ("nthValue",),
    ),
)
