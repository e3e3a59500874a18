"""Expressions: one loop over binding powers; every operator is a row of a table."""

from collections.abc import Callable
from typing import Any, Final

from sqlglot import expressions as exp

from pwh_assets.hogql.parser.cursor import Node, at
from pwh_assets.hogql.parser.literals import number_text
from pwh_assets.hogql.parser.operands import Operands
from pwh_assets.hogql.parser.powers import (
    ADD,
    AND,
    BETWEEN,
    COALESCE,
    COMPARE,
    DISTINCT,
    IS_NULL,
    MULTIPLY,
    OR,
    POSTFIX,
    TERNARY,
)
from pwh_assets.hogql.parser.tokens import CLAUSES, COLUMN_NAMES, MAX_CHAIN, MAX_PATH, NAMES, words

_BALANCE_FROM: Final = 16
"""AND and OR chains of more operands become balanced trees."""

_ADDING: Final[dict[str, Any]] = {"+": exp.Add, "-": exp.Sub, "||": exp.DPipe}
_MULTIPLYING: Final[dict[str, Any]] = {"*": exp.Mul, "/": exp.Div, "%": exp.Mod}
_AFTER_PERCENT: Final = words(", ) end ; WITH OFFSET UNION EXCEPT INTERSECT SETTINGS BY")
_COHORT_IS_A_NAME: Final = words(", ) ] . end AND OR AS FROM GROUP ORDER")

Handler = Callable[["Expressions", Node, int], Node | None]


