"""Spread, correlation and running sums of groups; of too few values they are NULL."""

from collections.abc import Sequence
from dataclasses import replace

from pwh_assets.hogql.functions.aggregates import first_n, numeric, of_numbers, over, pairs
from pwh_assets.hogql.functions.base import Agg, Call, Handler, Row, Unsupported, alike, on
from pwh_assets.hogql.functions.rules import array_of_first, first, sum_type
from pwh_assets.hogql.functions.sqltext import both, default_value, let, tail
from pwh_assets.hogql.types import FLOAT, INTEGER, UNKNOWN, Type, array, tuple_


def _finite(name: str) -> Handler:
    """ClickHouse says nan of too few values."""

    def handler(call: Call, /) -> str:
        call = numeric(call)
        listed = ", ".join(arg.sql for arg in call.args)
        sql = f"{name}({'DISTINCT ' if call.distinct else ''}{listed}){tail(call)}"
        return f"(CASE WHEN NOT isNaN({sql}) THEN {sql} END)"

    return handler


def _spread(
    name: str, duckdb: str, clickhouse: str, doc: str, value: float, aliases: tuple[str, ...] = ()
) -> Agg:
    return Agg(
        name,
        (1, 1),
        FLOAT,
        doc,
        on(
            of_numbers(f"{duckdb}({{distinct}}{{0}})"),
            _finite(clickhouse),
        ),
        example=((over(f"{name}(x)", "[1, 2, 3, 4]"), value), (over(f"{name}If(x, x > 9)"), None)),
        aliases=aliases,
        over_list=f"list_aggregate({{0}}, '{duckdb}')",
    )


def _moment(power: int, sample: bool) -> Handler:
    """Skewness and kurtosis by their moments, as ClickHouse counts them."""

    def handler(call: Call, /) -> str:
        name = f"{'skew' if power == 3 else 'kurt'}{'Samp' if sample else 'Pop'}"
        if call.engine == "clickhouse":
            return _finite(name)(call)
        call = numeric(call)
        x = f"CAST({call.args[0].sql} AS DOUBLE)"

        def mean(of: str) -> str:
            return f"avg({of}){tail(call)}"

        m, square, cube = mean(x), mean(f"{x} * {x}"), mean(f"{x} * {x} * {x}")
        spread = f"{'var_samp' if sample else 'var_pop'}({x}){tail(call)}"
        if power == 3:
            central = f"({cube} - 3 * {m} * {square} + 2 * pow({m}, 3))"
            return f"({central} / pow(nullif({spread}, 0), 1.5))"
        fourth = mean(f"{x} * {x} * {x} * {x}")
        central = f"({fourth} - 4 * {m} * {cube} + 6 * {m} * {m} * {square} - 3 * pow({m}, 4))"
        return f"({central} / pow(nullif({spread}, 0), 2))"

    return handler


def _moment_row(name: str, power: int, sample: bool, doc: str, value: float) -> Agg:
    handler = _moment(power, sample)
    return Agg(
        name,
        (1, 1),
        FLOAT,
        doc,
        alike(handler),
        example=(over(f"{name}(x)", "[4, 2, 3, 1, 9]"), value),
    )


def _regression(call: Call, /) -> str:
    x, y = (arg.sql for arg in call.args)
    if call.engine == "clickhouse":
        return f"simpleLinearRegression({x}, {y}){tail(call)}"
    return f"{{'v1': regr_slope({y}, {x}){tail(call)}, 'v2': regr_intercept({y}, {x}){tail(call)}}}"


def _bits(duckdb: str, clickhouse: str, doc: str, name: str, value: int) -> Agg:
    return Agg(
        name,
        (1, 1),
        INTEGER,
        doc,
        on(
            f"CAST({duckdb}({{0}}){{filter}}{{over}} AS BIGINT)", f"{clickhouse}({{distinct}}{{0}})"
        ),
        example=(over(f"{name}(x)", "[6, 3]"), value),
    )


