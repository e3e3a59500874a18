"""Suffixes that make a new aggregate of an aggregate, as rules: `-If` is a FILTER, `-Distinct` a DISTINCT, and so on.

ClickHouse knows them natively. DuckDB gathers the arguments of `-Array`, `-ForEach`, `-Map`, `-ArgMin` and `-ArgMax` in
a list and aggregates that, by the row's `over_list`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from pwh_assets.hogql.functions.base import Agg, Arg, Call, Rendering, TypeRule
from pwh_assets.hogql.functions.dialect import functions_of
from pwh_assets.hogql.functions.sqltext import both, default_value, let, tail
from pwh_assets.hogql.types import INTEGER, UNKNOWN, Type, array, map_

STATES = ("State", "Merge", "SimpleState")
KEYED = ("ArgMin", "ArgMax")


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A row with its rendering for the call's engine, and the function that fills templates."""

    row: Agg
    rendering: Rendering
    fill: Callable[[Rendering, Call], str]

    @property
    def counts(self) -> bool:
        """Whether it is 0 rather than NULL over nothing."""
        return self.row.name.startswith(("count", "uniq", "groupBitmap", "approx_count"))


def apply(aggregate: Aggregate, call: Call, suffixes: tuple[str, ...]) -> str:
    """SQL of the call with its combinators; `call.args` are the arguments as written."""
    if not suffixes:
        return _plain(aggregate, call)
    inner, suffix = suffixes[:-1], suffixes[-1]
    match suffix:
        case "If":
            *args, condition = call.args
            filtered = both(call.filter_sql, condition.sql)
            return apply(aggregate, replace(call, args=args, filter_sql=filtered), inner)
        case "Distinct":
            return apply(aggregate, replace(call, distinct=True), inner)
        case "OrNull":
            sql = apply(aggregate, call, inner)
            return f"nullif({sql}, 0)" if aggregate.counts else sql
        case "OrDefault":
            sql = apply(aggregate, call, inner)
            kind = result_type(aggregate.row.returns, call.types(), inner)
            if aggregate.counts or kind.name in ("Array", "Map", "Tuple", "State"):
                return sql
            if kind.name in ("Unknown", "Null"):
                raise ValueError(
                    "the type of its default is not known here; write coalesce(…, default)."
                )
            return f"coalesce({sql}, {default_value(kind, call.engine)})"
    if call.engine == "clickhouse":
        return _native(aggregate, call, suffixes)
    if suffix in STATES:
        raise ValueError(
            "aggregation states exist in ClickHouse only; aggregate the rows themselves."
        )
    return _over_list(aggregate, call, inner, suffix)


def result_type(rule: TypeRule, types: Sequence[Type], suffixes: tuple[str, ...]) -> Type:
    """The type with combinators; `types` are those of the arguments as written."""
    if not suffixes:
        return rule if isinstance(rule, Type) else rule(types)
    inner, suffix = suffixes[:-1], suffixes[-1]
    match suffix:
        case "If" | "ArgMin" | "ArgMax":
            return result_type(rule, types[:-1], inner)
        case "Array":
            return result_type(rule, [_element(type_) for type_ in types], inner)
        case "ForEach":
            return array(result_type(rule, [_element(type_) for type_ in types], inner))
        case "Map":
            if types and types[0].name == "Map":
                return map_(types[0].args[0], result_type(rule, [types[0].args[1]], inner))
            return UNKNOWN
        case "State":
            return Type("State", (result_type(rule, types, inner),))
        case "Merge":
            return types[0].args[0] if types and types[0].name == "State" else UNKNOWN
        case _:
            return result_type(rule, types, inner)


def _element(type_: Type) -> Type:
    return type_.args[0] if type_.name == "Array" and type_.args else UNKNOWN


def _plain(aggregate: Aggregate, call: Call) -> str:
    skip = aggregate.row.skip_null
    if skip and call.engine != "clickhouse":
        condition = aggregate.fill(skip, Call(call.name, call.engine, call.args, call.params))
        call = replace(call, filter_sql=both(call.filter_sql, condition))
    dialect = functions_of(call.engine)
    if dialect is not None:
        if call.distinct and call.over_sql:
            raise ValueError("DISTINCT and OVER do not go together there.")
        if call.filter_sql and not dialect.has_filter:
            call = _without_filter(call)
    return aggregate.fill(aggregate.rendering, call)


