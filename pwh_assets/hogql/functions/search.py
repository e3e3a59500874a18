"""Searching and replacing in texts. Positions count characters."""

import re

from pwh_assets.hogql.functions.base import Call, Example, Handler, Row, Unsupported, family
from pwh_assets.hogql.functions.sqltext import filled, quote
from pwh_assets.hogql.functions.strings import texts
from pwh_assets.hogql.functions.texts import text_at
from pwh_assets.hogql.types import BOOLEAN, FLOAT, INTEGER, STRING, Type, array

row = family("search")


def _position(insensitive: bool, swapped: bool = False) -> Handler:
    def handler(call: Call, /) -> str:
        first, second = text_at(call, 0), text_at(call, 1)
        text, needle = (second, first) if swapped else (first, second)
        start = call.args[2].sql if len(call.args) > 2 else None
        if call.engine == "clickhouse":
            native = "positionCaseInsensitiveUTF8" if insensitive else "positionUTF8"
            return f"{native}({text}, {needle}{f', {start}' if start else ''})"
        if insensitive:
            text, needle = f"lower({text})", f"lower({needle})"
        if start is None:
            return f"instr({text}, {needle})"
        return f"hog_position({text}, {needle}, {start})"

    return handler


def _many(duckdb: str, clickhouse: str, insensitive: bool = False) -> Handler:
    """The needles of an array; `{t}` is the text, `{n}` the array, `__n` a needle."""

    def handler(call: Call, /) -> str:
        text, arg = text_at(call), call.args[0]
        if call.engine == "clickhouse":
            return f"{clickhouse}({text}, {call.args[1].sql})"
        if insensitive:
            text = f"lower({text})"
        needles = call.args[1].sql
        if insensitive:
            needles = f"list_transform({needles}, lambda __n: lower(__n))"
        sql = filled(duckdb, t=text, n=needles)
        if arg.literal is not None or duckdb == _POSITIONS:
            return sql
        return f"(CASE WHEN {arg.sql} IS NOT NULL THEN {sql} END)"

    return handler


_ANY = "(len(list_filter({n}, lambda __n: contains({t}, __n))) > 0)"
_FIRST_INDEX = (
    "coalesce(list_position(list_transform({n}, lambda __n: contains({t}, __n)), true), 0)"
)
_POSITIONS = "list_transform({n}, lambda __n: coalesce(instr({t}, __n), 0))"
_FIRST = f"coalesce(list_min(list_filter({_POSITIONS}, lambda __p: __p > 0)), 0)"


def _like(operator: str, negated: bool = False) -> Handler:
    def handler(call: Call, /) -> str:
        text, pattern = text_at(call), call.args[1]
        sql = f"{text} {operator} {pattern.sql}"
        if call.engine == "duckdb" and (
            not isinstance(pattern.literal, str) or "\\" in pattern.literal
        ):
            sql += " ESCAPE '\\'"
        if negated:
            return f"coalesce(NOT ({sql}), true)"
        return f"({sql})"

    return handler


def _count(insensitive: bool) -> Handler:
    def handler(call: Call, /) -> str:
        text, needle = text_at(call), call.args[1].sql
        if call.engine == "clickhouse":
            native = "countSubstringsCaseInsensitiveUTF8" if insensitive else "countSubstrings"
            return f"{native}({text}, {needle})"
        if len(call.args) > 2:
            text = f"substring({text}, {call.args[2].sql})"
        if insensitive:
            text, needle = f"lower({text})", f"lower({needle})"
        return (
            f"coalesce((length({text}) - length(replace({text}, {needle}, ''))) // "
            f"nullif(length({needle}), 0), CASE WHEN {text} IS NOT NULL AND {needle} IS NOT NULL THEN 0 END)"
        )

    return handler


