"""MySQL: aggregates and windows. There is no FILTER, so arguments are NULL where its condition fails."""

from dataclasses import replace

from sqlglot import exp

from pwh_assets.hogql.functions.aggregates import count_of
from pwh_assets.hogql.functions.base import Arg, Call, Handler, Rendering
from pwh_assets.hogql.functions.mysql.values import CONVERSIONS
from pwh_assets.hogql.functions.remote.aggregates import WINDOWS, plain_only, truth, window_of
from pwh_assets.hogql.functions.remote.templates import number_only, whole_only
from pwh_assets.hogql.functions.sqltext import mysql_text, over_clause
from pwh_assets.hogql.functions.texts import to_text
from pwh_assets.hogql.functions.windows import in_frame
from pwh_assets.hogql.types import BOOLEAN, FLOAT, INTEGER, STRING


def number(call: Call, arg: Arg) -> Arg:
    """A text read as a number, a Boolean as 0 or 1."""
    if arg.type == STRING:
        return Arg(CONVERSIONS.float(arg), FLOAT, arg.node)
    return Arg(arg.sql, INTEGER, arg.node) if arg.type == BOOLEAN else number_only(call, arg)


def _word(call: Call) -> str:
    return "DISTINCT " if call.distinct else ""


def _uniq(call: Call, /) -> str:
    plain_only(call)
    return f"COUNT(DISTINCT {', '.join(arg.sql for arg in call.args)})"


def _sum(call: Call, /) -> str:
    arg = number(call, call.args[0])
    plain = f"SUM({_word(call)}{arg.sql}){over_clause(call)}"
    return f"CAST({plain} AS SIGNED)" if arg.type == INTEGER else plain


def _of_floats(name: str) -> Handler:
    def handler(call: Call, /) -> str:
        if call.distinct and name not in ("AVG", "SUM"):
            raise ValueError("it takes no DISTINCT there.")
        listed = ", ".join(CONVERSIONS.float(number(call, arg)) for arg in call.args)
        return f"{name}({_word(call)}{listed}){over_clause(call)}"

    return handler


def _extreme(word: str) -> Handler:
    return lambda call, /: f"{word}({call.args[0].sql}){over_clause(call)}"


def _bits(name: str) -> Handler:
    """Over nothing MySQL gives all bits, or none."""

    def handler(call: Call, /) -> str:
        sql = whole_only(call, call.args[0]).sql
        over = over_clause(call)
        return f"(CASE WHEN COUNT({sql}){over} > 0 THEN CAST({name}({sql}){over} AS SIGNED) END)"

    return handler


def _joined(call: Call, /) -> str:
    plain_only(call)
    if call.distinct or call.order_sql:
        raise ValueError("it takes neither DISTINCT nor ORDER BY there.")
    given = call.args[1] if len(call.args) > 1 else call.params[0] if call.params else None
    separator = given.literal if given is not None else ""
    if not isinstance(separator, str):
        raise ValueError("its separator has to be a text written out there.")
    return f"GROUP_CONCAT({to_text(call, call.args[0])} SEPARATOR {mysql_text(separator)})"


def _weighted(call: Call, /) -> str:
    value, weight = (CONVERSIONS.float(number(call, arg)) for arg in call.args)
    over = over_clause(call)
    counted = f"CASE WHEN {value} IS NOT NULL THEN {weight} END"
    return f"(SUM({value} * {weight}){over} / NULLIF(SUM({counted}){over}, 0))"


def window(name: str) -> Handler:
    def handler(call: Call, /) -> str:
        clause = window_of(call)
        args = [arg.sql for arg in call.args]
        if name in ("lag", "lead") and len(args) > 2:
            # MariaDB's take no third argument.
            far = f"{name}({args[0]}, {args[1]}){clause}"
            return f"(CASE WHEN {name}(1, {args[1]}){clause} IS NULL THEN {args[2]} ELSE {far} END)"
        return f"{name}({', '.join(args)}){clause}"

    return handler


def framed(name: str) -> Handler:
    """LagInFrame and leadInFrame; a third argument stands where there is no such row."""
    plain = in_frame(name)

    def handler(call: Call, /) -> str:
        if len(call.args) < 3:
            return plain(call)
        one = Arg("1", INTEGER, exp.Null())
        found = plain(replace(call, args=call.args[:2]))
        there = plain(replace(call, args=(one, call.args[1])))
        return f"(CASE WHEN {there} IS NULL THEN {call.args[2].sql} ELSE {found} END)"

    return handler


_BACK: dict[str, str] = {
    "String": "CAST(CONVERT(UNHEX({0}) USING utf8mb4) AS CHAR)",
    "UUID": "CAST(CONVERT(UNHEX({0}) USING utf8mb4) AS CHAR)",
    "Integer": "CAST({0} AS SIGNED)",
    "Boolean": "CAST({0} AS SIGNED)",
    "Float": "CAST({0} AS DOUBLE)",
    "Date": "CAST({0} AS DATE)",
    "DateTime": "CAST({0} AS DATETIME(6))",
}
"""From what GROUP_CONCAT has joined back to a value; texts go through it as hexadecimal digits."""


def _first_by(descending: bool) -> Handler:
    """ArgMin and argMax: the first of the values in the order of the keys."""

    def handler(call: Call, /) -> str:
        plain_only(call)
        value, key = call.args
        if value.type.name not in _BACK:
            raise ValueError(f"it does not gather a {value.type} there.")
        sql = f"HEX({value.sql})" if value.type.name in ("String", "UUID") else value.sql
        kept = f"CASE WHEN {key.sql} IS NOT NULL THEN {sql} END"
        order = f"{key.sql}{' DESC' if descending else ''}"
        joined = f"SUBSTRING_INDEX(GROUP_CONCAT({kept} ORDER BY {order} SEPARATOR ','), ',', 1)"
        return _BACK[value.type.name].replace("{0}", joined)

    return handler


RENDERINGS: dict[str, Rendering] = {
    "count": count_of(_uniq),
    "countDistinct": _uniq,
    "uniq": _uniq,
    "groupBitmap": _uniq,
    "sum": _sum,
    "avg": _of_floats("AVG"),
    "min": _extreme("MIN"),
    "max": _extreme("MAX"),
    "any": _extreme("MIN"),
    "anyLast": _extreme("MAX"),
    "argMin": _first_by(False),
    "argMax": _first_by(True),
    "every": truth("MIN"),
    "bool_or": truth("MAX"),
    "string_agg": _joined,
    "stddevPop": _of_floats("STDDEV_POP"),
    "stddevSamp": _of_floats("STDDEV_SAMP"),
    "varPop": _of_floats("VAR_POP"),
    "varSamp": _of_floats("VAR_SAMP"),
    "groupBitAnd": _bits("BIT_AND"),
    "groupBitOr": _bits("BIT_OR"),
    "groupBitXor": _bits("BIT_XOR"),
    "sumKahan": _of_floats("SUM"),
    "avgWeighted": _weighted,
    **{name: window(name) for name in WINDOWS},
    "lagInFrame": framed("lagInFrame"),
    "leadInFrame": framed("leadInFrame"),
    "rowNumberInAllBlocks": "(ROW_NUMBER() OVER () - 1)",
}