def _without_filter(call: Call) -> Call:
    """Arguments that are NULL where the condition fails; aggregates pass NULL over."""
    if not call.args or isinstance(call.args[0].node, exp.Star):
        mark = Arg(f"CASE WHEN {call.filter_sql} THEN 1 END", INTEGER, exp.Null())
        return replace(call, args=(mark,), filter_sql="")
    head, *rest = call.args
    kept = replace(head, sql=f"(CASE WHEN {call.filter_sql} THEN {head.sql} END)", node=exp.Null())
    return replace(call, args=(kept, *rest), filter_sql="")


def _native(aggregate: Aggregate, call: Call, suffixes: tuple[str, ...]) -> str:
    """ClickHouse: the suffixes go to the aggregate's own name."""
    row = aggregate.row
    name = row.name if row.native is None else row.native
    if not name:
        raise ValueError(f"it cannot take -{suffixes[-1]} there.")
    params = ", ".join(param.sql for param in call.params)
    if not params and row.name == "median":
        params = "0.5"
    listed = ", ".join(arg.sql for arg in call.args if not isinstance(arg.node, exp.Star))
    sql = (
        f"{name}{''.join(suffixes)}{f'({params})' if params else ''}"
        f"({'DISTINCT ' if call.distinct else ''}{listed}){tail(call)}"
    )
    sorted_ = row.name == "groupUniqArray" and not set(suffixes) & set(STATES[::2])
    return f"arraySort({sql})" if sorted_ else sql


def _over_list(aggregate: Aggregate, call: Call, inner: tuple[str, ...], suffix: str) -> str:
    """DuckDB: gather the argument in a list, then aggregate the list."""
    if inner:
        raise ValueError(f"-{''.join(inner)} before -{suffix} is too deep; aggregate in two steps.")
    first = call.args[0].sql

    def fold(items: str) -> str:
        return over_list(aggregate.row, items, call.params, aggregate.fill, call.distinct)

    if suffix == "Array":
        gathered = f"flatten(list({first}){_not_null(call, first)})"
        return fold(gathered)
    if suffix == "ForEach":
        gathered = f"list({first}){_not_null(call, first)}"
        return let(
            gathered,
            lambda rows: (
                f"list_transform(range(1, coalesce(list_max(list_transform({rows}, "
                f"lambda __r: len(__r))), 0) + 1), lambda __i: "
                + fold(
                    f"list_transform(list_filter({rows}, lambda __r: len(__r) >= __i), "
                    "lambda __r: __r[__i])"
                )
                + ")"
            ),
            "__rows",
        )
    if suffix == "Map":
        gathered = f"flatten(list(map_entries({first})){_not_null(call, first)})"
        return let(
            f"coalesce({gathered}, [])",
            lambda entries: (
                f"map_from_entries(list_transform(list_sort(list_distinct(list_transform({entries}, "
                f"lambda __e: __e.key))), lambda __k: row(__k, "
                + fold(
                    f"list_transform(list_filter({entries}, lambda __e: __e.key = __k), "
                    "lambda __e: __e.value)"
                )
                + ")))"
            ),
            "__entries",
        )
    if suffix in KEYED:
        *_, key = call.args
        gathered = f"list({{'v': {first}, 'k': {key.sql}}}){_not_null(call, key.sql)}"
        best = "list_min" if suffix == "ArgMin" else "list_max"
        return let(
            gathered,
            lambda rows: fold(
                f"list_transform(list_filter({rows}, lambda __r: __r.k = "
                f"{best}(list_transform({rows}, lambda __s: __s.k))), lambda __r: __r.v)"
            ),
            "__rows",
        )
    raise ValueError(f"-{suffix} has no equivalent there.")


def over_list(
    row: Agg,
    items: str,
    params: Sequence[Arg],
    fill: Callable[[Rendering, Call], str],
    distinct: bool = False,
) -> str:
    """DuckDB: the aggregate of a list's elements.

    Raises:
        ValueError: the row has no form over a list.
    """
    if row.over_list is None:
        raise ValueError("it has no form over a list there.")
    if distinct:
        items = f"list_distinct({items})"
    return fill(row.over_list, Call(row.name, "duckdb", (Arg(items, UNKNOWN, exp.Null()),), params))


def _not_null(call: Call, sql: str) -> str:
    kept = replace(call, filter_sql=both(call.filter_sql, f"{sql} IS NOT NULL"))
    return tail(kept)
