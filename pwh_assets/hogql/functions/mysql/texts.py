"""MySQL: texts, search and patterns. Texts compare by their bytes, by the collation the session is opened with."""

import re

from pwh_assets.hogql.functions.base import Arg, Call, Handler, Rendering
from pwh_assets.hogql.functions.conversion import NIL
from pwh_assets.hogql.functions.mysql.values import END
from pwh_assets.hogql.functions.patterns import Pattern, rewritten
from pwh_assets.hogql.functions.remote.templates import (
    literal_int,
    literal_text,
    template,
    text_of,
    text_only,
    texts,
    whole_only,
)
from pwh_assets.hogql.functions.remote.texts import filling, whole_pattern, written
from pwh_assets.hogql.functions.sqltext import mysql_text
from pwh_assets.hogql.functions.texts import to_text

ESCAPE = mysql_text("\\")


def pattern_of(arg: Arg) -> Pattern:
    """The pattern of a call in the words of both PCRE2 (MariaDB) and ICU (MySQL).

    Raises:
        ValueError: it is computed, or means something else there.
    """
    return rewritten(literal_text(arg, "pattern"), end=END)


def said(pattern: Pattern, insensitive: bool = False) -> str:
    flags = "(?si)" if pattern.ignores_case or insensitive else "(?s)"
    return mysql_text(flags + pattern.text)


def _length(call: Call, /) -> str:
    return f"LENGTH({to_text(call, call.args[0])})"


def _empty(sign: str) -> Handler:
    def handler(call: Call, /) -> str:
        arg = call.args[0]
        if arg.type.name == "UUID":
            return f"({arg.sql} {sign} '{NIL}')"
        return f"({to_text(call, arg)} {sign} '')"

    return handler


def _concat(call: Call, /) -> str:
    if call.args and call.args[0].type.name == "Array":
        raise ValueError("there are no arrays there.")
    return f"CONCAT({', '.join(f'''COALESCE({to_text(call, arg)}, '')''' for arg in call.args)})"


def _joined(call: Call, /) -> str:
    separator, *rest = (to_text(call, arg) for arg in call.args)
    return "CONCAT(" + f", {separator}, ".join(rest) + ")" if rest else "''"


def _substring(call: Call, /) -> str:
    text, start, *rest = call.args
    sql, begin = to_text(call, text), literal_int(start, "place")
    size = literal_int(rest[0], "length") if rest else None
    if size is not None and size < 0:
        raise ValueError("a length below 0 counts otherwise there.")
    if begin == 0:
        return f"(CASE WHEN {sql} IS NOT NULL THEN '' END)"
    if begin > 0:
        return f"SUBSTRING({sql}, {begin}{'' if size is None else f', {size}'})"
    if size is None:
        return f"RIGHT({sql}, {-begin})"
    late = f"GREATEST(CAST(CHAR_LENGTH({sql}) AS SIGNED) + {begin + 1}, 1)"
    kept = f"GREATEST({size} + LEAST(CAST(CHAR_LENGTH({sql}) AS SIGNED) + {begin}, 0), 0)"
    return f"SUBSTRING({sql}, {late}, {kept})"


def _side(which: str) -> Handler:
    def handler(call: Call, /) -> str:
        sql, count = to_text(call, call.args[0]), whole_only(call, call.args[1]).sql
        kept = f"GREATEST(CAST(CHAR_LENGTH({sql}) AS SIGNED) + {count}, 0)"
        return f"{which}({sql}, CASE WHEN {count} < 0 THEN {kept} ELSE {count} END)"

    return handler


def _pad(which: str) -> Handler:
    def handler(call: Call, /) -> str:
        sql, length = to_text(call, call.args[0]), whole_only(call, call.args[1]).sql
        with_ = mysql_text(filling(call))
        return f"{which}({sql}, GREATEST({length}, 0), {with_})"

    return handler


