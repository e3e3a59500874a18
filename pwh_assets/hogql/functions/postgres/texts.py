"""Postgres: texts, search and patterns, URLs, encodings."""

import re

from pwh_assets.hogql.functions.base import Arg, Call, Handler, Rendering
from pwh_assets.hogql.functions.conversion import NIL
from pwh_assets.hogql.functions.patterns import Pattern, rewritten
from pwh_assets.hogql.functions.remote.templates import (
    literal_int,
    literal_text,
    template,
    text_of,
    texts,
    whole_only,
)
from pwh_assets.hogql.functions.remote.texts import filling, whole_pattern, written
from pwh_assets.hogql.functions.sqltext import postgres_text
from pwh_assets.hogql.functions.texts import to_text


def pattern_of(arg: Arg) -> Pattern:
    """The pattern of a call in Postgres's words.

    Raises:
        ValueError: it is computed, or means something else there.
    """
    return rewritten(literal_text(arg, "pattern"), end="$")


def finding(arg: Arg) -> Pattern:
    """A pattern by which every library also finds the same text."""
    found = pattern_of(arg)
    if not found.is_plain:
        raise ValueError(
            "its pattern has alternatives, lazy repeats or repeated groups, which find another text there."
        )
    return found


def _flags(pattern: Pattern, more: str = "") -> str:
    return f"'{more}{'i' if pattern.ignores_case else ''}'"


def _length(call: Call, /) -> str:
    arg = call.args[0]
    if arg.type.name == "Array":
        return f"cardinality({arg.sql})"
    return f"octet_length({to_text(call, arg)})"


def _empty(sign: str) -> Handler:
    def handler(call: Call, /) -> str:
        arg = call.args[0]
        if arg.type.name == "Array":
            return f"(cardinality({arg.sql}) {sign} 0)"
        if arg.type.name == "UUID":
            return f"({arg.sql} {sign} cast('{NIL}' as uuid))"
        return f"({to_text(call, arg)} {sign} '')"

    return handler


def _reverse(call: Call, /) -> str:
    arg = call.args[0]
    if arg.type.name == "Array":
        from pwh_assets.hogql.functions.postgres.arrays import reverse

        return reverse(call)
    return f"reverse({to_text(call, arg)})"


def _concat(call: Call, /) -> str:
    if call.args and call.args[0].type.name == "Array":
        from pwh_assets.hogql.functions.postgres.arrays import concat

        return concat(call)
    return f"concat({', '.join(to_text(call, arg) for arg in call.args)})"


def _joined(call: Call, /) -> str:
    separator, *rest = (to_text(call, arg) for arg in call.args)
    return "(" + f" || {separator} || ".join(rest) + ")" if rest else "''"


def _substring(call: Call, /) -> str:
    text, start, *rest = call.args
    sql, begin = to_text(call, text), literal_int(start, "place")
    size = literal_int(rest[0], "length") if rest else None
    if begin == 0:
        return f"(CASE WHEN {sql} IS NOT NULL THEN '' END)"
    if begin > 0 and (size is None or size >= 0):
        return f"substring({sql}, {begin}{'' if size is None else f', {size}'})"
    if begin < 0 and size is None:
        return f"right({sql}, {-begin})"
    if begin < 0 and size is not None and size >= 0:
        # A text shorter than the place begins before its first character.
        late = f"greatest(char_length({sql}) + {begin + 1}, 1)"
        kept = f"greatest({size} + least(char_length({sql}) + {begin}, 0), 0)"
        return f"substring({sql}, {late}, {kept})"
    raise ValueError("a length below 0 counts otherwise there.")


def _pad(which: str) -> Handler:
    def handler(call: Call, /) -> str:
        sql, length = to_text(call, call.args[0]), call.args[1].sql
        with_ = postgres_text(filling(call))
        return f"{which}({sql}, cast({length} as integer), {with_})"

    return handler


def _trim(which: str) -> Handler:
    def handler(call: Call, /) -> str:
        chars = call.args[1].sql if len(call.args) > 1 else "' '"
        return f"{which}({to_text(call, call.args[0])}, {chars})"

    return handler


def _format(call: Call, /) -> str:
    sqls = written(call, postgres_text)
    return "(" + " || ".join(sqls) + ")" if sqls else "''"