def _token(insensitive: bool, or_null: bool) -> Handler:
    def handler(call: Call, /) -> str:
        text, token = text_at(call), call.args[1]
        word = token.literal
        if not isinstance(word, str):
            raise ValueError("its token has to be a text.")
        if call.engine == "clickhouse":
            native = (
                f"hasToken{'CaseInsensitive' if insensitive else ''}{'OrNull' if or_null else ''}"
            )
            return f"{native}({text}, {token.sql})"
        if not word or re.search(r"[\x00-\x7f]", re.sub(r"[A-Za-z0-9]", "", word)):
            if or_null:
                return "CAST(NULL AS BOOLEAN)" if word else "false"
            raise ValueError("its token may hold letters and digits only.")
        flags = "'i'" if insensitive else "'c'"
        edge = "[^A-Za-z0-9\\x{80}-\\x{10ffff}]"
        return f"regexp_matches({text}, {quote(f'(^|{edge}){word}($|{edge})')}, {flags})"

    return handler


def _subsequence(insensitive: bool) -> Handler:
    def handler(call: Call, /) -> str:
        text, needle = text_at(call), text_at(call, 1)
        if call.engine == "clickhouse":
            return f"hasSubsequence{'CaseInsensitive' if insensitive else ''}UTF8({text}, {needle})"
        flags = "'si'" if insensitive else "'s'"
        pattern = (
            f"array_to_string(list_transform(string_split({needle}, ''), "
            "lambda __c: regexp_escape(__c)), '.*')"
        )
        return f"regexp_matches({text}, {pattern}, {flags})"

    return handler


_NGRAM = Unsupported("its n-gram hashes exist in ClickHouse only; use levenshteinDistance.")

_MANY: tuple[tuple[str, Type, str, str, tuple[Example, ...]], ...] = (
    (
        "multiSearchAny",
        BOOLEAN,
        "Whether one of the needles is in the text{words}.",
        _ANY,
        (("('abc', ['x', 'b'])", True), ("('abc', ['x'])", False)),
    ),
    (
        "multiSearchFirstIndex",
        INTEGER,
        "Which needle is in the text, the first one of the list{words}; 0 for none.",
        _FIRST_INDEX,
        (("('abc', ['x', 'b'])", 2),),
    ),
    (
        "multiSearchFirstPosition",
        INTEGER,
        "Leftmost place of one of the needles{words}; 0 for none.",
        _FIRST,
        (("('abc', ['c', 'b'])", 2),),
    ),
    (
        "multiSearchAllPositions",
        array(INTEGER),
        "Place of each needle in the text{words}.",
        _POSITIONS,
        (("('abcb', ['b', 'x'])", [2, 0]),),
    ),
)

