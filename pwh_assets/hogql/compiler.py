"""Text in, plan out: the steps in order, and a cache of finished plans."""

import hmac
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any

from sqlglot import exp

from pwh_assets.hogql import gate
from pwh_assets.hogql.catalog import Catalog
from pwh_assets.hogql.errors import HogQLError, Problem, SyntaxProblem
from pwh_assets.hogql.lineage import origins
from pwh_assets.hogql.lower import LOWERINGS
from pwh_assets.hogql.lower.base import Lowering, Relation, TooLong
from pwh_assets.hogql.lower.clickhouse import SETTINGS
from pwh_assets.hogql.parser import parse_select
from pwh_assets.hogql.plan import OutputColumn, Plan
from pwh_assets.hogql.resolve.core import Options, Policy
from pwh_assets.hogql.resolve.nodes import Literal, Query, QuerySource, Select, SetQuery
from pwh_assets.hogql.resolve.resolver import Resolver
from pwh_assets.hogql.types import INTEGER

CACHE_SIZE = 2048


@dataclass(slots=True)
class Compilation:
    """One text on its way; each step fills in its part."""

    text: str
    catalog: Catalog
    engine: str
    now: datetime | None
    limit: int | None
    max_limit: int | None
    options: Options
    relation: Relation | None
    tree: exp.Expression | None = None
    resolver: Resolver | None = None
    query: Query | None = None
    lowering: Lowering | None = None
    sql: str = ""
    applied_limit: int | None = None
    columns: tuple[OutputColumn, ...] = field(default_factory=tuple)


def parse_text(c: Compilation) -> None:
    """Characters to tree."""
    gate.check_text(c.text)
    tree = parse_select(c.text)
    assert isinstance(tree, exp.Expression)
    c.tree = tree


def check_gate(c: Compilation) -> None:
    """One query, no switches."""
    assert c.tree is not None
    gate.check_tree(c.tree, c.text)


def resolve(c: Compilation) -> None:
    """Tree to logical tree: names, types, views, joins, row policies."""
    assert c.tree is not None
    c.resolver = Resolver(c.text, c.catalog, c.options)
    c.query = c.resolver.run(c.tree)


def bound_rows(c: Compilation) -> None:
    """The default and the highest LIMIT."""
    query = c.query
    assert query is not None
    if c.limit is None and c.max_limit is None:
        return
    if query.limit is None:
        c.applied_limit = c.limit if c.limit is not None else c.max_limit
        if not (isinstance(query, Select | SetQuery) and query.has_ties):
            query.limit = Literal(INTEGER, c.applied_limit)
    elif (
        isinstance(query.limit, Literal)
        and isinstance(query.limit.value, int)
        and not query.is_percent
    ):
        if c.max_limit is not None and query.limit.value > c.max_limit:
            query.limit = Literal(INTEGER, c.max_limit)
        c.applied_limit = query.limit.value
    elif c.max_limit is not None:
        c.query = bounded(query, c.max_limit)
        c.applied_limit = c.max_limit


def bounded(query: Query, count: int) -> Query:
    """A query whose own LIMIT is no plain number, inside one that has one."""
    from pwh_assets.hogql.resolve.nodes import ColumnRef, Join

    source = QuerySource("q", query)
    source.columns = [
        (name, type_) for name, (_, type_) in zip(query.names, query.columns, strict=True)
    ]
    source.used.update(query.names)
    items = [ColumnRef(type_, source, name) for name, type_ in source.columns]
    return Select(
        query.columns,
        query.names,
        items=list(items),
        joins=[Join(source)],
        limit=Literal(INTEGER, count),
    )


def lower(c: Compilation) -> None:
    """Logical tree to the engine's SQL."""
    assert c.query is not None
    printer = c.lowering = LOWERINGS[c.engine](c.catalog, now=c.now, relation=c.relation)
    c.sql = printer.statement(c.query)
    if printer.problems:
        raise HogQLError(sorted(printer.problems, key=lambda p: p.start), c.text)


