"""What a row of the function registry is: names, arity, types, SQL per engine, doc and example.

A template is the text the engine gets, verbatim. In it:

- `{0}`, `{1}` … are the arguments' SQL, `{*}` all of them, `{1*}` all from the second on, comma separated;
- `{p0}`, `{p1}` … are parameters of a parametric call, `f(p0)(x)`;
- in aggregates, `{distinct}` (prints `DISTINCT ` or nothing), `{order}` (` ORDER BY …` or nothing), `{filter}`
  (` FILTER (WHERE …)` or nothing) and `{over}` mark where those go. Where a template has no `{filter}` or `{over}` they follow it.

Literal braces are doubled. A callable instead of a template gets the whole `Call` and returns SQL.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlglot import exp

from pwh_assets.hogql.types import Type


@dataclass(frozen=True, slots=True)
class Arg:
    """One argument, resolved and lowered."""

    sql: str
    type: Type
    node: exp.Expression
    lambda_names: tuple[str, ...] = ()
    """Parameter names when the argument is a lambda; `sql` is then its body."""

    @property
    def literal(self) -> Any:
        """The Python value when the argument is a literal, else None."""
        node, sign = self.node, 1
        while isinstance(node, exp.Neg | exp.Paren):
            sign = -sign if isinstance(node, exp.Neg) else sign
            node = node.this
        if isinstance(node, exp.Boolean):
            return bool(node.this)
        if isinstance(node, exp.Literal):
            if node.is_string:
                return node.this
            text = node.this
            return sign * (int(text) if text.isdigit() else float(text))
        return None


@dataclass(frozen=True, slots=True)
class Call:
    """A call as a handler sees it. `distinct`, `order_sql`, `filter_sql` and `over_sql` are for aggregates and windows."""

    name: str
    engine: str
    args: Sequence[Arg]
    params: Sequence[Arg] = ()
    distinct: bool = False
    order_sql: str = ""
    """The ORDER BY inside the parentheses, printed for the engine."""
    order_keys: Sequence[tuple[str, bool]] = ()
    """The same order as (SQL, is_descending) pairs, for engines that have to sort by hand."""
    filter_sql: str = ""
    """The condition alone, without FILTER (WHERE …)."""
    over_sql: str = ""
    """The window, with or without the word OVER."""
    timezone: str = "UTC"
    """The project's time zone."""
    week_start: str = "sunday"

    def types(self) -> tuple[Type, ...]:
        return tuple(arg.type for arg in self.args)


class Handler(Protocol):
    """Writes SQL for a call; raises `ValueError` with a sentence when the arguments cannot be expressed."""

    def __call__(self, call: Call, /) -> str: ...


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Why an engine cannot do this; the user reads it after the function's name."""

    reason: str


Rendering = str | Handler | Unsupported
TypeRule = Type | Callable[[Sequence[Type]], Type]
Example = tuple[str, Any]


@dataclass(frozen=True, slots=True)
class Fn:
    """A scalar function. An engine without a rendering refuses the function by name."""

    name: str
    args: tuple[int, int | None]
    """Fewest and most arguments; None for any number."""
    returns: TypeRule
    doc: str
    sql: Mapping[str, Rendering]
    example: Example | tuple[Example, ...] | None = None
    """HogQL and the value it has, on every engine that has the function."""
    aliases: tuple[str, ...] = ()
    params: tuple[int, int] = (0, 0)
    category: str = ""
    volatile: bool = False
    """True when two calls may differ (`rand`, `generateUUIDv4`)."""
    typed: Callable[[Sequence[Arg]], Type] | None = None
    """The result's type where it depends on a literal (`JSONExtract(x, 'Float')`); wins over `returns`."""
    lambda_types: Callable[[Sequence[Type]], Sequence[Type]] | None = None
    """Types of a lambda's parameters by the other arguments' types; else the elements of the arrays."""


