"""What can be wrong with a HogQL text; every error carries its place."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pwh_assets.errors import UserError


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a text. `start` and `end` are character offsets, `end` exclusive."""

    code: str
    message: str
    start: int
    end: int
    hint: str | None = None

    def place(self, text: str) -> tuple[int, int]:
        """Line and column of the start, both from 1."""
        before = text[: self.start]
        return before.count("\n") + 1, self.start - (before.rfind("\n") + 1) + 1


class HogQLError(UserError):
    """The text cannot run. `problems` holds every independent mistake found, in order of position."""

    code = "hogql_error"
    status = 400

    def __init__(self, problems: Sequence[Problem], text: str = "") -> None:
        self.problems = tuple(problems)
        self.text = text
        first = self.problems[0]
        line, column = first.place(text)
        where = f" (line {line}, column {column})" if text else ""
        more = f" And {len(self.problems) - 1} more." if len(self.problems) > 1 else ""
        hint = f" {first.hint}" if first.hint else ""
        super().__init__(f"{first.message}{where}.{hint}{more}".replace("..", "."))

    @property
    def start(self) -> int:
        return self.problems[0].start

    @property
    def end(self) -> int:
        return self.problems[0].end


class SyntaxProblem:
    """Codes a `Problem` may have. They never change once released."""

    SYNTAX: ClassVar[str] = "syntax_error"
    UNKNOWN_TABLE: ClassVar[str] = "unknown_table"
    UNKNOWN_COLUMN: ClassVar[str] = "unknown_column"
    UNKNOWN_FUNCTION: ClassVar[str] = "unknown_function"
    UNSUPPORTED: ClassVar[str] = "unsupported"
    ARITY: ClassVar[str] = "wrong_argument_count"
    TYPE: ClassVar[str] = "wrong_type"
    AMBIGUOUS: ClassVar[str] = "ambiguous_name"
    CYCLE: ClassVar[str] = "view_cycle"
    NOT_ALLOWED: ClassVar[str] = "not_allowed"
    TOO_LARGE: ClassVar[str] = "query_too_large"
    ENGINE: ClassVar[str] = "engine_error"
    TIMEOUT: ClassVar[str] = "query_timeout"
