"""Postgres: arrays and functions over them. Its arrays are rectangles, so arrays of arrays and of tuples are refused."""

from collections.abc import Sequence

from pwh_assets.hogql.functions.base import Arg, Call, Handler, Rendering
from pwh_assets.hogql.functions.lambdas import split
from pwh_assets.hogql.functions.postgres.values import CONVERSIONS, sql_type
from pwh_assets.hogql.functions.remote.templates import (
    array_only,
    literal_int,
    literal_text,
    whole_only,
)
from pwh_assets.hogql.functions.rules import common, element_of
from pwh_assets.hogql.functions.sqltext import filled, name
from pwh_assets.hogql.functions.texts import to_text, unify
from pwh_assets.hogql.types import BOOLEAN, FLOAT, INTEGER, STRING, Type, array


def array_sql(cells: Sequence[str], type_: Type) -> str:
    """An array of a known type.

    Raises:
        ValueError: its elements cannot stand in one there.
    """
    kind = element_of(type_)
    if kind.name in ("Unknown", "Null") and not cells:
        return "'{}'::text[]"
    if kind.name == "Null":
        return f"ARRAY[{', '.join(cells)}]::text[]"
    if kind.name in ("Array", "Tuple", "Map", "Unknown"):
        raise ValueError(f"there is no {type_} there.")
    return f"ARRAY[{', '.join(cells)}]::{sql_type(type_)}"


def rows_of(arrays: Sequence[Arg], names: Sequence[str]) -> str:
    """The elements of arrays side by side, with their place in `o`."""
    listed = ", ".join(arg.sql for arg in arrays)
    columns = ", ".join(name(one) for one in names)
    return f"unnest({listed}) WITH ORDINALITY AS __l({columns}, __o)"


def over(call: Call) -> tuple[str, Arg, str, str, Type]:
    """Body, first array, its rows, the element's name and the body's type of a call with or without lambda."""
    function, arrays = split(call)
    for arg in arrays:
        array_only(call, arg)
    if function is None:
        names: tuple[str, ...] = ("__x",)
        return (
            name("__x"),
            arrays[0],
            rows_of(arrays[:1], names),
            name("__x"),
            element_of(arrays[0].type),
        )
    names = function.lambda_names
    if len(names) > len(arrays):
        raise ValueError("its lambda has more parameters than there are arrays.")
    padded = [*names, *(f"__a{i}" for i in range(len(names), len(arrays)))]
    return function.sql, arrays[0], rows_of(arrays, padded), name(names[0]), function.type


def known(arg: Arg, sql: str) -> str:
    return f"(CASE WHEN {arg.sql} IS NOT NULL THEN {sql} END)"


def _map(call: Call, /) -> str:
    body, first, rows, _, type_ = over(call)
    return known(first, f"ARRAY(SELECT {body} FROM {rows} ORDER BY __o)::{sql_type(array(type_))}")


def truth(body: str, type_: Type) -> str:
    return CONVERSIONS.boolean(Arg(body, type_, None))  # type: ignore[arg-type]


def _filter(call: Call, /) -> str:
    body, first, rows, element, type_ = over(call)
    return known(
        first, f"ARRAY(SELECT {element} FROM {rows} WHERE {truth(body, type_)} ORDER BY __o)"
    )


def _scalar(template: str) -> Handler:
    """One value of a lambda's truths; `{b}` is the condition, `{r}` the rows."""

    def handler(call: Call, /) -> str:
        body, first, rows, _, type_ = over(call)
        return known(first, filled(template, b=truth(body, type_), r=rows))

    return handler


