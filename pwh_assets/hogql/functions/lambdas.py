"""Array functions that take a lambda; several arrays are walked side by side."""

from collections.abc import Callable, Sequence

from pwh_assets.hogql.functions.base import Arg, Call, Fn, Handler, Row, alike
from pwh_assets.hogql.functions.rules import element_of, sum_type
from pwh_assets.hogql.functions.sqltext import field_of, filled, lambda_, let, name
from pwh_assets.hogql.types import BOOLEAN, FLOAT, INTEGER, UNKNOWN, Type, array


def split(call: Call) -> tuple[Arg | None, list[Arg]]:
    """The lambda, where there is one, and the arrays."""
    head, *rest = call.args
    if head.lambda_names:
        if len(head.lambda_names) != len(rest) and len(rest) > 1:
            raise ValueError(
                f"its lambda takes {len(head.lambda_names)} values, given are {len(rest)} arrays."
            )
        return head, rest
    return None, list(call.args)


def body(function: Arg, arrays: Sequence[Arg], index: str = "__i") -> str:
    """DuckDB: the lambda's body with further arrays read at the same place."""
    sql = function.sql
    names = function.lambda_names
    if len(names) > 1 and len(arrays) == 1:
        # One array of tuples, whose elements are the lambda's values.
        for at in range(len(names), 0, -1):
            element = field_of(name("__z"), at)
            sql = f"list_transform([{element}], lambda {name(names[at - 1])}: {sql})[1]"
        return sql
    for variable, source in reversed(list(zip(names[1:], arrays[1:], strict=False))):
        sql = f"list_transform([({source.sql})[{index}]], lambda {name(variable)}: {sql})[1]"
    return sql


def duckdb_lambda(function: Arg, arrays: Sequence[Arg], wrap: str = "{}") -> str:
    """DuckDB: `lambda x: body`, with the place as second parameter where several arrays are walked."""
    first = name(function.lambda_names[0])
    text = wrap.format(body(function, arrays))
    if len(function.lambda_names) > 1 and len(arrays) == 1:
        return f"lambda {name('__z')}: {text}"
    return f"lambda {first}, __i: {text}" if len(arrays) > 1 else f"lambda {first}: {text}"


def mapped(call: Call, wrap: str = "{}") -> str:
    """The array of the lambda's values, or the array itself without a lambda."""
    function, arrays = split(call)
    head = arrays[0].sql
    if function is None:
        if wrap == "{}":
            return head
        if call.engine == "duckdb":
            return f"list_transform({head}, lambda __x: {wrap.format('__x')})"
        return head
    if call.engine == "duckdb":
        return f"list_transform({head}, {duckdb_lambda(function, arrays, wrap)})"
    listed = ", ".join(arg.sql for arg in arrays)
    return f"arrayMap({lambda_(call.engine, function.lambda_names, function.sql)}, {listed})"


def _native(call: Call, native: str) -> str:
    function, arrays = split(call)
    listed = [arg.sql for arg in arrays]
    if function is not None:
        listed.insert(0, lambda_(call.engine, function.lambda_names, function.sql))
    return f"{native}({', '.join(listed)})"


def value_type(types: Sequence[Type]) -> Type:
    """Type of the lambda's value, or of the elements without a lambda."""
    if not types:
        return UNKNOWN
    return (
        types[0]
        if len(types) > 1 and types[1].name == "Array" and types[0].name != "Array"
        else (element_of(types[0]))
    )


def array_after(types: Sequence[Type]) -> Type:
    """Type of the first array after the lambda."""
    arrays = [type_ for type_ in types if type_.name == "Array"]
    return (
        arrays[0]
        if len(types) == 1 or (types[0].name == "Array" and len(arrays) == 1)
        else (types[1] if len(types) > 1 and types[1].name == "Array" else UNKNOWN)
    )


def _map(call: Call, /) -> str:
    return mapped(call)


def _filter(call: Call, /) -> str:
    function, arrays = split(call)
    if call.engine == "clickhouse":
        return _native(call, "arrayFilter")
    if function is None:
        return f"list_filter({arrays[0].sql}, lambda __x: CAST(__x AS BOOLEAN))"
    return f"list_filter({arrays[0].sql}, {duckdb_lambda(function, arrays, 'CAST({} AS BOOLEAN)')})"


