"""Texts: length, case, pieces, padding. Lengths and positions count bytes as in ClickHouse, in -UTF8 forms characters."""

from collections.abc import Sequence

from pwh_assets.hogql.functions.base import Arg, Call, Fn, Handler, Row, alike, on
from pwh_assets.hogql.functions.rules import common, first
from pwh_assets.hogql.functions.texts import to_text
from pwh_assets.hogql.types import BOOLEAN, INTEGER, STRING, Type

EVERY = ("duckdb", "clickhouse")


def _length(call: Call, /) -> str:
    arg = call.args[0]
    match call.engine, arg.type.name:
        case "clickhouse", _:
            return f"length({arg.sql})"
        case "duckdb", "Array":
            return f"len({arg.sql})"
        case "duckdb", "Map":
            return f"cardinality({arg.sql})"
        case "duckdb", "Unknown":
            return f"length({arg.sql})"
        case _:
            return f"strlen({to_text(call, arg)})"


def _empty(negated: bool) -> Handler:
    def handler(call: Call, /) -> str:
        arg = call.args[0]
        sign = ">" if negated else "="
        if call.engine == "clickhouse":
            if arg.type.name == "UUID" or arg.type.name in (
                "Array",
                "Map",
                "String",
                "JSON",
                "Unknown",
            ):
                return f"{'notEmpty' if negated else 'empty'}({arg.sql})"
            return f"{'notEmpty' if negated else 'empty'}({to_text(call, arg)})"
        match arg.type.name:
            case "Array":
                return f"(len({arg.sql}) {sign} 0)"
            case "Map":
                return f"(cardinality({arg.sql}) {sign} 0)"
            case "UUID":
                nil = "'00000000-0000-0000-0000-000000000000'"
                return f"({arg.sql} {'<>' if negated else '='} CAST({nil} AS UUID))"
            case "String":
                return f"({arg.sql} {'<>' if negated else '='} '')"
            case "Unknown":
                return f"(length({arg.sql}) {sign} 0)"
            case _:
                return f"({to_text(call, arg)} {'<>' if negated else '='} '')"

    return handler


def _reverse(call: Call, /) -> str:
    arg = call.args[0]
    if arg.type.name == "Array":
        return f"{'list_reverse' if call.engine == 'duckdb' else 'arrayReverse'}({arg.sql})"
    if call.engine == "clickhouse":
        return f"reverseUTF8({arg.sql})"
    return f"reverse({to_text(call, arg)})"


def _concat(call: Call, /) -> str:
    """Texts joined, a NULL counts as ''; arrays appended."""
    if call.args and call.args[0].type.name == "Array":
        return (
            f"concat({', '.join(arg.sql for arg in call.args)})"
            if call.engine == "duckdb"
            else (f"arrayConcat({', '.join(arg.sql for arg in call.args)})")
        )
    texts = [to_text(call, arg) for arg in call.args]
    if call.engine == "clickhouse":
        texts = [_not_null(arg, text) for arg, text in zip(call.args, texts, strict=True)]
        if len(texts) == 1:
            return texts[0]
    return f"concat({', '.join(texts)})"


def _not_null(arg: Arg, text: str) -> str:
    return text if arg.literal is not None and arg.type == STRING else f"ifNull({text}, '')"


def _concat_type(types: Sequence[Type]) -> Type:
    return common(types) if types and types[0].name == "Array" else STRING


def _joined(call: Call, /) -> str:
    """Texts joined by the first argument; NULL when one is NULL."""
    texts = [to_text(call, arg) for arg in call.args]
    if call.engine == "clickhouse":
        return f"concatWithSeparator({', '.join(texts)})"
    separator, *rest = texts
    return "(" + f" || {separator} || ".join(rest) + ")" if rest else "''"


def texts(template: str, *places: int) -> Handler:
    """A DuckDB or ClickHouse template whose arguments are turned to text first (all, or those at `places`)."""

    def handler(call: Call, /) -> str:
        from dataclasses import replace

        from pwh_assets.hogql.functions.render import fill

        args = [
            Arg(to_text(call, arg), STRING, arg.node)
            if (not places or i in places) and arg.type.name not in ("Null", "Unknown", "Array")
            else arg
            for i, arg in enumerate(call.args)
        ]
        return fill(template, replace(call, args=args))

    return handler


