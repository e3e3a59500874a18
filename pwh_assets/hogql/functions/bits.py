"""Bits of whole numbers, as 64-bit numbers."""

from pwh_assets.hogql.functions.base import Call, Handler, Row, Unsupported, family
from pwh_assets.hogql.functions.sqltext import filled
from pwh_assets.hogql.types import BOOLEAN, INTEGER, STRING, UNKNOWN, array

row = family("bits")


def _int(sql: str) -> str:
    return f"CAST({sql} AS BIGINT)"


def _of(duckdb: str, clickhouse: str) -> tuple[Handler, Handler]:
    """`{0}` … are the arguments as 64-bit numbers, also for ClickHouse, whose literals are narrower; `{r0}` … as they are."""

    def of(call: Call, template: str) -> str:
        wide = "CAST({} AS BIGINT)" if call.engine == "duckdb" else "toInt64({})"
        as_they_are = {f"r{i}": arg.sql for i, arg in enumerate(call.args)}
        return filled(template, *(wide.format(arg.sql) for arg in call.args), **as_they_are)

    return (lambda call, /: of(call, duckdb)), (lambda call, /: of(call, clickhouse))


def _tests(word: str) -> Handler:
    def handler(call: Call, /) -> str:
        number, *bits = call.args
        if call.engine == "clickhouse":
            return f"{'bitTestAll' if word == 'AND' else 'bitTestAny'}(toInt64({number.sql}), {', '.join(bit.sql for bit in bits)})"
        return (
            "("
            + f" {word} ".join(f"(({_int(number.sql)} >> {bit.sql}) & 1) = 1" for bit in bits)
            + ")"
        )

    return handler


_BITMAP = Unsupported(
    "bitmaps exist in ClickHouse only; use arrays: hasAny, hasAll, arrayIntersect, arrayUniq."
)