def gathered(call: Call, skip: str | None = None) -> str:
    """DuckDB: the first argument of a group as a list without NULLs."""
    arg = call.args[0].sql
    kept = replace(call, filter_sql=both(call.filter_sql, skip or f"{arg} IS NOT NULL"))
    return f"coalesce(list({arg}){tail(kept)}, [])"


def _moving(average: bool) -> Handler:
    name = f"groupArrayMoving{'Avg' if average else 'Sum'}"

    def handler(call: Call, /) -> str:
        size = call.params[0].sql if call.params else None
        if call.engine == "clickhouse":
            return f"{name}{f'({size})' if size else ''}({call.args[0].sql}){tail(call)}"

        def build(v: str) -> str:
            begin = f"greatest(__i - {size} + 1, 1)" if size else "1"
            total = f"list_sum(list_slice({v}, {begin}, __i))"
            if average:
                total = f"({total} / CAST({size or f'len({v})'} AS DOUBLE))"
            return f"list_transform({v}, lambda __x, __i: {total})"

        return let(gathered(call), build, "__v")

    return handler


def _delta_sum(call: Call, /) -> str:
    if call.engine == "clickhouse":
        return f"deltaSum({call.args[0].sql}){tail(call)}"
    return let(
        gathered(call),
        lambda v: (
            f"coalesce(list_sum(list_transform({v}, lambda __x, __i: "
            f"CASE WHEN __i > 1 THEN greatest(__x - {v}[__i - 1], 0) END)), 0)"
        ),
        "__v",
    )


def _sorted_list(call: Call, /) -> str:
    size = call.params[0].sql if call.params else None
    if size is None:
        raise ValueError("it needs a size: groupArraySorted(10)(x).")
    if call.engine == "clickhouse":
        return f"groupArraySorted({size})({call.args[0].sql}){tail(call)}"
    arg = call.args[0].sql
    kept = replace(call, filter_sql=both(call.filter_sql, f"{arg} IS NOT NULL"))
    return first_n("duckdb", f"coalesce(list({arg} ORDER BY {arg}){tail(kept)}, [])", size)


def _last_list(call: Call, /) -> str:
    if call.engine == "clickhouse":
        return f"arraySort(groupArrayLast({call.params[0].sql if call.params else ''})({call.args[0].sql}){tail(call)})"
    size = call.params[0].sql if call.params else None
    if size is None:
        raise ValueError("it needs a size: groupArrayLast(10)(x).")
    return let(
        gathered(call),
        lambda v: f"list_sort(list_slice({v}, greatest(len({v}) - {size} + 1, 1), len({v})))",
        "__v",
    )


def _insert_at(call: Call, /) -> str:
    value, place = call.args
    given = [param.sql for param in call.params]
    if call.engine == "clickhouse":
        return f"groupArrayInsertAt{f'({chr(44).join(given)})' if given else ''}({value.sql}, {place.sql}){tail(call)}"
    filler = given[0] if given else default_value(value.type, "duckdb")
    kept = replace(call, filter_sql=both(call.filter_sql, f"{value.sql} IS NOT NULL"))
    rows = f"coalesce(list({{'v': {value.sql}, 'p': {place.sql}}}){tail(kept)}, [])"
    return let(
        rows,
        lambda v: (
            f"list_transform(range(0, {given[1] if len(given) > 1 else f'coalesce(list_max(list_transform({v}, lambda __r: __r.p)) + 1, 0)'}), "
            f"lambda __i: coalesce(list_filter({v}, lambda __r: __r.p = __i)[1].v, {filler}))"
        ),
        "__rows",
    )


def _weighted(call: Call, /) -> str:
    value, weight = (arg.sql for arg in call.args)
    if call.engine == "clickhouse":
        return f"avgWeighted({value}, {weight}){tail(call)}"
    kept = replace(call, filter_sql=both(call.filter_sql, f"{value} IS NOT NULL"))
    return f"(sum(CAST({value} AS DOUBLE) * {weight}){tail(kept)} / sum(CAST({weight} AS DOUBLE)){tail(kept)})"