def _split_part(call: Call, /) -> str:
    text, separator, index = call.args
    literal_text(separator, "separator")
    sql, place = to_text(call, text), whole_only(call, index).sql
    found = f"split_part({sql}, {separator.sql}, cast(nullif({place}, 0) as integer))"
    return f"(CASE WHEN {place} = 0 AND {sql} IS NOT NULL THEN '' ELSE {found} END)"


def _position(insensitive: bool, swapped: bool = False) -> Handler:
    def handler(call: Call, /) -> str:
        first, second = (to_text(call, arg) for arg in call.args[:2])
        text, needle = (second, first) if swapped else (first, second)
        if insensitive:
            text, needle = f"lower({text})", f"lower({needle})"
        if len(call.args) < 3:
            return f"strpos({text}, {needle})"
        start = f"greatest({whole_only(call, call.args[2]).sql}, 1)"
        rest = f"substring({text}, {start})"
        found = f"strpos({rest}, {needle})"
        return f"(CASE WHEN {found} > 0 THEN {found} + {start} - 1 ELSE {found} END)"

    return handler


def _like(operator: str, negated: bool = False) -> Handler:
    def handler(call: Call, /) -> str:
        text, pattern = to_text(call, call.args[0]), call.args[1]
        whole_pattern(pattern)
        sql = f"{text} {operator} {to_text(call, pattern)}"
        return f"coalesce(NOT ({sql}), true)" if negated else f"({sql})"

    return handler


def _match(call: Call, /) -> str:
    pattern = pattern_of(call.args[1])
    operator = "~*" if pattern.ignores_case else "~"
    return f"({to_text(call, call.args[0])} {operator} {postgres_text(pattern.text)})"


def _extract(call: Call, /) -> str:
    pattern = finding(call.args[1])
    text = to_text(call, call.args[0])
    group = "[1]"
    found = f"(regexp_match({text}, {postgres_text(pattern.text)}, {_flags(pattern)})){group}"
    return f"(CASE WHEN {text} IS NOT NULL THEN coalesce({found}, '') END)"


def _regexp_extract(call: Call, /) -> str:
    pattern = finding(call.args[1])
    index = literal_int(call.args[2], "group") if len(call.args) > 2 else min(pattern.groups, 1)
    text, said = to_text(call, call.args[0]), pattern.text
    if not 0 <= index <= pattern.groups:
        raise ValueError(f"its pattern has no group {index}.")
    if index == 0:
        said, index = f"({said})", 1
    found = f"(regexp_match({text}, {postgres_text(said)}, {_flags(pattern)}))[{max(index, 1)}]"
    return f"(CASE WHEN {text} IS NOT NULL THEN coalesce({found}, '') END)"


def _extract_all(call: Call, /) -> str:
    pattern = finding(call.args[1])
    text = to_text(call, call.args[0])
    matches = f"regexp_matches({text}, {postgres_text(pattern.text)}, {_flags(pattern, 'g')}) WITH ORDINALITY AS __m(v, o)"
    return f"ARRAY(SELECT coalesce(__m.v[1], '') FROM {matches} ORDER BY __m.o)"


def _replace_regexp(every: bool) -> Handler:
    def handler(call: Call, /) -> str:
        pattern, by = finding(call.args[1]), call.args[2].literal
        if not isinstance(by, str):
            raise ValueError("its replacement has to be a text written out there.")
        if re.search(r"\\[^0-9]|\\$", by):
            raise ValueError("its replacement has a backslash before something that is no group.")
        said = by.replace("\\0", "\\&")
        flags = _flags(pattern, "g" if every else "")
        return (
            f"regexp_replace({to_text(call, call.args[0])}, {postgres_text(pattern.text)}, "
            f"{postgres_text(said)}, {flags})"
        )

    return handler


