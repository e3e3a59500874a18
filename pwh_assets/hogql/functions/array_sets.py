"""Arrays as sets: which values they hold, how often and where, and what several have in common."""

from pwh_assets.hogql.functions.base import (
    Call,
    Handler,
    Row,
    alike,
    on,
    rows,
)
from pwh_assets.hogql.functions.rules import first
from pwh_assets.hogql.functions.sqltext import let
from pwh_assets.hogql.types import (
    BOOLEAN,
    FLOAT,
    INTEGER,
    array,
)

row = rows("arrays")


def _has(call: Call, /) -> str:
    head, needle = call.args
    if head.type.name == "Map":
        if call.engine == "duckdb":
            return f"map_contains({head.sql}, {needle.sql})"
        return f"mapContains({head.sql}, {needle.sql})"
    if call.engine == "clickhouse":
        return f"has({head.sql}, {needle.sql})"
    if needle.literal is not None:
        return f"coalesce(list_contains({head.sql}, {needle.sql}), false)"
    return f"(list_position({head.sql}, {needle.sql}) IS NOT NULL)"


def _by_value(sql: str) -> Handler:
    """DuckDB: with the array computed once as `{v}`."""

    def handler(call: Call, /) -> str:
        return let(call.args[0].sql, lambda v: sql.replace("{v}", v), "__a")

    return handler


def _enumerate_uniq(call: Call, /) -> str:
    if call.engine == "clickhouse":
        return f"arrayEnumerateUniq({', '.join(arg.sql for arg in call.args)})"
    if len(call.args) > 1:
        raise ValueError("it takes one array there.")
    return let(
        call.args[0].sql,
        lambda v: (
            f"list_transform({v}, lambda __x, __i: len(list_filter(list_slice({v}, 1, __i), "
            "lambda __y: __y IS NOT DISTINCT FROM __x)))"
        ),
        "__a",
    )


def _enumerate_dense(call: Call, /) -> str:
    if call.engine == "clickhouse":
        return f"arrayEnumerateDense({', '.join(arg.sql for arg in call.args)})"
    if len(call.args) > 1:
        raise ValueError("it takes one array there.")

    def dense(v: str) -> str:
        firsts = (
            f"list_filter(range(1, len({v}) + 1), lambda __j: list_position({v}, {v}[__j]) = __j)"
        )
        return let(
            firsts,
            lambda f: (
                f"list_transform({v}, lambda __x: list_position({f}, list_position({v}, __x)))"
            ),
            "__f",
        )

    return let(call.args[0].sql, dense, "__a")


def _intersect(call: Call, /) -> str:
    listed = [arg.sql for arg in call.args]
    if call.engine == "clickhouse":
        return f"arraySort(arrayIntersect({', '.join(listed)}))"
    sql = listed[0]
    for other in listed[1:]:
        sql = f"list_intersect({sql}, {other})"
    return f"list_sort(list_distinct({sql}))"