def _entropy(call: Call, /) -> str:
    if call.engine == "clickhouse":
        return f"entropy({call.args[0].sql}){tail(call)}"
    arg = call.args[0].sql
    return f"(CASE WHEN count({arg}){tail(call)} > 0 THEN entropy({arg}){tail(call)} END)"


def _intersections(position: bool) -> Handler:
    name = f"maxIntersections{'Position' if position else ''}"

    def handler(call: Call, /) -> str:
        start, end = (arg.sql for arg in call.args)
        if call.engine == "clickhouse":
            return f"{name}({start}, {end}){tail(call)}"
        edges = f"[{{'t': {start}, 'd': 1}}, {{'t': {end}, 'd': -1}}]"
        kept = replace(
            call, filter_sql=both(call.filter_sql, f"{start} IS NOT NULL AND {end} IS NOT NULL")
        )
        rows = f"list_sort(flatten(list({edges}){tail(kept)}))"

        def build(v: str) -> str:
            running = (
                f"list_transform({v}, lambda __e, __i: {{'n': list_sum(list_transform(list_slice({v}, 1, __i), "
                "lambda __f: __f.d)), 't': __e.t})"
            )
            return let(
                running,
                lambda r: (
                    f"list_filter({r}, lambda __s: __s.n = list_max(list_transform({r}, lambda __q: __q.n)))[1].t"
                    if position
                    else f"list_max(list_transform({r}, lambda __q: __q.n))"
                ),
                "__run",
            )

        return let(rows, build, "__edges")

    return handler


def _only(
    name: str,
    args: tuple[int, int | None],
    returns: Type,
    doc: str,
    why: str,
    example: str,
    value: object,
    params: tuple[int, int] = (0, 0),
    prefix: str = "",
) -> Agg:
    return Agg(
        name,
        args,
        returns,
        doc,
        on(Unsupported(why), f"{name}{prefix}({{distinct}}{{*}})"),
        example=(example, value),
        params=params,
    )


def _two_floats(types: Sequence[Type]) -> Type:
    return tuple_(FLOAT, FLOAT)


_STATS = "its statistics exist in ClickHouse only."
_XY = "[(1, 5), (2, 3), (4, 6), (4, 7)]"

