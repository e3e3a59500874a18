"""Operands: names and paths, literals, brackets, signs and stars."""

from typing import Final

from sqlglot import expressions as exp

from pwh_assets.hogql.parser.calls import Calls
from pwh_assets.hogql.parser.cursor import Node, at
from pwh_assets.hogql.parser.forms import Forms
from pwh_assets.hogql.parser.literals import name_text, number_text, string_text, wrong_escape
from pwh_assets.hogql.parser.powers import NEGATE, NOT
from pwh_assets.hogql.parser.tags import Tags
from pwh_assets.hogql.parser.tokens import CLAUSES, COLUMN_NAMES, GOES_ON, MAX_PATH, words

_AFTER_A_QUERY: Final = words("UNION INTERSECT EXCEPT ORDER LIMIT OFFSET )")
_SELECT_IS_A_NAME: Final = words(", ) ] . = == != < > <= >= end AS / % || -> :=")
_NOT_IS_A_NAME: Final = words(", ) ] . = == != < > <= >= end AS FROM / * ;")


class Operands(Calls, Forms, Tags):
    """Reads what operators stand between."""

    def name(self) -> Node:
        """A column, a call, a lambda, a named argument: all begin with a name."""
        pos = self.pos
        kinds = self.kinds
        following = kinds[pos + 1]
        if following == "(":
            return self.call()
        if following == "->":
            return self.arrow_lambda(1)
        if following == ":=":
            return self.named_argument()
        if following == "," and self.tokens.has_arrow:
            count = self.lambda_names()
            if count:
                return self.arrow_lambda(count)
        self.pos = pos + 1
        start, end = self.starts[pos], self.ends[pos]
        raw = self.text[start:end]
        if kinds[pos] == "quoted":
            identifier = exp.Identifier(this=name_text(raw), quoted=True)
        else:
            identifier = exp.Identifier(this=raw, quoted=False)
        identifier._meta = {"start": start, "end": end}
        node: Node = exp.Column(this=identifier)
        node._meta = {"start": start, "end": end}
        if following == ".":
            return self.path(node, pos)
        return node

    def path(self, node: Node, first: int) -> Node:
        """`.name`, `.*` and `.-1` after an operand, as long as they last."""
        kinds, starts, ends = self.kinds, self.starts, self.ends
        start = starts[first]
        length = 0
        has_dot = False
        while has_dot or kinds[self.pos] == ".":
            self.pos += not has_dot
            has_dot = False
            pos = self.pos
            kind = kinds[pos]
            length += 1
            if length > MAX_PATH:
                self.too_large(f"A path has at most {MAX_PATH} parts", pos)
            if kind in COLUMN_NAMES:
                self.pos = pos + 1
                raw = self.text[starts[pos] : ends[pos]]
                quoted = kind == "quoted"
                part: Node = exp.Identifier(this=name_text(raw) if quoted else raw, quoted=quoted)
                part._meta = {"start": starts[pos], "end": ends[pos]}
            elif kind == "*":
                self.pos = pos + 1
                part = self.star_rest(pos)
            else:
                node, part, has_dot = self.path_number(node, start)
            node = exp.Dot(this=node, expression=part)
            node._meta = {"start": start, "end": ends[self.pos - 1]}
        return node

    def path_number(self, node: Node, start: int) -> tuple[Node, Node, bool]:
        """The index in `t.1` and `t.-1`, after the dot: what it is taken of, the index, whether one more dot follows.

        `-1.2` and `-1.name` reach the parser as the numbers 1.2 and 1. with a sign.
        """
        first = self.pos
        negative = self.take("-")
        raw = self.source(self.pos)
        head, dot, tail = raw.partition(".")
        if self.kinds[self.pos] != "number" or not head.isdigit() or (tail and not tail.isdigit()):
            self.fail("the name of a property, an index or `*`")
        place, end = self.starts[self.pos], self.ends[self.pos]
        self.pos += 1
        index: Node = at(
            exp.Literal(this=number_text(head), is_string=False), place, place + len(head)
        )
        if negative:
            index = at(exp.Neg(this=index), self.starts[first], place + len(head))
        if tail:
            node = at(exp.Dot(this=node, expression=index), start, place + len(head))
            index = at(exp.Literal(this=number_text(tail), is_string=False), end - len(tail), end)
        return node, index, bool(dot) and not tail

    def keyword_name(self) -> Node:
        """A word of the grammar where an operand must be: a name, if what follows lets it be one."""
        pos = self.pos
        kind, following, after = self.kinds[pos : pos + 3]
        is_clause = (kind in ("GROUP", "ORDER") and following == "BY") or kind in ("FROM", "SELECT")
        ends_there = following in CLAUSES and not (
            following in ("GROUP", "ORDER") and after != "BY"
        )
        if following in GOES_ON or (ends_there and not is_clause):
            return self.name()
        self.fail("an expression")

    def string(self) -> Node:
        pos = self.pos
        start, end = self.starts[pos], self.ends[pos]
        raw = self.text[start:end]
        if "\\" in raw:
            wrong = wrong_escape(raw)
            if wrong:
                hint = f"Double the backslash: `\\{wrong}`"
                self.pos = pos + 1
                self.note_here(f"`{wrong}` is no escape in a string", pos, hint)
        self.pos = pos + 1
        node = exp.Literal(this=string_text(raw), is_string=True)
        node._meta = {"start": start, "end": end}
        return node

    def number(self) -> Node:
        pos = self.pos
        self.pos = pos + 1
        start, end = self.starts[pos], self.ends[pos]
        raw = self.text[start:end]
        if not raw.isdigit():
            self.check_number(raw, pos)
            raw = number_text(raw)
        elif len(raw) > 1:
            raw = number_text(raw)
        if self.text.startswith("_", end):
            self.note_here(
                "Digits cannot be grouped using `_`", pos + 1, "Write the number without it"
            )
        node = exp.Literal(this=raw, is_string=False)
        node._meta = {"start": start, "end": end}
        return node

    def check_number(self, raw: str, pos: int) -> None:
        lowered = raw.lower()
        if lowered.startswith("0o") or (lowered.startswith("0b") and lowered[2:].strip("01")):
            self.refuse(f"`{raw}` is no number", pos, "Write it in decimal or as `0x1f`")
        if len(raw) > 60 and lowered.startswith(("0x", "0b")):
            self.refuse("The number is too long", pos)

    def constant(self) -> Node:
        """NULL, TRUE, FALSE, INF and NAN, unless they head a chain or a call."""
        pos = self.pos
        kind = self.kinds[pos]
        if self.kinds[pos + 1] in (".", "(") and kind not in ("INF", "NAN", "NULL"):
            return self.name()
        self.pos = pos + 1
        node: Node
        if kind == "NULL":
            node = exp.Null()
        elif kind in ("TRUE", "FALSE"):
            node = exp.Boolean(this=kind == "TRUE")
        else:
            node = exp.Literal(this=kind.lower(), is_string=False)
        node._meta = {"start": self.starts[pos], "end": self.ends[pos]}
        return node

    def positional(self) -> Node:
        pos = self.pos
        self.pos = pos + 1
        start, end = self.starts[pos], self.ends[pos]
        index = at(
            exp.Literal(this=number_text(self.text[start + 1 : end]), is_string=False),
            start + 1,
            end,
        )
        return at(exp.PositionalColumn(this=index), start, end)

    def signed(self) -> Node:
        """`-x`, `- -x`, and `+1`."""
        first = self.pos
        kinds = self.kinds
        signs = 0
        while kinds[self.pos] == "-":
            self.pos += 1
            signs += 1
        if signs == 0:
            self.pos += 1
            if kinds[self.pos] not in ("number", "INF"):
                self.fail("a number", hint="A plus sign only goes before a number")
            return self.value(NEGATE)
        if signs > MAX_PATH:
            self.too_large("Too many signs in a row", first)
        if kinds[self.pos] in ("number", "INF"):
            # -1::int casts the number -1
            node = self.negated(
                self.number() if kinds[self.pos] == "number" else self.constant(), first + signs - 1
            )
            node = self.operators(node, first + signs - 1, NEGATE)
            signs -= 1
        else:
            node = self.value(NEGATE)
        for index in range(first + signs - 1, first - 1, -1):
            node = self.negated(node, index)
        return node

    def negated(self, node: Node, index: int) -> Node:
        return self.done(exp.Neg(this=node), self.starts[index])

    def negation(self) -> Node:
        """NOT, any number of times."""
        first = self.pos
        kinds = self.kinds
        following = kinds[first + 1]
        if following in _NOT_IS_A_NAME or (
            following == "(" and self.match.get(first + 1) == first + 2
        ):
            return self.name()
        while kinds[self.pos] == "NOT":
            self.pos += 1
        count = self.pos - first
        if count > MAX_PATH:
            self.too_large("Too many NOTs in a row", first)
        node = self.value(NOT)
        for index in range(first + count - 1, first - 1, -1):
            node = self.done(exp.Not(this=node), self.starts[index])
        return node

    def star(self) -> Node:
        pos = self.pos
        self.pos = pos + 1
        if self.kinds[self.pos] == "COLUMNS" and self.kinds[self.pos + 1] == "(":
            node = self.columns()
            node.set("unpack", True)
            return self.done(node, self.starts[pos])
        return self.star_rest(pos)

    def brackets(self) -> Node:
        """`(`: a subquery, a lambda's names, a tuple or one expression."""
        opener = self.pos
        closer = self.match.get(opener, self.last)
        if self.kinds[min(closer + 1, self.last)] == "->":
            return self.arrow_lambda_in_brackets(closer)
        self.pos += 1
        if self.begins_query(opener, closer):
            query = self.bracketed_query(opener)
            return self.done(exp.Subquery(this=query), self.starts[opener])
        if self.kinds[self.pos] == "*" and self.kinds[self.pos + 1] in (
            "EXCLUDE",
            "EXCEPT",
            "REPLACE",
        ):
            node = self.star()
            self.close(opener, ")")
            return self.done(node, self.starts[opener])
        if self.kinds[self.pos] == ")":
            self.fail("an expression")
        items = self.listed(self.expression, closer)
        is_tuple = len(items) > 1 or self.kinds[self.pos - 1] == ","
        self.close(opener, ")")
        node = exp.Tuple(expressions=items) if is_tuple else exp.Paren(this=items[0])
        node._meta = {"start": self.starts[opener], "end": self.ends[self.pos - 1]}
        return node

    def begins_query(self, opener: int, closer: int) -> bool:
        """Whether brackets hold a query: SELECT or WITH comes first, or brackets that do and a set operator."""
        kinds = self.kinds
        while True:
            first = opener + 1
            kind = kinds[first]
            if kind == "SELECT":
                return kinds[first + 1] not in _SELECT_IS_A_NAME
            if kind == "WITH":
                return kinds[first + 1] not in _SELECT_IS_A_NAME
            if kind not in ("(", "{"):
                return False
            inner = self.match.get(first, self.last)
            if kind == "{":
                return (
                    kinds[inner + 1] in ("UNION", "INTERSECT", "EXCEPT")
                    if inner < closer
                    else False
                )
            if inner + 1 < closer and kinds[inner + 1] not in _AFTER_A_QUERY:
                return False
            opener, closer = first, inner

    def list_literal(self) -> Node:
        """`[a, b]`, also after ARRAY."""
        start = self.starts[self.pos]
        if self.kinds[self.pos] == "ARRAY":
            if self.kinds[self.pos + 1] != "[":
                return self.keyword_name()
            self.pos += 1
        opener = self.pos
        self.pos += 1
        items: list[Node] = []
        if self.kinds[self.pos] != "]":
            items = self.listed(self.expression, self.match.get(opener, -1))
        self.close(opener, "]")
        return self.done(exp.Array(expressions=items, bracket_notation=True), start)

    def braces(self) -> Node:
        """`{`: a placeholder, or a dict."""
        opener = self.pos
        start = self.starts[opener]
        self.pos += 1
        if self.take("}"):
            return self.done(exp.Anonymous(this="__dict", expressions=[]), start)
        key = self.expression()
        if self.take("}"):
            return self.done(exp.Placeholder(this=key), start)
        if self.kinds[self.pos] != ":":
            self.fail("`}` to close the placeholder or `:` for a dict")
        items: list[Node] = []
        while True:
            self.expect(":")
            items += (key, self.expression())
            if not self.take(",") or self.kinds[self.pos] == "}":
                break
            key = self.expression()
        self.close(opener, "}")
        return self.done(exp.Anonymous(this="__dict", expressions=items), start)

    def alias_name(self) -> exp.Identifier:
        """A name after AS; a string will do."""
        pos = self.pos
        if self.kinds[pos] == "string":
            self.pos += 1
            start, end = self.starts[pos], self.ends[pos]
            return at(
                exp.Identifier(this=string_text(self.text[start:end]), quoted=True), start, end
            )
        return self.identifier("a name")

    def note_here(self, message: str, index: int, hint: str) -> None:
        """A problem that does not keep the expression from being read."""
        problem = self.problem_at(message, index, hint)
        if problem not in self.problems:
            self.problems.append(problem)
