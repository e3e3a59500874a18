"""What every part of the resolver shares: the text, the catalog, the problems found so far."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlglot import exp

from pwh_assets.core.names import nearest
from pwh_assets.hogql.catalog import Catalog, TableDef
from pwh_assets.hogql.errors import HogQLError, Problem, SyntaxProblem
from pwh_assets.hogql.functions.base import Agg, Arg, Fn, WindowFn
from pwh_assets.hogql.functions.registry import REGISTRY
from pwh_assets.hogql.functions.render import result_type
from pwh_assets.hogql.resolve.nodes import Call, Literal, Query, Source, Value
from pwh_assets.hogql.scope import Env, Scope
from pwh_assets.hogql.types import UNKNOWN, Type

MAX_PROBLEMS = 20
MAX_NODES = 100_000

Policy = Callable[[TableDef], str | None]
"""HogQL condition over a table's row that every read of it has to meet, or None."""


@dataclass(frozen=True, slots=True)
class Options:
    """What besides text and catalog decides the plan."""

    variables: Mapping[str, Any] = field(default_factory=dict)
    policy: Policy | None = None


class TooManyProblems(Exception):
    """Enough is known about what is wrong."""


class Core:
    """Shared state; the methods that need each other across files are declared here."""

    def __init__(self, text: str, catalog: Catalog, options: Options) -> None:
        self.text = text
        self.catalog = catalog
        self.options = options
        self.problems: list[Problem] = []
        self.scope = Scope({})
        self.anchor: exp.Expression | None = None
        """While a text of the catalog is resolved: the place of the user's text that asked for it."""
        self.views: tuple[str, ...] = ()
        self.placing: tuple[str, ...] = ()
        """Placeholders for tables whose values are being resolved, the outermost first."""
        self.placed = 0
        self.tables: dict[str, None] = {}
        """Tables and views the text names, in order."""
        self.nodes = 0
        self.is_guarding = False
        """While the row condition of a policy is resolved: it reads every table as it is."""
        self.computing: list[tuple[int, str]] = []
        """Computed columns being resolved: (id of the source, name)."""
        self.metric_values: dict[int, tuple[Value, str]] = {}
        """Values that are a metric's, by id, with what lineage calls it."""

    def value(self, node: exp.Expression) -> Value:
        raise NotImplementedError

    def query(self, node: exp.Expression, env: Env, parent: Scope | None) -> Query:
        raise NotImplementedError

    def join_source(self, source: Source, name: str, node: exp.Expression) -> Source | None:
        raise NotImplementedError

    def find_table(self, name: str) -> TableDef | None:
        raise NotImplementedError

    def metric_value(self, call: exp.Expression) -> Value | None:
        raise NotImplementedError

    def problem(
        self,
        code: str,
        message: str,
        node: exp.Expression | None,
        hint: str | None = None,
        end: exp.Expression | None = None,
    ) -> Literal:
        """Notes a mistake and gives a value of unknown type, so that the rest can be looked at too."""
        place = self.anchor if self.anchor is not None else node
        start, stop = span(place)
        if end is not None and self.anchor is None:
            stop = span(end)[1]
        found = Problem(code, message, start, stop, hint)
        if found not in self.problems:
            self.problems.append(found)
            if len(self.problems) >= MAX_PROBLEMS:
                raise TooManyProblems
        return Literal(UNKNOWN, None, node=node)

    def did_you_mean(self, name: str, candidates: Sequence[str]) -> str | None:
        found = nearest(name, candidates)
        return f"Did you mean `{found}`?" if found and found != name else None

    def words(self, node: exp.Expression) -> str:
        """The user's own words for a node."""
        start, end = span(node)
        return self.text[start:end] if self.anchor is None else ""

    def call(self, name: str, *args: Value, node: exp.Expression | None = None) -> Call:
        """A call of a row that is sure to exist, typed by its rule."""
        row = REGISTRY.find(name)
        assert isinstance(row, Fn), name
        return Call(typed(row, args), row, name, list(args), node=node)

    def fail(self) -> None:
        if self.problems:
            raise HogQLError(sorted(self.problems, key=lambda p: (p.start, p.end)), self.text)


def typed(row: Fn | Agg | WindowFn, args: Sequence[Value], suffixes: tuple[str, ...] = ()) -> Type:
    """The result's type by the row's rule; unknown where the arguments are none that the rule is made for."""
    try:
        return result_type(row, [as_arg(arg) for arg in args], suffixes)
    except (IndexError, ValueError):
        return UNKNOWN


NO_NODE = exp.Null()


def as_arg(value: Value) -> Arg:
    """A value as type rules see it: without SQL."""
    return Arg("", value.type, value.node if value.node is not None else NO_NODE)


def span(node: exp.Expression | None) -> tuple[int, int]:
    """Where a node stands in its text; a node without a place takes its first child's start and last child's end."""
    if node is None:
        return 0, 0
    meta = node.meta
    if "start" in meta:
        return meta["start"], meta["end"]
    starts = [n.meta["start"] for n in node.walk() if "start" in n.meta]
    ends = [n.meta["end"] for n in node.walk() if "end" in n.meta]
    return (min(starts), max(ends)) if starts else (0, 0)


@lru_cache(maxsize=2048)
def parse_expression(text: str) -> exp.Expression:
    """A catalog's HogQL expression as a tree. Catalog texts come from us, so a mistake is ours."""
    from pwh_assets.hogql.parser import parse_select

    tree = parse_select(f"SELECT {text}").expressions[0]
    assert isinstance(tree, exp.Expression)
    return tree


@lru_cache(maxsize=512)
def parse_view(text: str) -> exp.Expression:
    from pwh_assets.hogql.parser import parse_select

    tree = parse_select(text)
    assert isinstance(tree, exp.Expression)
    return tree


CODES = SyntaxProblem
