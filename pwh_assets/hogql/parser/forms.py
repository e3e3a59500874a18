"""Expressions with words of their own: CASE, CAST, INTERVAL, TRIM and their like, types, `*` and COLUMNS."""

import re
from typing import Final

from sqlglot import expressions as exp

from pwh_assets.hogql.parser.cursor import Cursor, Node, at
from pwh_assets.hogql.parser.literals import string_text
from pwh_assets.hogql.parser.powers import COMPARE
from pwh_assets.hogql.parser.tokens import NAMES, UNITS, words

_CASE_IS_A_NAME: Final = words(
    ", ) ] . = == != <> < > <= >= end AS FROM / % || ; :: AND OR IS IN -> := DESC"
)
_INTERVAL_IS_A_NAME: Final = _CASE_IS_A_NAME | words("+ * DESC ASC GROUP ORDER WHERE : ?")
_ENDS_INTERVAL: Final = words("end , ) ] } ; AS FROM WHERE AND OR GROUP ORDER THEN WHEN ELSE END")
_INTERVAL_TEXT = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s+([A-Za-z]+)\s*")


class Forms(Cursor):
    """Reads the special forms."""

    def case(self) -> Node:
        first = self.pos
        following = self.kinds[first + 1]
        if following in _CASE_IS_A_NAME or (following == "(" and not self.has_when(first)):
            return self.name()
        self.pos += 1
        self.deeper()
        operand = None if self.kinds[self.pos] == "WHEN" else self.expression()
        ifs: list[Node] = []
        while self.kinds[self.pos] == "WHEN":
            start = self.starts[self.pos]
            self.pos += 1
            condition = self.expression()
            self.expect("THEN", f"in the CASE of line {self.line(first)}")
            result = self.expression()
            ifs.append(self.done(exp.If(**{"this": condition, "true": result}), start))
        if not ifs:
            self.fail("`WHEN`")
        default = self.expression() if self.take("ELSE") else None
        self.expect("END", f"to close the CASE of line {self.line(first)}")
        self.depth -= 1
        return self.done(exp.Case(this=operand, ifs=ifs, default=default), self.starts[first])

    def has_when(self, first: int) -> bool:
        """Whether the brackets after CASE are followed by a WHEN before their query ends."""
        pos = self.match.get(first + 1, self.last) + 1
        last = self.last
        while pos < last:
            kind = self.kinds[pos]
            if kind in ("WHEN", "END"):
                return True
            if kind in (")", "]", "}", ",", "FROM", "WHERE"):
                return False
            pos = self.match.get(pos, pos) + 1
        return False

    def cast(self) -> Node:
        """`CAST(x AS type)` and `TRY_CAST`; `cast(x, 'type')` is a call."""
        first = self.pos
        if self.kinds[first + 1] != "(" or not self.has_inside(first + 1, "AS"):
            return self.name()
        make = exp.Cast if self.kinds[first] == "CAST" else exp.TryCast
        self.pos += 2
        operand = self.value()
        self.expect("AS", "and a type")
        to = self.type_name()
        self.close(first + 1, ")")
        return self.done(make(this=operand, to=to), self.starts[first])

    def has_inside(self, opener: int, kind: str) -> bool:
        """Whether a word stands between brackets before any comma, not inside further brackets."""
        kinds, match = self.kinds, self.match
        pos, closer = opener + 1, match.get(opener, self.last)
        while pos < closer:
            if kinds[pos] == ",":
                return False
            if kinds[pos] == kind and pos > opener + 1:
                return True
            pos = match.get(pos, pos) + 1
        return False

    # Types stay text here: what they are is the resolver's business.

    def type_name(self) -> exp.DataType:
        """A type as CAST takes it: names, brackets with arguments, `[]`."""
        first = self.pos
        self.type_part()
        return self.data_type(first)

    def type_part(self) -> None:
        self.deeper()
        if self.kinds[self.pos] not in NAMES:
            self.fail("a type")
        self.pos += 1
        if self.kinds[self.pos] == "(":
            self.type_arguments()
        else:
            while self.kinds[self.pos] in NAMES:
                self.pos += 1
        while self.kinds[self.pos] == "[":
            opener = self.pos
            self.pos += 1
            self.take("number")
            self.close(opener, "]")
        self.depth -= 1

    def type_arguments(self) -> None:
        opener = self.pos
        self.pos += 1
        while self.kinds[self.pos] != ")":
            kind = self.kinds[self.pos]
            if kind in ("number", "string"):
                self.pos += 1
                if self.take("="):
                    self.take("-")
                    self.expect("number", "in the enumeration")
            else:
                self.type_part()
            if not self.take(","):
                break
        self.close(opener, ")")

    def short_type(self) -> exp.DataType:
        """A type after `::`: one name, WITH TIME ZONE, and arguments or `[]` right after it."""
        first = self.pos
        if self.kinds[first] not in NAMES:
            self.fail("a type")
        self.pos += 1
        if self.sees("WITH", "TIME", "ZONE"):
            self.pos += 3
        elif self.sees("WITH", "LOCAL", "TIME", "ZONE"):
            self.pos += 4
        elif self.kinds[self.pos] == "(" and self.starts[self.pos] == self.ends[first]:
            self.type_arguments()
        while self.sees("[", "]"):
            self.pos += 2
        return self.data_type(first)

    def data_type(self, first: int) -> exp.DataType:
        start, end = self.starts[first], self.ends[self.pos - 1]
        spelling = " ".join(self.text[start:end].split())
        node = exp.DataType(this=exp.DataType.Type.USERDEFINED, kind=spelling)
        node._meta = {"start": start, "end": end, "type_text": spelling}
        return node

    def dated(self) -> Node:
        """`DATE '2024-01-02'`, `TIMESTAMP '2024-01-02 03:04:05'`: casts of their text."""
        first = self.pos
        if self.kinds[first + 1] != "string":
            return self.name()
        self.pos += 2
        start, end = self.starts[first + 1], self.ends[first + 1]
        text = at(exp.Literal(this=string_text(self.text[start:end]), is_string=True), start, end)
        word = "Date" if self.kinds[first] == "DATE" else "DateTime"
        to = exp.DataType(this=exp.DataType.Type.USERDEFINED, kind=word)
        to._meta = {
            "start": self.starts[first],
            "end": self.ends[first],
            "type_text": word,
            "literal": True,
        }
        return self.done(exp.Cast(this=text, to=to), self.starts[first])

    def interval(self) -> Node:
        """`INTERVAL 7 DAY`, `INTERVAL '7 days'`, `INTERVAL x + 1 HOUR`."""
        first = self.pos
        following = self.kinds[first + 1]
        if following in _INTERVAL_IS_A_NAME:
            return self.name()
        if following == "string" and (
            self.kinds[first + 2] not in UNITS or self.is_interval(first + 1)
        ):
            return self.interval_text(first)
        if following in ("(", "[", "-") and not self.has_unit(first + 1):
            # `interval(x)` is a call and `interval - 1` a difference
            return self.name()
        self.pos += 1
        self.deeper()
        amount = self.value()
        unit = self.pos
        if self.kinds[unit] not in UNITS:
            singular = self.source(unit).upper().removesuffix("S")
            hint = (
                f"Write `{singular}`"
                if singular in UNITS
                else "Units are SECOND to YEAR, in the singular"
            )
            self.fail("a unit such as `DAY`", hint=hint)
        self.pos += 1
        self.depth -= 1
        return self.interval_node(amount, self.kinds[unit], unit, first)

    def has_unit(self, pos: int) -> bool:
        """Whether a unit comes before whatever ends the expression at `pos`."""
        kinds, match = self.kinds, self.match
        while kinds[pos] not in _ENDS_INTERVAL:
            if kinds[pos] in UNITS:
                return True
            pos = match.get(pos, pos) + 1
        return False

    def is_interval(self, pos: int) -> bool:
        return _INTERVAL_TEXT.fullmatch(self.source(pos)[1:-1]) is not None

    def interval_text(self, first: int) -> Node:
        """`'1 day'`: an amount and a unit in one string."""
        pos = first + 1
        self.pos = pos + 1
        start, end = self.starts[pos], self.ends[pos]
        found = _INTERVAL_TEXT.fullmatch(string_text(self.text[start:end]))
        unit = found.group(2).upper().removesuffix("S") if found else ""
        if found is None or unit not in UNITS:
            self.refuse(
                f"{self.source(pos)} is no interval",
                pos,
                "Write one amount and one unit, as in INTERVAL '7 days'",
            )
        amount: Node = at(
            exp.Literal(this=found.group(1).lstrip("+-"), is_string=False), start, end
        )
        if found.group(1).startswith("-"):
            amount = at(exp.Neg(this=amount), start, end)
        return self.interval_node(amount, unit, pos, first)

    def interval_node(self, amount: Node, word: str, index: int, first: int) -> Node:
        node = exp.Interval(this=amount, unit=exp.Var(this=word))
        # the node makes a unit of its own out of the one it is given
        at(node.args["unit"], self.starts[index], self.ends[index])
        return self.done(node, self.starts[first])

    # Calls with words between their arguments; each becomes the plain call it stands for.

    def substring(self) -> Node:
        """`SUBSTRING(s FROM a FOR n)` is `substring(s, a, n)`."""
        first = self.pos
        if self.kinds[first + 1] != "(" or not self.has_inside(first + 1, "FROM"):
            return self.name()
        self.pos += 2
        subject = self.value()
        self.expect("FROM", "and where to begin")
        arguments = [subject, self.value()]
        if self.take("FOR"):
            arguments.append(self.value())
        return self.plain_call(first, self.source(first), arguments)

    def trim(self) -> Node:
        """`TRIM(BOTH 'x' FROM s)` is `trim(s, 'x')`; LEADING and TRAILING are trimLeft and trimRight."""
        first = self.pos
        side = self.kinds[first + 2] if self.kinds[first + 1] == "(" else ""
        if side not in ("BOTH", "LEADING", "TRAILING") or self.kinds[first + 3] not in (
            "string",
            "f'",
        ):
            return self.name()
        self.pos += 3
        characters = self.value()
        self.expect("FROM", "and the text to trim")
        subject = self.value()
        name = {"BOTH": "trim", "LEADING": "trimLeft", "TRAILING": "trimRight"}[side]
        return self.plain_call(first, name, [subject, characters])

    def extract(self) -> Node:
        """`EXTRACT(DAY FROM x)`; `extract(text, pattern)` is another function."""
        first = self.pos
        if self.kinds[first + 1] != "(" or self.kinds[first + 3] != "FROM":
            return self.name()
        if self.kinds[first + 2] not in NAMES and self.kinds[first + 2] != "string":
            return self.name()
        unit = first + 2
        self.pos += 4
        word = self.source(unit).strip("'\"`").lower()
        part = at(exp.Literal(this=word, is_string=True), self.starts[unit], self.ends[unit])
        return self.plain_call(first, "__extract", [part, self.value()])

    def position(self) -> Node:
        """`POSITION('a' IN s)` is `position(s, 'a')`."""
        first = self.pos
        if self.kinds[first + 1] != "(" or not self.has_inside(first + 1, "IN"):
            return self.name()
        self.pos += 2
        needle = self.value(COMPARE)
        self.expect("IN", "and the text to search")
        return self.plain_call(first, self.source(first), [self.value(), needle])

    def plain_call(self, first: int, name: str, arguments: list[Node]) -> Node:
        self.close(first + 1, ")")
        return self.done(exp.Anonymous(this=name, expressions=arguments), self.starts[first])

    # Stars

    def star_rest(self, first: int) -> Node:
        """EXCLUDE and REPLACE after the `*` at token `first`."""
        node = exp.Star()
        if self.kinds[self.pos] in ("EXCLUDE", "EXCEPT") and self.kinds[self.pos + 1] == "(":
            self.pos += 1
            node.set("except_", self.excluded())
        if self.kinds[self.pos] == "REPLACE" and self.kinds[self.pos + 1] == "(":
            opener = self.pos + 1
            self.pos += 2
            node.set("replace", self.listed(self.replacement, self.match.get(opener, -1)))
            self.close(opener, ")")
        return self.done(node, self.starts[first])

    def excluded(self) -> list[Node]:
        opener = self.pos
        self.pos += 1
        names = self.listed(self.dotted_name, self.match.get(opener, -1))
        self.close(opener, ")")
        return names

    def dotted_name(self) -> exp.Identifier:
        """`a.b` as one identifier, its parts in `meta["parts"]`."""
        first = self.pos
        node = self.identifier("a column name")
        parts = [node.name]
        while self.take("."):
            parts.append(self.identifier("a name").name)
        if len(parts) > 1:
            node = self.done(exp.Identifier(this=".".join(parts), quoted=True), self.starts[first])
        node.meta["parts"] = parts
        return node

    def replacement(self) -> Node:
        start = self.starts[self.pos]
        value = self.value()
        self.expect("AS", "and the column to replace")
        return self.done(exp.Alias(this=value, alias=self.identifier("a column name")), start)

    def columns_or_name(self) -> Node:
        return self.columns() if self.kinds[self.pos + 1] == "(" else self.name()

    def columns(self) -> Node:
        """`COLUMNS('regex')`, `COLUMNS(a, b)`, `COLUMNS(t.* EXCLUDE (x) REPLACE (y AS z))`."""
        first = self.pos
        self.pos += 2
        items = self.listed(self.expression, self.match.get(first + 1, -1))
        self.close(first + 1, ")")
        this: Node = items[0]
        if len(items) > 1 or not isinstance(this, exp.Star | exp.Dot | exp.Literal):
            this = self.done(exp.Tuple(expressions=items), self.starts[first])
        return self.done(exp.Columns(this=this), self.starts[first])

    # Lambdas

    def lambda_names(self) -> int:
        """How many names with commas between stand before a `->`; 0 if that is not what stands here."""
        pos, count = self.pos, 0
        while self.kinds[pos] in NAMES:
            count += 1
            following = self.kinds[pos + 1]
            if following == "->":
                return count
            if following != ",":
                return 0
            pos += 2
        return 0

    def arrow_lambda(self, count: int) -> Node:
        """`x -> body`, `x, y -> body`."""
        start = self.starts[self.pos]
        names = []
        for index in range(count):
            names.append(self.identifier("a name"))
            if index < count - 1:
                self.expect(",")
        return self.lambda_body(names, start)

    def arrow_lambda_in_brackets(self, closer: int) -> Node:
        """`(x, y) -> body`."""
        opener = self.pos
        self.pos += 1
        names = []
        while self.pos < closer:
            names.append(self.identifier("the name of a lambda's argument"))
            if self.pos < closer:
                self.expect(",")
        self.pos = closer + 1
        return self.lambda_body(names, self.starts[opener])

    def lambda_body(self, names: list[exp.Identifier], start: int) -> Node:
        self.expect("->")
        if self.kinds[self.pos] == "{" and self.kinds[self.pos + 1] in ("RETURN", "LET"):
            self.fail(
                "an expression", hint="A lambda's body is one expression; blocks do not run here"
            )
        self.deeper()
        body = self.expression()
        self.depth -= 1
        return self.done(exp.Lambda(this=body, expressions=names), start)

    def colon_lambda(self) -> Node:
        """`lambda x, y: body`."""
        first = self.pos
        pos = first + 1
        while self.kinds[pos] in NAMES and self.kinds[pos + 1] == ",":
            pos += 2
        if self.kinds[pos] in NAMES:
            pos += 1
        if self.kinds[pos] != ":" or pos == first + 1:
            return self.name()
        self.pos += 1
        names = []
        while self.kinds[self.pos] in NAMES:
            names.append(self.identifier("a name"))
            self.take(",")
        self.expect(":")
        self.deeper()
        body = self.expression()
        self.depth -= 1
        return self.done(exp.Lambda(this=body, expressions=names), self.starts[first])

    def named_argument(self) -> Node:
        """`x := value`."""
        start = self.starts[self.pos]
        name = self.identifier("the argument's name")
        self.pos += 1
        self.deeper()
        value = self.expression()
        self.depth -= 1
        variable = at(exp.Var(this=name.name), name.meta["start"], name.meta["end"])
        return self.done(exp.Kwarg(this=variable, expression=value), start)