ROWS: tuple[Row, ...] = (
    row(
        "position",
        (2, 3),
        INTEGER,
        "Place of the second text in the first, 0 where it is not; from a place on.",
        _position(False),
        _position(False),
        ("position('abc', 'c')", 3),
        ("position('héllo', 'l')", 3),
        ("position('abc', 'z')", 0),
        ("position('abcabc', 'a', 2)", 4),
        aliases=("positionUTF8", "strpos"),
    ),
    row(
        "positionCaseInsensitive",
        (2, 3),
        INTEGER,
        "Place of the second text in the first, whatever the case.",
        _position(True),
        _position(True),
        ("positionCaseInsensitive('ABC', 'c')", 3),
        aliases=("positionCaseInsensitiveUTF8",),
    ),
    row(
        "locate",
        (2, 3),
        INTEGER,
        "Place of the first text in the second, as in MySQL.",
        _position(False, swapped=True),
        _position(False, swapped=True),
        ("locate('c', 'abc')", 3),
    ),
    *(
        row(
            f"{name}{suffix}",
            (2, 2),
            returns,
            doc.replace("{words}", words),
            _many(duckdb, f"{name}{native}", insensitive),
            _many(duckdb, f"{name}{native}", insensitive),
            *((f"{name}{suffix}{args}", value) for args, value in examples),
            aliases=(f"{name}{native}",),
        )
        for name, returns, doc, duckdb, examples in _MANY
        for suffix, native, words, insensitive in (
            ("", "UTF8", "", False),
            ("CaseInsensitive", "CaseInsensitiveUTF8", ", whatever the case", True),
        )
    ),
    row(
        "like",
        (2, 2),
        BOOLEAN,
        "Whether the text fits a pattern of % and _. The operator `LIKE`.",
        _like("LIKE"),
        _like("LIKE"),
        ("like('abc', 'a%')", True),
        ("like('a_c', 'a\\\\_c')", True),
    ),
    row(
        "ilike",
        (2, 2),
        BOOLEAN,
        "LIKE whatever the case. The operator `ILIKE`.",
        _like("ILIKE"),
        _like("ILIKE"),
        ("ilike('ABC', 'a%')", True),
    ),
    row(
        "notLike",
        (2, 2),
        BOOLEAN,
        "Whether the text does not fit; true of NULL. The operator `NOT LIKE`.",
        _like("LIKE", True),
        _like("LIKE", True),
        ("notLike('abc', 'x%')", True),
        ("notLike(NULL, 'x%')", True),
    ),
    row(
        "notILike",
        (2, 2),
        BOOLEAN,
        "NOT LIKE whatever the case; true of NULL. The operator `NOT ILIKE`.",
        _like("ILIKE", True),
        _like("ILIKE", True),
        ("notILike('ABC', 'a%')", False),
    ),
    row(
        "replaceAll",
        (3, 3),
        STRING,
        "The text with every occurrence of the second replaced by the third.",
        texts("replace({0}, {1}, {2})"),
        texts("replaceAll({0}, {1}, {2})"),
        ("replaceAll('aXbX', 'X', '-')", "a-b-"),
        aliases=("replace",),
    ),
    row(
        "replaceOne",
        (3, 3),
        STRING,
        "The text with the first occurrence of the second replaced by the third.",
        texts("hog_replace_one({0}, {1}, {2})"),
        texts("replaceOne({0}, {1}, {2})"),
        ("replaceOne('aXbX', 'X', '-')", "a-bX"),
    ),
    row(
        "countSubstrings",
        (2, 3),
        INTEGER,
        "How often the second text is in the first.",
        _count(False),
        _count(False),
        ("countSubstrings('aXaXa', 'a')", 3),
        ("countSubstrings('aaaa', 'aa')", 2),
    ),
    row(
        "countSubstringsCaseInsensitive",
        (2, 3),
        INTEGER,
        "How often the second text is in the first, whatever the case.",
        _count(True),
        _count(True),
        ("countSubstringsCaseInsensitive('aAa', 'A')", 3),
        aliases=("countSubstringsCaseInsensitiveUTF8",),
    ),
    *(
        row(
            f"hasToken{low}{null}",
            (2, 2),
            BOOLEAN,
            f"Whether the word is in the text{', whatever the case' if low else ''}.",
            _token(bool(low), bool(null)),
            _token(bool(low), bool(null)),
            (f"hasToken{low}{null}('hello world', 'world')", True),
            (f"hasToken{low}{null}('hello', 'hell')", False),
        )
        for low in ("", "CaseInsensitive")
        for null in ("", "OrNull")
    ),
    row(
        "hasSubsequence",
        (2, 2),
        BOOLEAN,
        "Whether the second's characters are in the first in that order.",
        _subsequence(False),
        _subsequence(False),
        ("hasSubsequence('abcd', 'ad')", True),
        aliases=("hasSubsequenceUTF8",),
    ),
    row(
        "hasSubsequenceCaseInsensitive",
        (2, 2),
        BOOLEAN,
        "Whether the second's characters are in the first in that order, whatever the case.",
        _subsequence(True),
        _subsequence(True),
        ("hasSubsequenceCaseInsensitive('ABCD', 'ad')", True),
        aliases=("hasSubsequenceCaseInsensitiveUTF8",),
    ),
    *(
        row(
            f"ngram{kind}{suffix}",
            (2, 2),
            FLOAT,
            f"{words} of two texts by their n-grams.",
            _NGRAM,
            f"ngram{kind}{suffix}({{0}}, {{1}})",
            (f"ngram{kind}{suffix}('abcdef', 'abcdef')", value),
        )
        for kind, words, value in (("Distance", "Distance", 0.0), ("Search", "Likeness", 1.0))
        for suffix in ("", "CaseInsensitive", "UTF8", "CaseInsensitiveUTF8")
    ),
)