def _trim(where: str) -> Handler:
    def handler(call: Call, /) -> str:
        chars = call.args[1].literal if len(call.args) > 1 else " "
        if not isinstance(chars, str) or len(chars) != 1:
            raise ValueError("it takes away one character, written out, there.")
        return f"TRIM({where} {mysql_text(chars)} FROM {to_text(call, call.args[0])})"

    return handler


def _format(call: Call, /) -> str:
    sqls = written(call, mysql_text)
    return f"CONCAT({', '.join(sqls)})" if sqls else "''"


def _split_part(call: Call, /) -> str:
    text, separator, index = call.args
    between = literal_text(separator, "separator")
    place = literal_int(index, "place")
    if place < 1:
        raise ValueError("its place counts from 1 there.")
    sql, by = to_text(call, text), mysql_text(between)
    pieces = (
        f"((CHAR_LENGTH({sql}) - CHAR_LENGTH(REPLACE({sql}, {by}, ''))) DIV {len(between)} + 1)"
    )
    found = f"SUBSTRING_INDEX(SUBSTRING_INDEX({sql}, {by}, {place}), {by}, -1)"
    return f"(CASE WHEN {pieces} >= {place} THEN {found} WHEN {sql} IS NOT NULL THEN '' END)"


def _substring_index(call: Call, /) -> str:
    text, separator, count = call.args
    literal_text(separator, "separator")
    return f"SUBSTRING_INDEX({to_text(call, text)}, {separator.sql}, {whole_only(call, count).sql})"


def _position(insensitive: bool, swapped: bool = False) -> Handler:
    def handler(call: Call, /) -> str:
        first, second = (to_text(call, arg) for arg in call.args[:2])
        text, needle = (second, first) if swapped else (first, second)
        if insensitive:
            text, needle = f"LOWER({text})", f"LOWER({needle})"
        if len(call.args) < 3:
            return f"LOCATE({needle}, {text})"
        return f"LOCATE({needle}, {text}, GREATEST({whole_only(call, call.args[2]).sql}, 1))"

    return handler


def _like(insensitive: bool, negated: bool = False) -> Handler:
    def handler(call: Call, /) -> str:
        text, pattern = (to_text(call, arg) for arg in call.args)
        whole_pattern(call.args[1])
        if insensitive:
            text, pattern = f"LOWER({text})", f"LOWER({pattern})"
        sql = f"{text} LIKE {pattern} ESCAPE {ESCAPE}"
        return f"COALESCE(NOT ({sql}), TRUE)" if negated else f"({sql})"

    return handler


def _match(call: Call, /) -> str:
    return f"({to_text(call, call.args[0])} REGEXP {said(pattern_of(call.args[1]))})"


def _extract(call: Call, /) -> str:
    pattern = pattern_of(call.args[1])
    if pattern.groups:
        raise ValueError("its pattern's groups are not known there.")
    text = to_text(call, call.args[0])
    return f"(CASE WHEN {text} IS NOT NULL THEN COALESCE(REGEXP_SUBSTR({text}, {said(pattern)}), '') END)"


def _replace_regexp(call: Call, /) -> str:
    pattern, by = pattern_of(call.args[1]), call.args[2].literal
    if not isinstance(by, str) or re.search(r"[\\$]", by):
        raise ValueError("its replacement has to be a text without \\ and $, written out, there.")
    return f"REGEXP_REPLACE({to_text(call, call.args[0])}, {said(pattern)}, {mysql_text(by)})"


def _count(insensitive: bool) -> Handler:
    def handler(call: Call, /) -> str:
        text, needle = (to_text(call, arg) for arg in call.args[:2])
        if len(call.args) > 2:
            raise ValueError("it counts from the first place on there.")
        if insensitive:
            text, needle = f"LOWER({text})", f"LOWER({needle})"
        return (
            f"COALESCE((CHAR_LENGTH({text}) - CHAR_LENGTH(REPLACE({text}, {needle}, ''))) DIV "
            f"NULLIF(CHAR_LENGTH({needle}), 0), CASE WHEN {text} IS NOT NULL AND {needle} IS NOT NULL THEN 0 END)"
        )

    return handler