def _total(function: str, *, empty: str = "NULL") -> Handler:
    """An aggregate of a lambda's values."""

    def handler(call: Call, /) -> str:
        body, first, rows, _, type_ = over(call)
        if type_ == BOOLEAN:
            body, type_ = f"cast({body} as integer)", INTEGER
        if function in ("sum", "avg") and type_.name not in ("Integer", "Float", "Decimal"):
            raise ValueError("it takes arrays of numbers there.")
        if function == "avg":
            body = f"cast({body} as double precision)"
        sql = f"{function}({CONVERSIONS.ordered(body, type_) if function in ('min', 'max') else body})"
        if function == "sum" and type_ == INTEGER:
            sql = f"cast({sql} as bigint)"
        return known(first, f"(SELECT coalesce({sql}, {empty}) FROM {rows})")

    return handler


def _sort(descending: bool) -> Handler:
    def handler(call: Call, /) -> str:
        body, first, rows, element, type_ = over(call)
        key = CONVERSIONS.ordered(body, type_)
        way = " DESC" if descending else ""
        order = f"{key}{way} NULLS LAST, __o{' DESC' if descending else ''}"
        return known(first, f"ARRAY(SELECT {element} FROM {rows} ORDER BY {order})")

    return handler


def _has(call: Call, /) -> str:
    haystack = array_only(call, call.args[0])
    needle = unify(call, [call.args[1]], element_of(haystack.type))[0]
    return known(
        haystack, f"(array_position({haystack.sql}, {_cast(needle, haystack.type)}) IS NOT NULL)"
    )


def _cast(sql: str, type_: Type) -> str:
    """An element in the array's own type, which Postgres wants to see."""
    return f"cast({sql} as {sql_type(element_of(type_))})"


def _index_of(call: Call, /) -> str:
    haystack = array_only(call, call.args[0])
    needle = _cast(unify(call, [call.args[1]], element_of(haystack.type))[0], haystack.type)
    return f"coalesce(array_position({haystack.sql}, {needle}), 0)"


def _element(call: Call, /) -> str:
    haystack, index = array_only(call, call.args[0]), whole_only(call, call.args[1])
    return element(haystack.sql, index)


def element(haystack: str, index: Arg) -> str:
    """An element from 1, negative from the end, NULL outside."""
    place = index.literal
    if isinstance(place, int) and place >= 0:
        return f"({haystack})[{place}]"
    if isinstance(place, int):
        return f"({haystack})[cardinality({haystack}) + {place + 1}]"
    return (
        f"({haystack})[CASE WHEN {index.sql} < 0 THEN cardinality({haystack}) + {index.sql} + 1 "
        f"ELSE {index.sql} END]"
    )


def concat(call: Call, /) -> str:
    arrays = [array_only(call, arg) for arg in call.args]
    if len({arg.type for arg in arrays}) > 1:
        raise ValueError("its arrays have to be of one type there.")
    return "(" + " || ".join(arg.sql for arg in arrays) + ")"


def reverse(call: Call, /) -> str:
    arg = array_only(call, call.args[0])
    return known(
        arg,
        f"ARRAY(SELECT __l.v FROM unnest({arg.sql}) WITH ORDINALITY AS __l(v, o) ORDER BY __l.o DESC)",
    )


def _push(front: bool) -> Handler:
    def handler(call: Call, /) -> str:
        arg = array_only(call, call.args[0])
        kind = element_of(arg.type)
        if common([kind, call.args[1].type]) != kind:
            raise ValueError("its element has to be of the array's type there.")
        cell = _cast(unify(call, [call.args[1]], kind)[0], arg.type)
        return known(
            arg,
            f"array_prepend({cell}, {arg.sql})" if front else f"array_append({arg.sql}, {cell})",
        )

    return handler


def _cut(template: str) -> Handler:
    def handler(call: Call, /) -> str:
        arg = array_only(call, call.args[0])
        return template.replace("{0}", arg.sql)

    return handler


def _slice(call: Call, /) -> str:
    arg = array_only(call, call.args[0])
    start = literal_int(call.args[1], "start")
    size = literal_int(call.args[2], "length") if len(call.args) > 2 else None
    if start == 0:
        return f"({arg.sql})[2:1]"
    first = str(start) if start > 0 else f"greatest(cardinality({arg.sql}) + {start + 1}, 1)"
    raw = str(start) if start > 0 else f"(cardinality({arg.sql}) + {start + 1})"
    if size is None:
        return f"({arg.sql})[{first}:cardinality({arg.sql})]"
    last = f"{raw} + {size - 1}" if size >= 0 else f"cardinality({arg.sql}) - {-size}"
    return f"({arg.sql})[{first}:{last}]"


