"""Quantiles and medians. All are exact and, where not named otherwise, interpolated: the same on every engine."""

from dataclasses import replace

from sqlglot import exp

from pwh_assets.hogql.functions.aggregates import numeric, over
from pwh_assets.hogql.functions.base import Agg, Arg, Call, Handler, Row, alike
from pwh_assets.hogql.functions.rules import first
from pwh_assets.hogql.functions.sqltext import both, let, tail
from pwh_assets.hogql.types import FLOAT, array


def level(call: Call, at: int = 0, default: str = "0.5") -> str:
    """A parameter as the engine wants it: a plain number."""
    if at >= len(call.params):
        return default
    value = call.params[at].literal
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError("its level has to be a number from 0 to 1.")
    return repr(float(value))


def _quantile(call: Call, /) -> str:
    call = numeric(call)
    arg = call.args[0].sql
    if call.engine == "clickhouse":
        return f"quantileExactInclusive({level(call)})({'DISTINCT ' if call.distinct else ''}{arg}){tail(call)}"
    return f"quantile_cont({'DISTINCT ' if call.distinct else ''}CAST({arg} AS DOUBLE), {level(call)}){tail(call)}"


def _quantiles(call: Call, /) -> str:
    call = numeric(call)
    arg = call.args[0].sql
    levels = [level(call, i) for i in range(len(call.params))] or ["0.5"]
    if call.engine == "clickhouse":
        listed = ", ".join(levels)
        found = f"quantilesExactInclusive({listed})({arg}){tail(call)}"
        nothing = f"[{', '.join(['NULL'] * len(levels))}]"
        return f"if(count({arg}){tail(call)} = 0, {nothing}, arrayMap(x -> toNullable(x), {found}))"
    found = f"quantile_cont(CAST({arg} AS DOUBLE), [{', '.join(levels)}]){tail(call)}"
    nothing = f"[{', '.join(['CAST(NULL AS DOUBLE)'] * len(levels))}]"
    return f"coalesce({found}, {nothing})"


def _nearest(kind: str) -> Handler:
    """An element of the group: at the level, or of the two in the middle the lower or higher."""

    def handler(call: Call, /) -> str:
        arg, p = call.args[0].sql, float(level(call))
        native = {"exact": "quantileExact", "low": "quantileExactLow", "high": "quantileExactHigh"}[
            kind
        ]
        if call.engine == "clickhouse":
            return f"{native}({p})({arg}){tail(call)}"
        kept = replace(call, filter_sql=both(call.filter_sql, f"{arg} IS NOT NULL"))
        gathered = f"list({arg} ORDER BY {arg}){tail(kept)}"
        return let(gathered, lambda v: element_at(v, p, kind), "__q")

    return handler


def element_at(values: str, p: float, kind: str) -> str:
    """DuckDB: the element of a sorted list at a level, by ClickHouse's rule."""
    if kind == "low" and p == 0.5:
        place = f"(len({values}) + 1) // 2"
    else:
        place = f"least(CAST(floor({p} * len({values})) AS BIGINT) + 1, len({values}))"
    return f"{values}[{place}]"


def _weighted(call: Call, /) -> str:
    arg, weight = (one.sql for one in call.args)
    p = level(call)
    if call.engine == "clickhouse":
        return f"quantileExactWeighted({p})({arg}, {weight}){tail(call)}"
    kept = replace(call, filter_sql=both(call.filter_sql, f"{arg} IS NOT NULL AND {weight} > 0"))
    gathered = f"list_sort(flatten(list(repeat([{arg}], CAST({weight} AS BIGINT))){tail(kept)}))"
    return let(gathered, lambda v: f"{v}[greatest(CAST(ceil({p} * len({v})) AS BIGINT), 1)]", "__q")


def _median(call: Call, /) -> str:
    return _quantile(replace(call, params=()))


def _over_list(call: Call, /) -> str:
    return f"list_aggregate(CAST({call.args[0].sql} AS DOUBLE[]), 'quantile_cont', {level(call)})"


