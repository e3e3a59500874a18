"""SELECT: its columns and its clauses."""

from collections.abc import Callable
from typing import Final

from sqlglot import expressions as exp

from pwh_assets.hogql.parser.cursor import Node, SyntaxFault
from pwh_assets.hogql.parser.limits import Limits
from pwh_assets.hogql.parser.powers import COMPARE
from pwh_assets.hogql.parser.tokens import GOES_ON, IMPLICIT_ALIASES, NAMES, words

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
_AFTER_A_NAME: Final = words("( IN : . + = == != , FROM")
_AFTER_DISTINCT_AS_NAME: Final = GOES_ON - {"(", "[", "*", "-", "NOT", "CASE", "FROM"}


class Selects(Limits):
    """Reads one SELECT."""

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
        is_name = kinds[self.pos + 1] in _AFTER_A_NAME and kinds[self.pos] not in ("FROM", "end")
        if not is_name and (kinds[self.pos] in _ENDS or self.begins_clause()):
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
            options = exp.LimitOptions(with_ties=True)
            limit.set("limit_options", self.done(options, self.starts[first]))
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
            inner = self.arguments()
            items = inner.expressions
            if inner.order is not None or (items and isinstance(items[0], exp.Distinct)):
                self.refuse(f"`{kind}` takes columns, without DISTINCT and ORDER BY", first)
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
        return self.done(exp.EQ(this=name, expression=self.value(COMPARE)), start)


_CONDITIONS: Final = {
    "WHERE": (exp.Where, "where"),
    "PREWHERE": (exp.PreWhere, "prewhere"),
    "HAVING": (exp.Having, "having"),
    "QUALIFY": (exp.Qualify, "qualify"),
}

CLAUSES: Final[dict[str, Callable[[Selects, exp.Select], None]]] = {
    "FROM": Selects.from_clause,
    "ARRAY": Selects.array_join,
    "LEFT": Selects.array_join,
    "INNER": Selects.array_join,
    **dict.fromkeys(_CONDITIONS, Selects.condition_clause),
    "GROUP": Selects.group_clause,
    "WINDOW": Selects.window_clause,
    "ORDER": Selects.sort,
    "LIMIT": Selects.limit_clause,
    "OFFSET": Selects.limit_clause,
    "SETTINGS": Selects.settings,
}
