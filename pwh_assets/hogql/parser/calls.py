"""Calls and what may follow them: parameters, FILTER, WITHIN GROUP, OVER."""

from dataclasses import dataclass

from sqlglot import expressions as exp

from pwh_assets.hogql.parser.cursor import Cursor, Node, at
from pwh_assets.hogql.parser.literals import name_text
from pwh_assets.hogql.parser.powers import AND, NEGATE


@dataclass(slots=True)
class Arguments:
    """What stands between a call's brackets."""

    expressions: list[Node]
    order: exp.Order | None = None
    ignores_nulls: bool = False


class Calls(Cursor):
    """Reads calls."""

    def call(self) -> Node:
        """`name(...)`, `name(...)(...)`, and what follows."""
        pos = self.pos
        kinds = self.kinds
        start, end = self.starts[pos], self.ends[pos]
        name = self.text[start:end]
        if kinds[pos] == "quoted":
            name = name_text(name)
        self.pos = pos + 1
        if kinds[pos + 2] == ")":
            # name(): by far the most frequent of the short forms
            self.pos = pos + 3
            node: Node = exp.Anonymous(this=name, expressions=[])
            arguments = None
        else:
            arguments = self.arguments()
            node = exp.Anonymous(this=name, expressions=arguments.expressions)
        following = kinds[self.pos]
        if following == "(":
            params = arguments.expressions if arguments else []
            if arguments is not None and (arguments.order or isinstance(params[0], exp.Distinct)):
                self.refuse("DISTINCT and ORDER BY go into the second brackets", pos)
            arguments = self.arguments()
            node = exp.ParameterizedAgg(this=name, params=params, expressions=arguments.expressions)
            following = kinds[self.pos]
        node._meta = {"start": start, "end": self.ends[self.pos - 1], "name_end": end}
        if arguments is not None:
            if arguments.order is not None:
                node.set("order", arguments.order)
            if arguments.ignores_nulls:
                node = self.done(exp.IgnoreNulls(this=node), start)
        if following in ("FILTER", "WITHIN", "OVER", "IGNORE"):
            return self.call_rest(node, start)
        return node

    def arguments(self) -> Arguments:
        """From `(` to `)`: DISTINCT, expressions or one query, ORDER BY, IGNORE NULLS."""
        opener = self.pos
        kinds = self.kinds
        closer = self.match.get(opener, self.last)
        self.pos += 1
        if kinds[self.pos] == ")":
            self.pos += 1
            return Arguments([])
        first = kinds[self.pos]
        if (
            first in ("SELECT", "WITH", "(", "{")
            and self.begins_query(opener, closer)
            and kinds[self.match.get(self.pos, self.pos) + 1] != "ORDER"
        ):
            query = self.bracketed_query(opener)
            meta = query.meta
            return Arguments([at(exp.Subquery(this=query), meta["start"], meta["end"])])
        distinct = None
        if first == "DISTINCT" and kinds[self.pos + 1] not in (",", ".", "=", "AS"):
            distinct = self.pos
            self.pos += 1
        items: list[Node] = []
        if kinds[self.pos] != ")" and not self.sees("ORDER", "BY"):
            items = self.listed(self.expression, closer)
        ignores = False
        if (
            len(items)
            and isinstance(items[-1], exp.IgnoreNulls)
            and not items[-1].this.find(exp.Window)
        ):
            items[-1] = items[-1].this
            ignores = True
        if distinct is not None:
            items = [self.done(exp.Distinct(expressions=items), self.starts[distinct])]
        order = self.order_by() if self.sees("ORDER", "BY") else None
        self.close(opener, ")")
        return Arguments(items, order, ignores)

    def call_rest(self, node: Node, start: int) -> Node:
        kinds = self.kinds
        if self.sees("WITHIN", "GROUP", "("):
            opener = self.pos + 2
            self.pos += 3
            if not self.sees("ORDER", "BY"):
                self.fail("`ORDER BY`")
            order = self.order_by()
            self.close(opener, ")")
            node = self.done(exp.WithinGroup(this=node, expression=order), start)
        if self.sees("FILTER", "(", "WHERE"):
            opener = self.pos + 1
            self.pos += 3
            place = self.starts[opener + 1]
            where = self.done(exp.Where(this=self.expression()), place)
            self.close(opener, ")")
            node = self.done(exp.Filter(this=node, expression=where), start)
        if self.sees("IGNORE", "NULLS") and kinds[self.pos + 2] == "OVER":
            self.pos += 2
            node = self.done(exp.IgnoreNulls(this=node), start)
        if kinds[self.pos] == "OVER":
            node = self.over(node, start)
        return node

    def over(self, call: Node, start: int) -> Node:
        pos = self.pos
        self.pos += 1
        if self.kinds[self.pos] == "(":
            opener = self.pos
            self.pos += 1
            window = self.window_spec()
            self.close(opener, ")")
            window.set("this", call)
            return self.done(window, start)
        name = self.identifier("a window's name or `(`")
        window = exp.Window(this=call, alias=name)
        window._meta = {"over": self.starts[pos]}
        return self.done(window, start)

    def window_spec(self) -> exp.Window:
        """`PARTITION BY ... ORDER BY ... ROWS ...`, each optional."""
        window = exp.Window()
        if self.sees("PARTITION", "BY"):
            self.pos += 2
            window.set("partition_by", self.listed(self.expression, -1))
        if self.sees("ORDER", "BY"):
            window.set("order", self.order_by())
        if self.kinds[self.pos] in ("ROWS", "RANGE"):
            window.set("spec", self.frame())
        return window

    def frame(self) -> exp.WindowSpec:
        first = self.pos
        self.pos += 1
        spec = exp.WindowSpec(kind=self.kinds[first])
        if self.take("BETWEEN"):
            self.bound(spec, "start")
            self.expect("AND", "and the frame's end")
            self.bound(spec, "end")
        else:
            self.bound(spec, "start")
        return self.done(spec, self.starts[first])

    def bound(self, spec: exp.WindowSpec, which: str) -> None:
        if self.sees("CURRENT", "ROW"):
            self.pos += 2
            spec.set(which, "CURRENT ROW")
            return
        if self.kinds[self.pos] == "UNBOUNDED" and self.kinds[self.pos + 1] in (
            "PRECEDING",
            "FOLLOWING",
        ):
            self.pos += 1
            spec.set(which, "UNBOUNDED")
        else:
            spec.set(which, self.value(AND))
        if self.kinds[self.pos] not in ("PRECEDING", "FOLLOWING"):
            self.fail("`PRECEDING` or `FOLLOWING`")
        spec.set(f"{which}_side", self.kinds[self.pos])
        self.pos += 1

    # Order, used by calls, windows and queries

    def order_by(self) -> exp.Order:
        first = self.pos
        self.pos += 2
        items = self.listed(self.ordered, -1, trailing=False)
        order = exp.Order(expressions=items)
        if self.kinds[self.pos] == "INTERPOLATE":
            self.pos += 1
            order.set("interpolate", self.interpolated())
        return self.done(order, self.starts[first])

    def interpolated(self) -> list[Node]:
        if self.kinds[self.pos] != "(":
            return []
        opener = self.pos
        self.pos += 1
        items = (
            []
            if self.kinds[self.pos] == ")"
            else self.listed(self.interpolation, self.match.get(opener, -1))
        )
        self.close(opener, ")")
        return items

    def interpolation(self) -> Node:
        """`name` or `name AS value`, the second as an equation."""
        start = self.starts[self.pos]
        column = self.value()
        if not self.take("AS"):
            return column
        return self.done(exp.EQ(this=column, expression=self.value()), start)

    def ordered(self) -> Node:
        start = self.starts[self.pos]
        kinds = self.kinds
        node = self.expression()
        desc = False
        kind = kinds[self.pos]
        if kind in ("DESC", "DESCENDING"):
            self.pos += 1
            desc = True
        elif kind in ("ASC", "ASCENDING"):
            self.pos += 1
        nulls_first = None
        if kinds[self.pos] == "NULLS" and kinds[self.pos + 1] in ("FIRST", "LAST"):
            nulls_first = kinds[self.pos + 1] == "FIRST"
            self.pos += 2
        if kinds[self.pos] == "COLLATE":
            self.pos += 1
            if kinds[self.pos] != "string":
                self.fail("a collation as a string")
            node = self.done(exp.Collate(this=node, expression=self.value(NEGATE)), start)
        fill = self.fill() if self.sees("WITH", "FILL") else None
        ordered = exp.Ordered(this=node, desc=desc, nulls_first=nulls_first)
        if fill is not None:
            ordered.set("with_fill", fill)
        return self.done(ordered, start)

    def fill(self) -> exp.WithFill:
        first = self.pos
        self.pos += 2
        fill = exp.WithFill()
        for word, key in (("FROM", "from_"), ("TO", "to"), ("STEP", "step")):
            if self.take(word):
                fill.set(key, self.expression())
        return self.done(fill, self.starts[first])
