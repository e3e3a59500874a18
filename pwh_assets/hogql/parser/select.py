"""Queries: SELECT with its clauses, WITH, and set operations."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlglot import expressions as exp

from pwh_assets.hogql.parser import hints
from pwh_assets.hogql.parser.cursor import Node, SyntaxFault, at
from pwh_assets.hogql.parser.expressions import _GOES_ON, balanced
from pwh_assets.hogql.parser.tables import Tables
from pwh_assets.hogql.parser.tokens import IMPLICIT_ALIASES, MAX_BRANCHES, MAX_PATH, NAMES, words

_SETS: Final = {"UNION": exp.Union, "EXCEPT": exp.Except, "INTERSECT": exp.Intersect}
_ENDS: Final = words("end ) ] } ; UNION EXCEPT INTERSECT")
_WORDS_IN_ORDER: Final = (
    *("FROM", "ARRAY", "PREWHERE", "WHERE", "GROUP", "HAVING"),
    *("QUALIFY", "WINDOW", "ORDER", "LIMIT", "SETTINGS"),
)
_RANK: Final = {word: index for index, word in enumerate(_WORDS_IN_ORDER)} | {
    "OFFSET": _WORDS_IN_ORDER.index("LIMIT"),
    "LEFT": _WORDS_IN_ORDER.index("ARRAY"),
    "INNER": _WORDS_IN_ORDER.index("ARRAY"),
}
_AFTER_DISTINCT_AS_NAME: Final = _GOES_ON - {"(", "[", "*", "-", "NOT", "CASE", "FROM"}


@dataclass(slots=True)
class Branch:
    """One side of a set operation, and whether it stood in brackets."""

    node: Node
    is_bracketed: bool


class Queries(Tables):
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

    # SELECT

    def select(self, with_: exp.With | None, first: int) -> exp.Select:
        node = exp.Select()
        if with_ is not None:
            node.set("with_", with_)
        self.pos += 1
        kinds = self.kinds
        if kinds[self.pos] == "DISTINCT" and kinds[self.pos + 1] not in _AFTER_DISTINCT_AS_NAME:
            node.set("distinct", self.distinct())
        if kinds[self.pos] == "TOP" and kinds[self.pos + 1] == "number":
            self.top(node)
        if self.kinds[self.pos] in _ENDS or self.begins_clause():
            self.note(self.fault("at least one column", hint="`SELECT *` takes all of them"))
        else:
            node.set("expressions", self.listed(self.column, self.limit))
        self.clauses(node)
        return self.done(node, self.starts[first])

    def distinct(self) -> exp.Distinct:
        first = self.pos
        self.pos += 1
        node = exp.Distinct()
        if self.sees("ON", "("):
            opener = self.pos + 1
            self.pos += 2
            items = self.listed(self.expression, self.match.get(opener, -1))
            self.close(opener, ")")
            node.set("on", self.done(exp.Tuple(expressions=items), self.starts[opener]))
        return self.done(node, self.starts[first])

    def top(self, node: exp.Select) -> None:
        """`TOP n [WITH TIES]`: LIMIT by another name."""
        first = self.pos
        self.pos += 1
        limit = exp.Limit(expression=self.number())
        if self.sees("WITH", "TIES"):
            self.pos += 2
            limit.set("limit_options", exp.LimitOptions(with_ties=True))
        node.set("limit", self.done(limit, self.starts[first]))
        limit.meta["top"] = True

    def column(self) -> Node:
        pos = self.pos
        kinds = self.kinds
        if kinds[pos + 1] == ":" and kinds[pos] in NAMES:
            name = self.identifier("a name")
            self.pos += 1
            return self.done(exp.Alias(this=self.expression(), alias=name), self.starts[pos])
        node = self.expression()
        if kinds[self.pos] in IMPLICIT_ALIASES and not isinstance(node, exp.Alias):
            alias = self.identifier("a name")
            return self.done(exp.Alias(this=node, alias=alias), self.starts[pos])
        return node

    def clauses(self, node: exp.Select) -> None:
        """The clauses after the columns. One in the wrong place is a problem, and read nonetheless."""
        rank, before = -1, "SELECT"
        while True:
            kind = self.kinds[self.pos]
            if kind in _ENDS:
                return
            pos = self.pos
            read = CLAUSES.get(kind)
            own = _RANK.get(kind, -1)
            try:
                if read is None:
                    self.unexpected()
                assert read is not None
                if own < rank or (own == rank and kind not in ("LIMIT", "OFFSET")):
                    self.note(self.misplaced(kind, before, own == rank))
                read(self, node)
                rank, before = max(rank, own), kind
            except SyntaxFault as fault:
                self.recover(fault, (), self.limit)
                if self.pos == pos:
                    if self.kinds[pos] in _ENDS or pos >= self.limit:
                        return
                    self.pos += 1

    def unexpected(self) -> None:
        kind = self.kinds[self.pos]
        if kind in ("USING", "SAMPLE") and (
            kind == "SAMPLE" or self.kinds[self.pos + 1] == "SAMPLE"
        ):
            self.refuse("SAMPLE goes after a table", self.pos, "Write `FROM events SAMPLE 0.1`")
        if kind == "WITH":
            self.fail("the next clause or the end of the query")
        self.fail(
            "an operator, a comma, the next clause or the end of the query", missing_comma=True
        )

    def misplaced(self, kind: str, before: str, twice: bool) -> SyntaxFault:
        names = {"GROUP": "GROUP BY", "ORDER": "ORDER BY", "ARRAY": "ARRAY JOIN"}
        name, other = names.get(kind, kind), names.get(before, before)
        sentence = f"`{name}` is there twice" if twice else f"`{name}` must stand before `{other}`"
        return SyntaxFault(self.problem_at(sentence, self.pos, None))

    def from_clause(self, node: exp.Select) -> None:
        first = self.pos
        self.pos += 1
        table, joins = self.tables()
        node.set("from_", self.done(exp.From(this=table), self.starts[first]))
        if joins:
            node.set("joins", joins)
            from_ = node.args["from_"]
            from_.meta["end"] = table.meta["end"]

    def array_join(self, node: exp.Select) -> None:
        """`[LEFT | INNER] ARRAY JOIN a AS b, c AS d`."""
        first = self.pos
        side = "" if self.kinds[first] == "ARRAY" else self.kinds[first]
        if side:
            self.pos += 1
        if not self.sees("ARRAY", "JOIN"):
            self.unexpected()
        self.pos += 2
        if not node.args.get("from_"):
            self.refuse(
                "ARRAY JOIN needs a FROM", first, "`SELECT arrayJoin(xs)` works without one"
            )
        items = self.listed(self.expression, self.limit)
        join = exp.Join(kind="ARRAY", side="LEFT" if side == "LEFT" else "", expressions=items)
        node.append("array_join", self.done(join, self.starts[first]))
        for item in items:
            if not isinstance(item, exp.Alias) and "error" not in item.meta:
                meta = item.meta
                index = self.tokens.at(meta["start"] + 1)
                self.note(
                    SyntaxFault(
                        self.problem_at(
                            "Arrays of ARRAY JOIN need a name", index, "Write `ARRAY JOIN xs AS x`"
                        )
                    )
                )

    def condition_clause(self, node: exp.Select) -> None:
        first = self.pos
        kind = self.kinds[first]
        self.pos += 1
        make, key = _CONDITIONS[kind]
        try:
            condition = self.expression()
        except SyntaxFault as fault:
            condition = self.recover(fault, (), self.limit)
        node.set(key, self.done(make(this=condition), self.starts[first]))

    def group_clause(self, node: exp.Select) -> None:
        first = self.pos
        self.pos += 1
        self.expect("BY")
        group = exp.Group()
        if self.kinds[self.pos] == "ALL" and self.kinds[self.pos + 1] not in (
            ".",
            ",",
            "(",
            "[",
            "+",
            "/",
            "=",
        ):
            self.pos += 1
            group.set("all", True)
        else:
            plain: list[Node] = []
            for item in self.listed(self.grouped, self.limit):
                if isinstance(item, exp.Cube | exp.Rollup | exp.GroupingSets):
                    key = {
                        exp.Cube: "cube",
                        exp.Rollup: "rollup",
                        exp.GroupingSets: "grouping_sets",
                    }[type(item)]
                    group.append(key, item)
                else:
                    plain.append(item)
            if plain:
                group.set("expressions", plain)
        while self.kinds[self.pos] == "WITH" and self.kinds[self.pos + 1] in (
            "CUBE",
            "ROLLUP",
            "TOTALS",
        ):
            start, word = self.starts[self.pos], self.kinds[self.pos + 1]
            self.pos += 2
            if word == "TOTALS":
                group.set("totals", True)
                break
            make = exp.Cube if word == "CUBE" else exp.Rollup
            items = group.expressions
            group.set("expressions", None)
            group.append(word.lower(), self.done(make(expressions=items), start))
        node.set("group", self.done(group, self.starts[first]))

    def grouped(self) -> Node:
        first = self.pos
        kind = self.kinds[first]
        if kind in ("CUBE", "ROLLUP") and self.kinds[first + 1] == "(":
            self.pos += 1
            items = self.arguments().expressions
            make = exp.Cube if kind == "CUBE" else exp.Rollup
            return self.done(make(expressions=items), self.starts[first])
        if kind == "GROUPING" and self.sees("GROUPING", "SETS", "("):
            opener = first + 2
            self.pos += 3
            sets = self.listed(self.grouping_set, self.match.get(opener, -1), trailing=False)
            self.close(opener, ")")
            return self.done(exp.GroupingSets(expressions=sets), self.starts[first])
        return self.expression()

    def grouping_set(self) -> Node:
        opener = self.pos
        self.expect("(", "around each grouping set")
        items: list[Node] = []
        if self.kinds[self.pos] != ")":
            items = self.listed(self.expression, self.match.get(opener, -1))
        self.close(opener, ")")
        return self.done(exp.Tuple(expressions=items), self.starts[opener])

    def window_clause(self, node: exp.Select) -> None:
        self.pos += 1
        node.set("windows", self.listed(self.named_window, self.limit, trailing=False))

    def named_window(self) -> Node:
        start = self.starts[self.pos]
        name = self.identifier("a window's name")
        self.expect("AS", "and the window in brackets")
        opener = self.pos
        self.expect("(")
        window = self.window_spec()
        self.close(opener, ")")
        window.set("alias", name)
        return self.done(window, start)

    def order_clause(self) -> exp.Order:
        if self.kinds[self.pos + 1] != "BY":
            self.fail("`BY`", self.pos + 1)
        return self.order_by()

    def sort(self, node: exp.Select) -> None:
        node.set("order", self.order_clause())

    def settings(self, node: exp.Select) -> None:
        """Kept in the tree so that the gate can refuse them by name."""
        self.pos += 1
        node.set("settings", self.listed(self.setting, self.limit))

    def setting(self) -> Node:
        start = self.starts[self.pos]
        name = self.identifier("a setting's name")
        self.expect("=")
        return self.done(exp.EQ(this=name, expression=self.value(45)), start)

    # LIMIT and OFFSET

    def limit_clause(self, node: Node) -> None:
        """One LIMIT or OFFSET clause, in any of its orders."""
        first = self.pos
        if self.take("OFFSET"):
            self.set_offset(node, first)
            return
        self.pos += 1
        count = self.value()
        percent = self.take("%") or self.take("PERCENT")
        offset: Node | None = None
        has_comma = self.kinds[self.pos] == ","
        if self.take(","):
            # HogQL reads `LIMIT a, b` as LIMIT a OFFSET b, but `LIMIT a, b BY c` as b rows after a
            offset = self.value()
        ties = self.ties()
        offset_at = self.pos
        if offset is None and self.take("OFFSET"):
            offset = self.value()
            ties = self.ties() or ties
        if self.take("BY"):
            if has_comma and offset is not None:
                count, offset = offset, count
            self.limit_by(node, first, count, offset)
            return
        if node.args.get("limit"):
            self.refuse("`LIMIT` is there twice", first)
        limit = self.done(exp.Limit(expression=count), self.starts[first])
        if percent or ties:
            options = exp.LimitOptions(percent=percent, with_ties=ties)
            limit.set("limit_options", self.done(options, self.starts[first]))
        node.set("limit", limit)
        if offset is not None:
            if node.args.get("offset"):
                self.refuse("`OFFSET` is there twice", offset_at)
            place = offset.meta
            node.set("offset", at(exp.Offset(expression=offset), place["start"], place["end"]))

    def limit_by(self, node: Node, first: int, count: Node, offset: Node | None) -> None:
        if not isinstance(node, exp.Select):
            self.refuse("`LIMIT BY` belongs inside one SELECT", first)
        if node.args.get("limit_by") or node.args.get("limit") or node.args.get("offset"):
            self.refuse("`LIMIT BY` must stand before `LIMIT`", first)
        if offset is None:
            offset = at(exp.Null(), count.meta["end"], count.meta["end"])
        items = self.listed(self.expression, self.limit)
        node.set(
            "limit_by",
            self.done(exp.Tuple(expressions=[count, offset, *items]), self.starts[first]),
        )

    def set_offset(self, node: Node, first: int) -> None:
        if node.args.get("offset"):
            self.refuse("`OFFSET` is there twice", first)
        node.set("offset", self.done(exp.Offset(expression=self.value()), self.starts[first]))

    def ties(self) -> bool:
        if self.sees("WITH", "TIES"):
            self.pos += 2
            return True
        return False

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


_CONDITIONS: Final = {
    "WHERE": (exp.Where, "where"),
    "PREWHERE": (exp.PreWhere, "prewhere"),
    "HAVING": (exp.Having, "having"),
    "QUALIFY": (exp.Qualify, "qualify"),
}

CLAUSES: Final[dict[str, Callable[[Queries, exp.Select], None]]] = {
    "FROM": Queries.from_clause,
    "ARRAY": Queries.array_join,
    "LEFT": Queries.array_join,
    "INNER": Queries.array_join,
    **dict.fromkeys(_CONDITIONS, Queries.condition_clause),
    "GROUP": Queries.group_clause,
    "WINDOW": Queries.window_clause,
    "ORDER": Queries.sort,
    "LIMIT": Queries.limit_clause,
    "OFFSET": Queries.limit_clause,
    "SETTINGS": Queries.settings,
}