def _count(insensitive: bool, regexp: bool) -> Handler:
    def handler(call: Call, /) -> str:
        text, needle = to_text(call, call.args[0]), to_text(call, call.args[1])
        if regexp:
            pattern = finding(call.args[1])
            flags = _flags(pattern, "gi" if insensitive else "g")
            matches = (
                f"regexp_matches({text}, {postgres_text(f'({pattern.text})')}, {flags}) AS __m(v)"
            )
            counted = f"(SELECT count(*) FROM {matches} WHERE __m.v[1] <> '')"
            return f"(CASE WHEN {text} IS NOT NULL THEN {counted} END)"
        if len(call.args) > 2:
            text = f"substring({text}, {literal_int(call.args[2], 'place')})"
        if insensitive:
            text, needle = f"lower({text})", f"lower({needle})"
        return (
            f"coalesce((char_length({text}) - char_length(replace({text}, {needle}, ''))) / "
            f"nullif(char_length({needle}), 0), CASE WHEN {text} IS NOT NULL AND {needle} IS NOT NULL THEN 0 END)"
        )

    return handler


def _many(kind: str, insensitive: bool) -> Handler:
    """Needles of an array."""

    def handler(call: Call, /) -> str:
        text, needles = to_text(call, call.args[0]), call.args[1].sql
        needle = "lower(__n.v)" if insensitive else "__n.v"
        haystack = f"lower({text})" if insensitive else text
        rows = f"unnest({needles}) WITH ORDINALITY AS __n(v, o)"
        match kind:
            case "any":
                sql = f"EXISTS (SELECT 1 FROM {rows} WHERE strpos({haystack}, {needle}) > 0)"
            case "index":
                sql = f"coalesce((SELECT min(__n.o) FROM {rows} WHERE strpos({haystack}, {needle}) > 0), 0)"
            case "first":
                sql = f"coalesce((SELECT min(strpos({haystack}, {needle})) FROM {rows} WHERE strpos({haystack}, {needle}) > 0), 0)"
            case _:
                listed = f"coalesce(strpos({haystack}, {needle}), 0)"
                return f"(CASE WHEN {needles} IS NOT NULL THEN ARRAY(SELECT {listed} FROM {rows} ORDER BY __n.o) END)"
        return f"(CASE WHEN {text} IS NOT NULL THEN {sql} END)"

    return handler


URL_SCHEME = "[a-zA-Z][a-zA-Z0-9+.-]*"
HOST = f"(regexp_match({{0}}, '^(?:(?:{URL_SCHEME}:)?//)?(?:[^/?#@]*@)?([^/?#:@]*)'))[1]"
DOMAIN = (
    f"(CASE WHEN strpos(coalesce({HOST}, ''), '.') > 0 OR {{0}} ~ '^({URL_SCHEME}:)?//' "
    f"THEN coalesce({HOST}, '') WHEN {{0}} IS NOT NULL THEN '' END)"
)
REST = f"regexp_replace({{0}}, '^({URL_SCHEME}:)?//[^/?#]*', '')"


def _part(pattern: str, of: str = "{0}") -> Handler:
    """What a pattern's group finds in a URL, '' for nothing."""
    return texts(
        f"(CASE WHEN {{0}} IS NOT NULL THEN coalesce((regexp_match({of}, '{pattern}'))[1], '') END)"
    )


def _hex(call: Call, /) -> str:
    arg = call.args[0]
    if arg.type.name == "Integer":
        raise ValueError("it takes texts there.")
    return f"upper(encode(convert_to({to_text(call, arg)}, 'UTF8'), 'hex'))"