class Expressions(Operands):
    """Reads expressions."""

    def expression(self) -> Node:
        start = self.starts[self.pos]
        node = self.value()
        if self.kinds[self.pos] == "AS":
            self.pos += 1
            return self.done(exp.Alias(this=node, alias=self.alias_name()), start)
        return node

    def value(self, floor: int = 0) -> Node:
        kinds = self.kinds
        first = self.pos
        read = PREFIX.get(kinds[first])
        if read is None:
            self.fail("an expression")
        return self.operators(read(self), first, floor)

    def operators(self, left: Node, first: int, floor: int) -> Node:
        """The operators after an operand, as far as they bind tighter than `floor`."""
        kinds = self.kinds
        infix = INFIX.get
        count = 0
        while True:
            row = infix(kinds[self.pos])
            if row is None or row[0] <= floor:
                return left
            count += 1
            if count > MAX_PATH:
                self.too_large(f"More than {MAX_PATH} operators in one chain", self.pos)
            power, make, handler = row
            if make is not None:
                self.pos += 1
                node = make(this=left, expression=self.value(power))
                node._meta = {"start": self.starts[first], "end": self.ends[self.pos - 1]}
                left = node
            else:
                assert handler is not None
                following = handler(self, left, first)
                if following is None:
                    return left
                left = following

    # Operators that are more than a class

    def dot(self, left: Node, first: int) -> Node:
        if left.is_number:
            self.fail("an operator, a comma or the end of the expression")
        return self.path(left, first)

    def dot_number(self, left: Node, first: int) -> Node:
        """`t.1`: the lexer reads `.1` as one token."""
        pos = self.pos
        raw = self.source(pos)
        if left.is_number or not raw.startswith(".") or not raw[1:].isdigit():
            self.fail("an operator, a comma or the end of the expression")
        self.pos += 1
        index = at(
            exp.Literal(this=number_text(raw[1:]), is_string=False),
            self.starts[pos] + 1,
            self.ends[pos],
        )
        return self.done(exp.Dot(this=left, expression=index), self.starts[first])

    def null_safe_access(self, left: Node, first: int) -> Node:
        self.pos += 1
        pos = self.pos
        if self.kinds[pos] == "[":
            self.pos += 1
            index = self.expression()
            self.close(pos, "]")
            return self.done(
                exp.Bracket(this=left, expressions=[index], safe=True), self.starts[first]
            )
        part: Node
        if self.kinds[pos] in NAMES:
            part = self.identifier("a property")
        else:
            left, part, has_dot = self.path_number(left, self.starts[first])
            if has_dot:
                self.fail("the name of a property", self.pos - 1)
        return self.done(exp.Dot(this=left, expression=part, safe=True), self.starts[first])

    def index(self, left: Node, first: int) -> Node:
        """`a[b]` and the slices `a[b:c]`."""
        opener = self.pos
        self.pos += 1
        inside = self.starts[self.pos]
        item: Node | None = None if self.kinds[self.pos] == ":" else self.expression()
        if self.take(":"):
            to = None if self.kinds[self.pos] == "]" else self.expression()
            item = self.done(exp.Slice(this=item, expression=to), inside)
        self.close(opener, "]")
        return self.done(exp.Bracket(this=left, expressions=[item]), self.starts[first])

    def call_value(self, left: Node, first: int) -> Node:
        """`x(1)` where x is no plain name. Nothing can run it, which the resolver says."""
        opener = self.pos
        closer = self.match.get(opener, self.last)
        self.pos += 1
        arguments: list[Node] = []
        if self.begins_query(opener, closer):
            query = self.bracketed_query(opener)
            arguments.append(at(exp.Subquery(this=query), query.meta["start"], query.meta["end"]))
        else:
            if self.kinds[self.pos] != ")":
                arguments = self.listed(self.expression, closer)
            self.close(opener, ")")
        node = exp.Anonymous(this="__call", expressions=[left, *arguments])
        return self.done(node, self.starts[first])

    def cast_operator(self, left: Node, first: int) -> Node:
        self.pos += 1
        node = self.done(exp.Cast(this=left, to=self.short_type()), self.starts[first])
        node.meta["operator"] = True
        return node

    def connected(self, left: Node, first: int) -> Node:
        """A chain of AND, or of OR; a long one becomes a balanced tree."""
        kind = self.kinds[self.pos]
        power, make = (AND, exp.And) if kind == "AND" else (OR, exp.Or)
        operands = [left]
        while self.kinds[self.pos] == kind:
            self.pos += 1
            operands.append(self.value(power))
        if len(operands) > _BALANCE_FROM:
            return balanced(make, operands)
        node = left
        for operand in operands[1:]:
            node = make(this=node, expression=operand)
            node._meta = {"start": self.starts[first], "end": operand.meta["end"]}
        return node

    def chained(self, left: Node, first: int) -> Node:
        """Operators of one level, read in a loop so that a long sum nests nothing but its tree."""
        power, makes = (
            (ADD, _ADDING) if self.kinds[self.pos] in _ADDING else (MULTIPLY, _MULTIPLYING)
        )
        count = 0
        start = self.starts[first]
        while True:
            make = makes.get(self.kinds[self.pos])
            if make is None:
                return left
            if self.kinds[self.pos] == "%" and self.kinds[self.pos + 1] in _AFTER_PERCENT:
                return left
            count += 1
            if count > MAX_CHAIN:
                self.too_large(f"More than {MAX_CHAIN:,} operators in one chain", self.pos)
            self.pos += 1
            left = make(this=left, expression=self.value(power))
            left._meta = {"start": start, "end": self.ends[self.pos - 1]}

    def percent(self, left: Node, first: int) -> Node | None:
        if self.kinds[self.pos + 1] in _AFTER_PERCENT:
            return None
        return self.chained(left, first)

    def inverted(self, left: Node, first: int) -> Node | None:
        """`NOT IN`, `NOT LIKE`, `NOT ILIKE`."""
        following = self.kinds[self.pos + 1]
        if following == "IN":
            self.pos += 1
            return self.infix_not(self.contained(left, first), first)
        if following in ("LIKE", "ILIKE"):
            self.pos += 1
            return self.infix_not(self.like(left, first), first)
        return None

    def not_between(self, left: Node, first: int) -> Node:
        self.pos += 1
        return self.infix_not(self.between(left, first), first)

    def infix_not(self, inner: Node, first: int) -> Node:
        """The operator's own NOT, which is null-safe; a NOT in front is plain logic."""
        start, end = self.starts[first], self.ends[self.pos - 1]
        inner._meta = {"start": start, "end": end}
        node = exp.Not(this=inner)
        node._meta = {"start": start, "end": end, "infix": True}
        return node

    def not_matching(self, left: Node, first: int) -> Node:
        make = exp.RegexpLike if self.kinds[self.pos] == "!~" else exp.RegexpILike
        self.pos += 1
        return self.infix_not(make(this=left, expression=self.value(COMPARE)), first)

    def like(self, left: Node, first: int) -> Node:
        make = exp.Like if self.kinds[self.pos] == "LIKE" else exp.ILike
        self.pos += 1
        node = self.done(make(this=left, expression=self.value(COMPARE)), self.starts[first])
        if self.kinds[self.pos] == "ESCAPE" and self.kinds[self.pos + 1] == "string":
            self.pos += 1
            return self.done(exp.Escape(this=node, expression=self.string()), self.starts[first])
        return node

    def contained(self, left: Node, first: int) -> Node:
        """`IN (1, 2)`, `IN (SELECT ...)`, `IN xs`, `IN COHORT 5`."""
        self.pos += 1
        if self.kinds[self.pos] == "COHORT" and self.kinds[self.pos + 1] not in _COHORT_IS_A_NAME:
            self.pos += 1
            return self.done(
                exp.In(this=left, expressions=[self.value(COMPARE)], cohort=True),
                self.starts[first],
            )
        right = self.value(COMPARE)
        if isinstance(right, exp.Subquery):
            node = exp.In(this=left, query=right)
        elif isinstance(right, exp.Tuple):
            node = exp.In(this=left, expressions=right.expressions)
        elif isinstance(right, exp.Paren):
            node = exp.In(this=left, expressions=[right.this])
        else:
            node = exp.In(this=left, field=right)
        return self.done(node, self.starts[first])

    def global_in(self, left: Node, first: int) -> Node | None:
        """`GLOBAL IN`: where one engine answers there is nothing to distribute."""
        following = self.kinds[self.pos + 1]
        if following == "IN" or (following == "NOT" and self.kinds[self.pos + 2] == "IN"):
            self.pos += 1
            return self.contained(left, first) if following == "IN" else self.inverted(left, first)
        return None

    def between(self, left: Node, first: int) -> Node:
        opener = self.pos
        self.pos += 1
        low = self.value(BETWEEN)
        if not self.take("AND"):
            self.fail(
                "`AND` and the upper bound",
                hint=f"`BETWEEN` at line {self.line(opener)} needs two bounds",
            )
        high = self.value(BETWEEN)
        return self.done(exp.Between(this=left, low=low, high=high), self.starts[first])

    def is_(self, left: Node, first: int) -> Node:
        """`IS [NOT] NULL`."""
        self.pos += 1
        negative = self.take("NOT")
        if self.kinds[self.pos] == "NULL":
            test = exp.Is(this=left, expression=self.constant())
            return self.infix_not(test, first) if negative else self.done(test, self.starts[first])
        self.fail("`NULL` or `DISTINCT FROM`", hint="Compare values using `=`")

    def is_distinct(self, left: Node, first: int) -> Node:
        """`IS [NOT] DISTINCT FROM x`."""
        self.pos += 1
        make = exp.NullSafeEQ if self.take("NOT") else exp.NullSafeNEQ
        self.expect("DISTINCT")
        self.expect("FROM")
        return self.done(make(this=left, expression=self.value(DISTINCT)), self.starts[first])

    def coalesced(self, left: Node, first: int) -> Node:
        self.pos += 1
        return self.done(
            exp.Coalesce(this=left, expressions=[self.value(COALESCE)]), self.starts[first]
        )

    def ignoring_nulls(self, left: Node, first: int) -> Node | None:
        if self.kinds[self.pos + 1] != "NULLS":
            return None
        self.pos += 2
        return self.done(exp.IgnoreNulls(this=left), self.starts[first])

    def ternary(self, left: Node, first: int) -> Node:
        """`a ? b : c`, to the right."""
        opener = self.pos
        self.pos += 1
        self.deeper()
        yes = self.value(0)
        if not self.take(":"):
            self.fail(
                "`:`", hint=f"`?` at line {self.line(opener)} needs both answers: `a ? b : c`"
            )
        no = self.value(TERNARY - 1)
        self.depth -= 1
        return self.done(exp.If(**{"this": left, "true": yes, "false": no}), self.starts[first])


