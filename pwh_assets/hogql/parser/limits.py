"""LIMIT and OFFSET, in all their orders."""

from sqlglot import expressions as exp

from pwh_assets.hogql.parser.cursor import Node, at
from pwh_assets.hogql.parser.tables import Tables


class Limits(Tables):
    """Reads how much of a query's rows is wanted."""

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
