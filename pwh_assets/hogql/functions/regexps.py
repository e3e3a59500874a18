"""Regular expressions in texts: RE2's, where `.` is any character."""

import re

from pwh_assets.hogql.functions.base import Arg, Call, Handler, Row, family
from pwh_assets.hogql.functions.strings import texts
from pwh_assets.hogql.functions.texts import listed, text_at, to_text
from pwh_assets.hogql.types import BOOLEAN, INTEGER, STRING, array

row = family("search")


def _matching(kind: str) -> Handler:
    """Which patterns of an array match."""

    def handler(call: Call, /) -> str:
        text, patterns = text_at(call), call.args[1].sql
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
    text, pattern = text_at(call), call.args[1].sql
    match call.engine:
        case "clickhouse":
            return f"match({text}, {pattern})"
        case "duckdb":
            return f"regexp_matches({text}, {pattern}, 's')"
        case _:
            raise ValueError("its patterns are of another kind there.")


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
        text, pattern = text_at(call), call.args[1]
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


def _groups(kind: str) -> Handler:
    natives = {
        "vertical": "extractAllGroupsVertical",
        "horizontal": "extractAllGroupsHorizontal",
        "first": "extractGroups",
    }

    def handler(call: Call, /) -> str:
        text, pattern = text_at(call), call.args[1]
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
    text, pattern = text_at(call), call.args[1].sql
    index = call.args[2].sql if len(call.args) > 2 else "1"
    if call.engine == "clickhouse":
        return f"regexpExtract({text}, {pattern}, {index})"
    groups = groups_of(call.args[1])
    if len(call.args) < 3 and groups == 0:
        index = "0"
    return f"regexp_extract({text}, {pattern}, {index}, 's')"


def _replace_regexp(every: bool) -> Handler:
    def handler(call: Call, /) -> str:
        text = text_at(call)
        pattern, by = call.args[1].sql, to_text(call, call.args[2])
        if call.engine == "clickhouse":
            return f"replaceRegexp{'All' if every else 'One'}({text}, {pattern}, {by})"
        flags = "'gs'" if every else "'s'"
        sql = f"regexp_replace({text}, {pattern}, {by}, {flags})"
        if call.args[1].literal:
            return sql
        return f"(CASE WHEN {pattern} = '' THEN {text} ELSE {sql} END)"

    return handler


def _count(insensitive: bool) -> Handler:
    def handler(call: Call, /) -> str:
        text, pattern = text_at(call), call.args[1].sql
        if call.engine == "clickhouse":
            return f"countMatches{'CaseInsensitive' if insensitive else ''}({text}, {pattern})"
        flags = "'si'" if insensitive else "'s'"
        return f"len(list_filter(regexp_extract_all({text}, {pattern}, 0, {flags}), lambda __m: __m <> ''))"

    return handler


ROWS: tuple[Row, ...] = (
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
        "countMatches",
        (2, 2),
        INTEGER,
        "How often the pattern matches.",
        _count(False),
        _count(False),
        ("countMatches('a1b22', '[0-9]+')", 2),
    ),
    row(
        "countMatchesCaseInsensitive",
        (2, 2),
        INTEGER,
        "How often the pattern matches, whatever the case.",
        _count(True),
        _count(True),
        ("countMatchesCaseInsensitive('aA', 'a')", 2),
    ),
)
