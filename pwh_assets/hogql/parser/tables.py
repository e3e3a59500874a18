"""FROM: tables, subqueries, joins, SAMPLE, PIVOT."""

from typing import Final

from sqlglot import expressions as exp

from pwh_assets.hogql.parser.cursor import Node, at
from pwh_assets.hogql.parser.expressions import Expressions
from pwh_assets.hogql.parser.literals import name_text, number_text
from pwh_assets.hogql.parser.powers import COMPARE
from pwh_assets.hogql.parser.tokens import CLAUSES, MAX_PATH, NAMES, TABLE_ALIASES, words

_SIDES: Final = ("INNER", "LEFT", "RIGHT", "FULL", "CROSS")
_STRICT: Final = ("ALL", "ANY", "ASOF", "SEMI", "ANTI")
_JOIN_WORDS: Final = (
    frozenset(_SIDES) | frozenset(_STRICT) | {"JOIN", "OUTER", "NATURAL", "POSITIONAL", "GLOBAL"}
)

# After a clause's word that stands where a table must: what lets it be the table's name.
_TABLE_GOES_ON: Final = words(
    """, ) ; end . AS FINAL SAMPLE WHERE PREWHERE GROUP ORDER LIMIT UNION HAVING JOIN LEFT INNER RIGHT FULL
    CROSS"""
)
_TABLE_WORDS: Final = words(
    "ORDER GROUP ALL END DESC ASC FILTER OVER FOR WINDOW SETTINGS FINAL SAMPLE NULLS IGNORE"
)


