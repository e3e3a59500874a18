"""Whether a dialect can say a query or a part of it, and what stands in the way."""

from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from pwh_assets.hogql.catalog import Catalog
from pwh_assets.hogql.errors import Problem, SyntaxProblem
from pwh_assets.hogql.functions.base import Expansion, Unsupported
from pwh_assets.hogql.functions.dialect import rendering_of
from pwh_assets.hogql.functions.registry import REGISTRY
from pwh_assets.hogql.lower import LOWERINGS
from pwh_assets.hogql.lower.base import TooLong
from pwh_assets.hogql.lower.capabilities import CLAUSES, JOINS, TYPES, Capabilities
from pwh_assets.hogql.lower.remote import Remote
from pwh_assets.hogql.resolve.nodes import Query, Value


@dataclass(frozen=True, slots=True)
class Answer:
    """`reasons` name every construct that stands in the way, with its place in the text."""

    ok: bool
    reasons: tuple[Problem, ...] = ()


def expressible(
    part: Query | Value, dialect: str, catalog: Catalog, *, now: datetime | None = None
) -> Answer:
    """Whether a resolved query, or an expression of one, runs on a dialect.

    It is asked of the printer itself, which collects what it refuses, so it says yes exactly where compiling succeeds.
    The tree stays as it is. `now` is what the query will be compiled at: a frozen clock needs no time zone.

    Raises:
        KeyError: there is no such dialect.
    """
    printer = LOWERINGS[dialect](catalog, now=now)
    try:
        if isinstance(part, Query):
            printer.statement(part)
        else:
            printer.value(part)
    except TooLong:
        reason = Problem(
            SyntaxProblem.TOO_LARGE, "The query grows too large when it is printed", 0, 0
        )
        return Answer(False, (reason,))
    reasons = tuple(sorted(printer.problems, key=lambda problem: problem.start))
    return Answer(not reasons, reasons)


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a dialect has, all told; each mapping is from a name to why it is lacking, '' where it is there."""

    dialect: str
    title: str
    clauses: "MappingProxyType[str, str]"
    joins: "MappingProxyType[str, str]"
    types: "MappingProxyType[str, str]"
    functions: "MappingProxyType[str, str]"
    """Every name of the registry, aliases and all. A function that is there may still refuse some arguments."""
    parametric: frozenset[str]
    """Aggregates that take parameters, `quantile(0.9)(x)`."""


NO_EQUIVALENT = "it has no equivalent there."


def abilities(dialect: str) -> Abilities:
    """The table of a dialect: its own for clauses, joins and types, the registry for functions.

    Raises:
        KeyError: there is no such dialect.
    """
    lowering = LOWERINGS[dialect]
    can = lowering.can if issubclass(lowering, Remote) else Capabilities(dialect, {}, {}, {}, {})
    functions: dict[str, str] = {}
    parametric: set[str] = set()
    for row in REGISTRY:
        rendering: Any = "" if isinstance(row, Expansion) else rendering_of(row, dialect)
        reason = (
            rendering.reason
            if isinstance(rendering, Unsupported)
            else NO_EQUIVALENT
            if rendering is None
            else ""
        )
        for name in (row.name, *row.aliases):
            functions[name] = reason
            if not reason and getattr(row, "params", (0, 0))[1]:
                parametric.add(name)
    return Abilities(
        dialect,
        can.title,
        MappingProxyType({name: can.clauses.get(name, "") for name in CLAUSES}),
        MappingProxyType({name: can.joins.get(name, "") for name in JOINS}),
        MappingProxyType({name: can.types.get(name, "") for name in TYPES}),
        MappingProxyType(functions),
        frozenset(parametric),
    )
