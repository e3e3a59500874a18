"""Queries: WITH, set operations, brackets, and the text as a whole."""

from dataclasses import dataclass
from typing import Final

from sqlglot import expressions as exp

from pwh_assets.hogql.parser import hints
from pwh_assets.hogql.parser.cursor import Node, SyntaxFault, at
from pwh_assets.hogql.parser.expressions import balanced
from pwh_assets.hogql.parser.select import Selects
from pwh_assets.hogql.parser.tokens import MAX_BRANCHES, MAX_PATH, NAMES

_SETS: Final = {"UNION": exp.Union, "EXCEPT": exp.Except, "INTERSECT": exp.Intersect}


@dataclass(slots=True)
class Branch:
    """One side of a set operation, and whether it stood in brackets."""

    node: Node
    is_bracketed: bool


class Queries(Selects):
    """Reads queries."""

    def query(self) -> Node:
        branches = [self.branch()]
        operators: list[tuple[str, bool, bool]] = []
        changes = 0
        while self.kinds[self.pos] in _SETS:
            operators.append(self.set_operator())
            if len(operators) >= MAX_BRANCHES:
                self.too_large(f"More than {MAX_BRANCHES:,} SELECTs in one set operation", self.pos)
            if len(operators) > 1 and (
                operators[-1] != operators[-2] or operators[-1][0] == "EXCEPT"
            ):
                changes += 1
                if changes > MAX_PATH:
                    self.too_large("UNION, INTERSECT and EXCEPT alternate too often", self.pos)
            try:
                branches.append(self.branch())
            except SyntaxFault as fault:
                branches.append(
                    Branch(self.recover(fault, ("UNION", "INTERSECT", "EXCEPT"), self.limit), True)
                )
        first, last = branches[0], branches[-1]
        if operators:
            node = _combined([branch.node for branch in branches], operators)
            node.meta["end"] = self.ends[self.pos - 1]
            with_ = first.node.args.get("with_")
            if with_ is not None and not first.is_bracketed:
                # A WITH in front is for every branch
                first.node.set("with_", None)
                node.set("with_", with_)
            if not last.is_bracketed:
                _lift_tail(last.node, node)
                return node
        else:
            node = first.node
            if not first.is_bracketed:
                return node
        if self.kinds[self.pos] in ("ORDER", "LIMIT", "OFFSET"):
            return self.with_tail(node)
        return node

    def set_operator(self) -> tuple[str, bool, bool]:
        """The operator's word, whether it drops duplicates, whether it goes by name."""
        word = self.kinds[self.pos]
        self.pos += 1
        distinct = not self.take("ALL")
        if distinct:
            self.take("DISTINCT")
        by_name = self.sees("BY", "NAME")
        if by_name:
            self.pos += 2
        return word, distinct, by_name

    def branch(self) -> Branch:
        kind = self.kinds[self.pos]
        first = self.pos
        if kind == "SELECT":
            return Branch(self.select(None, first), False)
        if kind == "WITH":
            with_ = self.with_clause()
            if self.kinds[self.pos] == "(":
                opener = self.pos
                self.pos += 1
                return Branch(self.under(with_, self.bracketed_query(opener)), True)
            if self.kinds[self.pos] != "SELECT":
                self.fail("`SELECT`")
            return Branch(self.select(with_, first), False)
        if kind == "(":
            self.pos += 1
            return Branch(self.bracketed_query(first), True)
        if kind == "{":
            return Branch(self.braces(), True)
        if kind == "FROM":
            self.fail("`SELECT`", hint="A query begins with SELECT and names its tables after it")
        self.fail("`SELECT`")

    def under(self, with_: exp.With, query: Node) -> Node:
        if isinstance(query, exp.Placeholder) or query.args.get("with_"):
            query = self.wrapped(query)
        query.set("with_", with_)
        query.meta["start"] = with_.meta["start"]
        return query

    def wrapped(self, query: Node) -> exp.Select:
        """`SELECT * FROM (query)`."""
        start, end = query.meta["start"], query.meta["end"]
        subquery = at(exp.Subquery(this=query), start, end)
        star = at(exp.Star(), start, start)
        from_ = at(exp.From(this=subquery), start, end)
        return at(exp.Select(expressions=[star], from_=from_), start, end)

    def with_tail(self, node: Node) -> Node:
        """ORDER BY, LIMIT and OFFSET after a query in brackets or a set operation."""
        taken = any(
            node.args.get(key) for key in ("order", "limit", "offset", "limit_by", "settings")
        )
        if taken or not isinstance(node, exp.Select | exp.SetOperation):
            node = self.wrapped(node)
        assert isinstance(node, exp.Select | exp.SetOperation)
        while self.kinds[self.pos] in ("ORDER", "LIMIT", "OFFSET"):
            if self.kinds[self.pos] == "ORDER":
                if node.args.get("limit"):
                    self.refuse("`ORDER BY` must stand before `LIMIT`", self.pos)
                node.set("order", self.order_clause())
            else:
                self.limit_clause(node)
        node.meta["end"] = self.ends[self.pos - 1]
        return node

    # WITH

    def with_clause(self) -> exp.With:
        first = self.pos
        self.pos += 1
        recursive = self.kinds[self.pos] == "RECURSIVE" and self.kinds[self.pos + 1] not in (
            "AS",
            "(",
            ".",
            ",",
        )
        if recursive:
            self.pos += 1
        entries: list[Node] = []
        while True:
            try:
                entries.append(self.common_table())
            except SyntaxFault as fault:
                self.recover(fault, (",", "SELECT"), self.limit)
            if not self.take(",") or self.kinds[self.pos] == "SELECT":
                break
        return self.done(exp.With(expressions=entries, recursive=recursive), self.starts[first])

    def common_table(self) -> Node:
        """`name [(columns)] [USING KEY (..)] AS [[NOT] MATERIALIZED] (query)`, or `expression AS name`."""
        first = self.pos
        start = self.starts[first]
        if not self.is_query_entry():
            value = self.value()
            if not self.take("AS"):
                self.fail("`AS` and a name")
            if self.kinds[self.pos] == "(" and isinstance(value, exp.Column):
                self.fail(
                    "a query in brackets",
                    self.pos + 1,
                    "For a value write the expression first: `1 AS name`",
                )
            if self.sees("SELECT") and self.kinds[self.pos + 1] not in (",", "SELECT", "WITH", "("):
                self.fail("a query in brackets", hint="Write `name AS (SELECT ...)`")
            name = self.identifier("a name")
            alias = at(exp.TableAlias(this=name), name.meta["start"], name.meta["end"])
            return self.done(exp.CTE(this=value, alias=alias, scalar=True), start)
        alias = exp.TableAlias(this=self.identifier("a name"))
        if self.kinds[self.pos] == "(":
            alias.set("columns", self.name_list())
        self.done(alias, start)
        entry = exp.CTE(alias=alias)
        if self.sees("USING", "KEY"):
            self.pos += 2
            entry.set("key_expressions", self.name_list())
        if not self.take("AS"):
            self.fail("`AS`")
        if self.kinds[self.pos] == "MATERIALIZED" or self.sees("NOT", "MATERIALIZED"):
            entry.set("materialized", not self.take("NOT"))
            self.pos += 1
        opener = self.pos
        self.expect("(", "and a query")
        entry.set("this", self.bracketed_query(opener))
        return self.done(entry, start)

    def is_query_entry(self) -> bool:
        pos = self.pos
        kinds = self.kinds
        if kinds[pos] not in NAMES:
            return False
        pos += 1
        if kinds[pos] == "(":
            pos = min(self.match.get(pos, self.last) + 1, self.last)
        if kinds[pos] == "USING" and kinds[pos + 1] == "KEY":
            return True
        if kinds[pos] != "AS":
            return False
        following = kinds[pos + 1]
        if following == "MATERIALIZED" or (following == "NOT" and kinds[pos + 2] == "MATERIALIZED"):
            return True
        if following != "(":
            return False
        opener = pos + 1
        inside = kinds[opener + 1]
        return self.begins_query(opener, self.match.get(opener, self.last)) or inside in (
            ")",
            "{",
            "end",
        )

    def name_list(self) -> list[Node]:
        opener = self.pos
        self.expect("(")
        names = self.listed(
            lambda: self.identifier("a column name"), self.match.get(opener, -1), False
        )
        self.close(opener, ")")
        return names

    # The whole text

    def root(self) -> Node:
        """The query, and nothing after it."""
        kind = self.kinds[0]
        if kind == "end":
            self.refuse("The text is empty", 0, "Write a SELECT")
        if kind not in ("SELECT", "WITH", "(", "{", "tag<") and hints.is_statement(self.tokens):
            self.refuse(f"Only SELECT can run here, found `{self.source(0).upper()}`", 0)
        node = self.tag() if kind == "tag<" else self.query()
        one_more = self.take(";")
        if self.kinds[self.pos] != "end":
            hint = "Only one query can run at a time" if one_more else None
            self.note(self.fault("the end of the query", hint=hint))
        return node

    def lone_expression(self) -> Node:
        """One expression, and nothing after it."""
        node = self.expression()
        if self.kinds[self.pos] != "end":
            self.fail("the end of the expression")
        return node


