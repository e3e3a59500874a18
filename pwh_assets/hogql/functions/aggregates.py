"""Aggregates everyone uses: counting, summing, extremes, lists. Over nothing they are NULL, counts 0 and lists empty."""

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from pwh_assets.hogql.functions.base import Agg, Arg, Call, Handler, Row, alike, on, same
from pwh_assets.hogql.functions.rules import array_of_first, first, sum_type
from pwh_assets.hogql.functions.sqltext import both, let, order_clause, struct_of, tail
from pwh_assets.hogql.functions.texts import to_number, to_text
from pwh_assets.hogql.types import BOOLEAN, FLOAT, INTEGER, STRING, Type, array, map_, tuple_

X = "SELECT {0} FROM (SELECT arrayJoin({1}) AS x)"


def over(call: str, values: str = "[1, 2, 3]") -> str:
    """An example query: an aggregate of `x` over an array's elements."""
    return X.replace("{0}", call).replace("{1}", values)


def pairs(call: str, values: str) -> str:
    """An example query over pairs: their parts are `a` and `b`."""
    return f"SELECT {call} FROM (SELECT t.1 AS a, t.2 AS b FROM (SELECT arrayJoin({values}) AS t))"


def native(name: str, *, params: bool = False) -> str:
    """The template of a plain aggregate."""
    return f"{name}{'({p*})' if params else ''}({{distinct}}{{*}}{{order}})"


def count_of(uniq: Handler) -> Handler:
    """Rows, values that are not NULL, or distinct ones."""

    def handler(call: Call, /) -> str:
        if not call.args or isinstance(call.args[0].node, exp.Star):
            return f"count({'*' if call.engine != 'clickhouse' else ''}){tail(call)}"
        if call.distinct:
            return uniq(call)
        if len(call.args) > 1:
            raise ValueError("it takes one argument; count(DISTINCT a, b) takes more.")
        return f"count({call.args[0].sql}){tail(call)}"

    return handler


def uniq(call: Call, /) -> str:
    """Distinct values; of several arguments distinct rows in which none is NULL."""
    listed = ", ".join(arg.sql for arg in call.args)
    if call.engine == "clickhouse":
        return f"uniqExact({listed}){tail(call)}"
    if len(call.args) == 1:
        return f"count(DISTINCT {listed}){tail(call)}"
    whole = " AND ".join(f"{arg.sql} IS NOT NULL" for arg in call.args)
    kept = replace(call, filter_sql=both(call.filter_sql, whole))
    return f"count(DISTINCT ({listed})){tail(kept)}"


def numeric(call: Call) -> Call:
    """The call with a text first argument read as a number, and a Boolean as 0 or 1 on DuckDB."""
    arg = call.args[0]
    if arg.type.name in ("String", "JSON"):
        arg = Arg(to_number(call.engine, arg), FLOAT, arg.node)
    elif arg.type == BOOLEAN:
        integer = {
            "clickhouse": "toInt64({})",
        }.get(call.engine, "CAST({} AS BIGINT)")
        arg = Arg(integer.format(arg.sql), INTEGER, arg.node)
    return replace(call, args=(arg, *call.args[1:]))


def of_numbers(template: str) -> Handler:
    """A template whose first argument is read as a number."""

    def handler(call: Call, /) -> str:
        from pwh_assets.hogql.functions.render import fill

        return fill(template, numeric(call))

    return handler


def _sum(call: Call, /) -> str:
    from pwh_assets.hogql.functions.render import fill

    kind = call.args[0].type.name
    call = numeric(call)
    plain = fill("sum({distinct}{0})", call)
    if call.engine == "duckdb" and kind in ("Integer", "Boolean"):
        return f"CAST({plain} AS BIGINT)"  # DuckDB sums to 128 bits, which Parquet cannot hold.
    return plain


def _list(call: Call, /) -> str:
    """groupArray: the values in order, without NULLs, at most as many as the parameter says."""
    arg = call.args[0]
    if call.engine == "clickhouse":
        size = f"({call.params[0].sql})" if call.params else ""
        if not call.order_sql and not call.order_keys:
            word = "DISTINCT " if call.distinct else ""
            return f"groupArray{size}({word}{arg.sql}){tail(call)}"
        sql = clickhouse_sorted(call)
    else:
        word = "DISTINCT " if call.distinct else ""
        kept = replace(call, filter_sql=both(call.filter_sql, f"{arg.sql} IS NOT NULL"))
        sql = f"coalesce(list({word}{arg.sql}{order_clause(call)}){tail(kept)}, [])"
    if call.params:
        return first_n(call.engine, sql, call.params[0].sql)
    return sql