def slice_sql(base: str, start: str | None, stop: str | None) -> str:
    """Elements between two places, both counted from 1 or from the end."""

    def place(sql: str) -> str:
        return f"CASE WHEN {sql} < 0 THEN cardinality({base}) + {sql} + 1 ELSE {sql} END"

    low = f"greatest({place(start)}, 1)" if start is not None else "1"
    high = place(stop) if stop is not None else f"cardinality({base})"
    return f"({base})[{low}:{high}]"


def _overlap(operator: str) -> Handler:
    def handler(call: Call, /) -> str:
        left, right = (array_only(call, arg) for arg in call.args)
        if left.type != right.type:
            raise ValueError("its arrays have to be of one type there.")
        return f"({left.sql} {operator} {right.sql})"

    return handler


def _has_all(call: Call, /) -> str:
    left, right = (array_only(call, arg) for arg in call.args)
    if left.type != right.type:
        raise ValueError("its arrays have to be of one type there.")
    return f"({left.sql} @> array_remove({right.sql}, NULL))"


def _count_equal(call: Call, /) -> str:
    arg = array_only(call, call.args[0])
    needle = _cast(unify(call, [call.args[1]], element_of(arg.type))[0], arg.type)
    return known(
        arg,
        f"(SELECT count(*) FROM unnest({arg.sql}) AS __l(v) WHERE __l.v IS NOT DISTINCT FROM {needle})",
    )


def _distinct(call: Call, /) -> str:
    arg = array_only(call, call.args[0])
    rows = f"unnest({arg.sql}) WITH ORDINALITY AS __l(v, o)"
    inner = f"SELECT __l.v, min(__l.o) AS o FROM {rows} WHERE __l.v IS NOT NULL GROUP BY __l.v"
    return known(arg, f"ARRAY(SELECT __d.v FROM ({inner}) AS __d ORDER BY __d.o)")


def _uniq(call: Call, /) -> str:
    arg = array_only(call, call.args[0])
    return known(
        arg,
        f"(SELECT count(*) FROM (SELECT DISTINCT __l.v FROM unnest({arg.sql}) AS __l(v)) AS __d)",
    )


def _joined(call: Call, /) -> str:
    arg = array_only(call, call.args[0])
    separator = call.args[1].sql if len(call.args) > 1 else "''"
    if element_of(arg.type) == STRING:
        return f"array_to_string({arg.sql}, {separator})"
    body = to_text(call, Arg("__l.v", element_of(arg.type), arg.node))
    texts = (
        f"ARRAY(SELECT {body} FROM unnest({arg.sql}) WITH ORDINALITY AS __l(v, o) ORDER BY __l.o)"
    )
    return known(arg, f"array_to_string({texts}, {separator})")


def _range(call: Call, /) -> str:
    parts = [whole_only(call, arg).sql for arg in call.args]
    start, stop = ("0", parts[0]) if len(parts) == 1 else (parts[0], parts[1])
    step = "1"
    if len(parts) > 2:
        if literal_int(call.args[2], "step") < 1:
            raise ValueError("its step has to be positive there.")
        step = parts[2]
    series = f"generate_series(cast({start} as bigint), cast({stop} as bigint) - 1, cast({step} as bigint))"
    return f"ARRAY(SELECT __l.v FROM {series} AS __l(v) ORDER BY __l.v)"


def _with_constant(call: Call, /) -> str:
    size, value = whole_only(call, call.args[0]), call.args[1]
    kind = sql_type(array(value.type))
    return f"(CASE WHEN {size.sql} IS NOT NULL THEN ARRAY(SELECT {value.sql} FROM generate_series(1, {size.sql}))::{kind} END)"