ROWS: tuple[Row, ...] = (
    row(
        "bitAnd",
        (2, 2),
        INTEGER,
        "Bits both have.",
        "({0} & {1})",
        "bitAnd({0}, {1})",
        ("bitAnd(5, 3)", 1),
    ),
    row(
        "bitOr",
        (2, 2),
        INTEGER,
        "Bits one of both has.",
        "({0} | {1})",
        "bitOr({0}, {1})",
        ("bitOr(5, 3)", 7),
    ),
    row(
        "bitXor",
        (2, 2),
        INTEGER,
        "Bits only one of both has.",
        "xor({0}, {1})",
        "bitXor({0}, {1})",
        ("bitXor(5, 3)", 6),
    ),
    row(
        "bitNot",
        (1, 1),
        INTEGER,
        "All bits turned over.",
        *_of("(~{0})", "bitNot({0})"),
        ("bitNot(5)", -6),
    ),
    row(
        "bitShiftLeft",
        (2, 2),
        INTEGER,
        "Bits moved to the left; those beyond the 64th fall away.",
        *_of("hog_shift_left({0}, {1})", "bitShiftLeft({0}, {r1})"),
        ("bitShiftLeft(1, 3)", 8),
    ),
    row(
        "bitShiftRight",
        (2, 2),
        INTEGER,
        "Bits moved to the right, the sign kept.",
        *_of(
            "(CASE WHEN {1} >= 64 THEN CASE WHEN {0} < 0 THEN 0 ELSE 0 END ELSE {0} >> CAST({1} AS INTEGER) END)",
            "bitShiftRight({0}, {r1})",
        ),
        ("bitShiftRight(-8, 1)", -4),
        ("bitShiftRight(8, 1)", 4),
    ),
    row(
        "bitTest",
        (2, 2),
        BOOLEAN,
        "Whether the bit at a place, counted from 0, is set.",
        *_of("((({0} >> CAST({1} AS INTEGER)) & 1) = 1)", "bitTest({0}, {r1})"),
        ("bitTest(5, 2)", True),
        ("bitTest(5, 1)", False),
    ),
    row(
        "bitTestAll",
        (2, None),
        BOOLEAN,
        "Whether all the bits are set.",
        _tests("AND"),
        _tests("AND"),
        ("bitTestAll(5, 0, 2)", True),
    ),
    row(
        "bitTestAny",
        (2, None),
        BOOLEAN,
        "Whether one of the bits is set.",
        _tests("OR"),
        _tests("OR"),
        ("bitTestAny(5, 1, 2)", True),
    ),
    row(
        "bitCount",
        (1, 1),
        INTEGER,
        "Number of bits set.",
        *_of("CAST(bit_count({0}) AS INTEGER)", "bitCount({0})"),
        ("bitCount(7)", 3),
    ),
    row(
        "bitHammingDistance",
        (2, 2),
        INTEGER,
        "In how many bits both differ.",
        *_of("CAST(bit_count(xor({0}, {1})) AS INTEGER)", "bitHammingDistance({0}, {1})"),
        ("bitHammingDistance(1, 6)", 3),
    ),
    row(
        "bitRotateLeft",
        (2, 2),
        INTEGER,
        "Bits turned to the left.",
        Unsupported("DuckDB has no unsigned shifts to turn bits with."),
        *_of("", "bitRotateLeft({0}, {r1})")[1:],
        ("bitRotateLeft(1, 1)", 2),
    ),
    row(
        "bitRotateRight",
        (2, 2),
        INTEGER,
        "Bits turned to the right.",
        Unsupported("DuckDB has no unsigned shifts to turn bits with."),
        *_of("", "bitRotateRight({0}, {r1})")[1:],
        ("bitRotateRight(2, 1)", 1),
    ),
    row(
        "bitSlice",
        (2, 3),
        STRING,
        "Some bits of a text.",
        Unsupported("cutting bits of a text is in ClickHouse only."),
        "bitSlice({*})",
        ("bitSlice('Hello', 1, 8)", "H"),
    ),
    *(
        row(name, args, returns, doc, _BITMAP, f"{name}({{*}})", *example)
        for name, args, returns, doc, *example in (
            (
                "bitmapBuild",
                (1, 1),
                UNKNOWN,
                "A bitmap of an array's numbers.",
                ("bitmapCardinality(bitmapBuild([1, 2]))", 2),
            ),
            (
                "bitmapToArray",
                (1, 1),
                array(INTEGER),
                "A bitmap's numbers.",
                ("bitmapToArray(bitmapBuild([1, 2]))", [1, 2]),
            ),
            (
                "bitmapSubsetInRange",
                (3, 3),
                UNKNOWN,
                "The bitmap's numbers between two.",
                ("bitmapToArray(bitmapSubsetInRange(bitmapBuild([1, 2, 5]), 2, 4))", [2]),
            ),
            (
                "bitmapSubsetLimit",
                (3, 3),
                UNKNOWN,
                "So many of the bitmap's numbers from one on.",
                ("bitmapToArray(bitmapSubsetLimit(bitmapBuild([1, 2, 5]), 2, 1))", [2]),
            ),
            (
                "subBitmap",
                (3, 3),
                UNKNOWN,
                "So many of the bitmap's numbers from a place on.",
                ("bitmapToArray(subBitmap(bitmapBuild([1, 2, 5]), 1, 1))", [2]),
            ),
            (
                "bitmapContains",
                (2, 2),
                BOOLEAN,
                "Whether the bitmap has the number.",
                ("bitmapContains(bitmapBuild([1]), toUInt32(1))", True),
            ),
            (
                "bitmapHasAny",
                (2, 2),
                BOOLEAN,
                "Whether two bitmaps share a number.",
                ("bitmapHasAny(bitmapBuild([1]), bitmapBuild([1, 2]))", True),
            ),
            (
                "bitmapHasAll",
                (2, 2),
                BOOLEAN,
                "Whether the first bitmap has all numbers of the second.",
                ("bitmapHasAll(bitmapBuild([1]), bitmapBuild([1, 2]))", False),
            ),
            (
                "bitmapCardinality",
                (1, 1),
                INTEGER,
                "How many numbers the bitmap has.",
                ("bitmapCardinality(bitmapBuild([1, 2]))", 2),
            ),
            (
                "bitmapMin",
                (1, 1),
                INTEGER,
                "The bitmap's smallest number.",
                ("bitmapMin(bitmapBuild([1, 2]))", 1),
            ),
            (
                "bitmapMax",
                (1, 1),
                INTEGER,
                "The bitmap's greatest number.",
                ("bitmapMax(bitmapBuild([1, 2]))", 2),
            ),
            (
                "bitmapTransform",
                (3, 3),
                UNKNOWN,
                "The bitmap with some numbers replaced.",
                ("bitmapToArray(bitmapTransform(bitmapBuild([1, 2]), [1], [5]))", [2, 5]),
            ),
            *(
                (
                    f"bitmap{word}",
                    (2, 2),
                    UNKNOWN,
                    f"{doc} of two bitmaps.",
                    (
                        f"bitmapToArray(bitmap{word}(bitmapBuild([1, 2]), bitmapBuild([2, 3])))",
                        value,
                    ),
                )
                for word, doc, value in (
                    ("And", "Intersection", [2]),
                    ("Or", "Union", [1, 2, 3]),
                    ("Xor", "Symmetric difference", [1, 3]),
                    ("Andnot", "Difference", [1]),
                )
            ),
            *(
                (
                    f"bitmap{word}Cardinality",
                    (2, 2),
                    INTEGER,
                    f"Size of the {doc} of two bitmaps.",
                    (f"bitmap{word}Cardinality(bitmapBuild([1, 2]), bitmapBuild([2, 3]))", value),
                )
                for word, doc, value in (
                    ("And", "intersection", 1),
                    ("Or", "union", 3),
                    ("Xor", "symmetric difference", 2),
                    ("Andnot", "difference", 1),
                )
            ),
        )
    ),
)
