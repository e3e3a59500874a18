"""From a row and a call to SQL for one engine; combinators and FILTER are added by rule.

Operators are rows too (`plus`, `equals`, `and` …), so a compiler that prints `a + b` through them gets the same answer
as one that calls `plus(a, b)`.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from pwh_assets.hogql.functions import combinators as combine
from pwh_assets.hogql.functions.base import (
    Agg,
    Arg,
    Call,
    Expansion,
    Fn,
    Rendering,
    Row,
    TypeRule,
    Unsupported,
)
from pwh_assets.hogql.functions.dialect import functions_of, rendering_of
from pwh_assets.hogql.functions.sqltext import filter_clause, order_clause, over_clause
from pwh_assets.hogql.types import UNKNOWN, Type

ENGINE_TITLES = {"duckdb": "DuckDB", "clickhouse": "ClickHouse"}


class UnsupportedFunction(ValueError):
    """The engine cannot do this call; `reason` is a sentence without its subject."""

    def __init__(self, name: str, engine: str, reason: str) -> None:
        self.name, self.engine, self.reason = name, engine, reason
        dialect = functions_of(engine)
        title = dialect.title if dialect is not None else ENGINE_TITLES.get(engine, engine)
        super().__init__(f"`{name}` does not run on {title}: {reason}")


def render(row: Row, call: Call, combinators: Sequence[str] = ()) -> str:
    """SQL of a call.

    >>> from sqlglot import exp
    >>> from pwh_assets.hogql.functions.registry import REGISTRY
    >>> from pwh_assets.hogql.types import INTEGER
    >>> x = Arg('"x"', INTEGER, exp.column("x"))
    >>> row, suffixes = REGISTRY.aggregate("uniqIf")
    >>> render(row, Call("uniqIf", "clickhouse", (x, Arg('"ok"', INTEGER, exp.column("ok")))), suffixes)
    'uniqExact("x") FILTER (WHERE "ok")'

    Raises:
        UnsupportedFunction: the engine has no equivalent, or not for these arguments.
    """
    if isinstance(row, Expansion):
        raise UnsupportedFunction(call.name, call.engine, "it has to be expanded before lowering.")
    rendering = rendering_of(row, call.engine)
    if rendering is None:
        raise UnsupportedFunction(call.name, call.engine, "it has no equivalent there.")
    if isinstance(rendering, Unsupported):
        raise UnsupportedFunction(call.name, call.engine, rendering.reason)
    try:
        if isinstance(row, Agg):
            return _aggregate(row, rendering, call, tuple(combinators))
        return fill(rendering, call)
    except UnsupportedFunction:
        raise
    except ValueError as error:
        raise UnsupportedFunction(call.name, call.engine, str(error)) from error


def result_type(row: Row, args: Sequence[Arg], combinators: Sequence[str] = ()) -> Type:
    """Type of a call's result; arguments as written, so with the condition of an `-If`."""
    if isinstance(row, Expansion):
        return UNKNOWN
    if isinstance(row, Fn) and row.typed is not None:
        return row.typed(args)
    if combinators:
        return combine.result_type(row.returns, [arg.type for arg in args], tuple(combinators))
    return type_by(row.returns, [arg.type for arg in args])


def type_by(rule: TypeRule, types: Sequence[Type]) -> Type:
    return rule if isinstance(rule, Type) else rule(types)


def lambda_types(row: Row, types: Sequence[Type]) -> Sequence[Type]:
    """Types of a lambda's parameters, given the types of the arguments (the lambda's own is ignored)."""
    if isinstance(row, Fn) and row.lambda_types is not None:
        return row.lambda_types(types)
    return [type_.args[0] for type_ in types if type_.name == "Array" and type_.args]


def arity(row: Row, combinators: Sequence[str] = ()) -> tuple[int, int | None]:
    """Fewest and most arguments with the combinators' own."""
    fewest, most = row.args
    if "Merge" in combinators:
        fewest, most = 1, 1
        combinators = combinators[list(combinators).index("Merge") :]
    extra = sum(suffix in ("If", "ArgMin", "ArgMax") for suffix in combinators)
    return fewest + extra, None if most is None else most + extra


_HOLE = re.compile(
    r"\{(?P<arg>\d+)\}|\{(?P<rest>\d+)\*\}|\{(?P<all>\*)\}|\{p(?P<param>\d+)\}"
    r"|\{(?P<params>p\*)\}|\{(?P<word>distinct|order|filter|over|tz|type\d)\}|(?P<brace>\{\{|\}\})"
)


@lru_cache(maxsize=4096)
def _parts(template: str) -> tuple[tuple[str, str], ...]:
    parts: list[tuple[str, str]] = []
    end = 0
    for hole in _HOLE.finditer(template):
        if hole.start() > end:
            parts.append(("text", template[end : hole.start()]))
        kind = hole.lastgroup or "text"
        parts.append((kind, hole.group(kind)))
        end = hole.end()
    if end < len(template):
        parts.append(("text", template[end:]))
    return tuple(parts)


def fill(rendering: Rendering, call: Call) -> str:
    """The template with the call's SQL in its holes, or what the handler returns."""
    if isinstance(rendering, Unsupported):
        raise ValueError(rendering.reason)
    if not isinstance(rendering, str):
        return rendering(call)
    out: list[str] = []
    seen: set[str] = set()
    for kind, value in _parts(rendering):
        match kind:
            case "text":
                out.append(value)
            case "arg":
                if int(value) >= len(call.args):
                    raise ValueError(f"it needs {int(value) + 1} arguments.")
                out.append(call.args[int(value)].sql)
            case "all" | "rest":
                start = 0 if kind == "all" else int(value)
                out.append(", ".join(arg.sql for arg in call.args[start:]))
            case "param":
                if int(value) >= len(call.params):
                    raise ValueError(
                        f"it needs a parameter: {call.name}({', '.join('…' * (int(value) + 1))})(…)."
                    )
                out.append(call.params[int(value)].sql)
            case "params":
                out.append(", ".join(param.sql for param in call.params))
            case "brace":
                out.append(value[0])
            case _:
                seen.add(value)
                out.append(_word(value, call))
    if "filter" not in seen:
        out.append(filter_clause(call))
    if "over" not in seen:
        out.append(over_clause(call))
    return "".join(out)


def _word(word: str, call: Call) -> str:
    match word:
        case "distinct":
            return "DISTINCT " if call.distinct else ""
        case "order":
            return order_clause(call)
        case "filter":
            return filter_clause(call)
        case "over":
            return over_clause(call)
        case _:
            return "'" + call.timezone.replace("'", "''") + "'"


def _aggregate(row: Agg, rendering: Rendering, call: Call, suffixes: tuple[str, ...]) -> str:
    return combine.apply(combine.Aggregate(row, rendering, fill), call, suffixes)