def clickhouse_sorted(call: Call) -> str:
    """ClickHouse has no ORDER BY inside an aggregate: gather value and keys, sort, keep the values."""
    keys = call.order_keys
    if not keys:
        raise ValueError("ORDER BY inside an aggregate is not known there; sort in a subquery.")
    descending = {down for _, down in keys}
    if len(descending) > 1:
        raise ValueError("ORDER BY inside an aggregate has to go one way; sort in a subquery.")
    word = "DISTINCT " if call.distinct else ""
    gathered = ", ".join([call.args[0].sql, *(key for key, _ in keys)])
    kept = replace(call, filter_sql=both(call.filter_sql, f"{call.args[0].sql} IS NOT NULL"))
    by = ", ".join(f"t.{i}" for i in range(2, len(keys) + 2))
    sort = "arrayReverseSort" if descending == {True} else "arraySort"
    return (
        f"arrayMap(t -> t.1, {sort}(t -> ({by}), groupArray({word}tuple({gathered})){tail(kept)}))"
    )


def first_n(engine: str, sql: str, count: str) -> str:
    return f"{sql}[1:{count}]" if engine == "duckdb" else f"arraySlice({sql}, 1, {count})"


def _unique_list(call: Call, /) -> str:
    arg = call.args[0]
    if call.engine == "clickhouse":
        sql = f"arraySort(groupUniqArray({arg.sql}){tail(call)})"
    else:
        kept = replace(call, filter_sql=both(call.filter_sql, f"{arg.sql} IS NOT NULL"))
        sql = f"list_sort(coalesce(list(DISTINCT {arg.sql}){tail(kept)}, []))"
    return first_n(call.engine, sql, call.params[0].sql) if call.params else sql


def _weights(gathered: str) -> str:
    """DuckDB: each value of a list of {k, w} with its weights' sum, negated."""
    summed = f"list_sum(list_transform(list_filter({gathered}, lambda __e: __e.k = __k), lambda __e: __e.w))"
    return (
        f"list_transform(list_distinct(list_transform({gathered}, lambda __e: __e.k)), "
        f"lambda __k: {{'c': -CAST({summed} AS BIGINT), 'k': __k}})"
    )


def _top(call: Call, /) -> str:
    arg = call.args[0]
    size = call.params[0].sql if call.params else "10"
    weight = call.args[1].sql if len(call.args) > 1 else None
    known = [f"{one.sql} IS NOT NULL" for one in call.args]
    kept = replace(call, filter_sql=both(call.filter_sql, " AND ".join(known)))
    if call.engine == "clickhouse":
        number = f"toInt64(assumeNotNull({weight}))" if weight else "toInt64(1)"
        counted = f"sumMap(map(assumeNotNull({arg.sql}), {number})){tail(kept)}"
        ranked = f"arraySort(t -> (-t.2, t.1), arrayZip(mapKeys({counted}), mapValues({counted})))"
        return f"arraySlice(arrayMap(t -> t.1, {ranked}), 1, {size})"
    if weight:
        gathered = (
            f"coalesce(list({{'k': {arg.sql}, 'w': CAST({weight} AS BIGINT)}}){tail(kept)}, [])"
        )
        summed = let(gathered, _weights, "__g")
        return f"list_transform(list_sort({summed}), lambda __e: __e.k)[1:{size}]"
    counted = f"coalesce(map_entries(histogram({arg.sql}){tail(kept)}), [])"
    return (
        f"list_transform(list_sort(list_transform({counted}, "
        f"lambda __e: {{'c': -CAST(__e.value AS BIGINT), 'k': __e.key}})), lambda __e: __e.k)[1:{size}]"
    )


def _joined(call: Call, /) -> str:
    """string_agg: the texts of a group as one."""
    arg = call.args[0]
    separator = (
        call.args[1].sql if len(call.args) > 1 else call.params[0].sql if call.params else "''"
    )
    text = Arg(to_text(call, arg), STRING, arg.node)
    gathered = _list(replace(call, args=(text,), params=()))
    if call.engine == "clickhouse":
        return f"if(empty({gathered}), NULL, arrayStringConcat({gathered}, {separator}))"
    return f"nullif(array_to_string(nullif({gathered}, []), {separator}), NULL)"


