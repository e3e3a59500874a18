"""What every part of the parser stands on: the place in the tokens, errors, and going on after one."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final, NoReturn, TypeVar

from sqlglot import expressions as exp

from pwh_assets.hogql.errors import Problem, SyntaxProblem
from pwh_assets.hogql.parser import hints
from pwh_assets.hogql.parser.literals import name_text
from pwh_assets.hogql.parser.tokens import CLOSERS, MAX_NESTING, NAMES, RESERVED, Tokens, words

Node = exp.Expr
_N = TypeVar("_N", bound=exp.Expr)

MAX_PROBLEMS: Final = 20


def at(node: _N, start: int, end: int) -> _N:
    """The node, knowing its place in the text."""
    node._meta = {"start": start, "end": end}
    return node


class SyntaxFault(Exception):
    """Leaves the construct being read; caught where reading can go on."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem


# A clause ends where one of these begins outside brackets; the value is what must follow, if anything.
_CLAUSE_STARTS: Final[dict[str, str | None]] = {
    "FROM": None,
    "WHERE": None,
    "PREWHERE": None,
    "HAVING": None,
    "QUALIFY": None,
    "LIMIT": None,
    "SETTINGS": None,
    "UNION": None,
    "INTERSECT": None,
    "EXCEPT": None,
    "SELECT": None,
    "JOIN": None,
    "GROUP": "BY",
    "ORDER": "BY",
    ";": None,
}


