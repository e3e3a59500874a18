"""Searching and replacing in texts. Positions count characters; patterns are RE2's, where `.` is any character."""

import re

from pwh_assets.hogql.functions.base import Arg, Call, Handler, Row, Unsupported, family
from pwh_assets.hogql.functions.sqltext import filled, quote
from pwh_assets.hogql.functions.strings import texts
from pwh_assets.hogql.functions.texts import to_text
from pwh_assets.hogql.types import BOOLEAN, FLOAT, INTEGER, STRING, array

row = family("search")


def _text(call: Call, at: int = 0) -> str:
    return to_text(call, call.args[at])


def _position(insensitive: bool, swapped: bool = False) -> Handler:
    def handler(call: Call, /) -> str:
        first, second = _text(call, 0), _text(call, 1)
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
        text, arg = _text(call), call.args[0]
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


def _matching(kind: str) -> Handler:
    """Which patterns of an array match."""

    def handler(call: Call, /) -> str:
        text, patterns = _text(call), call.args[1].sql
        if call.engine == "clickhouse":
            if kind == "any":
                return f"multiMatchAny({text}, {patterns})"
            indices = f"arraySort(multiMatchAllIndices({_filled(call.args[0], text)}, {patterns}))"
            return indices if kind == "all" else f"({indices})[1]"
        truths = f"list_transform({patterns}, lambda __p: regexp_matches({text}, __p, 's'))"
        match kind:
            case "any":
                return f"(CASE WHEN {text} IS NOT NULL THEN coalesce(list_bool_or({truths}), false) END)"
            case "index":
                return f"coalesce(list_position({truths}, true), 0)"
            case _:
                return f"list_filter(range(1, len({patterns}) + 1), lambda __i: ({truths})[__i])"

    return handler


def _filled(arg: Arg, text: str) -> str:
    return text if arg.literal is not None else f"ifNull({text}, '')"


def _match(call: Call, /) -> str:
    text, pattern = _text(call), call.args[1].sql
    match call.engine:
        case "clickhouse":
            return f"match({text}, {pattern})"
        case "duckdb":
            return f"regexp_matches({text}, {pattern}, 's')"
        case _:
            raise ValueError("its patterns are of another kind there.")


def _like(operator: str, negated: bool = False) -> Handler:
    def handler(call: Call, /) -> str:
        text, pattern = _text(call), call.args[1]
        sql = f"{text} {operator} {pattern.sql}"
        if call.engine == "duckdb" and (
            not isinstance(pattern.literal, str) or "\\" in pattern.literal
        ):
            sql += " ESCAPE '\\'"
        if negated:
            return f"coalesce(NOT ({sql}), true)"
        return f"({sql})"

    return handler


def groups_of(pattern: Arg) -> int | None:
    """Number of capturing groups of a literal pattern, None where it is computed."""
    text = pattern.literal
    if not isinstance(text, str):
        return None
    bare = re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]", "", text)
    return len(re.findall(r"\((?!\?)|\(\?P?<[A-Za-z_]", bare))


def _extract(duckdb: str, native: str, empty: bool) -> Handler:
    """The first group of the match, or the match where the pattern has no group."""

    def handler(call: Call, /) -> str:
        text, pattern = _text(call), call.args[1]
        if call.engine == "clickhouse":
            if not empty:
                return f"{native}({text}, {pattern.sql})"
            return listed(call.args[0], text, lambda t: f"{native}({t}, {pattern.sql})")
        groups = groups_of(pattern)
        if groups is None:
            sql = (
                f"(CASE WHEN regexp_matches({pattern.sql}, '(^|[^\\\\])\\([^?]') THEN "
                f"{duckdb}({text}, {pattern.sql}, 1, 's') ELSE {duckdb}({text}, {pattern.sql}, 0, 's') END)"
            )
        else:
            sql = f"{duckdb}({text}, {pattern.sql}, {min(groups, 1)}, 's')"
        if empty and pattern.literal == "":
            return "CAST([] AS VARCHAR[])"
        return f"coalesce({sql}, [])" if empty else sql

    return handler