ROWS: tuple[Row, ...] = (
    _spread(
        "stddevPop",
        "stddev_pop",
        "stddevPop",
        "Standard deviation of a whole group.",
        1.118033988749895,
        ("stddev_pop", "stddevPopStable"),
    ),
    _spread(
        "stddevSamp",
        "stddev_samp",
        "stddevSamp",
        "Standard deviation of a sample.",
        1.2909944487358056,
        ("stddev_samp", "stddev", "stddevSampStable"),
    ),
    _spread(
        "varPop",
        "var_pop",
        "varPop",
        "Variance of a whole group.",
        1.25,
        ("var_pop", "varPopStable"),
    ),
    _spread(
        "varSamp",
        "var_samp",
        "varSamp",
        "Variance of a sample.",
        1.6666666666666667,
        ("var_samp", "variance", "varSampStable"),
    ),
    *(
        Agg(
            name,
            (2, 2),
            FLOAT,
            doc,
            on(f"{duckdb}({{0}}, {{1}})", _finite(name)),
            example=(pairs(f"{name}(a, b)", _XY), value),
            aliases=aliases,
        )
        for name, duckdb, doc, value, aliases in (
            (
                "covarPop",
                "covar_pop",
                "Covariance of a whole group.",
                1.3125,
                ("covar_pop", "covarPopStable"),
            ),
            (
                "covarSamp",
                "covar_samp",
                "Covariance of a sample.",
                1.75,
                ("covar_samp", "covarSampStable"),
            ),
            ("corr", "corr", "Correlation.", 0.6831300510639733, ("corrStable",)),
        )
    ),
    _moment_row("skewPop", 3, False, "Skewness of a whole group.", 1.0391889223704163),
    _moment_row("skewSamp", 3, True, "Skewness of a sample.", 0.743583063003201),
    _moment_row("kurtPop", 4, False, "Kurtosis of a whole group.", 2.66877457753215),
    _moment_row("kurtSamp", 4, True, "Kurtosis of a sample.", 1.7080157296205762),
    Agg(
        "simpleLinearRegression",
        (2, 2),
        _two_floats,
        "Slope and intercept of the line through the points (x, y).",
        alike(_regression),
        example=(pairs("simpleLinearRegression(a, b)", "[(1, 3), (2, 5), (3, 7)]"), [2.0, 1.0]),
    ),
    _bits("bit_and", "groupBitAnd", "Bits all numbers have.", "groupBitAnd", 2),
    _bits("bit_or", "groupBitOr", "Bits one of the numbers has.", "groupBitOr", 7),
    _bits("bit_xor", "groupBitXor", "Bits an odd number of the numbers has.", "groupBitXor", 5),
    Agg(
        "groupBitmap",
        (1, 1),
        INTEGER,
        "Number of different whole numbers.",
        on("count(DISTINCT {0})", "uniqExact({0})"),
        example=(over("groupBitmap(x)", "[1, 1, 2]"), 2),
    ),
    Agg(
        "groupArrayMovingSum",
        (1, 1),
        lambda types: array(sum_type(types)),
        "Sums over the last so many values, for each value.",
        alike(_moving(False)),
        example=(over("groupArrayMovingSum(2)(x)"), [1, 3, 5]),
        params=(0, 1),
    ),
    Agg(
        "groupArrayMovingAvg",
        (1, 1),
        array(FLOAT),
        "Means over the last so many values, for each value.",
        alike(_moving(True)),
        example=(over("groupArrayMovingAvg(2)(x)"), [0.5, 1.5, 2.5]),
        params=(0, 1),
    ),
    Agg(
        "groupArraySorted",
        (1, 1),
        array_of_first,
        "The smallest so many values, sorted.",
        alike(_sorted_list),
        example=(over("groupArraySorted(2)(x)", "[3, 1, 2]"), [1, 2]),
        params=(1, 1),
    ),
    Agg(
        "groupArrayLast",
        (1, 1),
        array_of_first,
        "The last so many values, sorted.",
        alike(_last_list),
        example=(over("groupArrayLast(2)(x)"), [2, 3]),
        params=(1, 1),
    ),
    Agg(
        "groupArrayInsertAt",
        (2, 2),
        array_of_first,
        "An array with each value at the place of the second argument, counted from 0.",
        alike(_insert_at),
        example=(pairs("groupArrayInsertAt('z')(a, b)", "[('a', 2), ('b', 0)]"), ["b", "z", "a"]),
        params=(0, 2),
    ),
    _only(
        "groupArraySample",
        (1, 1),
        array(UNKNOWN),
        "Some values, by chance.",
        "sampling inside an aggregate is not known there.",
        over("length(groupArraySample(2)(x))"),
        2,
        params=(1, 2),
        prefix="({p*})",
    ),
    Agg(
        "deltaSum",
        (1, 1),
        sum_type,
        "Sum of the increases from value to value.",
        alike(_delta_sum),
        example=(over("deltaSum(x)", "[4, 2, 3, 6]"), 4),
    ),
    _only(
        "deltaSumTimestamp",
        (2, 2),
        FLOAT,
        "Sum of the increases in the order of the second argument.",
        "sort in a subquery and use deltaSum.",
        pairs("deltaSumTimestamp(toInt64(a), toInt64(b))", "[(1, 1), (4, 2), (2, 3)]"),
        3,
    ),
    Agg(
        "avgWeighted",
        (2, 2),
        FLOAT,
        "Mean weighted by the second argument.",
        alike(_weighted),
        example=(pairs("avgWeighted(a, b)", "[(1, 1), (4, 3)]"), 3.25),
    ),
    Agg(
        "entropy",
        (1, 1),
        FLOAT,
        "Entropy of the values in bits.",
        alike(_entropy),
        example=(over("entropy(x)", "[1, 1, 2, 2]"), 1.0),
    ),
    Agg(
        "maxIntersections",
        (2, 2),
        INTEGER,
        "Most intervals (start, end) that overlap at a time.",
        alike(_intersections(False)),
        example=(pairs("maxIntersections(a, b)", "[(1, 5), (2, 3), (4, 6)]"), 2),
    ),
    Agg(
        "maxIntersectionsPosition",
        (2, 2),
        first,
        "Where most intervals overlap first.",
        alike(_intersections(True)),
        example=(pairs("maxIntersectionsPosition(a, b)", "[(1, 5), (2, 3), (4, 6)]"), 2),
    ),
    Agg(
        "anyHeavy",
        (1, 1),
        first,
        "A value that makes up half of the group or more.",
        on("mode({0})", "anyHeavy({distinct}{0})"),
        example=(over("anyHeavy(x)", "[1, 2, 2]"), 2),
    ),
    Agg(
        "sumKahan",
        (1, 1),
        FLOAT,
        "Sum of floats with less rounding.",
        on("fsum({0})", "sumKahan({distinct}{0})"),
        example=(over("sumKahan(x)", "[0.5, 0.25]"), 0.75),
    ),
    Agg(
        "sumCount",
        (1, 1),
        lambda types: tuple_(sum_type(types), INTEGER),
        "Sum and count.",
        on(
            "(CASE WHEN count({0}){filter}{over} > 0 THEN "
            "{{'v1': sum({0}){filter}{over}, 'v2': count({0}){filter}{over}}} END)",
            "sumCount({distinct}{0})",
        ),
        example=(over("sumCount(x)"), [6, 3]),
    ),
    _only(
        "cramersV",
        (2, 2),
        FLOAT,
        "Cramér's V of two categories.",
        _STATS,
        pairs("cramersV(a, b) > 0", _XY),
        True,
    ),
    _only(
        "cramersVBiasCorrected",
        (2, 2),
        FLOAT,
        "Cramér's V, corrected.",
        _STATS,
        pairs("cramersVBiasCorrected(a, b) > 0", "[(1, 5), (1, 5), (2, 6), (2, 7)]"),
        True,
    ),
    _only(
        "theilsU",
        (2, 2),
        FLOAT,
        "Theil's U of two categories.",
        _STATS,
        pairs("theilsU(a, b) <= 1", _XY),
        True,
    ),
    _only(
        "contingency",
        (2, 2),
        FLOAT,
        "Contingency coefficient of two categories.",
        _STATS,
        pairs("contingency(a, b) > 0", _XY),
        True,
    ),
    _only(
        "rankCorr",
        (2, 2),
        FLOAT,
        "Spearman's rank correlation.",
        _STATS,
        pairs("rankCorr(a, a)", _XY),
        1.0,
    ),
    _only(
        "exponentialMovingAverage",
        (2, 2),
        FLOAT,
        "Mean in which older values count less.",
        _STATS,
        pairs("exponentialMovingAverage(1)(a, b) > 0", _XY),
        True,
        params=(1, 1),
        prefix="({p*})",
    ),
    _only(
        "boundingRatio",
        (2, 2),
        FLOAT,
        "Slope from the leftmost to the rightmost point.",
        _STATS,
        pairs("boundingRatio(a, b) > 0", _XY),
        True,
    ),
    _only(
        "mannWhitneyUTest",
        (2, 2),
        tuple_(FLOAT, FLOAT),
        "Mann-Whitney U test.",
        _STATS,
        pairs("mannWhitneyUTest(a, b).1", "[(1, 0), (2, 0), (3, 1), (5, 1)]"),
        0.0,
        params=(0, 2),
    ),
    _only(
        "studentTTest",
        (2, 2),
        tuple_(FLOAT, FLOAT),
        "Student's t test.",
        _STATS,
        pairs("studentTTest(a, b).1 < 0", "[(1, 0), (2, 0), (3, 1), (5, 1)]"),
        True,
        params=(0, 1),
    ),
    _only(
        "welchTTest",
        (2, 2),
        tuple_(FLOAT, FLOAT),
        "Welch's t test.",
        _STATS,
        pairs("welchTTest(a, b).1 < 0", "[(1, 0), (2, 0), (3, 1), (5, 1)]"),
        True,
        params=(0, 1),
    ),
)