def _enumerate(call: Call, /) -> str:
    arg = array_only(call, call.args[0])
    return known(
        arg,
        f"ARRAY(SELECT cast(__l.v as bigint) FROM generate_subscripts({arg.sql}, 1) AS __l(v) ORDER BY __l.v)",
    )


def _split(call: Call, /) -> str:
    separator, text, *rest = call.args
    if rest:
        raise ValueError("it takes no limit there.")
    literal_text(separator, "separator")
    sql = to_text(call, text)
    pieces = f"CASE WHEN {sql} = '' THEN ARRAY[''] ELSE string_to_array({sql}, {separator.sql}) END"
    return f"coalesce({pieces}, '{{}}'::text[])"


def _running(call: Call, /) -> str:
    body, first, rows, _, type_ = over(call)
    if type_ not in (INTEGER, FLOAT):
        raise ValueError("it takes arrays of numbers there.")
    kind = sql_type(type_)
    inner = f"SELECT __o, cast(sum({body}) OVER (ORDER BY __o) as {kind}) AS s FROM {rows} WHERE {body} IS NOT NULL"
    return known(first, f"ARRAY(SELECT __d.s FROM ({inner}) AS __d ORDER BY __d.__o)")


def _first(last: bool) -> Handler:
    def handler(call: Call, /) -> str:
        body, first, rows, element_, type_ = over(call)
        way = " DESC" if last else ""
        return known(
            first,
            f"(SELECT {element_} FROM {rows} WHERE {truth(body, type_)} ORDER BY __o{way} LIMIT 1)",
        )

    return handler


RENDERINGS: dict[str, Rendering] = {
    "array": lambda call, /: array_sql(unify(call, list(call.args), common(call.types())), array(common(call.types()))),
    "arrayElement": _element,
    "has": _has,
    "hasAny": _overlap("&&"),
    "hasAll": _has_all,
    "indexOf": _index_of,
    "countEqual": _count_equal,
    "arrayConcat": concat,
    "arraySlice": _slice,
    "arrayPushBack": _push(False),
    "arrayPushFront": _push(True),
    "arrayPopBack": _cut("({0})[1:cardinality({0}) - 1]"),
    "arrayPopFront": _cut("({0})[2:cardinality({0})]"),
    "arrayWithConstant": _with_constant,
    "range": _range,
    "arrayReverse": reverse,
    "arrayDistinct": _distinct,
    "arrayUniq": _uniq,
    "arrayEnumerate": _enumerate,
    "arrayStringConcat": _joined,
    "emptyArrayString": "'{}'::text[]",
    "emptyArrayInt64": "'{}'::bigint[]",
    "emptyArrayUInt64": "'{}'::bigint[]",
    "emptyArrayFloat64": "'{}'::double precision[]",
    "arrayMap": _map,
    "arrayFilter": _filter,
    "arrayExists": _scalar("EXISTS (SELECT 1 FROM {r} WHERE {b})"),
    "arrayAll": _scalar("NOT EXISTS (SELECT 1 FROM {r} WHERE ({b}) IS NOT TRUE)"),
    "arrayCount": _scalar("(SELECT count(*) FROM {r} WHERE {b})"),
    "arrayFirstIndex": _scalar("coalesce((SELECT min(__o) FROM {r} WHERE {b}), 0)"),
    "arrayLastIndex": _scalar("coalesce((SELECT max(__o) FROM {r} WHERE {b}), 0)"),
    "arraySum": _total("sum", empty="0"),
    "arrayAvg": _total("avg"),
    "arrayMin": _total("min"),
    "arrayMax": _total("max"),
    "arraySort": _sort(False),
    "arrayReverseSort": _sort(True),
    "arrayFirst": _first(False),
    "arrayLast": _first(True),
    "arrayCumSum": _running,
    "splitByChar": _split,
    "splitByString": _split,
}  # fmt: skip