def _arg_extreme(duckdb: str, clickhouse: str) -> Handler:
    def handler(call: Call, /) -> str:
        value, key = call.args
        if call.engine == "clickhouse":
            return f"{clickhouse}({value.sql}, {key.sql}){tail(call)}"
        kept = replace(call, filter_sql=both(call.filter_sql, f"{value.sql} IS NOT NULL"))
        return f"{duckdb}({value.sql}, {key.sql}){tail(kept)}"

    return handler


def _extreme_with_key(handler: Handler, fold: str) -> Handler:
    """The tuple of argMax and max (or argMin and min), over the same rows."""

    def both_of(call: Call, /) -> str:
        value, key = call.args
        kept = replace(call, filter_sql=both(call.filter_sql, f"{value.sql} IS NOT NULL"))
        first, second = handler(call), f"{fold}({key.sql}){tail(kept)}"
        if call.engine == "clickhouse":
            return f"tuple({first}, {second})"
        return struct_of((first, second))

    return both_of


def _json_list(call: Call, /) -> str:
    gathered = _list(call)
    if call.engine == "clickhouse":
        return f"toJSONString({gathered})"
    return f"CAST(to_json({gathered}) AS VARCHAR)"


def _by_key(fold: str, drop_zero: bool) -> Handler:
    """sumMap, minMap, maxMap: of one Map, or of an array of keys and one of values."""

    def handler(call: Call, /) -> str:
        name = {"list_sum": "sumMap", "list_min": "minMap", "list_max": "maxMap"}[fold]
        if call.engine == "clickhouse":
            return f"{name}({', '.join(arg.sql for arg in call.args)}){tail(call)}"
        maps = len(call.args) == 1
        if maps and call.args[0].type.name == "Tuple":
            raise ValueError("it takes a Map, or an array of keys and one of values.")
        entries = (
            f"map_entries({call.args[0].sql})"
            if maps
            else f"list_transform(list_zip({call.args[0].sql}, {call.args[1].sql}), "
            "lambda __z: {'key': __z[1], 'value': __z[2]})"
        )
        kept = replace(call, filter_sql=both(call.filter_sql, f"{call.args[0].sql} IS NOT NULL"))
        gathered = f"flatten(list({entries}){tail(kept)})"

        def folded(rows: str) -> str:
            keys = f"list_sort(list_distinct(list_transform({rows}, lambda __e: __e.key)))"
            summed = (
                f"list_transform({keys}, lambda __k: {{'key': __k, 'value': "
                f"{fold}(list_transform(list_filter({rows}, lambda __e: __e.key = __k), "
                "lambda __e: __e.value))})"
            )
            if drop_zero:
                summed = f"list_filter({summed}, lambda __e: __e.value <> 0)"
            if maps:
                return f"map_from_entries({summed})"
            return let(
                summed,
                lambda all_: (
                    f"{{'v1': list_transform({all_}, lambda __e: __e.key), "
                    f"'v2': list_transform({all_}, lambda __e: __e.value)}}"
                ),
                "__s",
            )

        return let(f"coalesce({gathered}, [])" if maps else gathered, folded, "__rows")

    return handler


def _map_type(types: Sequence[Type]) -> Type:
    if len(types) == 1:
        head = types[0]
        return map_(head.args[0], sum_type(head.args[1:])) if head.name == "Map" else head
    return tuple_(types[0], array(sum_type(types[1].args)) if types[1].args else types[1])


