"""Postgres: aggregates and windows."""

from dataclasses import replace

from pwh_assets.hogql.functions.aggregates import count_of, uniq
from pwh_assets.hogql.functions.base import Arg, Call, Handler, Rendering
from pwh_assets.hogql.functions.postgres.values import CONVERSIONS, sql_type
from pwh_assets.hogql.functions.remote.aggregates import WINDOWS, plain_only, truth, window_of
from pwh_assets.hogql.functions.remote.templates import array_only, number_only, whole_only
from pwh_assets.hogql.functions.sqltext import both, order_clause, tail
from pwh_assets.hogql.functions.texts import to_text
from pwh_assets.hogql.functions.windows import in_frame
from pwh_assets.hogql.types import BOOLEAN, FLOAT, INTEGER, STRING, array


def number(call: Call, arg: Arg) -> Arg:
    """A text read as a number, a Boolean as 0 or 1."""
    if arg.type == STRING:
        return Arg(CONVERSIONS.float(arg), FLOAT, arg.node)
    if arg.type == BOOLEAN:
        return Arg(f"cast({arg.sql} as integer)", INTEGER, arg.node)
    return number_only(call, arg)


def _not_null(call: Call, *sqls: str) -> Call:
    condition = " AND ".join(f"{sql} IS NOT NULL" for sql in sqls)
    return replace(call, filter_sql=both(call.filter_sql, condition))


def _uniq(call: Call, /) -> str:
    plain_only(call)
    return uniq(call)


def _sum(call: Call, /) -> str:
    arg = number(call, call.args[0])
    plain = f"sum({'DISTINCT ' if call.distinct else ''}{arg.sql}){tail(call)}"
    return f"cast({plain} as bigint)" if arg.type == INTEGER else plain


def _extreme(word: str) -> Handler:
    """The least or greatest value. Postgres orders Booleans and UUIDs, but has no extreme of them."""

    def handler(call: Call, /) -> str:
        arg = call.args[0]
        if arg.type == BOOLEAN:
            return f"{'bool_and' if word == 'min' else 'bool_or'}({arg.sql}){tail(call)}"
        if arg.type.name == "UUID":
            return f"cast({word}(cast({arg.sql} as text)){tail(call)} as uuid)"
        if arg.type.name in ("Tuple", "Map", "JSON"):
            raise ValueError(f"there is no order of {arg.type} there.")
        return f"{word}({CONVERSIONS.ordered(arg.sql, arg.type)}){tail(call)}"

    return handler


def _first_by(descending: bool) -> Handler:
    """ArgMin and argMax: the first of the values in the order of the keys."""

    def handler(call: Call, /) -> str:
        plain_only(call)
        value, key = call.args
        kept = _not_null(call, value.sql, key.sql)
        if value.type.name in ("Array", "Tuple", "Map"):
            raise ValueError(f"it does not gather a {value.type} there.")
        order = f"{CONVERSIONS.ordered(key.sql, key.type)}{' DESC' if descending else ''}"
        return f"(array_agg({value.sql} ORDER BY {order}){tail(kept)})[1]"

    return handler


def gathered(call: Call, arg: Arg, order: str = "") -> str:
    """The values of a group as an array, without NULLs, `{}` of nothing."""
    plain_only(call)
    array_only(call, Arg("", array(arg.type), arg.node))
    word = "DISTINCT " if call.distinct else ""
    kind = sql_type(array(arg.type))
    if call.distinct and order:
        raise ValueError("DISTINCT and ORDER BY do not go together there.")
    return f"coalesce(array_agg({word}{arg.sql}{order}){tail(_not_null(call, arg.sql))}, '{{}}'::{kind})"


def _first_n(call: Call, sql: str) -> str:
    if not call.params:
        return sql
    return f"({sql})[1:{whole_only(call, call.params[0]).sql}]"


def _list(call: Call, /) -> str:
    return _first_n(call, gathered(call, call.args[0], order_clause(call)))


def _unique(call: Call, /) -> str:
    arg = call.args[0]
    sql = gathered(replace(call, distinct=True), arg)
    if arg.type == STRING:
        sql = f'ARRAY(SELECT __u.v FROM unnest({sql}) AS __u(v) ORDER BY __u.v COLLATE "C")'
    return _first_n(call, sql)