@dataclass(frozen=True, slots=True)
class Agg:
    """An aggregate function. Combinators (`-If`, `-Distinct`, `-OrNull` …) are formed by rule from these rows."""

    name: str
    args: tuple[int, int | None]
    returns: TypeRule
    doc: str
    sql: Mapping[str, Rendering]
    example: Example | tuple[Example, ...] | None = None
    """A HogQL query's text with one value, or an expression over `arrayJoin`."""
    aliases: tuple[str, ...] = ()
    params: tuple[int, int] = (0, 0)
    skip_null: str | None = None
    """Condition template added to the filter, such as `{0} IS NOT NULL`, where an engine would count NULLs."""
    native: str | None = None
    """ClickHouse's own name, which takes suffixes; the row's name unless given, '' where there is none."""
    over_list: "Rendering | None" = None
    """DuckDB: the same over a list `{0}`, for `arrayReduce` and the combinators that gather rows first."""
    category: str = "aggregate"
    combinators: tuple[str, ...] = (
        "If",
        "Distinct",
        "OrNull",
        "OrDefault",
        "Array",
        "ArgMin",
        "ArgMax",
    )


@dataclass(frozen=True, slots=True)
class WindowFn:
    """A function that needs OVER."""

    name: str
    args: tuple[int, int | None]
    returns: TypeRule
    doc: str
    sql: Mapping[str, Rendering]
    example: Example | tuple[Example, ...] | None = None
    aliases: tuple[str, ...] = ()
    category: str = "window"


@dataclass(frozen=True, slots=True)
class Expansion:
    """A name that the compiler replaces by other HogQL before types are known (`matchesAction`, `sparkline`)."""

    name: str
    args: tuple[int, int | None]
    doc: str
    expand: Callable[[Sequence[exp.Expression]], exp.Expression]
    example: Example | tuple[Example, ...] | None = None
    aliases: tuple[str, ...] = ()
    category: str = "posthog"


Row = Fn | Agg | WindowFn | Expansion


def same(template: str, *engines: str) -> dict[str, Rendering]:
    """The same template on several engines; all of duckdb and clickhouse when none is named."""
    return dict.fromkeys(engines or ("duckdb", "clickhouse"), template)


def on(duckdb: Rendering, clickhouse: Rendering) -> dict[str, Rendering]:
    """A rendering per engine that runs every query."""
    return {"duckdb": duckdb, "clickhouse": clickhouse}


def alike(handler: Handler) -> dict[str, Rendering]:
    """One handler that writes for either engine."""
    return {"duckdb": handler, "clickhouse": handler}


def family(category: str) -> Callable[..., Fn]:
    """A short way to write a family's rows: name, arity, type, doc, DuckDB, ClickHouse, examples."""

    def row(
        name: str,
        args: tuple[int, int | None],
        returns: TypeRule,
        doc: str,
        duckdb: Rendering,
        clickhouse: Rendering,
        *example: Example,
        aliases: tuple[str, ...] = (),
        typed: Callable[[Sequence[Arg]], Type] | None = None,
        volatile: bool = False,
    ) -> Fn:
        sql = on(duckdb, clickhouse)
        return Fn(
            name, args, returns, doc, sql, example, aliases, (0, 0), category, volatile, typed
        )

    return row


def rows(category: str) -> Callable[..., Fn]:
    """As `family`, but with one mapping of renderings, as `on`, `alike` and `same` make it."""

    def row(
        name: str,
        args: tuple[int, int | None],
        returns: TypeRule,
        doc: str,
        sql: Mapping[str, Rendering],
        *example: Example,
        aliases: tuple[str, ...] = (),
    ) -> Fn:
        return Fn(name, args, returns, doc, sql, example, aliases, category=category)

    return row


@dataclass(frozen=True, slots=True)
class Refused:
    """A name of HogQL's list that runs on no engine here, and why."""

    name: str
    reason: str
    hint: str = field(default="")