_AFTER = "CASE WHEN LOCATE('{s}', {0}) > 0 THEN SUBSTRING({0}, LOCATE('{s}', {0}) + 1) WHEN {0} IS NOT NULL THEN '' END"

RENDERINGS: dict[str, Rendering] = {
    "length": _length,
    "lengthUTF8": texts("CHAR_LENGTH({0})"),
    "empty": _empty("="),
    "notEmpty": _empty("<>"),
    "reverse": texts("REVERSE({0})"),
    "reverseUTF8": texts("REVERSE({0})"),
    "lower": texts("LOWER({0})"),
    "upper": texts("UPPER({0})"),
    "concat": _concat,
    "concatWithSeparator": _joined,
    "substring": _substring,
    "left": _side("LEFT"),
    "right": _side("RIGHT"),
    "leftPad": _pad("LPAD"),
    "rightPad": _pad("RPAD"),
    "trim": _trim("BOTH"),
    "trimLeft": _trim("LEADING"),
    "trimRight": _trim("TRAILING"),
    "repeat": template("REPEAT({0}, {1})", text_of, whole_only),
    "space": template("SPACE({0})", whole_only),
    "startsWith": texts("(LEFT({0}, CHAR_LENGTH({1})) = {1})"),
    "endsWith": texts("(RIGHT({0}, CHAR_LENGTH({1})) = {1})"),
    "ascii": texts("ASCII({0})"),
    "format": _format,
    "split_part": _split_part,
    "substringIndex": _substring_index,
    "appendTrailingCharIfAbsent": texts("(CASE WHEN {0} = '' OR RIGHT({0}, 1) = {1} THEN {0} ELSE CONCAT({0}, {1}) END)"),
    "isValidUTF8": texts("({0} = {0})"),
    "toValidUTF8": texts("{0}"),
    "position": _position(False),
    "positionCaseInsensitive": _position(True),
    "locate": _position(False, swapped=True),
    "like": _like(False),
    "ilike": _like(True),
    "notLike": _like(False, True),
    "notILike": _like(True, True),
    "match": _match,
    "extract": _extract,
    "replaceAll": texts("REPLACE({0}, {1}, {2})"),
    "replaceOne": texts(
        "(CASE WHEN {1} IS NULL OR {2} IS NULL THEN NULL WHEN {1} <> '' AND LOCATE({1}, {0}) > 0 THEN "
        "CONCAT(LEFT({0}, LOCATE({1}, {0}) - 1), {2}, SUBSTRING({0}, LOCATE({1}, {0}) + CHAR_LENGTH({1}))) ELSE {0} END)"
    ),
    "replaceRegexpAll": _replace_regexp,
    "countSubstrings": _count(False),
    "countSubstringsCaseInsensitive": _count(True),
    "fragment": texts(f"({_AFTER.replace('{s}', '#')})"),
    "queryStringAndFragment": texts(f"({_AFTER.replace('{s}', '?')})"),
    "queryString": texts(f"SUBSTRING_INDEX({_AFTER.replace('{s}', '?')}, '#', 1)"),
    "cutFragment": texts("SUBSTRING_INDEX({0}, '#', 1)"),
    "cutQueryStringAndFragment": texts("SUBSTRING_INDEX(SUBSTRING_INDEX({0}, '#', 1), '?', 1)"),
    "md5": texts("UPPER(MD5({0}))"),
    "hex": template("HEX({0})", text_only),
    "base64Encode": texts("REPLACE(TO_BASE64({0}), '\\n', '')"),
    "encodeXMLComponent": texts(
        "REPLACE(REPLACE(REPLACE(REPLACE(REPLACE({0}, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '\"', '&quot;'), '''', '&apos;')"
    ),
    "indexHint": "TRUE",
    "ignore": "0",
}  # fmt: skip