def _joined(call: Call, /) -> str:
    plain_only(call)
    if call.distinct:
        raise ValueError("it takes no DISTINCT there.")
    arg = call.args[0]
    separator = (
        call.args[1].sql if len(call.args) > 1 else call.params[0].sql if call.params else "''"
    )
    return f"string_agg({to_text(call, arg)}, {separator}{order_clause(call)}){tail(call)}"


def _quantile(call: Call, /) -> str:
    plain_only(call)
    level = call.params[0].literal if call.params else 0.5
    if not isinstance(level, int | float) or not 0 <= level <= 1:
        raise ValueError("its level has to be a number from 0 to 1.")
    arg = CONVERSIONS.float(number(call, call.args[0]))
    return f"percentile_cont({float(level)!r}) WITHIN GROUP (ORDER BY {arg}){tail(call)}"


def _quantiles(call: Call, /) -> str:
    plain_only(call)
    levels = [param.literal for param in call.params]
    if not levels or not all(
        isinstance(level, int | float) and 0 <= level <= 1 for level in levels
    ):
        raise ValueError("its levels have to be numbers from 0 to 1.")
    listed = ", ".join(repr(float(level)) for level in levels)
    arg = CONVERSIONS.float(number(call, call.args[0]))
    nothing = ", ".join(["NULL"] * len(levels))
    found = f"percentile_cont(ARRAY[{listed}]::float8[]) WITHIN GROUP (ORDER BY {arg}){tail(call)}"
    return f"coalesce({found}, ARRAY[{nothing}]::float8[])"


def _median(call: Call, /) -> str:
    return _quantile(replace(call, params=()))


def _of_floats(name: str) -> Handler:
    def handler(call: Call, /) -> str:
        listed = ", ".join(CONVERSIONS.float(number(call, arg)) for arg in call.args)
        return f"{name}({'DISTINCT ' if call.distinct else ''}{listed}){tail(call)}"

    return handler


def _bits(name: str) -> Handler:
    return lambda call, /: (
        f"{name}(cast({whole_only(call, call.args[0]).sql} as bigint)){tail(call)}"
    )


def _weighted(call: Call, /) -> str:
    value, weight = (CONVERSIONS.float(number(call, arg)) for arg in call.args)
    kept = _not_null(call, value, weight)
    return f"(sum({value} * {weight}){tail(kept)} / nullif(sum({weight}){tail(kept)}, 0))"


def window(name: str) -> Handler:
    def handler(call: Call, /) -> str:
        clause = window_of(call)
        args = [arg.sql for arg in call.args]
        for i in range(1, len(args)):
            if i == 1 or name == "ntile":
                args[i] = f"cast({args[i]} as integer)"
            else:
                args[i] = f"cast({args[i]} as {sql_type(call.args[0].type)})"
        if name == "ntile":
            args[0] = f"cast({args[0]} as integer)"
        return f"{name}({', '.join(args)}){clause}"

    return handler


RENDERINGS: dict[str, Rendering] = {
    "count": count_of(_uniq),
    "countDistinct": _uniq,
    "uniq": _uniq,
    "groupBitmap": _uniq,
    "sum": _sum,
    "avg": _of_floats("avg"),
    "min": _extreme("min"),
    "max": _extreme("max"),
    "any": _extreme("min"),
    "anyLast": _extreme("max"),
    "argMin": _first_by(False),
    "argMax": _first_by(True),
    "groupArray": _list,
    "groupUniqArray": _unique,
    "string_agg": _joined,
    "every": truth("bool_and"),
    "bool_or": truth("bool_or"),
    "quantile": _quantile,
    "quantiles": _quantiles,
    "median": _median,
    "stddevPop": _of_floats("stddev_pop"),
    "stddevSamp": _of_floats("stddev_samp"),
    "varPop": _of_floats("var_pop"),
    "varSamp": _of_floats("var_samp"),
    "covarPop": _of_floats("covar_pop"),
    "covarSamp": _of_floats("covar_samp"),
    "corr": _of_floats("corr"),
    "groupBitAnd": _bits("bit_and"),
    "groupBitOr": _bits("bit_or"),
    "groupBitXor": _bits("bit_xor"),
    "sumKahan": _of_floats("sum"),
    "avgWeighted": _weighted,
    **{name: window(name) for name in WINDOWS},
    "lagInFrame": in_frame("lagInFrame"),
    "leadInFrame": in_frame("leadInFrame"),
    "rowNumberInAllBlocks": "(row_number() OVER () - 1)",
}