class Cursor(ABC):
    """The tokens and a place in them."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.text = tokens.text
        self.last = len(tokens) - 1
        """The token `end`. Some more of it follow, so that looking ahead needs no care."""
        size = len(tokens.text)
        self.kinds = tokens.kinds + ["end"] * 4
        self.starts = tokens.starts + [size] * 4
        self.ends = tokens.ends + [size] * 4
        self.match = tokens.match
        self.pos = 0
        self.depth = 0
        self.limit = self.last
        """The token that ends the query being read: its closing bracket, or the end of the text."""
        self.problems: list[Problem] = []

    @abstractmethod
    def value(self, floor: int = 0) -> Node:
        """An expression without alias whose operators all bind tighter than `floor`."""

    @abstractmethod
    def operators(self, left: Node, first: int, floor: int) -> Node:
        """The operators after an operand that began at token `first`, tighter than `floor`."""

    @abstractmethod
    def expression(self) -> Node:
        """An expression, with `AS name` if one follows."""

    @abstractmethod
    def name(self) -> Node:
        """A column, or what else begins with a name."""

    @abstractmethod
    def query(self) -> Node:
        """A SELECT, a set operation or a parenthesised one."""

    @abstractmethod
    def begins_query(self, opener: int, closer: int) -> bool:
        """Whether the brackets between these tokens hold a query."""

    def bracketed_query(self, opener: int) -> Node:
        """The query in the brackets opened at `opener`, the place being right after it."""
        outer, self.limit = self.limit, self.match.get(opener, self.last)
        query = self.query()
        self.limit = outer
        self.close(opener, ")")
        return query

    # Looking

    def source(self, index: int) -> str:
        return self.text[self.starts[index] : self.ends[index]]

    def sees(self, *kinds: str) -> bool:
        """Whether the next tokens have these kinds."""
        pos = self.pos
        return tuple(self.kinds[pos : pos + len(kinds)]) == kinds

    def is_word(self, word: str) -> bool:
        """Whether the next token is this bare word, whatever its kind."""
        return self.source(self.pos).upper() == word

    # Taking

    def take(self, kind: str) -> bool:
        if self.kinds[self.pos] == kind:
            self.pos += 1
            return True
        return False

    def expect(self, kind: str, where: str = "") -> None:
        if self.kinds[self.pos] != kind:
            self.fail(f"`{kind}`{' ' + where if where else ''}")
        self.pos += 1

    def close(self, opener: int, kind: str) -> None:
        """The closing bracket of the token at `opener`; what stands before it is a problem, and skipped."""
        if self.kinds[self.pos] != kind:
            place = f"to close `{self.kinds[opener]}` of line {self.line(opener)}"
            fault = self.fault(f"`,` or `{kind}` {place}", missing_comma=True)
            closer = self.match.get(opener, self.last)
            if self.kinds[closer] != kind or closer < self.pos:
                raise fault
            self.note(fault)
            self.pos = closer
        self.pos += 1

    def line(self, index: int) -> int:
        return self.text.count("\n", 0, self.starts[index]) + 1

    def identifier(self, what: str) -> exp.Identifier:
        pos = self.pos
        kind = self.kinds[pos]
        if kind not in NAMES:
            self.fail(what)
        self.pos = pos + 1
        start, end = self.starts[pos], self.ends[pos]
        raw = self.text[start:end]
        if kind == "quoted":
            return at(exp.Identifier(this=name_text(raw), quoted=True), start, end)
        return at(exp.Identifier(this=raw, quoted=False), start, end)

    def done(self, node: _N, start: int) -> _N:
        """The node, placed from `start` to the end of the last token taken."""
        node._meta = {"start": start, "end": self.ends[self.pos - 1]}
        return node

    # Failing and going on

    def fail(
        self,
        expected: str,
        index: int | None = None,
        hint: str | None = None,
        missing_comma: bool = False,
    ) -> NoReturn:
        """Stop the construct: say what was expected after the last token and what stands there."""
        raise self.fault(expected, index, hint, missing_comma)

    def fault(
        self,
        expected: str,
        index: int | None = None,
        hint: str | None = None,
        missing_comma: bool = False,
    ) -> SyntaxFault:
        index = self.pos if index is None else index
        after = f" after {hints.describe(self.tokens, index - 1)}" if index > 0 else ""
        found = hints.describe(self.tokens, min(index, self.last))
        if hint is None:
            hint = hints.suggest(self.tokens, min(index, self.last), missing_comma)
        if self.kinds[index] in RESERVED and hint is None:
            hint = f"`{self.source(index)}` is reserved; put it in backquotes to use it as a name"
        message = f"Expected {expected}{after}, found {found}"
        return SyntaxFault(self.problem_at(message, index, hint))

    def refuse(self, message: str, first: int, hint: str | None = None) -> NoReturn:
        """Stop the construct that began at token `first` with a sentence of its own."""
        last = max(first, self.pos - 1)
        end = self.ends[min(last, len(self.ends) - 1)]
        raise SyntaxFault(Problem(SyntaxProblem.SYNTAX, message, self.starts[first], end, hint))

    def too_large(self, message: str, index: int) -> NoReturn:
        start = self.starts[index]
        raise SyntaxFault(Problem(SyntaxProblem.TOO_LARGE, message, start, self.ends[index]))

    def problem_at(self, message: str, index: int, hint: str | None) -> Problem:
        return Problem(SyntaxProblem.SYNTAX, message, self.starts[index], self.ends[index], hint)

    def deeper(self, by: int = 1) -> None:
        """Count a construct nested without brackets; pair with `self.depth -= by`."""
        self.depth += by
        if self.depth > MAX_NESTING:
            self.too_large(
                f"Expressions are nested more than {MAX_NESTING} deep; split the query", self.pos
            )

    def note(self, fault: SyntaxFault) -> None:
        """Keep a problem, unless it only follows from one already known."""
        problem = fault.problem
        if problem.code == SyntaxProblem.TOO_LARGE:
            raise fault
        lexical = self.tokens.problems
        if self.tokens.is_unbalanced and lexical and problem.start >= lexical[0].start:
            return
        if any(other.start <= problem.start <= other.end for other in lexical):
            return
        if any(other.start == problem.start for other in self.problems):
            return
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)

    def recover(self, fault: SyntaxFault, stops: tuple[str, ...], end: int) -> Node:
        """Note the problem, go to the next stop outside brackets (or `end`), leave a nameless column."""
        self.note(fault)
        start = self.pos
        kinds = self.kinds
        is_open = end < 0
        end = self.limit if is_open else min(end, self.last)
        while self.pos < end:
            kind = kinds[self.pos]
            if kind in stops or (kind in CLOSERS and is_open):
                break
            if kind != "SELECT" and self.begins_clause():
                break
            self.pos = min(self.match.get(self.pos, self.pos) + 1, end)
        place = self.starts[start]
        hole = exp.Column(this=at(exp.Identifier(this="", quoted=False), place, place))
        hole._meta = {"start": place, "end": self.ends[max(start, self.pos - 1)], "error": True}
        return hole

    def listed(self, item: Callable[[], Node], end: int, trailing: bool = True) -> list[Node]:
        """Items with commas between and perhaps one after, up to the token at `end` or a clause."""
        items: list[Node] = []
        kinds = self.kinds
        while True:
            try:
                items.append(item())
            except SyntaxFault as fault:
                items.append(self.recover(fault, (",",), end))
            if kinds[self.pos] != ",":
                return items
            self.pos += 1
            if self.pos == end or self.ends_list(end < 0 or end == self.limit):
                if not trailing:
                    self.fail("another item", hint="Remove the comma")
                return items

    def ends_list(self, is_open: bool) -> bool:
        """After a comma: whether what follows ends the list instead of being its next item.

        A list without brackets of its own (`is_open`) ends at a clause too.
        """
        kind = self.kinds[self.pos]
        if kind in CLOSERS or kind in ("end", ";"):
            return True
        return is_open and kind != "SELECT" and self.begins_clause()

    def begins_clause(self) -> bool:
        """Whether the next token is a clause's word, not a column that has its name."""
        kind = self.kinds[self.pos]
        if kind not in _CLAUSE_STARTS:
            return False
        then = _CLAUSE_STARTS[kind]
        following = self.kinds[self.pos + 1]
        return following == then if then else following not in _NOT_AFTER_A_CLAUSE


_NOT_AFTER_A_CLAUSE: Final = words(
    ", . ) ] } end ; = == != <> < <= > >= + / % || AS IS FROM ? ?? :: AND OR ASC DESC"
)
