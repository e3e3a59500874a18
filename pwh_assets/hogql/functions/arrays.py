"""Arrays: made, read, cut, compared. Places count from 1, from the end with a minus; a place outside is NULL."""

from collections.abc import Sequence

from pwh_assets.hogql.functions.base import (
    Arg,
    Call,
    Fn,
    Handler,
    Row,
    alike,
    on,
    rows,
)
from pwh_assets.hogql.functions.rules import common, element, element_of, first
from pwh_assets.hogql.functions.sqltext import let, struct_of
from pwh_assets.hogql.functions.texts import to_text, unify
from pwh_assets.hogql.types import (
    FLOAT,
    INTEGER,
    NULL,
    STRING,
    UNKNOWN,
    Type,
    array,
    tuple_,
)

row = rows("arrays")


def _array(call: Call, /) -> str:
    values = unify(call, list(call.args), common(call.types()))
    return f"[{', '.join(values)}]"


def _array_type(types: Sequence[Type]) -> Type:
    return array(common(types))


def _element(call: Call, /) -> str:
    head, place = call.args
    if head.type.name == "Map" or (head.type == UNKNOWN and place.type == STRING):
        if call.engine == "duckdb":
            return f"({head.sql})[{place.sql}]"
        return (
            f"(CASE WHEN mapContains({head.sql}, {place.sql}) THEN ({head.sql})[{place.sql}] END)"
        )
    if call.engine == "duckdb":
        return f"({head.sql})[{place.sql}]"
    if element_of(head.type).name in ("Array", "Map"):
        return f"arrayElement({head.sql}, {place.sql})"
    return f"arrayElementOrNull({head.sql}, {place.sql})"


def _element_type(types: Sequence[Type]) -> Type:
    head = first(types)
    return head.args[1] if head.name == "Map" else element_of(head)


def _slice(call: Call, /) -> str:
    head, start, *rest = call.args
    if call.engine == "clickhouse":
        return f"arraySlice({', '.join(arg.sql for arg in call.args)})"
    begin = start.literal
    length = rest[0].literal if rest else None
    if isinstance(begin, int) and begin > 0:
        if not rest:
            return f"({head.sql})[{begin}:]"
        if isinstance(length, int) and length > 0:
            return f"list_slice({head.sql}, {begin}, {begin + length - 1})"
    if isinstance(begin, int) and begin < 0 and not rest:
        return f"({head.sql})[{begin}:]"
    return f"hog_array_slice({head.sql}, {start.sql}, {rest[0].sql if rest else 'NULL'})"


def _flatten(call: Call, /) -> str:
    arg = call.args[0]
    if call.engine == "clickhouse":
        return f"arrayFlatten({arg.sql})"
    sql, kind = arg.sql, arg.type
    while element_of(kind).name == "Array":
        sql, kind = f"flatten({sql})", element_of(kind)
    return sql


def _flat_type(types: Sequence[Type]) -> Type:
    kind = first(types)
    while element_of(kind).name == "Array":
        kind = element_of(kind)
    return kind


def _zip(call: Call, /) -> str:
    listed = ", ".join(arg.sql for arg in call.args)
    if call.engine == "clickhouse":
        return f"arrayZip({listed})"
    cells = struct_of(f"__z[{i}]" for i in range(1, len(call.args) + 1))
    return f"list_transform(list_zip({listed}), lambda __z: {cells})"


def _zip_type(types: Sequence[Type]) -> Type:
    return array(tuple_(*(element_of(type_) for type_ in types)))


def _joined(call: Call, /) -> str:
    head, *rest = call.args
    separator = rest[0].sql if rest else "''"
    kind = element_of(head.type)
    if call.engine == "clickhouse":
        if kind in (STRING, UNKNOWN, NULL):
            return f"arrayStringConcat({head.sql}, {separator})"
        text = to_text(call, Arg("x", kind, head.node))
        return f"arrayStringConcat(arrayMap(x -> {text}, {head.sql}), {separator})"
    if kind in (STRING, UNKNOWN, NULL):
        joined = f"array_to_string({head.sql}, {separator})"
        return f"(CASE WHEN {head.sql} IS NOT NULL THEN coalesce({joined}, '') END)"
    text = to_text(call, Arg("__x", kind, head.node))
    joined = f"array_to_string(list_transform({head.sql}, lambda __x: {text}), {separator})"
    return f"(CASE WHEN {head.sql} IS NOT NULL THEN coalesce({joined}, '') END)"