class Tables(Expressions):
    """Reads what a query reads from."""

    nested_joins = 0

    def tables(self) -> tuple[Node, list[exp.Join]]:
        """A table and what is joined to it."""
        table = self.table()
        joins: list[exp.Join] = []
        kinds = self.kinds
        while True:
            kind = kinds[self.pos]
            if kind == ",":
                first = self.pos
                self.pos += 1
                join = exp.Join(this=self.table(), kind="CROSS", comma=True)
                joins.append(self.done(join, self.starts[first]))
            elif kind in _JOIN_WORDS:
                if kinds[self.pos + 1] == "ARRAY":
                    return table, joins
                joins.append(self.join())
            elif kind in ("ON", "USING") and kinds[self.pos + 1] != "SAMPLE" and self.nest(joins):
                pass
            elif kind in ("PIVOT", "UNPIVOT") and kinds[self.pos + 1] in ("(", "INCLUDE"):
                (joins[-1].this if joins else table).append("pivots", self.pivot())
            else:
                return table, joins

    def nest(self, joins: list[exp.Join]) -> bool:
        """`a JOIN b JOIN c ON x ON y`: the second ON belongs to the first JOIN, of `b JOIN c` as a whole."""
        for index in range(len(joins) - 1, -1, -1):
            join = joins[index]
            has_condition = join.args.get("on") or join.args.get("using")
            if (
                not has_condition
                and join.args.get("kind") not in ("CROSS", "POSITIONAL")
                and index < len(joins) - 1
            ):
                self.nested_joins += 1
                if self.nested_joins > MAX_PATH:
                    self.too_large("Too many joins inside each other", self.pos)
                inner = join.this
                inner.set("joins", joins[index + 1 :])
                start = inner.meta["start"]
                group = at(exp.Paren(this=inner), start, self.ends[self.pos - 1])
                del joins[index + 1 :]
                join.set("this", group)
                self.condition(join)
                self.done(join, join.meta["start"])
                return True
        return False

    def join(self) -> exp.Join:
        """`[GLOBAL] [NATURAL] [strictness] [side] JOIN table [condition]`, words in any order."""
        first = self.pos
        words: list[str] = []
        while self.kinds[self.pos] in _JOIN_WORDS and self.kinds[self.pos] != "JOIN":
            words.append(self.kinds[self.pos])
            self.pos += 1
        if not self.take("JOIN"):
            self.fail("`JOIN`")
        join = exp.Join(**self.join_arguments(words, first))
        join.set("this", self.table())
        if join.args.get("kind") != "CROSS":
            self.condition(join)
        return self.done(join, self.starts[first])

    def join_arguments(self, words: list[str], first: int) -> dict[str, object]:
        sides = [word for word in words if word in _SIDES]
        strict = [word for word in words if word in _STRICT]
        side = sides[0] if sides else ""
        outer = words.index("OUTER") if "OUTER" in words else 0
        wrong = (
            len(sides) > 1
            or len(words) != len(set(words))
            or ("OUTER" in words and words[outer - 1] not in ("LEFT", "RIGHT", "FULL"))
            or (
                len(strict) > 1
                and not (len(strict) == 2 and "ASOF" in strict and strict[1] in ("SEMI", "ANTI"))
            )
            or (side in ("INNER", "FULL") and ("SEMI" in strict or "ANTI" in strict))
            or (side == "CROSS" and strict)
            or ("POSITIONAL" in words and words != ["POSITIONAL"])
        )
        if wrong:
            self.refuse(
                f"There is no `{' '.join(words)} JOIN`", first, "Try LEFT JOIN or INNER JOIN"
            )
        kind = next((word for word in strict if word in ("SEMI", "ANTI")), "")
        method = next((word for word in strict if word in ("ANY", "ASOF")), "")
        if "NATURAL" in words:
            method = "NATURAL"
        if "POSITIONAL" in words:
            kind = "POSITIONAL"
        elif not kind and side in ("INNER", "CROSS"):
            kind = side
        found: dict[str, object] = {"kind": kind}
        if side in ("LEFT", "RIGHT", "FULL"):
            found["side"] = side
        if method:
            found["method"] = method
        return found

    def condition(self, join: exp.Join) -> None:
        if self.take("ON"):
            first = self.pos
            join.set("on", self.expression())
            if self.kinds[self.pos] == "," and not self.next_is_table():
                self.refuse(
                    "JOIN takes one condition after ON", first, "Combine conditions using AND"
                )
        elif self.kinds[self.pos] == "USING" and self.kinds[self.pos + 1] != "SAMPLE":
            self.pos += 1
            opener = self.pos
            if self.take("("):
                join.set("using", self.listed(self.dotted_name, self.match.get(opener, -1)))
                self.close(opener, ")")
            else:
                join.set("using", self.listed(self.dotted_name, -1))

    def next_is_table(self) -> bool:
        """Whether a comma after ON joins one more table: a name or brackets, then no operator."""
        pos = self.pos + 1
        kind = self.kinds[pos]
        if kind in NAMES:
            while self.kinds[pos + 1] == ".":
                pos += 2
            return self.kinds[pos + 1] not in (
                "=",
                "==",
                "!=",
                "<>",
                "<",
                ">",
                "<=",
                ">=",
                "IN",
                "LIKE",
                "IS",
            )
        if kind == "(" and self.kinds[pos + 1] == "VALUES":
            return True
        return kind == "(" and self.begins_query(pos, self.match.get(pos, pos))

    # One table

    def table(self) -> Node:
        node = self.table_operand()
        kinds = self.kinds
        while True:
            kind = kinds[self.pos]
            if kind == "AS" or kind in TABLE_ALIASES:
                if node.args.get("alias") and not node.args.get("pivots"):
                    self.fail("a join, the next clause or the end of the query")
                node = self.aliased(node)
            elif kind in ("PIVOT", "UNPIVOT") and kinds[self.pos + 1] in ("(", "INCLUDE"):
                node.append("pivots", self.pivot())
            else:
                break
        if self.take("FINAL"):
            node.set("final", True)
        if self.kinds[self.pos] == "SAMPLE":
            node.set("sample", self.sample())
        if self.pos and node.meta["end"] < self.ends[self.pos - 1]:
            node.meta["end"] = self.ends[self.pos - 1]
        return node

    def aliased(self, node: Node) -> Node:
        start = self.starts[self.pos]
        self.take("AS")
        alias = exp.TableAlias(this=self.identifier("an alias"))
        if self.kinds[self.pos] == "(":
            opener = self.pos
            self.pos += 1
            alias.set(
                "columns",
                self.listed(
                    lambda: self.identifier("a column name"), self.match.get(opener, -1), False
                ),
            )
            self.close(opener, ")")
        self.done(alias, start)
        pivots = node.args.get("pivots")
        if pivots:
            pivots[-1].set("alias", alias)
        else:
            node.set("alias", alias)
        return node

    def table_operand(self) -> Node:
        pos = self.pos
        kind = self.kinds[pos]
        if kind == "(":
            return self.bracketed_table()
        if kind == "{":
            return self.done(exp.Table(this=self.braces()), self.starts[pos])
        if kind == "tag<":
            return self.done(exp.Table(this=self.tag()), self.starts[pos])
        if kind == "string":
            self.fail("a table", hint="Files cannot be read from a query; add them as a source")
        following = self.kinds[pos + 1]
        if kind not in NAMES or (
            kind in CLAUSES
            and following not in _TABLE_GOES_ON
            and not (kind in _TABLE_WORDS and following == "name")
        ):
            self.fail("a table")
        return self.table_name()

    def table_name(self) -> Node:
        first = self.pos
        start = self.starts[first]
        if self.kinds[first + 1] == "(":
            self.pos += 1
            if self.begins_query(self.pos, self.match.get(self.pos, self.last)):
                self.fail("a table", first, "Put only the query in brackets: `FROM (SELECT ...)`")
            raw = self.source(first)
            name = name_text(raw) if self.kinds[first] == "quoted" else raw
            call = exp.Anonymous(this=name, expressions=self.arguments().expressions)
            self.done(call, start).meta["name_end"] = self.ends[first]
            return self.done(exp.Table(this=call), start)
        identifier = self.identifier("a table")
        parts = [identifier.name]
        while self.take("."):
            parts.append(self.identifier("the rest of the table's name").name)
        if len(parts) > 1:
            identifier = self.done(exp.Identifier(this=".".join(parts), quoted=True), start)
        table = self.done(exp.Table(this=identifier), start)
        table.meta["parts"] = parts
        return table

    def bracketed_table(self) -> Node:
        """A subquery, VALUES, or joined tables in brackets."""
        opener = self.pos
        start = self.starts[opener]
        self.pos += 1
        if self.kinds[self.pos] == "VALUES" and self.kinds[self.pos + 1] == "(":
            values = self.values()
            self.close(opener, ")")
            return self.done(values, start)
        if self.begins_query(opener, self.match.get(opener, self.last)):
            return self.done(exp.Subquery(this=self.bracketed_query(opener)), start)
        table, joins = self.tables()
        self.close(opener, ")")
        if not joins:
            return table
        table.set("joins", joins)
        return self.done(exp.Paren(this=table), start)

    def values(self) -> exp.Values:
        first = self.pos
        self.pos += 1
        return self.done(
            exp.Values(expressions=self.listed(self.values_row, -1, trailing=False)),
            self.starts[first],
        )

    def values_row(self) -> Node:
        opener = self.pos
        if not self.take("("):
            self.fail("a row in brackets")
        items = self.listed(self.expression, self.match.get(opener, -1))
        self.close(opener, ")")
        return self.done(exp.Tuple(expressions=items), self.starts[opener])

    def sample(self) -> exp.TableSample:
        """`SAMPLE 0.1`, `SAMPLE 1/10 OFFSET 1/2`, `SAMPLE 10 %`."""
        first = self.pos
        self.pos += 1
        size = self.ratio()
        if self.take("%") or self.take("PERCENT"):
            hundred = at(
                exp.Literal(this="100", is_string=False), size.meta["start"], size.meta["end"]
            )
            size = self.done(exp.Div(this=size, expression=hundred), size.meta["start"])
        node = exp.TableSample(size=size)
        if self.take("OFFSET"):
            node.set("seed", self.ratio())
        if self.kinds[self.pos] == "(" and self.kinds[self.pos + 2] == ")":
            opener = self.pos
            self.pos += 1
            method = self.identifier("a sampling method")
            node.set(
                "method", at(exp.Var(this=method.name), method.meta["start"], method.meta["end"])
            )
            self.close(opener, ")")
        return self.done(node, self.starts[first])

    def ratio(self) -> Node:
        start = self.starts[self.pos]
        if self.kinds[self.pos] == "{":
            return self.braces()
        left = self.ratio_number()
        if not self.take("/"):
            return left
        return self.done(exp.Div(this=left, expression=self.ratio_number()), start)

    def ratio_number(self) -> Node:
        pos = self.pos
        if self.kinds[pos] != "number":
            self.fail("a share such as `0.1` or `1/10`")
        self.pos += 1
        text = number_text(self.source(pos))
        return at(exp.Literal(this=text, is_string=False), self.starts[pos], self.ends[pos])

    # PIVOT and UNPIVOT

    def pivot(self) -> exp.Pivot:
        """`PIVOT (sum(x) FOR y IN (1, 2) GROUP BY z)`, `UNPIVOT (v FOR n IN (a, b))`."""
        first = self.pos
        node = exp.Pivot(unpivot=self.kinds[first] == "UNPIVOT")
        self.pos += 1
        if self.sees("INCLUDE", "NULLS"):
            self.pos += 2
            node.set("include_nulls", True)
        opener = self.pos
        self.expect("(")
        closer = self.match.get(opener, -1)
        fields: list[Node] = []
        if node.args["unpivot"]:
            values: list[Node] = []
            counts: list[int] = []
            while True:
                values.append(self.value(COMPARE))
                self.expect("FOR")
                own = self.pivot_fields()
                counts.append(len(own))
                fields += own
                if not self.take(",") or self.kinds[self.pos] == ")":
                    break
            node.set("expressions", values)
            node.set("fields_of", counts)
        else:
            node.set("expressions", self.listed(self.expression, closer))
            self.expect("FOR")
            fields = self.pivot_fields()
            if self.sees("GROUP", "BY"):
                start = self.starts[self.pos]
                self.pos += 2
                node.set(
                    "group",
                    self.done(exp.Group(expressions=self.listed(self.expression, closer)), start),
                )
        node.set("fields", fields)
        self.close(opener, ")")
        return self.done(node, self.starts[first])

    def pivot_fields(self) -> list[Node]:
        """`y IN (1, 2)`, once or more."""
        fields: list[Node] = []
        while True:
            start = self.starts[self.pos]
            column = self.value(COMPARE)
            self.expect("IN")
            opener = self.pos
            self.expect("(")
            items = self.listed(self.expression, self.match.get(opener, -1))
            self.close(opener, ")")
            fields.append(self.done(exp.In(this=column, expressions=items), start))
            if self.kinds[self.pos] in (")", ",", "GROUP", "end"):
                return fields