RENDERINGS: dict[str, Rendering] = {
    "length": _length,
    "lengthUTF8": texts("char_length({0})"),
    "empty": _empty("="),
    "notEmpty": _empty("<>"),
    "reverse": _reverse,
    "reverseUTF8": texts("reverse({0})"),
    "lower": texts("lower({0})"),
    "upper": texts("upper({0})"),
    "concat": _concat,
    "concatWithSeparator": _joined,
    "substring": _substring,
    "left": template("left({0}, cast({1} as integer))", text_of, whole_only),
    "right": template("right({0}, cast({1} as integer))", text_of, whole_only),
    "leftPad": _pad("lpad"),
    "rightPad": _pad("rpad"),
    "trim": _trim("btrim"),
    "trimLeft": _trim("ltrim"),
    "trimRight": _trim("rtrim"),
    "repeat": template("repeat({0}, cast({1} as integer))", text_of, whole_only),
    "space": template("repeat(' ', cast({0} as integer))", whole_only),
    "startsWith": texts("starts_with({0}, {1})"),
    "endsWith": texts("(right({0}, char_length({1})) = {1})"),
    "format": _format,
    "split_part": _split_part,
    "appendTrailingCharIfAbsent": texts("(CASE WHEN {0} = '' OR right({0}, 1) = {1} THEN {0} ELSE {0} || {1} END)"),
    "isValidUTF8": texts("({0} = {0})"),
    "toValidUTF8": texts("{0}"),
    "normalizeUTF8NFC": texts("normalize({0}, NFC)"),
    "normalizeUTF8NFD": texts("normalize({0}, NFD)"),
    "translate": texts("translate({0}, {1}, {2})"),
    "position": _position(False),
    "positionCaseInsensitive": _position(True),
    "locate": _position(False, swapped=True),
    "like": _like("LIKE"),
    "ilike": _like("ILIKE"),
    "notLike": _like("LIKE", True),
    "notILike": _like("ILIKE", True),
    "match": _match,
    "extract": _extract,
    "regexpExtract": _regexp_extract,
    "extractAll": _extract_all,
    "replaceAll": texts("replace({0}, {1}, {2})"),
    "replaceOne": texts(
        "(CASE WHEN {1} IS NULL OR {2} IS NULL THEN NULL WHEN {1} <> '' AND strpos({0}, {1}) > 0 THEN left({0}, strpos({0}, {1}) - 1) || {2} || "
        "substring({0}, strpos({0}, {1}) + char_length({1})) ELSE {0} END)"
    ),
    "replaceRegexpAll": _replace_regexp(True),
    "replaceRegexpOne": _replace_regexp(False),
    "countSubstrings": _count(False, False),
    "countSubstringsCaseInsensitive": _count(True, False),
    "countMatches": _count(False, True),
    "countMatchesCaseInsensitive": _count(True, True),
    "multiSearchAny": _many("any", False),
    "multiSearchAnyCaseInsensitive": _many("any", True),
    "multiSearchFirstIndex": _many("index", False),
    "multiSearchFirstIndexCaseInsensitive": _many("index", True),
    "multiSearchFirstPosition": _many("first", False),
    "multiSearchFirstPositionCaseInsensitive": _many("first", True),
    "multiSearchAllPositions": _many("all", False),
    "multiSearchAllPositionsCaseInsensitive": _many("all", True),
    "protocol": _part(f"^({URL_SCHEME}):"),
    "domain": texts(DOMAIN),
    "domainWithoutWWW": texts(f"regexp_replace({DOMAIN}, '^www[.]', '')"),
    "topLevelDomain": texts(f"(CASE WHEN {{0}} IS NOT NULL THEN coalesce((regexp_match({DOMAIN}, '[.]([^.0-9][^.]*)$'))[1], '') END)"),
    "netloc": _part(f"^(?:{URL_SCHEME}:)?//([^/?#]*)"),
    "path": _part("^[^/?#]*(/[^?#]*)", REST),
    "pathFull": _part("^[^/?#]*(/.*)$", REST),
    "queryString": _part("[?]([^#]*)"),
    "fragment": _part("#(.*)$"),
    "queryStringAndFragment": _part("[?](.*)$"),
    "cutWWW": texts(f"regexp_replace({{0}}, '^(({URL_SCHEME}:)?//)www[.]', '\\1')"),
    "cutQueryString": texts("regexp_replace({0}, '[?][^#]*', '')"),
    "cutFragment": texts("regexp_replace({0}, '#.*$', '')"),
    "cutQueryStringAndFragment": texts("regexp_replace({0}, '[?#].*$', '')"),
    "md5": texts("upper(md5({0}))"),
    "hex": _hex,
    "base64Encode": texts("translate(encode(convert_to({0}, 'UTF8'), 'base64'), chr(10), '')"),
    "base64URLEncode": texts("rtrim(translate(encode(convert_to({0}, 'UTF8'), 'base64'), '+/' || chr(10), '-_'), '=')"),
    "encodeXMLComponent": texts(
        "replace(replace(replace(replace(replace({0}, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '\"', '&quot;'), '''', '&apos;')"
    ),
    "indexHint": "true",
    "ignore": "0",
}  # fmt: skip