def balanced(make: Any, operands: list[Node]) -> Node:
    """One tree of logarithmic depth over operands of the same associative operator."""
    while len(operands) > 1:
        level: list[Node] = []
        for index in range(0, len(operands) - 1, 2):
            left, right = operands[index], operands[index + 1]
            level.append(
                at(make(this=left, expression=right), left.meta["start"], right.meta["end"])
            )
        if len(operands) % 2:
            level.append(operands[-1])
        operands = level
    return operands[0]


PREFIX: Final[dict[str, Callable[[Expressions], Node]]] = {
    **dict.fromkeys(COLUMN_NAMES - CLAUSES, Expressions.name),
    **dict.fromkeys(CLAUSES, Expressions.keyword_name),
    "string": Expressions.string,
    "number": Expressions.number,
    "hash": Expressions.positional,
    "f'": Expressions.template,
    "tag<": Expressions.tag,
    "(": Expressions.brackets,
    "[": Expressions.list_literal,
    "{": Expressions.braces,
    "*": Expressions.star,
    "-": Expressions.signed,
    "+": Expressions.signed,
    "NULL": Expressions.constant,
    "TRUE": Expressions.constant,
    "FALSE": Expressions.constant,
    "INF": Expressions.constant,
    "NAN": Expressions.constant,
    "NOT": Expressions.negation,
    "CASE": Expressions.case,
    "CAST": Expressions.cast,
    "TRY_CAST": Expressions.cast,
    "DATE": Expressions.dated,
    "TIMESTAMP": Expressions.dated,
    "INTERVAL": Expressions.interval,
    "SUBSTRING": Expressions.substring,
    "TRIM": Expressions.trim,
    "EXTRACT": Expressions.extract,
    "POSITION": Expressions.position,
    "COLUMNS": Expressions.columns_or_name,
    "LAMBDA": Expressions.colon_lambda,
    "ARRAY": Expressions.list_literal,
}