def listed(arg: Arg, text: str, of: "object") -> str:
    """ClickHouse: a function from a text to an array, where no text gives no elements."""
    assert callable(of)
    if arg.literal is not None:
        return str(of(text))
    return f"if({text} IS NULL, [], {of(f'assumeNotNull({text})')})"


def _groups(kind: str) -> Handler:
    natives = {
        "vertical": "extractAllGroupsVertical",
        "horizontal": "extractAllGroupsHorizontal",
        "first": "extractGroups",
    }

    def handler(call: Call, /) -> str:
        text, pattern = _text(call), call.args[1]
        if call.engine == "clickhouse":
            return listed(call.args[0], text, lambda t: f"{natives[kind]}({t}, {pattern.sql})")
        count = groups_of(pattern)
        if not count:
            raise ValueError("its pattern has to be a text with groups, such as '(a)(b)'.")
        every = [
            f"regexp_extract_all({text}, {pattern.sql}, {i}, 's')" for i in range(1, count + 1)
        ]
        if kind == "horizontal":
            return f"(CASE WHEN {text} IS NULL THEN [] ELSE [{', '.join(every)}] END)"
        cells = ", ".join(f"({one})[__i]" for one in every)
        rows = f"list_transform(range(1, coalesce(len({every[0]}), 0) + 1), lambda __i: [{cells}])"
        return f"coalesce(({rows})[1], [])" if kind == "first" else rows

    return handler


def _regexp_extract(call: Call, /) -> str:
    text, pattern = _text(call), call.args[1].sql
    index = call.args[2].sql if len(call.args) > 2 else "1"
    if call.engine == "clickhouse":
        return f"regexpExtract({text}, {pattern}, {index})"
    groups = groups_of(call.args[1])
    if len(call.args) < 3 and groups == 0:
        index = "0"
    return f"regexp_extract({text}, {pattern}, {index}, 's')"


def _replace_regexp(every: bool) -> Handler:
    def handler(call: Call, /) -> str:
        text = _text(call)
        pattern, by = call.args[1].sql, to_text(call, call.args[2])
        if call.engine == "clickhouse":
            return f"replaceRegexp{'All' if every else 'One'}({text}, {pattern}, {by})"
        flags = "'gs'" if every else "'s'"
        sql = f"regexp_replace({text}, {pattern}, {by}, {flags})"
        if call.args[1].literal:
            return sql
        return f"(CASE WHEN {pattern} = '' THEN {text} ELSE {sql} END)"

    return handler


def _count(insensitive: bool, regexp: bool) -> Handler:
    def handler(call: Call, /) -> str:
        text, needle = _text(call), call.args[1].sql
        if call.engine == "clickhouse":
            native = "countMatches" if regexp else "countSubstrings"
            native += "CaseInsensitive" if insensitive else ""
            native += "UTF8" if insensitive and not regexp else ""
            return f"{native}({text}, {needle})"
        if len(call.args) > 2:
            text = f"substring({text}, {call.args[2].sql})"
        if regexp:
            flags = "'si'" if insensitive else "'s'"
            return f"len(list_filter(regexp_extract_all({text}, {needle}, 0, {flags}), lambda __m: __m <> ''))"
        if insensitive:
            text, needle = f"lower({text})", f"lower({needle})"
        return (
            f"coalesce((length({text}) - length(replace({text}, {needle}, ''))) // "
            f"nullif(length({needle}), 0), CASE WHEN {text} IS NOT NULL AND {needle} IS NOT NULL THEN 0 END)"
        )

    return handler