def _reduce(call: Call, /) -> str:
    name, *arrays = call.args
    called = name.literal
    if not isinstance(called, str):
        raise ValueError("its first argument has to name an aggregate, such as 'sum'.")
    listed = ", ".join(arg.sql for arg in arrays)
    from pwh_assets.hogql.functions import combinators
    from pwh_assets.hogql.functions.registry import REGISTRY
    from pwh_assets.hogql.functions.render import fill

    base, _, inside = called.partition("(")
    found = REGISTRY.aggregate(base.strip())
    if found is None:
        raise ValueError(f"there is no aggregate `{base}`.")
    row, suffixes = found
    if call.engine == "clickhouse":
        native = {
            "uniq": "uniqExact",
            "quantile": "quantileExactInclusive",
            "median": "medianExactInclusive",
        }
        spelled = called.replace(base, native.get(row.name, base), 1) if not suffixes else called
        kind = _reduce_type([name, *arrays]).name
        if not row.name.startswith(("count", "uniq")) and kind not in (
            "Array",
            "Map",
            "Tuple",
            "Unknown",
        ):
            head, bracket, rest = spelled.partition("(")
            spelled = f"{head}OrNull{bracket}{rest}"
        return f"arrayReduce('{spelled}', {listed})"
    if (suffixes and suffixes != ("Distinct",)) or len(arrays) != 1:
        raise ValueError(f"`{called}` has no form over arrays there.")
    from sqlglot import exp

    params = [
        Arg(part.strip(), FLOAT, exp.Literal.number(part.strip()))
        for part in inside.rstrip(")").split(",")
        if part.strip()
    ]
    return combinators.over_list(row, arrays[0].sql, params, fill, bool(suffixes))


def _reduce_type(args: Sequence[Arg]) -> Type:
    from pwh_assets.hogql.functions.combinators import result_type
    from pwh_assets.hogql.functions.registry import REGISTRY

    called = args[0].literal if args else None
    found = REGISTRY.aggregate(called.partition("(")[0]) if isinstance(called, str) else None
    if found is None:
        return UNKNOWN
    return result_type(found[0].returns, [element_of(arg.type) for arg in args[1:]], found[1])


def _range(call: Call, /) -> str:
    listed = ", ".join(arg.sql for arg in call.args)
    known = all(isinstance(arg.literal, int) and arg.literal >= 0 for arg in call.args)
    if not known:
        nothing = " OR ".join(f"{arg.sql} IS NULL" for arg in call.args)
        if call.engine == "clickhouse":
            given = [f"assumeNotNull({arg.sql})" for arg in call.args]
            if len(given) == 1:
                given = [f"greatest({given[0]}, 0)"]
            return f"if({nothing}, [], range({', '.join(given)}))"
        return f"coalesce(range({listed}), [])"
    if call.engine == "clickhouse":
        return f"range({', '.join(f'assumeNotNull({arg.sql})' if arg.literal is None else arg.sql for arg in call.args)})"
    return f"range({listed})"


def _resize(call: Call, /) -> str:
    head, size, *rest = call.args
    from pwh_assets.hogql.functions.sqltext import default_value

    if call.engine == "clickhouse":
        return f"arrayResize({', '.join(arg.sql for arg in call.args)})"
    filler = rest[0].sql if rest else default_value(element_of(head.type), "duckdb")
    return f"hog_array_resize({head.sql}, {size.sql}, {filler})"


def _shift(left: bool, rotate: bool) -> Handler:
    native = f"array{'Rotate' if rotate else 'Shift'}{'Left' if left else 'Right'}"

    def handler(call: Call, /) -> str:
        head, by, *rest = call.args
        if call.engine == "clickhouse":
            return f"{native}({', '.join(arg.sql for arg in call.args)})"
        from pwh_assets.hogql.functions.sqltext import default_value

        step = f"{'' if left else '-'}({by.sql})"
        if rotate:
            place = f"((__i - 1 + {step}) % len(__a) + len(__a)) % len(__a) + 1"
            return let(
                head.sql, lambda v: f"list_transform({v}, lambda __x, __i: {v}[{place}])", "__a"
            )
        filler = rest[0].sql if rest else default_value(element_of(head.type), "duckdb")
        place = f"__i + {step}"
        return let(
            head.sql,
            lambda v: (
                f"list_transform({v}, lambda __x, __i: CASE WHEN {place} BETWEEN 1 AND len({v}) "
                f"THEN {v}[{place}] ELSE {filler} END)"
            ),
            "__a",
        )

    return handler