def _combined(nodes: list[Node], operators: list[tuple[str, bool, bool]]) -> Node:
    """One tree: INTERSECT first, then UNION and EXCEPT from the left. Runs of one operator are balanced."""
    terms, rest = [nodes[0]], []
    run: list[Node] = []
    for operator, node in zip(operators, nodes[1:], strict=True):
        if operator[0] == "INTERSECT":
            terms[-1] = _joined(operator, [terms[-1], node])
        else:
            terms.append(node)
            rest.append(operator)
    if not rest:
        return terms[0]
    run, current = [terms[0]], rest[0]
    for operator, node in zip(rest, terms[1:], strict=True):
        if operator != current or operator[0] == "EXCEPT":
            run = [_joined(current, run)]
            current = operator
        run.append(node)
    return _joined(current, run)


def _joined(operator: tuple[str, bool, bool], nodes: list[Node]) -> Node:
    if len(nodes) == 1:
        return nodes[0]
    word, distinct, by_name = operator

    def make(this: Node, expression: Node) -> Node:
        found = _SETS[word](this=this, expression=expression, distinct=distinct)
        if by_name:
            found.set("by_name", True)
        return found

    return balanced(make, nodes)


def _lift_tail(last: Node, whole: Node) -> None:
    """ORDER BY, LIMIT and OFFSET after the last SELECT are for the whole set operation."""
    if not isinstance(last, exp.Select) or last.args.get("limit_by"):
        return
    for key in ("order", "limit", "offset", "settings"):
        found = last.args.get(key)
        if found is not None and not (key == "limit" and "top" in found.meta):
            last.set(key, None)
            whole.set(key, found)