def _substring(call: Call, /) -> str:
    """Bytes in ClickHouse; for the texts people cut, characters are what both engines agree on."""
    text, start, *rest = call.args
    utf8 = call.name.lower().endswith("utf8")
    del utf8
    sql = to_text(call, text)
    if call.engine == "clickhouse":
        return f"substringUTF8({', '.join([sql, start.sql, *(arg.sql for arg in rest)])})"
    begin = start.literal
    length = rest[0].literal if rest else None
    if (
        isinstance(begin, int)
        and begin > 0
        and (not rest or (isinstance(length, int) and length >= 0))
    ):
        return f"substring({', '.join([sql, str(begin), *([str(length)] if rest else [])])})"
    sql = f"hog_substring({sql}, {start.sql}, {rest[0].sql if rest else 'NULL'})"
    if rest and rest[0].literal is None:
        return f"(CASE WHEN {rest[0].sql} IS NOT NULL THEN {sql} END)"
    return sql


def _side(which: str) -> Handler:
    def handler(call: Call, /) -> str:
        text, count = call.args
        sql = to_text(call, text)
        if call.engine == "clickhouse":
            return f"{which}UTF8({sql}, {count.sql})"
        return f"{which}({sql}, {count.sql})"

    return handler


def _pad(which: str, clickhouse: str) -> Handler:
    def handler(call: Call, /) -> str:
        sql = to_text(call, call.args[0])
        length = call.args[1].sql
        fill = call.args[2].sql if len(call.args) > 2 else "' '"
        if call.engine == "clickhouse":
            return f"{clickhouse}({sql}, {length}, {fill})"
        if call.args[2:] and not call.args[2].literal:
            fill = f"CASE WHEN {fill} = '' THEN ' ' ELSE {fill} END"
        return f"{which}({sql}, CAST({length} AS INTEGER), {fill})"

    return handler


def _trim(duckdb: str, clickhouse: str) -> Handler:
    """Without a second argument spaces only, as in ClickHouse; with one, those characters."""

    def handler(call: Call, /) -> str:
        sql = to_text(call, call.args[0])
        chars = call.args[1].sql if len(call.args) > 1 else "' '"
        if call.engine == "clickhouse":
            return f"{clickhouse}({sql}{f', {chars}' if len(call.args) > 1 else ''})"
        return f"{duckdb}({sql}, {chars})"

    return handler


def format_parts(call: Call) -> "list[str | Arg]":
    """The texts and arguments a pattern such as '{} of {}' is made of.

    Raises:
        ValueError: it is computed, or names an argument that is missing.
    """
    import re

    pattern, *rest = call.args
    template = pattern.literal
    if not isinstance(template, str):
        raise ValueError("its pattern has to be a text such as '{} of {}'.")
    parts: list[str | Arg] = []
    at = 0
    end = 0
    for hole in re.finditer(r"\{\{|\}\}|\{(\d*)\}", template):
        parts.append(template[end : hole.start()])
        end = hole.end()
        if hole.group() in ("{{", "}}"):
            parts.append(hole.group()[0])
            continue
        number = int(hole.group(1)) if hole.group(1) else at
        at += 1
        if number >= len(rest):
            raise ValueError(f"its pattern names argument {number}, which is missing.")
        parts.append(rest[number])
    parts.append(template[end:])
    return [part for part in parts if part != ""]


def _format(call: Call, /) -> str:
    from pwh_assets.hogql.functions.sqltext import quote

    parts = format_parts(call)
    if call.engine == "clickhouse":
        pattern, *rest = call.args
        return f"format({', '.join([pattern.sql, *(to_text(call, arg) for arg in rest)])})"
    sqls = [quote(part) if isinstance(part, str) else to_text(call, part) for part in parts]
    return "(" + " || ".join(sqls) + ")" if sqls else "''"


def _split_part(call: Call, /) -> str:
    text, separator, index = call.args
    sql = to_text(call, text)
    if call.engine == "clickhouse":
        pieces = f"splitByString({separator.sql}, assumeNotNull({sql}))"
        return f"(CASE WHEN {sql} IS NOT NULL THEN ifNull(arrayElementOrNull({pieces}, {index.sql}), '') END)"
    return f"split_part({sql}, {separator.sql}, {index.sql})"