Row = tuple[int, Any, Handler | None]

INFIX: Final[dict[str, Row]] = {
    "=": (COMPARE, exp.EQ, None),
    "==": (COMPARE, exp.EQ, None),
    "!=": (COMPARE, exp.NEQ, None),
    "<>": (COMPARE, exp.NEQ, None),
    "<": (COMPARE, exp.LT, None),
    "<=": (COMPARE, exp.LTE, None),
    ">": (COMPARE, exp.GT, None),
    ">=": (COMPARE, exp.GTE, None),
    "~": (COMPARE, exp.RegexpLike, None),
    "=~": (COMPARE, exp.RegexpLike, None),
    "~*": (COMPARE, exp.RegexpILike, None),
    "=~*": (COMPARE, exp.RegexpILike, None),
    "!~": (COMPARE, None, Expressions.not_matching),
    "!~*": (COMPARE, None, Expressions.not_matching),
    "<=>": (DISTINCT, exp.NullSafeEQ, None),
    "LIKE": (COMPARE, None, Expressions.like),
    "ILIKE": (COMPARE, None, Expressions.like),
    "IN": (COMPARE, None, Expressions.contained),
    "NOT": (COMPARE, None, Expressions.inverted),
    "NOT BETWEEN": (BETWEEN, None, Expressions.not_between),
    "GLOBAL": (COMPARE, None, Expressions.global_in),
    "+": (ADD, None, Expressions.chained),
    "-": (ADD, None, Expressions.chained),
    "||": (ADD, None, Expressions.chained),
    "*": (MULTIPLY, None, Expressions.chained),
    "/": (MULTIPLY, None, Expressions.chained),
    "%": (MULTIPLY, None, Expressions.percent),
    "AND": (AND, None, Expressions.connected),
    "OR": (OR, None, Expressions.connected),
    "BETWEEN": (BETWEEN, None, Expressions.between),
    "IS": (IS_NULL, None, Expressions.is_),
    "IS DISTINCT": (DISTINCT, None, Expressions.is_distinct),
    "IGNORE": (IS_NULL, None, Expressions.ignoring_nulls),
    "??": (COALESCE, None, Expressions.coalesced),
    "?": (TERNARY, None, Expressions.ternary),
    ".": (POSTFIX, None, Expressions.dot),
    "number": (POSTFIX, None, Expressions.dot_number),
    "?.": (POSTFIX, None, Expressions.null_safe_access),
    "[": (POSTFIX, None, Expressions.index),
    "(": (POSTFIX, None, Expressions.call_value),
    "::": (POSTFIX, None, Expressions.cast_operator),
}