ROWS: tuple[Row, ...] = (
    row(
        "has",
        (2, 2),
        BOOLEAN,
        "Whether the array has the element, or the map the key.",
        alike(_has),
        ("has([1, 2], 2)", True),
        ("has(['a'], 'b')", False),
        ("has([1, NULL], NULL)", True),
    ),
    row(
        "hasAny",
        (2, 2),
        BOOLEAN,
        "Whether both arrays share an element.",
        on("list_has_any({0}, {1})", "hasAny({0}, {1})"),
        ("hasAny([1, 2], [2, 3])", True),
        ("hasAny([1], [2])", False),
        aliases=("arrayHasAny",),
    ),
    row(
        "hasAll",
        (2, 2),
        BOOLEAN,
        "Whether the first array has every element of the second.",
        on("list_has_all({0}, {1})", "hasAll({0}, {1})"),
        ("hasAll([1, 2], [2, 1])", True),
        ("hasAll([1], [1, 2])", False),
        ("hasAll([1], [])", True),
    ),
    row(
        "hasSubstr",
        (2, 2),
        BOOLEAN,
        "Whether the second array stands in the first in a row.",
        on(
            "(len({1}) = 0 OR len(list_filter(range(1, len({0}) - len({1}) + 2), lambda __s: "
            "list_slice({0}, __s, __s + len({1}) - 1) = {1})) > 0)",
            "hasSubstr({0}, {1})",
        ),
        ("hasSubstr([1, 2, 3], [2, 3])", True),
        ("hasSubstr([1, 2, 3], [1, 3])", False),
    ),
    row(
        "indexOf",
        (2, 2),
        INTEGER,
        "Place of the first such element, 0 where there is none.",
        on("coalesce(list_position({0}, {1}), 0)", "indexOf({0}, {1})"),
        ("indexOf([1, 2], 2)", 2),
        ("indexOf([1], 9)", 0),
        aliases=("arrayPosition",),
    ),
    row(
        "countEqual",
        (2, 2),
        INTEGER,
        "How often the array has the element.",
        on(
            "len(list_filter({0}, lambda __x: __x IS NOT DISTINCT FROM {1}))",
            "countEqual({0}, {1})",
        ),
        ("countEqual([1, 1, 2], 1)", 2),
        ("countEqual([NULL, 1], NULL)", 1),
    ),
    row(
        "arrayDistinct",
        (1, 1),
        first,
        "Each element once, where it first stands; without NULLs.",
        on(
            _by_value(
                "list_filter({v}, lambda __x, __i: __x IS NOT NULL AND list_position({v}, __x) = __i)"
            ),
            "arrayDistinct({0})",
        ),
        ("arrayDistinct([3, 1, 3, NULL])", [3, 1]),
    ),
    row(
        "arrayUniq",
        (1, 1),
        INTEGER,
        "Number of different elements; all NULLs are one.",
        on(
            _by_value(
                "(list_unique({v}) + CASE WHEN list_position({v}, NULL) IS NULL THEN 0 ELSE 1 END)"
            ),
            "arrayUniq({0})",
        ),
        ("arrayUniq([1, 1, 2])", 2),
        ("arrayUniq([1, NULL, NULL])", 2),
    ),
    row(
        "arrayCompact",
        (1, 1),
        first,
        "Without elements equal to the one before.",
        on(
            _by_value(
                "list_filter({v}, lambda __x, __i: __i = 1 OR __x IS DISTINCT FROM {v}[__i - 1])"
            ),
            "arrayCompact({0})",
        ),
        ("arrayCompact([1, 1, 2, 1])", [1, 2, 1]),
    ),
    row(
        "arrayEnumerateUniq",
        (1, None),
        array(INTEGER),
        "For each element, the how-manieth of its like it is.",
        alike(_enumerate_uniq),
        ("arrayEnumerateUniq([5, 5, 6])", [1, 2, 1]),
    ),
    row(
        "arrayEnumerateDense",
        (1, None),
        array(INTEGER),
        "For each element, the place of its like among the different ones.",
        alike(_enumerate_dense),
        ("arrayEnumerateDense([7, 5, 7])", [1, 2, 1]),
    ),
    row(
        "arrayIntersect",
        (1, None),
        first,
        "Elements all arrays have, sorted.",
        alike(_intersect),
        ("arrayIntersect([3, 1, 2], [2, 3])", [2, 3]),
        ("arrayIntersect([1], [2])", []),
    ),
    row(
        "arrayJaccardIndex",
        (2, 2),
        FLOAT,
        "Shared elements by all elements of both arrays.",
        on(
            "(len(list_distinct(list_intersect({0}, {1}))) / len(list_distinct(list_concat({0}, {1}))))",
            "arrayJaccardIndex({0}, {1})",
        ),
        ("arrayJaccardIndex([1, 2], [2, 3])", 1 / 3),
    ),
)