def _counted(template: str, native: str) -> Handler:
    """`{0}` is the number of elements for which the lambda is true, `{1}` that of all."""

    def handler(call: Call, /) -> str:
        if call.engine == "clickhouse":
            return _native(call, native)
        _, arrays = split(call)
        return filled(template, f"len({_filter(call)})", f"len({arrays[0].sql})")

    return handler


def _clean(call: Call) -> str:
    """ClickHouse: the values without NULLs and of a type that cannot be NULL, as its array sums want them."""
    return f"arrayMap(x -> assumeNotNull(x), arrayFilter(x -> x IS NOT NULL, {mapped(call)}))"


def _total(duckdb: str, clickhouse: str, empty: str) -> Handler:
    def handler(call: Call, /) -> str:
        function, arrays = split(call)
        kind = function.type if function is not None else element_of(arrays[0].type)
        if call.engine == "clickhouse":
            clean = _clean(call)
            if empty == "0":
                return f"{clickhouse}({clean})"
            return f"(CASE WHEN notEmpty({clean}) THEN {clickhouse}({clean}) END)"
        values = mapped(call, "CAST({} AS BIGINT)" if kind == BOOLEAN else "{}")
        if empty == "0":
            total = f"coalesce({duckdb}({values}), 0)"
            if duckdb == "list_sum" and kind.name in ("Integer", "Boolean"):
                total = f"CAST({total} AS BIGINT)"
            return f"(CASE WHEN {arrays[0].sql} IS NOT NULL THEN {total} END)"
        return f"{duckdb}({values})"

    return handler


def _product(call: Call, /) -> str:
    if call.engine == "clickhouse":
        return f"arrayProduct({_clean(call)})"
    return f"coalesce(list_product({mapped(call)}), 0)"


def _sort(descending: bool) -> Handler:
    def handler(call: Call, /) -> str:
        native = "arrayReverseSort" if descending else "arraySort"
        function, arrays = split(call)
        head = arrays[0].sql
        if call.engine == "clickhouse":
            return _native(call, native)
        if function is None:
            return f"list_sort({head}, '{'DESC' if descending else 'ASC'}', 'NULLS LAST')"
        first = name(function.lambda_names[0])
        place = "-__i" if descending else "__i"
        key = body(function, arrays)
        keyed = f"list_transform({head}, lambda {first}, __i: {{'k': {key}, 'i': {place}, 'v': {first}}})"
        ordered = f"list_sort({keyed})"
        if descending:
            ordered = f"list_reverse({ordered})"
        return f"list_transform({ordered}, lambda __s: __s.v)"

    return handler


def _first(last: bool) -> Handler:
    def handler(call: Call, /) -> str:
        if call.engine == "clickhouse":
            return _native(call, "arrayLastOrNull" if last else "arrayFirstOrNull")
        return f"({_filter(call)})[{-1 if last else 1}]"

    return handler


def _index(last: bool) -> Handler:
    def handler(call: Call, /) -> str:
        if call.engine == "clickhouse":
            return _native(call, "arrayLastIndex" if last else "arrayFirstIndex")
        _, arrays = split(call)
        truths = mapped(call, "coalesce(CAST({} AS BOOLEAN), false)")
        if not last:
            return f"coalesce(list_position({truths}, true), 0)"
        length = f"len({arrays[0].sql})"
        place = f"list_position(list_reverse({truths}), true)"
        return f"coalesce({length} + 1 - {place}, 0)"

    return handler


def _running(step: str, native: str) -> Handler:
    """Each element from those up to it; `{v}` is the array, `__i` the place."""

    def handler(call: Call, /) -> str:
        if call.engine == "clickhouse":
            return f"{native}({_clean(call)})"
        return let(
            f"list_filter({mapped(call)}, lambda __x: __x IS NOT NULL)",
            lambda values: (
                f"list_transform({values}, lambda __x, __i: {step.replace('{v}', values)})"
            ),
            "__values",
        )

    return handler


def _cum_sum_type(types: Sequence[Type]) -> Type:
    return array(sum_type([value_type(types)]))