def describe(c: Compilation) -> None:
    """The answer's columns and what each is made of."""
    assert c.query is not None
    assert c.resolver is not None
    is_step = c.catalog.metrics_are_steps
    made_of = origins(c.query, c.resolver.metric_values if is_step else None)
    c.columns = tuple(
        OutputColumn(name, type_, made_of[i]) for i, (name, type_) in enumerate(c.query.columns)
    )


STEPS: tuple[Callable[[Compilation], None], ...] = (
    parse_text,
    check_gate,
    resolve,
    bound_rows,
    lower,
    describe,
)

_cache: "OrderedDict[tuple[Any, ...], Plan]" = OrderedDict()
_lock = Lock()


def compile(  # noqa: A001
    text: str,
    catalog: Catalog,
    engine: str = "duckdb",
    *,
    now: datetime | None = None,
    limit: int | None = None,
    max_limit: int | None = None,
    variables: Mapping[str, Any] | None = None,
    relation: Relation | None = None,
    policy: Policy | None = None,
) -> Plan:
    """The plan of a HogQL text for an engine.

    Args:
        now: what `now()` and `today()` are; None leaves them to the engine's clock, as a view needs it.
        limit: LIMIT where the text has none. None: no limit.
        max_limit: the highest LIMIT a text may have; a higher one is lowered to it.
        variables: values of `{variables.name}` and the like.
        relation: SQL for a stored table's path; the engine's own way by default.
        policy: HogQL condition a table's rows have to meet, asked for each table.

    Raises:
        HogQLError: with every independent mistake and its place.
    """
    key: tuple[Any, ...] | None = None
    if relation is None and policy is None and catalog.version:
        frozen = tuple(sorted((k, repr(v)) for k, v in variables.items())) if variables else ()
        key = (
            text,
            catalog.version,
            catalog.timezone,
            catalog.week_start,
            engine,
            limit,
            max_limit,
            frozen,
        )
        plan = _cache.get(key) or _cache.get((*key, now))
        if plan is not None:
            return plan
    options = Options(variables or {}, policy)
    c = Compilation(text, catalog, engine, now, limit, max_limit, options, relation)
    try:
        for step in STEPS:
            step(c)
    except RecursionError:
        raise HogQLError(
            [
                Problem(
                    SyntaxProblem.TOO_LARGE,
                    "The query is nested too deeply",
                    0,
                    0,
                    "Name the inner parts using WITH.",
                )
            ],
            text,
        ) from None
    except TooLong:
        raise HogQLError(
            [
                Problem(
                    SyntaxProblem.TOO_LARGE,
                    "The query grows too large when its aliases are written out",
                    0,
                    0,
                    "Compute the repeated parts in a sub-query.",
                )
            ],
            text,
        ) from None
    assert c.resolver is not None
    assert c.lowering is not None
    settings = dict(SETTINGS) if engine == "clickhouse" else {}
    sql, token = hidden_key(text, c.sql) if c.lowering.guards else (c.sql, "")
    plan = Plan(
        engine,
        sql,
        c.columns,
        tuple(c.resolver.tables),
        tuple(c.lowering.physical),
        c.applied_limit,
        settings,
        c.lowering.reads_clock,
        c.lowering.is_volatile,
        " ".join(sorted(c.lowering.guards)),
        token,
    )
    if key is not None:
        with _lock:
            _cache[(*key, now) if plan.reads_clock else key] = plan
            if len(_cache) > CACHE_SIZE:
                _cache.popitem(last=False)
    return plan


def hidden_key(text: str, sql: str) -> tuple[str, str]:
    """SQL with a token in the place of the key of hashes, and the token.

    Each text has its own, which depends on a secret: nobody can write a text that holds the token of that text.
    """
    from pwh_assets.hogql.policy import STAND_IN

    if STAND_IN not in sql:
        return sql, ""
    token = hmac.digest(STAND_IN.encode(), text.encode("utf-8", "surrogatepass"), "sha256").hex()
    return sql.replace(STAND_IN, token), token


__all__ = ["STEPS", "Compilation", "compile"]
