"""Texts cut into arrays; of NULL no pieces."""

from pwh_assets.hogql.functions.base import Call, Handler, Row, family
from pwh_assets.hogql.functions.sqltext import filled
from pwh_assets.hogql.functions.texts import listed, to_text
from pwh_assets.hogql.types import STRING, array

row = family("splitting")


def _split(duckdb: str, native: str, separator: bool) -> Handler:
    """`{t}` is the text, `{s}` the separator; a last argument limits the number of pieces."""

    def handler(call: Call, /) -> str:
        arg = call.args[1 if separator else 0]
        text = to_text(call, arg)
        by = call.args[0].sql if separator else ""
        rest = [more.sql for more in call.args[2 if separator else 1 :]]
        if call.engine == "clickhouse":
            given = [by] if separator else []
            return listed(arg, text, lambda t: f"{native}({', '.join([*given, t, *rest])})")
        sql = filled(duckdb, t=text, s=by)
        if rest:
            sql = f"(CASE WHEN {rest[0]} > 0 THEN ({sql})[1:{rest[0]}] ELSE {sql} END)"
        return sql if arg.literal is not None else f"coalesce({sql}, [])"

    return handler


def _both(duckdb: str, native: str, separator: bool = False) -> tuple[Handler, Handler]:
    handler = _split(duckdb, native, separator)
    return handler, handler


def _ngrams(call: Call, /) -> str:
    text, size = to_text(call, call.args[0]), call.args[1].sql
    if call.engine == "clickhouse":
        return listed(call.args[0], text, lambda t: f"ngrams({t}, {size})")
    return (
        f"list_transform(range(1, greatest(coalesce(length({text}), 0) - {size} + 2, 1)), "
        f"lambda __i: substring({text}, __i, {size}))"
    )


_TEXTS = array(STRING)

ROWS: tuple[Row, ...] = (
    row(
        "splitByChar",
        (2, 3),
        _TEXTS,
        "Pieces between a character, at most so many.",
        *_both("string_split({t}, {s})", "splitByChar", True),
        ("splitByChar(',', 'a,b,,c')", ["a", "b", "", "c"]),
        ("splitByChar(',', '')", [""]),
        ("splitByChar(',', 'a,b,c', 2)", ["a", "b"]),
    ),
    row(
        "splitByString",
        (2, 3),
        _TEXTS,
        "Pieces between a text, at most so many.",
        *_both("string_split({t}, {s})", "splitByString", True),
        ("splitByString(', ', 'a, b')", ["a", "b"]),
        ("splitByString('', 'abc')", ["a", "b", "c"]),
        aliases=("string_to_array_by",),
    ),
    row(
        "splitByRegexp",
        (2, 3),
        _TEXTS,
        "Pieces between the matches of a pattern, at most so many.",
        *_both("regexp_split_to_array({t}, {s})", "splitByRegexp", True),
        ("splitByRegexp('[0-9]+', 'a1b22c')", ["a", "b", "c"]),
    ),
    row(
        "splitByWhitespace",
        (1, 2),
        _TEXTS,
        "Words between spaces.",
        *_both(
            "list_filter(regexp_split_to_array({t}, '\\s+'), lambda __w: __w <> '')",
            "splitByWhitespace",
        ),
        ("splitByWhitespace(' a  b ')", ["a", "b"]),
    ),
    row(
        "splitByNonAlpha",
        (1, 2),
        _TEXTS,
        "Words between spaces and signs.",
        *_both(
            "list_filter(regexp_split_to_array({t}, '[\\s[:punct:]]+'), lambda __w: __w <> '')",
            "splitByNonAlpha",
        ),
        ("splitByNonAlpha('a.b c')", ["a", "b", "c"]),
    ),
    row(
        "alphaTokens",
        (1, 2),
        _TEXTS,
        "Runs of the letters a to z.",
        *_both("regexp_extract_all({t}, '[a-zA-Z]+')", "alphaTokens"),
        ("alphaTokens('a1b2')", ["a", "b"]),
        aliases=("splitByAlpha",),
    ),
    row(
        "tokens",
        (1, 1),
        _TEXTS,
        "Runs of letters and digits.",
        *_both("regexp_extract_all({t}, '[a-zA-Z0-9\\x{80}-\\x{10ffff}]+')", "tokens"),
        ("tokens('a b,c1')", ["a", "b", "c1"]),
    ),
    row(
        "ngrams",
        (2, 2),
        _TEXTS,
        "All pieces of that many characters.",
        _ngrams,
        _ngrams,
        ("ngrams('abcd', 2)", ["ab", "bc", "cd"]),
    ),
)