def _fold(call: Call, /) -> str:
    function, *rest = call.args
    *arrays, start = rest
    if call.engine == "clickhouse":
        listed = ", ".join(arg.sql for arg in arrays)
        begin = start.sql
        if start.type.name == "Integer":
            begin = f"CAST({begin} AS Nullable(Int64))"
            inner = f"CAST({function.sql} AS Nullable(Int64))"
        elif start.type.name == "Float":
            begin, inner = (f"CAST({sql} AS Nullable(Float64))" for sql in (begin, function.sql))
        else:
            inner = function.sql
        return (
            f"arrayFold({lambda_('clickhouse', function.lambda_names, inner)}, {listed}, {begin})"
        )
    accumulator, *values = function.lambda_names
    if len(values) != len(arrays):
        raise ValueError("its lambda takes the value so far and one value of each array.")
    fields = [f"x{i}" for i in range(len(arrays))]
    begin = f"CAST({start.sql} AS BIGINT)" if start.type.name == "Integer" else start.sql
    if start.type.name == "Float":
        begin = f"CAST({start.sql} AS DOUBLE)"
    inner = function.sql
    for variable, column in reversed(list(zip(values, fields, strict=True))):
        inner = f"list_transform([__e.{column}], lambda {name(variable)}: {inner})[1]"
    inner = f"list_transform([__p.a], lambda {name(accumulator)}: {inner})[1]"
    kept = "".join(f", '{column}': __e.{column}" for column in fields)
    given = "".join(
        f", '{column}': ({arg.sql})[__i]" for column, arg in zip(fields, arrays, strict=True)
    )
    none = "".join(
        f", '{column}': ({arg.sql})[1]" for column, arg in zip(fields, arrays, strict=True)
    )
    rows = f"list_transform({arrays[0].sql}, lambda __x, __i: {{'a': {begin}{given}}})"
    return (
        f"(list_reduce({rows}, lambda __p, __e: {{'a': {inner}{kept}}}, {{'a': {begin}{none}}})).a"
    )


def _fold_type(types: Sequence[Type]) -> Type:
    return types[-1] if types else UNKNOWN


def _fold_lambda(types: Sequence[Type]) -> Sequence[Type]:
    if not types:
        return ()
    *arrays, start = types
    return [start, *(element_of(type_) for type_ in arrays)]


def _pieces(build: Callable[[str, str], str], native: str) -> Handler:
    """DuckDB: built from the array and the array of truths."""

    def handler(call: Call, /) -> str:
        if call.engine == "clickhouse":
            return _native(call, native)
        function, arrays = split(call)
        head = arrays[0].sql
        if function is None:
            raise ValueError("it needs a lambda.")
        truths = mapped(call, "coalesce(CAST({} AS BOOLEAN), false)")
        return let(head, lambda a: let(truths, lambda t: build(a, t), "__t"), "__a")

    return handler


def _fill(a: str, t: str) -> str:
    return (
        f"list_transform({a}, lambda __x, __i: {a}[coalesce(list_max(list_filter("
        f"range(2, __i + 1), lambda __j: {t}[__j])), 1)])"
    )


def _reverse_fill(a: str, t: str) -> str:
    return (
        f"list_transform({a}, lambda __x, __i: {a}[coalesce(list_min(list_filter("
        f"range(__i, len({a})), lambda __j: {t}[__j])), len({a}))])"
    )


def _split(a: str, t: str) -> str:
    starts = f"list_filter(range(1, len({a}) + 1), lambda __j: __j = 1 OR {t}[__j])"
    return let(
        starts,
        lambda s: (
            f"list_transform({s}, lambda __f, __k: list_slice({a}, __f, "
            f"coalesce({s}[__k + 1], len({a}) + 1) - 1))"
        ),
        "__s",
    )


def _reverse_split(a: str, t: str) -> str:
    ends = f"list_filter(range(1, len({a}) + 1), lambda __j: __j = len({a}) OR {t}[__j])"
    return let(
        ends,
        lambda s: (
            f"list_transform({s}, lambda __f, __k: list_slice({a}, "
            f"CASE WHEN __k = 1 THEN 1 ELSE {s}[__k - 1] + 1 END, __f))"
        ),
        "__s",
    )


def _of_lambda(types: Sequence[Type]) -> Type:
    return array(types[0]) if types else UNKNOWN


def _nested(types: Sequence[Type]) -> Type:
    return array(array_after(types))


def _row(
    fn: str,
    args: tuple[int, int | None],
    returns: "Type | Callable[[Sequence[Type]], Type]",
    doc: str,
    handler: Handler,
    example: tuple[tuple[str, object], ...],
    aliases: tuple[str, ...] = (),
) -> Fn:
    return Fn(
        fn, args, returns, doc, alike(handler), example=example, aliases=aliases, category="lambdas"
    )


