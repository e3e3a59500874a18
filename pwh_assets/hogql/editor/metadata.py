"""What is to say about a text while it is written: mistakes with fixes, types to hover over, the tables it reads."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlglot import exp

from pwh_assets.hogql import gate
from pwh_assets.hogql.catalog import Catalog
from pwh_assets.hogql.compiler import compile as compile_hogql
from pwh_assets.hogql.editor.suggestion import quoted
from pwh_assets.hogql.errors import HogQLError, Problem
from pwh_assets.hogql.format import format_hogql
from pwh_assets.hogql.parser import ParseResult, parse
from pwh_assets.hogql.plan import Plan
from pwh_assets.hogql.resolve.core import Options, TooManyProblems, span
from pwh_assets.hogql.resolve.nodes import Value
from pwh_assets.hogql.resolve.resolver import Resolver

_VIEW_COLUMN: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence about the characters from `start` to `end` (exclusive); `fix` is what to put in their place."""

    message: str
    start: int
    end: int
    fix: str | None = None
    code: str = ""
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Metadata:
    """What an editor shows about a text."""

    query: str
    errors: tuple[Notice, ...] = ()
    warnings: tuple[Notice, ...] = ()
    notices: tuple[Notice, ...] = ()
    table_names: tuple[str, ...] = ()
    """Tables and views the text names, those behind joins included."""
    columns: tuple[tuple[str, str], ...] = ()
    """Name and type of each column of the answer; none while there are errors."""
    formatted: str | None = None
    """The text laid out; None while it does not parse."""
    view_blockers: tuple[str, ...] = ()
    """Why it could not be saved as a view although it runs."""
    plan: Plan | None = None
    explain: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_valid(self) -> bool:
        return not self.errors

    @property
    def is_valid_view(self) -> bool:
        """Whether it could be saved as a view: every column has a name of its own."""
        return self.is_valid and not self.view_blockers

    def with_warnings(self, warnings: Sequence[Notice]) -> "Metadata":
        return replace(self, warnings=(*self.warnings, *warnings))

    def as_dict(self) -> dict[str, Any]:
        """As PostHog's `HogQLMetadata` answers, with what it has not: columns, formatted text, plan."""
        return {
            "isValid": self.is_valid,
            "isValidView": self.is_valid_view,
            "query": self.query,
            "errors": [_plain(one) for one in self.errors],
            "warnings": [_plain(one) for one in self.warnings],
            "notices": [_plain(one) for one in self.notices],
            "table_names": list(self.table_names),
            "columns": [{"name": name, "type": kind} for name, kind in self.columns],
            "formatted": self.formatted,
            "view_blockers": list(self.view_blockers),
            "explain": dict(self.explain) or None,
        }


def _plain(notice: Notice) -> dict[str, Any]:
    return {
        "message": notice.message,
        "start": notice.start,
        "end": notice.end,
        "fix": notice.fix,
        "code": notice.code or None,
        "hint": notice.hint,
    }


def examine(
    text: str,
    catalog: Catalog,
    engine: str = "duckdb",
    variables: Mapping[str, Any] | None = None,
    limit: int | None = None,
) -> Metadata:
    """Everything to say about a text. Never raises for what is wrong in it: that is what it tells.

    A text that does not parse is looked at behind its mistakes too, so that independent ones come together.
    """
    try:
        gate.check_text(text)
    except HogQLError as error:
        return Metadata(text, errors=_notices(error.problems, text))
    read = parse(text)
    if read.problems:
        also = _behind(text, read, catalog, variables or {})
        problems = sorted([*read.problems, *also], key=lambda one: (one.start, one.end))
        return Metadata(text, errors=_notices(problems, text))
    formatted = format_hogql(text)
    try:
        plan = compile_hogql(text, catalog, engine, variables=variables, limit=limit)
    except HogQLError as error:
        return Metadata(text, errors=_notices(error.problems, text), formatted=formatted)
    columns = tuple((column.name, str(column.type)) for column in plan.columns)
    return Metadata(
        text,
        notices=tuple(_types(text, read, catalog, variables or {})),
        table_names=plan.tables,
        columns=columns,
        formatted=formatted,
        view_blockers=tuple(_blockers([name for name, _ in columns])),
        plan=plan,
    )