ROWS: tuple[Row, ...] = (
    Agg(
        "count",
        (0, None),
        INTEGER,
        "Number of rows; of an argument, of rows where it is not NULL.",
        alike(count_of(uniq)),
        example=(
            (over("count()"), 3),
            (over("count(x)", "[1, NULL]"), 1),
            (over("count(DISTINCT x)", "[1, 1, 2]"), 2),
            (over("countIf(x > 1)"), 2),
            (over("countIf(x > 9)"), 0),
        ),
        over_list="len(list_filter({0}, lambda __c: __c IS NOT NULL))",
    ),
    Agg(
        "countDistinct",
        (1, None),
        INTEGER,
        "Number of different values.",
        alike(uniq),
        example=(over("countDistinct(x)", "[1, 1, NULL]"), 1),
        native="uniqExact",
        over_list="list_unique({0})",
    ),
    Agg(
        "uniq",
        (1, None),
        INTEGER,
        "Number of different values, exact; NULLs do not count.",
        alike(uniq),
        example=(
            (over("uniq(x)", "[1, 1, NULL, 2]"), 2),
            (over("uniqIf(x, x > 1)"), 2),
            (over("uniq(x, x % 2)"), 3),
        ),
        aliases=(
            "uniqExact",
            "uniqCombined",
            "uniqCombined64",
            "uniqHLL12",
            "uniqTheta",
            "approx_count_distinct",
        ),
        native="uniqExact",
        over_list="list_unique({0})",
    ),
    Agg(
        "sum",
        (1, 1),
        sum_type,
        "Sum; a text is read as a number.",
        alike(_sum),
        example=(
            (over("sum(x)"), 6),
            (over("sum(x)", "[1.5, NULL]"), 1.5),
            (over("sumIf(x, x > 9)"), None),
            (over("sumIf(x, x > 1)"), 5),
            (over("sum(x > 1)"), 2),
        ),
        aliases=("sumWithOverflow",),
        over_list="list_sum({0})",
    ),
    Agg(
        "avg",
        (1, 1),
        FLOAT,
        "Mean; a text is read as a number.",
        alike(of_numbers("avg({distinct}{0})")),
        example=(
            (over("avg(x)"), 2.0),
            (over("avgIf(x, x > 9)"), None),
            (over("avg(x = 1)", "[1, 2]"), 0.5),
        ),
        aliases=("mean",),
        over_list="list_avg({0})",
    ),
    Agg(
        "min",
        (1, 1),
        first,
        "The smallest value.",
        same("min({distinct}{0})"),
        example=(
            (over("min(x)"), 1),
            (over("minIf(x, x > 1)"), 2),
            (over("min(x)", "['b', 'a']"), "a"),
        ),
        over_list="list_min({0})",
    ),
    Agg(
        "max",
        (1, 1),
        first,
        "The greatest value.",
        same("max({distinct}{0})"),
        example=(
            (over("max(x)"), 3),
            (over("maxIf(x, x < 1)"), None),
            (over("max(x)", "['b', 'a']"), "b"),
        ),
        over_list="list_max({0})",
    ),
    Agg(
        "any",
        (1, 1),
        first,
        "Some value of the group that is not NULL: the smallest, so that every engine and every run gives the same.",
        on("min({0})", "min({distinct}{0})"),
        example=((over("any(x)", "[NULL, 2]"), 2), (over("anyIf(x, x > 9)"), None)),
        aliases=("any_value", "first_value_respect_nulls"),
        over_list="list_min({0})",
    ),
    Agg(
        "anyLast",
        (1, 1),
        first,
        "Another value of the group that is not NULL: the greatest, so that every engine gives the same.",
        on("max({0})", "max({distinct}{0})"),
        example=(over("anyLast(x)", "[1, 2, NULL]"), 2),
        over_list="list_max({0})",
    ),
    Agg(
        "argMin",
        (2, 2),
        first,
        "The first argument where the second is smallest; NULLs of either are skipped.",
        alike(_arg_extreme("arg_min", "argMin")),
        example=(
            (pairs("argMin(a, b)", "[('x', 3), ('y', 1)]"), "y"),
            (pairs("argMinIf(a, b, b > 1)", "[('x', 3), ('y', 1)]"), "x"),
        ),
        aliases=("min_by", "arg_min"),
    ),
    Agg(
        "argMax",
        (2, 2),
        first,
        "The first argument where the second is greatest; NULLs of either are skipped.",
        alike(_arg_extreme("arg_max", "argMax")),
        example=(
            (pairs("argMax(a, b)", "[('x', 3), ('y', 1)]"), "x"),
            (pairs("argMax(a, b)", "[(NULL, 3), ('y', 1)]"), "y"),
        ),
        aliases=("max_by", "arg_max"),
    ),
    *(
        Agg(
            f"argAnd{word}",
            (2, 2),
            lambda types: tuple_(*types),
            f"The tuple of the first argument where the second is {extreme}, and that second one.",
            alike(
                _extreme_with_key(_arg_extreme(f"arg_{word.lower()}", f"arg{word}"), word.lower())
            ),
            example=(
                (pairs(f"argAnd{word}(a, b).1", "[('x', 3), ('y', 1)]"), value),
                (pairs(f"argAnd{word}(a, b).2", "[('x', 3), ('y', 1), (NULL, 9), (NULL, 0)]"), key),
                (pairs(f"argAnd{word}If(a, b, b > 9).2", "[('x', 3)]"), None),
            ),
            native="",
        )
        for word, extreme, value, key in (("Max", "greatest", "x", 3), ("Min", "smallest", "y", 1))
    ),
    Agg(
        "groupArray",
        (1, 1),
        array_of_first,
        "The values as an array, without NULLs; at most as many as the parameter says.",
        alike(_list),
        example=(
            (over("arraySort(groupArray(x))"), [1, 2, 3]),
            (over("groupArrayIf(x, x > 9)"), []),
            (over("length(groupArray(2)(x))"), 2),
            (over("arraySort(groupArray(DISTINCT x))", "[2, 2, 1]"), [1, 2]),
        ),
        aliases=("array_agg", "group_array", "array_concat_agg"),
        params=(0, 1),
        over_list="list_filter({0}, lambda __c: __c IS NOT NULL)",
    ),
    Agg(
        "groupUniqArray",
        (1, 1),
        array_of_first,
        "The different values as a sorted array, without NULLs.",
        alike(_unique_list),
        example=(
            (over("groupUniqArray(x)", "[2, 1, 2, NULL]"), [1, 2]),
            (over("groupUniqArrayIf(x, x > 9)"), []),
        ),
        params=(0, 1),
        over_list="list_sort(list_distinct({0}))",
    ),
    Agg(
        "topK",
        (1, 2),
        array_of_first,
        "The most frequent values, most frequent first; exact, equals by value.",
        alike(_top),
        example=(
            (over("topK(2)(x)", "[3, 1, 1, 1, 2, 2]"), [1, 2]),
            (over("topKIf(2)(x, x > 9)"), []),
        ),
        aliases=("approx_top_k",),
        params=(0, 3),
    ),
    Agg(
        "topKWeighted",
        (2, 2),
        array_of_first,
        "The values with the greatest sum of weights, the greatest first; exact, equals by value.",
        alike(_top),
        example=(
            (
                pairs("topKWeighted(2)(a, b)", "[('x', 1), ('y', 5), ('x', 1), ('z', 3)]"),
                ["y", "z"],
            ),
            (pairs("topKWeightedIf(2)(a, b, b > 9)", "[('x', 1)]"), []),
        ),
        params=(0, 3),
    ),
    Agg(
        "string_agg",
        (1, 2),
        STRING,
        "The texts of a group joined by the second argument.",
        alike(_joined),
        example=(
            (over("string_agg(x, '-')", "['a', 'b']"), "a-b"),
            (over("string_aggIf(x, '-', x = 'z')", "['a', 'b']"), None),
        ),
        aliases=("groupConcat", "group_concat", "listagg"),
        native="",
        params=(0, 2),
    ),
    Agg(
        "json_agg",
        (1, 1),
        STRING,
        "The values of a group as a JSON array.",
        alike(_json_list),
        example=(over("json_agg(x)"), "[1,2,3]"),
        native="",
    ),
    Agg(
        "every",
        (1, 1),
        BOOLEAN,
        "Whether all are true.",
        on(
            "bool_and(CAST({0} AS BOOLEAN))",
            "CAST(min({distinct}{0}){filter}{over} AS Nullable(Bool))",
        ),
        example=((over("every(x > 0)"), True), (over("every(x > 1)"), False)),
        aliases=("bool_and",),
        native="",
    ),
    Agg(
        "bool_or",
        (1, 1),
        BOOLEAN,
        "Whether one is true.",
        on(
            "bool_or(CAST({0} AS BOOLEAN))",
            "CAST(max({distinct}{0}){filter}{over} AS Nullable(Bool))",
        ),
        example=((over("bool_or(x > 2)"), True), (over("bool_or(x > 9)"), False)),
        native="",
    ),
    Agg(
        "sumMap",
        (1, 2),
        _map_type,
        "Sums per key, of a Map or of an array of keys and one of values; a sum of 0 is left out.",
        alike(_by_key("list_sum", True)),
        example=(
            (over("sumMap(x)", "[map('a', 1, 'b', 2), map('a', 5)]"), {"a": 6, "b": 2}),
            (pairs("sumMap(a, b)", "[(['a', 'b'], [1, 2]), (['a'], [5])]"), [["a", "b"], [6, 2]]),
        ),
        aliases=("sumMappedArrays",),
    ),
    Agg(
        "minMap",
        (1, 2),
        _map_type,
        "Smallest value per key, of a Map or of an array of keys and one of values.",
        alike(_by_key("list_min", False)),
        example=(over("minMap(x)", "[map('a', 1, 'b', 2), map('a', 5)]"), {"a": 1, "b": 2}),
        aliases=("minMappedArrays",),
    ),
    Agg(
        "maxMap",
        (1, 2),
        _map_type,
        "Greatest value per key, of a Map or of an array of keys and one of values.",
        alike(_by_key("list_max", False)),
        example=(over("maxMap(x)", "[map('a', 1, 'b', 2), map('a', 5)]"), {"a": 5, "b": 2}),
        aliases=("maxMappedArrays",),
    ),
)