def _average(types: Sequence[Type]) -> Type:
    return FLOAT


def _sum_of(types: Sequence[Type]) -> Type:
    return sum_type([value_type(types)])


ROWS: tuple[Row, ...] = (
    _row(
        "arrayMap",
        (2, None),
        _of_lambda,
        "The lambda's value for every element.",
        _map,
        (
            ("arrayMap(x -> x + 1, [1, 2])", [2, 3]),
            ("arrayMap((x, y) -> x + y, [1, 2], [3, 4])", [4, 6]),
            ("arrayMap(x -> x, [])", []),
        ),
    ),
    _row(
        "arrayFilter",
        (1, None),
        array_after,
        "The elements for which the lambda is true.",
        _filter,
        (
            ("arrayFilter(x -> x > 1, [1, 2, NULL])", [2]),
            ("arrayFilter((x, y) -> y = 'a', [1, 2], ['a', 'b'])", [1]),
        ),
    ),
    _row(
        "arrayExists",
        (1, None),
        BOOLEAN,
        "Whether the lambda is true for one element.",
        _counted("({0} > 0)", "arrayExists"),
        (("arrayExists(x -> x > 1, [1, 2])", True), ("arrayExists(x -> x > 1, [1])", False)),
    ),
    _row(
        "arrayAll",
        (1, None),
        BOOLEAN,
        "Whether the lambda is true for every element.",
        _counted("({0} = {1})", "arrayAll"),
        (("arrayAll(x -> x > 1, [1, 2])", False), ("arrayAll(x -> x > 0, [1, 2])", True)),
    ),
    _row(
        "arrayCount",
        (1, None),
        INTEGER,
        "For how many elements the lambda is true.",
        _counted("{0}", "arrayCount"),
        (("arrayCount(x -> x > 1, [1, 2, NULL])", 1), ("arrayCount([true, false])", 1)),
    ),
    _row(
        "arraySum",
        (1, None),
        _sum_of,
        "Sum of the elements or of the lambda's values; of none 0.",
        _total("list_sum", "arraySum", "0"),
        (
            ("arraySum([1, 2])", 3),
            ("arraySum(x -> x * 2, [1, 2])", 6),
            ("arraySum([1.5, NULL])", 1.5),
        ),
    ),
    _row(
        "arrayAvg",
        (1, None),
        _average,
        "Mean of the elements or of the lambda's values; of none NULL.",
        _total("list_avg", "arrayAvg", "NULL"),
        (("arrayAvg([1, 2])", 1.5), ("arrayAvg(x -> x > 1, [1, 2])", 0.5)),
    ),
    _row(
        "arrayMin",
        (1, None),
        value_type,
        "Smallest element or value of the lambda; of none NULL.",
        _total("list_min", "arrayMin", "NULL"),
        (("arrayMin([2, 1])", 1), ("arrayMin(x -> -x, [2, 1])", -2), ("arrayMin(['b', 'a'])", "a")),
    ),
    _row(
        "arrayMax",
        (1, None),
        value_type,
        "Greatest element or value of the lambda; of none NULL.",
        _total("list_max", "arrayMax", "NULL"),
        (("arrayMax([2, 1])", 2), ("arrayMax(x -> -x, [2, 1])", -1)),
    ),
    _row(
        "arrayProduct",
        (1, None),
        FLOAT,
        "Product of the elements as a float.",
        _product,
        (("arrayProduct([2, 3])", 6.0),),
    ),
    _row(
        "arraySort",
        (1, None),
        array_after,
        "Sorted, by the lambda's value where there is one; NULLs last.",
        _sort(False),
        (
            ("arraySort([3, 1, 2])", [1, 2, 3]),
            ("arraySort(x -> -x, [3, 1, 2])", [3, 2, 1]),
            ("arraySort((x, y) -> y, ['a', 'b'], [2, 1])", ["b", "a"]),
            ("arraySort([3, NULL, 1])", [1, 3, None]),
        ),
    ),
    _row(
        "arrayReverseSort",
        (1, None),
        array_after,
        "Sorted from the greatest; NULLs last.",
        _sort(True),
        (
            ("arrayReverseSort([3, 1, 2])", [3, 2, 1]),
            ("arrayReverseSort(x -> -x, [3, 1, 2])", [1, 2, 3]),
        ),
    ),
    _row(
        "arrayFirst",
        (2, None),
        lambda types: element_of(array_after(types)),
        "The first element for which the lambda is true; NULL where there is none.",
        _first(False),
        (("arrayFirst(x -> x > 1, [1, 2, 3])", 2), ("arrayFirst(x -> x > 9, [1])", None)),
        ("arrayFirstOrNull",),
    ),
    _row(
        "arrayLast",
        (2, None),
        lambda types: element_of(array_after(types)),
        "The last element for which the lambda is true; NULL where there is none.",
        _first(True),
        (("arrayLast(x -> x > 1, [1, 2, 3])", 3),),
        ("arrayLastOrNull",),
    ),
    _row(
        "arrayFirstIndex",
        (2, None),
        INTEGER,
        "Place of the first element for which the lambda is true, else 0.",
        _index(False),
        (("arrayFirstIndex(x -> x > 1, [1, 2, 3])", 2), ("arrayFirstIndex(x -> x > 9, [1])", 0)),
    ),
    _row(
        "arrayLastIndex",
        (2, None),
        INTEGER,
        "Place of the last element for which the lambda is true, else 0.",
        _index(True),
        (("arrayLastIndex(x -> x > 1, [1, 2, 3])", 3), ("arrayLastIndex(x -> x > 9, [1])", 0)),
    ),
    _row(
        "arrayCumSum",
        (1, None),
        _cum_sum_type,
        "Sums of the elements up to each.",
        _running("list_sum(list_slice({v}, 1, __i))", "arrayCumSum"),
        (("arrayCumSum([1, 2, 3])", [1, 3, 6]), ("arrayCumSum(x -> x * 2, [1, 2])", [2, 6])),
    ),
    _row(
        "arrayCumSumNonNegative",
        (1, None),
        _cum_sum_type,
        "Sums of the elements up to each, begun anew at 0 where they would be negative.",
        _running(
            "(list_sum(list_slice({v}, 1, __i)) - least(0, list_min(list_transform(range(1, __i + 1), "
            "lambda __j: list_sum(list_slice({v}, 1, __j))))))",
            "arrayCumSumNonNegative",
        ),
        (("arrayCumSumNonNegative([1, -5, 3])", [1, 0, 3]),),
    ),
    _row(
        "arrayDifference",
        (1, None),
        _cum_sum_type,
        "Difference of each element to the one before; 0 for the first.",
        _running("CASE WHEN __i = 1 THEN 0 ELSE __x - {v}[__i - 1] END", "arrayDifference"),
        (("arrayDifference([1, 3, 7])", [0, 2, 4]),),
    ),
    Fn(
        "arrayFold",
        (3, None),
        _fold_type,
        "What the lambda makes of the value so far and each element, begun with the last argument.",
        alike(_fold),
        example=(
            ("arrayFold((acc, x) -> acc + x, [1, 2, 3], 10)", 16),
            ("arrayFold((acc, x) -> concat(acc, toString(x)), [1, 2], '>')", ">12"),
        ),
        aliases=("arrayReduceWithLambda",),
        category="lambdas",
        typed=lambda args: args[-1].type,
        lambda_types=_fold_lambda,
    ),
    _row(
        "arrayFill",
        (2, None),
        array_after,
        "Elements for which the lambda is false replaced by the one before.",
        _pieces(_fill, "arrayFill"),
        (("arrayFill(x -> x > 1, [1, 2, 0])", [1, 2, 2]),),
    ),
    _row(
        "arrayReverseFill",
        (2, None),
        array_after,
        "Elements for which the lambda is false replaced by the one after.",
        _pieces(_reverse_fill, "arrayReverseFill"),
        (("arrayReverseFill(x -> x > 1, [0, 2, 1])", [2, 2, 1]),),
    ),
    _row(
        "arraySplit",
        (2, None),
        _nested,
        "Pieces of the array, a new one at each element for which the lambda is true.",
        _pieces(_split, "arraySplit"),
        (("arraySplit(x -> x = 1, [0, 1, 2])", [[0], [1, 2]]),),
    ),
    _row(
        "arrayReverseSplit",
        (2, None),
        _nested,
        "Pieces of the array, each ended by an element for which the lambda is true.",
        _pieces(_reverse_split, "arrayReverseSplit"),
        (("arrayReverseSplit(x -> x = 1, [0, 1, 2])", [[0, 1], [2]]),),
    ),
)
