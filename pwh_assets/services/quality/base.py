"""The seam every kind of check fills: what it needs to know, what it asks in HogQL, how it judges the answer."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pwh_assets.core.names import nearest, slug
from pwh_assets.core.quality import CheckRun, QualityCheck
from pwh_assets.errors import InvalidInputError, PwhError, quoted
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.services.quality.subjects import Subject
from pwh_assets.services.quality.words import chain

if TYPE_CHECKING:
    import pyarrow as pa

    from pwh_assets.hogql.plan import Plan

EXAMPLES = 5
MOST_EXAMPLES = 50


class NotComputableError(PwhError):
    """A check cannot be answered with things as they are; the sentence says what is in the way."""

    code = "not_computable"
    status = 409


class Door(Protocol):
    """Where questions are asked: the published rows on an engine, or a view's new rows before anyone sees them."""

    def plan(self, hogql: str) -> "Plan":
        """Raises HogQLError."""
        ...

    def rows(self, hogql: str) -> list[tuple[Any, ...]]:
        """The answer, values as JSON has them."""
        ...

    def examples(self, hogql: str, most: int) -> list[dict[str, Any]]:
        """The first rows of the answer; masked columns, and what may be a credential, are hidden."""
        ...

    def arrow(self, hogql: str) -> "pa.Table":
        """The answer with its columns' types as they are stored."""
        ...


@dataclass(frozen=True, slots=True)
class Option:
    """Something a kind needs to know. `read` turns what was written into plain JSON or raises InvalidInputError."""

    name: str
    about: str
    read: Callable[[str, Any], Any]
    is_required: bool = False
    default: Any = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found. `facts` are the numbers behind the sentence."""

    passed: bool
    message: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    failing_rows: int | None = None
    examples: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Question:
    """One check about to be answered."""

    check: QualityCheck
    subject: Subject
    door: Door
    now: datetime
    """Aware, in UTC; also what `now()` is in the texts."""
    history: Callable[[], Sequence[CheckRun]] = tuple
    """Its earlier answers, newest first."""

    @property
    def options(self) -> Mapping[str, Any]:
        return self.check.options

    @property
    def table(self) -> str:
        """The table's name as HogQL text."""
        return chain(self.subject.name)

    def column(self, name: str) -> str:
        """A column, or a path into one such as `properties.plan`, as HogQL text."""
        return self.subject.column(name)

    def where(self, *conditions: str) -> str:
        """WHERE with the check's own filter and these conditions; empty when there is none."""
        own = [f"(\n{self.check.where}\n)"] if self.check.where else []
        found = [*own, *(f"({each})" for each in conditions)]
        return f" WHERE {' AND '.join(found)}" if found else ""

    def examples(self, condition: str, extra: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Rows that meet the condition by their key, and these columns beside it."""
        wanted = list(dict.fromkeys((*self.subject.key, *extra)))
        if not wanted or not self.most_examples:
            return []
        listed = ", ".join(self.column(name) for name in wanted)
        return self.sample(f"SELECT {listed} FROM {self.table}{self.where(condition)}")

    def sample(self, hogql: str) -> list[dict[str, Any]]:
        """The first rows of a query. Examples are a courtesy: where they cannot be had there are none."""
        if not self.most_examples:
            return []
        try:
            return self.door.examples(hogql, self.most_examples)
        except PwhError:
            return []

    @property
    def most_examples(self) -> int:
        return int(self.options.get("examples", EXAMPLES))


class Kind(ABC):
    """One kind of check. A file of `kinds/` exports an instance as KIND, and nothing else has to be touched."""

    name: ClassVar[str]
    about: ClassVar[str]
    """One sentence: what has to hold."""
    options: ClassVar[tuple[Option, ...]] = ()
    takes_filter: ClassVar[bool] = True
    follows_rows_alone: ClassVar[bool] = True
    """The answer changes only when the table's rows do: not with the clock, not with other tables."""

    def columns(self, options: Mapping[str, Any]) -> tuple[str, ...]:
        """The columns of the table that the options name."""
        named = options.get("columns") or (
            [options["column"]] if options.get("column") is not None else []
        )
        return tuple(named)

    def default_name(self, options: Mapping[str, Any]) -> str:
        return slug("_".join((self.name, *self.columns(options))))[:100].rstrip("_")

    @abstractmethod
    def queries(self, question: Question) -> tuple[str, ...]:
        """The HogQL it will ask; compiled when the check is declared, so that mistakes show then."""

    def examine(self, question: Question) -> None:  # noqa: B027  most kinds have nothing to add
        """Look at the options as a whole when the check is declared. Raises UserError."""

    @abstractmethod
    def judge(self, question: Question) -> Verdict:
        """Ask and decide. HogQLError, EngineError: it cannot be computed."""


def check_column(question: Question, attr: str, name: str) -> str:
    """The HogQL type of a column, such as `DateTime`.

    Raises:
        InvalidInputError: the table has no such column; it names the nearest.
    """
    try:
        plan = question.door.plan(f"SELECT {question.column(name)} AS c FROM {question.table}")
    except HogQLError:
        known = list(question.subject.columns)
        near = nearest(name, known)
        hint = f"Did you mean `{near}`?" if near else f"It has {quoted(known)}."
        raise InvalidInputError(
            attr, f"`{question.subject.name}` has no column `{name}`. {hint}"
        ) from None
    return plan.columns[0].type.name