def _percentile(call: Call, /) -> str:
    """percentile_cont(p) WITHIN GROUP (ORDER BY x): the ordered value comes as the first sort key or argument."""
    value = call.order_keys[0][0] if call.order_keys else call.args[0].sql if call.args else None
    if value is None:
        raise ValueError("it is written percentile_cont(0.5) WITHIN GROUP (ORDER BY x).")
    params = call.params or call.args
    down = bool(call.order_keys) and call.order_keys[0][1]
    p = params[0].literal
    if not isinstance(p, int | float):
        raise ValueError("its level has to be a number from 0 to 1.")
    p = 1 - p if down else p
    asked = Arg(repr(float(p)), FLOAT, exp.Literal.number(float(p)))
    plain = replace(
        call, args=(Arg(value, FLOAT, exp.Null()),), params=(asked,), order_sql="", order_keys=()
    )
    if call.name.lower() == "percentile_disc":
        if call.engine == "clickhouse":
            return f"quantileExactWeighted({asked.sql})({value}, 1){tail(call)}"
        return f"quantile_disc({value}, {asked.sql}){tail(call)}"
    return _quantile(plain)


_FOUR = "[1, 2, 3, 4]"

ROWS: tuple[Row, ...] = (
    Agg(
        "quantile",
        (1, 2),
        FLOAT,
        "The value below which that share of the group lies, interpolated: quantile(0.9)(x).",
        alike(_quantile),
        example=(
            (over("quantile(0.9)(x)", _FOUR), 3.7),
            (over("quantileIf(0.5)(x, x > 9)"), None),
            (over("quantile(x)", _FOUR), 2.5),
        ),
        aliases=(
            "quantileExactInclusive",
            "quantileTDigest",
            "quantileTiming",
            "quantileDeterministic",
            "quantileBFloat16",
            "quantileDD",
            "quantileGK",
            "quantileInterpolated",
        ),
        params=(0, 2),
        native="quantileExactInclusive",
        over_list=_over_list,
    ),
    Agg(
        "quantiles",
        (1, 1),
        array(FLOAT),
        "Several quantiles at once: quantiles(0.5, 0.9)(x).",
        alike(_quantiles),
        example=(
            (over("quantiles(0.25, 0.75)(x)", _FOUR), [1.75, 3.25]),
            (over("quantilesIf(0.5)(x, x > 9)"), [None]),
        ),
        aliases=(
            "quantilesExactInclusive",
            "quantilesTDigest",
            "quantilesTiming",
            "quantilesBFloat16",
            "quantilesDeterministic",
        ),
        native="quantilesExactInclusive",
        params=(0, None),  # type: ignore[arg-type]
    ),
    Agg(
        "median",
        (1, 2),
        FLOAT,
        "The middle of the group, interpolated.",
        alike(_median),
        example=((over("median(x)", _FOUR), 2.5), (over("medianIf(x, x > 9)"), None)),
        aliases=(
            "medianTDigest",
            "medianTiming",
            "medianDeterministic",
            "medianBFloat16",
            "medianInterpolated",
        ),
        native="quantileExactInclusive",
        over_list="list_median({0})",
    ),
    *(
        Agg(
            f"{word}{suffix}",
            (1, 1),
            first,
            f"An element of the group at the level{tail_}.",
            alike(_nearest(kind)),
            example=(
                over(f"{word}{suffix}{'(0.5)' if word == 'quantile' else ''}(x)", _FOUR),
                value,
            ),
            params=(0, 1) if word == "quantile" else (0, 0),
        )
        for word in ("quantile", "median")
        for suffix, kind, tail_, value in (
            ("Exact", "exact", "", 3),
            ("ExactLow", "low", "; of two in the middle the lower", 2),
            ("ExactHigh", "high", "; of two in the middle the higher", 3),
        )
    ),
    Agg(
        "quantileExactWeighted",
        (2, 2),
        first,
        "An element of the group at the level, each counted as often as the second argument says.",
        alike(_weighted),
        example=(over("quantileExactWeighted(0.5)(x, 2)", _FOUR), 2),
        aliases=(
            "medianExactWeighted",
            "quantileTimingWeighted",
            "medianTimingWeighted",
            "quantileTDigestWeighted",
            "medianTDigestWeighted",
        ),
        params=(0, 1),
    ),
    Agg(
        "percentile_cont",
        (0, 2),
        FLOAT,
        "percentile_cont(0.5) WITHIN GROUP (ORDER BY x): interpolated.",
        alike(_percentile),
        params=(0, 1),
    ),
    Agg(
        "percentile_disc",
        (0, 2),
        FLOAT,
        "percentile_disc(0.5) WITHIN GROUP (ORDER BY x): an element of the group.",
        alike(_percentile),
        params=(0, 1),
    ),
)