def _concat(call: Call, /) -> str:
    listed = ", ".join(arg.sql for arg in call.args)
    if call.engine == "clickhouse":
        return f"arrayConcat({listed})"
    return f"list_concat({listed})" if len(call.args) > 1 else listed


ROWS: tuple[Row, ...] = (
    row(
        "array",
        (0, None),
        _array_type,
        "An array of the arguments. Also `[a, b]`.",
        alike(_array),
        ("array(1, 2)", [1, 2]),
        ("array()", []),
        ("array(1, 'a')", ["1", "a"]),
    ),
    Fn(
        "arrayJoin",
        (1, 1),
        element,
        "One row for every element of the array; none for an empty one.",
        on("unnest({0})", "arrayJoin({0})"),
        example=("SELECT sum(x) FROM (SELECT arrayJoin([1, 2]) AS x)", 3),
        category="arrays",
    ),
    row(
        "arrayElement",
        (2, 2),
        _element_type,
        "The element at a place, or a map's value by its key. Also `a[i]`.",
        alike(_element),
        ("arrayElement([1, 2], 1)", 1),
        ("[1, 2][-1]", 2),
        ("[1, 2][5]", None),
        ("arrayElement(['a'], 1)", "a"),
        aliases=("arrayElementOrNull",),
    ),
    row(
        "arrayConcat",
        (1, None),
        lambda types: common(types),
        "The arrays one after the other.",
        alike(_concat),
        ("arrayConcat([1], [2], [3])", [1, 2, 3]),
    ),
    row(
        "arraySlice",
        (2, 3),
        first,
        "Elements from a place on, at most so many; a negative length leaves off the last.",
        alike(_slice),
        ("arraySlice([1, 2, 3, 4], 2, 2)", [2, 3]),
        ("arraySlice([1, 2, 3, 4], -2)", [3, 4]),
        ("arraySlice([1, 2, 3, 4], 2, -1)", [2, 3]),
        ("arraySlice([1, 2], 5)", []),
        ("arraySlice([1, 2, 3, 4], -3, 2)", [2, 3]),
    ),
    row(
        "arrayPushBack",
        (2, 2),
        first,
        "The array with an element after it.",
        on("list_append({0}, {1})", "arrayPushBack({0}, {1})"),
        ("arrayPushBack([1], 2)", [1, 2]),
    ),
    row(
        "arrayPushFront",
        (2, 2),
        first,
        "The array with an element before it.",
        on("list_prepend({1}, {0})", "arrayPushFront({0}, {1})"),
        ("arrayPushFront([1], 2)", [2, 1]),
    ),
    row(
        "arrayPopBack",
        (1, 1),
        first,
        "The array without its last element.",
        on("list_slice({0}, 1, -2)", "arrayPopBack({0})"),
        ("arrayPopBack([1, 2])", [1]),
        ("arrayPopBack([1])", []),
    ),
    row(
        "arrayPopFront",
        (1, 1),
        first,
        "The array without its first element.",
        on("({0})[2:]", "arrayPopFront({0})"),
        ("arrayPopFront([1, 2])", [2]),
    ),
    row(
        "arrayResize",
        (2, 3),
        first,
        "Cut or filled to that many elements; with a minus from the front.",
        alike(_resize),
        ("arrayResize([1, 2], 3)", [1, 2, 0]),
        ("arrayResize([1, 2], -3, 9)", [9, 1, 2]),
        ("arrayResize([1, 2, 3], -2)", [2, 3]),
    ),
    row(
        "arrayWithConstant",
        (2, 2),
        lambda types: array(types[1]),
        "An array of so many of the same.",
        on("list_transform(range({0}), lambda __x: {1})", "arrayWithConstant({0}, {1})"),
        ("arrayWithConstant(2, 'x')", ["x", "x"]),
    ),
    row(
        "range",
        (1, 3),
        array(INTEGER),
        "Numbers from 0 or the first to before the last, in steps.",
        alike(_range),
        ("range(3)", [0, 1, 2]),
        ("range(1, 4)", [1, 2, 3]),
        ("range(0, 10, 3)", [0, 3, 6, 9]),
    ),
    row(
        "arrayReverse",
        (1, 1),
        first,
        "The elements in the other order.",
        on("list_reverse({0})", "arrayReverse({0})"),
        ("arrayReverse([1, 2])", [2, 1]),
    ),
    row(
        "arrayFlatten",
        (1, 1),
        _flat_type,
        "One array of all elements, however deep.",
        alike(_flatten),
        ("arrayFlatten([[1], [2, 3]])", [1, 2, 3]),
        ("arrayFlatten([[[1]], [[2]]])", [1, 2]),
        aliases=("flatten",),
    ),
    row(
        "arrayZip",
        (1, None),
        _zip_type,
        "An array of tuples of the elements at each place.",
        alike(_zip),
        ("arrayZip([1, 2], ['a', 'b'])", [[1, "a"], [2, "b"]]),
    ),
    row(
        "arrayEnumerate",
        (1, 1),
        array(INTEGER),
        "The places of its elements, from 1.",
        on("range(1, len({0}) + 1)", "arrayEnumerate({0})"),
        ("arrayEnumerate([5, 6])", [1, 2]),
    ),
    row(
        "arrayStringConcat",
        (1, 2),
        STRING,
        "The elements as one text, with the second argument between them; NULLs left out.",
        alike(_joined),
        ("arrayStringConcat(['a', 'b'], ',')", "a,b"),
        ("arrayStringConcat([1, 2], '-')", "1-2"),
        ("arrayStringConcat(['a', NULL, 'b'], '-')", "a-b"),
        aliases=("array_to_string",),
    ),
    Fn(
        "arrayReduce",
        (2, None),
        UNKNOWN,
        "An aggregate, named in text, over an array's elements.",
        alike(_reduce),
        example=(
            ("arrayReduce('sum', [1, 2])", 3),
            ("arrayReduce('max', [1, 2])", 2),
            ("arrayReduce('uniq', [1, 1])", 1),
        ),
        category="arrays",
        typed=_reduce_type,
    ),
    *(
        row(
            f"array{word}{side}",
            (2, 3),
            first,
            f"The elements {doc} to the {side.lower()} by so many places.",
            alike(_shift(side == "Left", word == "Rotate")),
            (f"array{word}{side}([1, 2, 3], 1)", value),
        )
        for word, doc, side, value in (
            ("Rotate", "turned", "Left", [2, 3, 1]),
            ("Rotate", "turned", "Right", [3, 1, 2]),
            ("Shift", "moved", "Left", [2, 3, 0]),
            ("Shift", "moved", "Right", [0, 1, 2]),
        )
    ),
    *(
        row(
            f"emptyArray{kind}",
            (0, 0),
            array(type_),
            f"An empty array of {kind}.",
            on(f"CAST([] AS {duckdb}[])", f"emptyArray{kind}()"),
            (f"emptyArray{kind}()", []),
        )
        for kind, type_, duckdb in (
            ("String", STRING, "VARCHAR"),
            ("Int64", INTEGER, "BIGINT"),
            ("UInt64", INTEGER, "BIGINT"),
            ("Float64", FLOAT, "DOUBLE"),
        )
    ),
    row(
        "arrayAUC",
        (2, 2),
        FLOAT,
        "Area under the ROC curve of scores and labels.",
        on(
            "(list_sum(flatten(list_transform({0}, lambda __p, __i: CASE WHEN ({1})[__i] > 0 THEN "
            "list_transform({0}, lambda __n, __j: CASE WHEN ({1})[__j] > 0 THEN NULL WHEN __p > __n THEN 1.0 "
            "WHEN __p = __n THEN 0.5 ELSE 0.0 END) ELSE [] END))) / (len(list_filter({1}, lambda __l: __l > 0)) "
            "* len(list_filter({1}, lambda __l: __l <= 0))))",
            "arrayAUC({0}, {1})",
        ),
        ("arrayAUC([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])", 0.75),
        aliases=("arrayROCAUC",),
    ),
)