def _ascii(call: Call, /) -> str:
    sql = to_text(call, call.args[0])
    if call.engine == "clickhouse":
        return f"ascii({sql})"
    return f"hog_ascii({sql})"


ROWS: tuple[Row, ...] = (
    Fn(
        "length",
        (1, 1),
        INTEGER,
        "Bytes of a text, elements of an array or map.",
        dict.fromkeys(EVERY, _length),
        example=(("length('é')", 2), ("length([1, 2])", 2), ("length('')", 0)),
        aliases=("OCTET_LENGTH",),
        category="strings",
    ),
    Fn(
        "lengthUTF8",
        (1, 1),
        INTEGER,
        "Characters of a text.",
        on(texts("length({0})"), texts("lengthUTF8({0})")),
        example=("lengthUTF8('é')", 1),
        aliases=("char_length", "character_length"),
        category="strings",
    ),
    Fn(
        "empty",
        (1, 1),
        BOOLEAN,
        "Whether a text is '', an array or map without elements, a UUID nil.",
        alike(_empty(False)),
        example=(("empty('')", True), ("empty([1])", False), ("empty(NULL)", None)),
        aliases=("isEmpty",),
        category="strings",
    ),
    Fn(
        "notEmpty",
        (1, 1),
        BOOLEAN,
        "Whether a text is not '', an array or map has elements, a UUID is not nil.",
        alike(_empty(True)),
        example=(("notEmpty('')", False), ("notEmpty([1])", True)),
        aliases=("isNotEmpty",),
        category="strings",
    ),
    Fn(
        "reverse",
        (1, 1),
        first,
        "The characters, or an array's elements, in the other order.",
        alike(_reverse),
        example=(("reverse('abc')", "cba"), ("reverse([1, 2])", [2, 1])),
        category="strings",
    ),
    Fn(
        "reverseUTF8",
        (1, 1),
        STRING,
        "The characters in the other order.",
        on(texts("reverse({0})"), texts("reverseUTF8({0})")),
        example=("reverseUTF8('aé')", "éa"),
        category="strings",
    ),
    Fn(
        "lower",
        (1, 1),
        STRING,
        "In lower case.",
        on(texts("lower({0})"), texts("lowerUTF8({0})")),
        example=(("lower('ÀB')", "àb"), ("lower('')", "")),
        aliases=("lowerUTF8", "lcase"),
        category="strings",
    ),
    Fn(
        "upper",
        (1, 1),
        STRING,
        "In upper case.",
        on(texts("upper({0})"), texts("upperUTF8({0})")),
        example=("upper('àb')", "ÀB"),
        aliases=("upperUTF8", "ucase"),
        category="strings",
    ),
    Fn(
        "soundex",
        (1, 1),
        STRING,
        "How an English word sounds, as a letter and three digits.",
        on(texts("hog_soundex({0})"), texts("soundex({0})")),
        example=(
            ("soundex('Robert')", "R163"),
            ("soundex('Ashcraft')", "A226"),
            ("soundex('')", "0000"),
        ),
        category="strings",
    ),
    Fn(
        "initcap",
        (1, 1),
        STRING,
        "Every word with a capital.",
        on(
            texts(
                "array_to_string(list_transform(regexp_extract_all({0}, '[a-zA-Z0-9]+|[^a-zA-Z0-9]+'), "
                "lambda __w: upper(__w[1]) || lower(__w[2:])), '')"
            ),
            texts("initcapUTF8({0})"),
        ),
        example=("initcap('hello wORLD')", "Hello World"),
        aliases=("initcapUTF8",),
        category="strings",
    ),
    Fn(
        "concat",
        (1, None),
        _concat_type,
        "Texts joined, where NULL counts as ''; arrays appended.",
        dict.fromkeys(EVERY, _concat),
        example=(
            ("concat('a', NULL, 'b')", "ab"),
            ("concat('a', 1, true)", "a1true"),
            ("concat([1], [2])", [1, 2]),
        ),
        category="strings",
    ),
    Fn(
        "concatWithSeparator",
        (1, None),
        STRING,
        "Texts joined by the first argument; NULL when one is NULL.",
        alike(_joined),
        example=(("concatWithSeparator('-', 'a', 'b')", "a-b"), ("concat_ws(',', 'a')", "a")),
        aliases=("concat_ws",),
        category="strings",
    ),
    Fn(
        "substring",
        (2, 3),
        STRING,
        "Characters from a position, counted from 1 or with a minus from the end; '' before the first.",
        dict.fromkeys(EVERY, _substring),
        example=(
            ("substring('hello', 2, 3)", "ell"),
            ("substring('hello', 0, 2)", ""),
            ("substring('hello', -3, 2)", "ll"),
            ("substring('hello', 2)", "ello"),
        ),
        aliases=("substringUTF8", "substr", "mid"),
        category="strings",
    ),
    Fn(
        "left",
        (2, 2),
        STRING,
        "The first characters; with a minus all but the last.",
        alike(_side("left")),
        example=(("left('hello', 2)", "he"), ("left('hello', -1)", "hell")),
        aliases=("leftUTF8",),
        category="strings",
    ),
    Fn(
        "right",
        (2, 2),
        STRING,
        "The last characters; with a minus all but the first.",
        alike(_side("right")),
        example=(("right('hello', 3)", "llo"), ("right('hello', -2)", "llo")),
        aliases=("rightUTF8",),
        category="strings",
    ),
    *(
        Fn(
            f"{side}Pad",
            (2, 3),
            STRING,
            f"Filled up on the {side} with spaces or the third argument, or cut, to that many characters.",
            alike(_pad(f"{side[0]}pad", f"{side}PadUTF8")),
            example=((f"{side}Pad('ab', 5, '*')", value), (f"{side}Pad('abcdef', 3)", "abc")),
            aliases=(f"{side[0]}pad", f"{side}PadUTF8"),
            category="strings",
        )
        for side, value in (("left", "***ab"), ("right", "ab***"))
    ),
    *(
        Fn(
            name,
            (1, 2),
            STRING,
            f"Without spaces, or the second argument's characters, {where}.",
            dict.fromkeys(EVERY, _trim(duckdb, clickhouse)),
            example=((f"{name}(' a ')", value), (f"{name}('xax', 'x')", value.replace(" ", "x"))),
            aliases=aliases,
            category="strings",
        )
        for name, duckdb, clickhouse, aliases, where, value in (
            ("trim", "trim", "trimBoth", ("trimBoth", "btrim"), "at both ends", "a"),
            ("trimLeft", "ltrim", "trimLeft", ("ltrim",), "at the start", "a "),
            ("trimRight", "rtrim", "trimRight", ("rtrim",), "at the end", " a"),
        )
    ),
    Fn(
        "repeat",
        (2, 2),
        STRING,
        "The text so many times.",
        alike(texts("repeat({0}, {1})", 0)),
        example=(("repeat('ab', 3)", "ababab"), ("repeat('ab', 0)", "")),
        category="strings",
    ),
    Fn(
        "space",
        (1, 1),
        STRING,
        "So many spaces.",
        on("repeat(' ', {0})", "space({0})"),
        example=("space(3)", "   "),
        category="strings",
    ),
    Fn(
        "startsWith",
        (2, 2),
        BOOLEAN,
        "Whether the text begins with the second.",
        on(texts("starts_with({0}, {1})"), texts("startsWith({0}, {1})")),
        example=(("startsWith('abc', 'a')", True), ("startsWith('abc', '')", True)),
        aliases=("startsWithUTF8",),
        category="strings",
    ),
    Fn(
        "endsWith",
        (2, 2),
        BOOLEAN,
        "Whether the text ends with the second.",
        on(texts("ends_with({0}, {1})"), texts("endsWith({0}, {1})")),
        example=(("endsWith('abc', 'c')", True), ("endsWith('abc', 'x')", False)),
        aliases=("endsWithUTF8",),
        category="strings",
    ),
    Fn(
        "ascii",
        (1, 1),
        INTEGER,
        "Code of the first character, of ASCII texts.",
        dict.fromkeys(EVERY, _ascii),
        example=("ascii('a')", 97),
        category="strings",
    ),
    Fn(
        "format",
        (1, None),
        STRING,
        "The pattern with the further arguments in its places {} or {0}.",
        alike(_format),
        example=(("format('{} of {}', 'a', 2)", "a of 2"), ("format('{1} {0}', 'a', 'b')", "b a")),
        category="strings",
    ),
    Fn(
        "split_part",
        (3, 3),
        STRING,
        "The piece at a place, counted from 1, of the text split by the second argument.",
        alike(_split_part),
        example=(("split_part('a,b', ',', 2)", "b"), ("split_part('a,b', ',', 3)", "")),
        aliases=("splitPart",),
        category="strings",
    ),
    Fn(
        "appendTrailingCharIfAbsent",
        (2, 2),
        STRING,
        "The text with that last character, unless it has it or is ''.",
        on(
            texts("(CASE WHEN {0} = '' OR ends_with({0}, {1}) THEN {0} ELSE {0} || {1} END)"),
            texts("appendTrailingCharIfAbsent({0}, {1})"),
        ),
        example=(
            ("appendTrailingCharIfAbsent('ab', '/')", "ab/"),
            ("appendTrailingCharIfAbsent('a/', '/')", "a/"),
        ),
        category="strings",
    ),
    Fn(
        "isValidUTF8",
        (1, 1),
        BOOLEAN,
        "Whether the text is valid UTF-8; texts here always are.",
        on("({0} = {0})", "isValidUTF8({0})"),
        example=("isValidUTF8('é')", True),
        category="strings",
    ),
    Fn(
        "toValidUTF8",
        (1, 1),
        STRING,
        "The text; texts here are always valid UTF-8.",
        on("{0}", "toValidUTF8({0})"),
        example=("toValidUTF8('é')", "é"),
        category="strings",
    ),
    Fn(
        "normalizeUTF8NFC",
        (1, 1),
        STRING,
        "The text with composed characters.",
        on("nfc_normalize({0})", "normalizeUTF8NFC({0})"),
        example=("normalizeUTF8NFC('é')", "é"),
        category="strings",
    ),
    Fn(
        "translate",
        (3, 3),
        STRING,
        "The text with the second's characters replaced by the third's at the same place.",
        on(
            texts("translate({0}, {1}, {2})"),
            texts("translateUTF8({0}, {1}, {2})"),
        ),
        example=("translate('abc', 'ab', 'xy')", "xyc"),
        aliases=("translateUTF8",),
        category="strings",
    ),
    Fn(
        "levenshteinDistance",
        (2, 2),
        INTEGER,
        "Fewest insertions, deletions and replacements from one text to the other.",
        on(texts("levenshtein({0}, {1})"), texts("editDistanceUTF8({0}, {1})")),
        example=("levenshteinDistance('abc', 'abd')", 1),
        aliases=("editDistance", "editDistanceUTF8", "levenshteinDistanceUTF8"),
        category="strings",
    ),
    Fn(
        "damerauLevenshteinDistance",
        (2, 2),
        INTEGER,
        "Edit distance that counts a swap of neighbours as one.",
        on(texts("damerau_levenshtein({0}, {1})"), texts("damerauLevenshteinDistance({0}, {1})")),
        example=("damerauLevenshteinDistance('ab', 'ba')", 1),
        category="strings",
    ),
    Fn(
        "substringIndex",
        (3, 3),
        STRING,
        "The text up to the n-th separator, with a minus from the n-th last on.",
        on(
            "array_to_string(CASE WHEN {1} IS NULL OR {2} IS NULL THEN NULL WHEN {2} > 0 THEN string_split({0}, {1})[1:{2}] "
            "WHEN {2} < 0 THEN string_split({0}, {1})[{2}:-1] ELSE [] END, {1})",
            "substringIndexUTF8({0}, {1}, {2})",
        ),
        example=(
            ("substringIndex('a.b.c', '.', 2)", "a.b"),
            ("substringIndex('a.b.c', '.', -1)", "c"),
        ),
        aliases=("substringIndexUTF8", "SUBSTRING_INDEX"),
        category="strings",
    ),
)