def _token(insensitive: bool, or_null: bool) -> Handler:
    def handler(call: Call, /) -> str:
        text, token = _text(call), call.args[1]
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
        text, needle = _text(call), _text(call, 1)
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
            f"multiSearchAny{suffix}",
            (2, 2),
            BOOLEAN,
            f"Whether one of the needles is in the text{words}.",
            _many(_ANY, f"multiSearchAny{native}", low),
            _many(_ANY, f"multiSearchAny{native}", low),
            (f"multiSearchAny{suffix}('abc', ['x', 'b'])", True),
            (f"multiSearchAny{suffix}('abc', ['x'])", False),
            aliases=(f"multiSearchAny{native}",),
        )
        for suffix, native, words, low in (
            ("", "UTF8", "", False),
            ("CaseInsensitive", "CaseInsensitiveUTF8", ", whatever the case", True),
        )
    ),
    *(
        row(
            f"multiSearchFirstIndex{suffix}",
            (2, 2),
            INTEGER,
            f"Which needle is in the text, the first one of the list{words}; 0 for none.",
            _many(_FIRST_INDEX, f"multiSearchFirstIndex{native}", low),
            _many(_FIRST_INDEX, f"multiSearchFirstIndex{native}", low),
            (f"multiSearchFirstIndex{suffix}('abc', ['x', 'b'])", 2),
            aliases=(f"multiSearchFirstIndex{native}",),
        )
        for suffix, native, words, low in (
            ("", "UTF8", "", False),
            ("CaseInsensitive", "CaseInsensitiveUTF8", ", whatever the case", True),
        )
    ),
    *(
        row(
            f"multiSearchFirstPosition{suffix}",
            (2, 2),
            INTEGER,
            f"Leftmost place of one of the needles{words}; 0 for none.",
            _many(_FIRST, f"multiSearchFirstPosition{native}", low),
            _many(_FIRST, f"multiSearchFirstPosition{native}", low),
            (f"multiSearchFirstPosition{suffix}('abc', ['c', 'b'])", 2),
            aliases=(f"multiSearchFirstPosition{native}",),
        )
        for suffix, native, words, low in (
            ("", "UTF8", "", False),
            ("CaseInsensitive", "CaseInsensitiveUTF8", ", whatever the case", True),
        )
    ),
    *(
        row(
            f"multiSearchAllPositions{suffix}",
            (2, 2),
            array(INTEGER),
            f"Place of each needle in the text{words}.",
            _many(_POSITIONS, f"multiSearchAllPositions{native}", low),
            _many(_POSITIONS, f"multiSearchAllPositions{native}", low),
            (f"multiSearchAllPositions{suffix}('abcb', ['b', 'x'])", [2, 0]),
            aliases=(f"multiSearchAllPositions{native}",),
        )
        for suffix, native, words, low in (
            ("", "UTF8", "", False),
            ("CaseInsensitive", "CaseInsensitiveUTF8", ", whatever the case", True),
        )
    ),
    row(
        "multiMatchAny",
        (2, 2),
        BOOLEAN,
        "Whether one of the patterns matches.",
        _matching("any"),
        _matching("any"),
        ("multiMatchAny('abc', ['x', 'b.$'])", True),
        ("multiMatchAny('abc', ['x'])", False),
    ),
    row(
        "multiMatchAnyIndex",
        (2, 2),
        INTEGER,
        "Which pattern matches, the first of the list; 0 for none.",
        _matching("index"),
        _matching("index"),
        ("multiMatchAnyIndex('abc', ['x', 'c$'])", 2),
        ("multiMatchAnyIndex('abc', ['x'])", 0),
    ),
    row(
        "multiMatchAllIndices",
        (2, 2),
        array(INTEGER),
        "Which patterns match, in order.",
        _matching("all"),
        _matching("all"),
        ("multiMatchAllIndices('abc', ['a', 'x', 'c$'])", [1, 3]),
    ),
    row(
        "match",
        (2, 2),
        BOOLEAN,
        "Whether the pattern matches anywhere. The operators `=~` and `REGEXP`.",
        _match,
        _match,
        ("match('abc', 'b')", True),
        ("match('abc', '^b')", False),
        ("match('aBc', '(?i)b')", True),
        aliases=("REGEXP_MATCHES", "regexp_like"),
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
        "extract",
        (2, 2),
        STRING,
        "What the pattern's first group, or the pattern, matches first; '' for nothing.",
        _extract("regexp_extract", "extract", False),
        _extract("regexp_extract", "extract", False),
        ("extract('ab12cd', '[0-9]+')", "12"),
        ("extract('ab12', '([a-z])([0-9])')", "b"),
        ("extract('ab', '[0-9]')", ""),
    ),
    row(
        "extractAll",
        (2, 2),
        array(STRING),
        "All matches of the pattern's first group, or of the pattern.",
        _extract("regexp_extract_all", "extractAll", True),
        _extract("regexp_extract_all", "extractAll", True),
        ("extractAll('a1b22', '[0-9]+')", ["1", "22"]),
        ("extractAll('a1b2', '([a-z])([0-9])')", ["a", "b"]),
    ),
    row(
        "extractAllGroupsVertical",
        (2, 2),
        array(array(STRING)),
        "For each match the array of its groups.",
        _groups("vertical"),
        _groups("vertical"),
        ("extractAllGroupsVertical('a1b2', '([a-z])([0-9])')", [["a", "1"], ["b", "2"]]),
        aliases=("extractAllGroups",),
    ),
    row(
        "extractAllGroupsHorizontal",
        (2, 2),
        array(array(STRING)),
        "For each group the array of its matches.",
        _groups("horizontal"),
        _groups("horizontal"),
        ("extractAllGroupsHorizontal('a1b2', '([a-z])([0-9])')", [["a", "b"], ["1", "2"]]),
    ),
    row(
        "extractGroups",
        (2, 2),
        array(STRING),
        "The groups of the first match.",
        _groups("first"),
        _groups("first"),
        ("extractGroups('a1b2', '([a-z])([0-9])')", ["a", "1"]),
    ),
    row(
        "regexpExtract",
        (2, 3),
        STRING,
        "A group of the first match, the first one unless told; 0 is all of it.",
        _regexp_extract,
        _regexp_extract,
        ("regexpExtract('a1b2', '([a-z])([0-9])', 2)", "1"),
        aliases=("REGEXP_EXTRACT",),
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
        "replaceRegexpAll",
        (3, 3),
        STRING,
        "The text with every match of the pattern replaced; \\1 is a group.",
        _replace_regexp(True),
        _replace_regexp(True),
        ("replaceRegexpAll('a1b22', '[0-9]+', '<\\\\0>')", "a<1>b<22>"),
        aliases=("REGEXP_REPLACE",),
    ),
    row(
        "replaceRegexpOne",
        (3, 3),
        STRING,
        "The text with the first match of the pattern replaced; \\1 is a group.",
        _replace_regexp(False),
        _replace_regexp(False),
        ("replaceRegexpOne('a1b22', '([0-9])', '<\\\\1>')", "a<1>b22"),
    ),
    row(
        "regexpQuoteMeta",
        (1, 1),
        STRING,
        "The text with signs that mean something in patterns escaped.",
        texts("regexp_replace({0}, '([\\\\\\\\|()^$.\\[?*+{{:\\-\\]])', '\\\\\\1', 'g')"),
        texts("regexpQuoteMeta({0})"),
        ("regexpQuoteMeta('a.b')", "a\\.b"),
    ),
    row(
        "countSubstrings",
        (2, 3),
        INTEGER,
        "How often the second text is in the first.",
        _count(False, False),
        _count(False, False),
        ("countSubstrings('aXaXa', 'a')", 3),
        ("countSubstrings('aaaa', 'aa')", 2),
    ),
    row(
        "countSubstringsCaseInsensitive",
        (2, 3),
        INTEGER,
        "How often the second text is in the first, whatever the case.",
        _count(True, False),
        _count(True, False),
        ("countSubstringsCaseInsensitive('aAa', 'A')", 3),
        aliases=("countSubstringsCaseInsensitiveUTF8",),
    ),
    row(
        "countMatches",
        (2, 2),
        INTEGER,
        "How often the pattern matches.",
        _count(False, True),
        _count(False, True),
        ("countMatches('a1b22', '[0-9]+')", 2),
    ),
    row(
        "countMatchesCaseInsensitive",
        (2, 2),
        INTEGER,
        "How often the pattern matches, whatever the case.",
        _count(True, True),
        _count(True, True),
        ("countMatchesCaseInsensitive('aA', 'a')", 2),
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