def _behind(
    text: str, read: ParseResult, catalog: Catalog, variables: Mapping[str, Any]
) -> list[Problem]:
    """Wrong names in the parts of a broken text that could be read."""
    if read.tree is None or read.tree.meta.get("error") or read.tokens.is_unbalanced:
        return []
    holes = [span(n) for n in read.tree.walk() if n.meta.get("error")]  # type: ignore[arg-type]
    resolver = Resolver(text, catalog, Options(variables))
    try:
        resolver.query(read.tree, {}, None)  # type: ignore[arg-type]
    except (HogQLError, TooManyProblems, RecursionError):
        pass
    except Exception:  # a tree with holes may be no query at all
        return []
    first = min(problem.start for problem in read.problems)
    return [
        problem
        for problem in resolver.problems
        if problem.end > problem.start
        and "``" not in problem.message
        and not any(start <= problem.start and problem.end <= end for start, end in holes)
        and not (problem.start <= first < problem.end)
        and problem.code in ("unknown_table", "unknown_column", "unknown_function")
    ]


# Fixes

_INSTEAD = re.compile(r"Did you mean `(?P<right>.+?)` instead of `(?P<wrong>.+?)`\?")
_MEANT = re.compile(r"(?:Did you mean|Write) `(?P<right>[^`…]+)`[?.]")
_RESERVED = re.compile(r"`(?P<word>.+)` is reserved; put it in backquotes")


def fix_of(problem: Problem, text: str) -> tuple[int, int, str] | None:
    """What to replace, and by what, to mend a problem; None where nobody can know.

    >>> fix_of(Problem("unknown_column", "…", 7, 11, "Did you mean `event`?"), "SELECT evnt FROM events")
    (7, 11, 'event')
    """
    hint = problem.hint or ""
    if found := _INSTEAD.search(hint):
        wrong, right = found["wrong"], found["right"]
        place = text.rfind(wrong, 0, problem.end)
        return (place, place + len(wrong), right) if place >= 0 else None
    if found := _RESERVED.search(hint):
        return problem.start, problem.end, f"`{text[problem.start : problem.end]}`"
    if hint.startswith("A comma may be missing"):
        return problem.start, problem.end, f", {text[problem.start : problem.end]}"
    if hint == "Remove the comma":
        place = text.rfind(",", 0, problem.end)
        return (place, place + 1, "") if place >= 0 else None
    if found := _MEANT.search(hint):
        right = found["right"]
        written = text[problem.start : problem.end]
        if problem.code == "unknown_function" or "." in right or right.startswith("{"):
            return problem.start, problem.end, right
        if problem.code in ("unknown_column", "unknown_table", "ambiguous_name"):
            if written.startswith("'"):
                return problem.start, problem.end, f"'{right}'"
            return problem.start, problem.end, quoted(right)
    return None


def _notices(problems: Sequence[Problem], text: str) -> tuple[Notice, ...]:
    found: list[Notice] = []
    for problem in problems:
        start, end, fix = problem.start, problem.end, None
        mend = fix_of(problem, text)
        if mend is not None:
            start, end, fix = mend
        found.append(Notice(problem.message, start, end, fix, problem.code, problem.hint))
    return tuple(found)


# Hovering


def _types(
    text: str, read: ParseResult, catalog: Catalog, variables: Mapping[str, Any]
) -> Iterator[Notice]:
    """The type of every column the text names, at its place."""
    resolver = _Noting(text, catalog, Options(variables))
    try:
        resolver.query(read.tree, {}, None)  # type: ignore[arg-type]
    except (HogQLError, TooManyProblems, RecursionError):
        return
    for (start, end), kind in sorted(resolver.noted.items()):
        yield Notice(f"Field `{text[start:end]}` is of type {kind}", start, end)


class _Noting(Resolver):
    """Resolves, and remembers what each chain of names became."""

    def __init__(self, text: str, catalog: Catalog, options: Options) -> None:
        super().__init__(text, catalog, options)
        self.noted: dict[tuple[int, int], str] = {}

    def value(self, node: exp.Expression) -> Value:
        value = super().value(node)
        if type(node) in _CHAINS and self.anchor is None and not self.views:
            place = span(node)
            if place[1] > place[0]:
                self.noted[place] = str(value.type)
        return value


_CHAINS = (exp.Column, exp.Dot, exp.Bracket)


def _blockers(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if not _VIEW_COLUMN.fullmatch(name):
            yield f"Column `{name}` needs a name: add `AS name`."
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            yield f"Two columns are called `{name}`."
        seen.add(name.lower())
