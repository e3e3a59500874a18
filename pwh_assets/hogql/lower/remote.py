"""What databases that are only queried where they are have in common: QUALIFY and its kin as sub-selects, semi-joins as EXISTS."""

from dataclasses import replace
from typing import Any, ClassVar

from sqlglot import exp

from pwh_assets.hogql.functions.base import Arg
from pwh_assets.hogql.functions.base import Call as FunctionCall
from pwh_assets.hogql.functions.dialect import Functions
from pwh_assets.hogql.lower.base import Lowering
from pwh_assets.hogql.lower.capabilities import Capabilities
from pwh_assets.hogql.lower.clauses import columns_sql, is_constant
from pwh_assets.hogql.lower.sources import keys_of
from pwh_assets.hogql.resolve.nodes import (
    Between,
    Call,
    Cte,
    Field,
    Frame,
    InList,
    InQuery,
    Item,
    Join,
    Literal,
    MapValue,
    Order,
    Query,
    ScalarQuery,
    Select,
    Slice,
    TupleValue,
    Value,
    ValuesSource,
    walk,
)
from pwh_assets.hogql.types import Type

WORDS: dict[str, str] = {
    "inner": "INNER JOIN",
    "left": "LEFT JOIN",
    "right": "RIGHT JOIN",
    "full": "FULL JOIN",
    "cross": "CROSS JOIN",
}


class Remote(Lowering):
    """Asks the dialect's table before it prints a construct."""

    functions: ClassVar[Functions]
    can: ClassVar[Capabilities]

    # Refusals

    def lacks(self, what: str, node: exp.Expression | None = None) -> str:
        """Refuse a construct; `what` may end in `: ` and a reason."""
        said, colon, reason = what.partition(": ")
        return self.refuse(
            ValueError(f"{said} on {self.can.title}{colon}{reason}{'' if colon else '.'}"), node
        )

    def need(self, clause: str, node: exp.Expression | None = None) -> bool:
        """Whether the dialect has a clause; refused with its reason where not."""
        reason = self.can.clauses.get(clause)
        if reason is not None:
            self.lacks(f"{clause} does not run: {reason}", node)
        return reason is None

    def value(self, value: Value) -> str:
        reason = self.can.types.get(value.type.name)
        if reason is not None and id(value) not in self.memo:
            self.memo[id(value)] = self.lacks(f"{value.type} does not exist: {reason}", value.node)
        try:
            return super().value(value)
        except ValueError as error:
            return self.refuse(ValueError(f"On {self.can.title}, {error}"), value.node)

    # Values

    def arg(self, value: Value) -> Arg:
        found = super().arg(value)
        if isinstance(value, Literal) and value.value is None:
            return replace(found, type=Type("Null"))
        return found

    def converting(self) -> FunctionCall:
        return FunctionCall("", self.engine, (), timezone=self.catalog.timezone)

    def cast_to(self, value: Value, wanted: Type) -> str:
        """A value in another type; NULL in it, too."""
        return self.functions.conversions.cast(self.converting(), self.arg(value), wanted)

    def branch_item(self, item: Value, type_: Type) -> str | None:
        if item.type == type_ or type_.name in ("Null", "Unknown"):
            return None
        return self.cast_to(item, type_)

    def hash_share(self, sql: str) -> str:
        self.need("SAMPLE")
        return self.share_of(sql)

    def share_of(self, sql: str) -> str:
        """A number from 0 to 1 that depends on the value alone, the same as on DuckDB."""
        raise NotImplementedError

    def between(self, value: Between) -> str:
        this = self.functions.conversions.ordered(self.value(value.this), value.this.type)
        return f"({this} BETWEEN {self.value(value.low)} AND {self.value(value.high)})"

    def tuple(self, value: TupleValue) -> str:
        return f"({self.values(value.items)})"

    def map(self, value: MapValue) -> str:
        raise ValueError("there are no maps.")

    def field(self, value: Field) -> str:
        if isinstance(value.base, TupleValue):
            return self.value(value.base.items[value.index - 1])
        raise ValueError("there are no tuples.")

    def item(self, value: Item) -> str:
        raise ValueError("there are no arrays.")

    def slice(self, value: Slice) -> str:
        raise ValueError("there are no arrays.")

    def left_of_in(self, value: Value) -> str:
        """What stands before IN: a tuple is a row there, whatever else tuples are."""
        if not isinstance(value, TupleValue):
            return self.value(value)
        return f"({self.values(value.items)})"

    def in_list(self, value: InList, is_filter: bool = False) -> str:
        if not isinstance(value.this, TupleValue):
            return super().in_list(value, is_filter)
        if value.has_null:
            raise ValueError("a row beside NULL in a list is compared otherwise.")
        left = self.left_of_in(value.this)
        rows = []
        for item in value.items:
            if not isinstance(item, TupleValue):
                raise ValueError("rows are compared with rows.")
            rows.append(self.left_of_in(item))
        test = f"({left} IN ({', '.join(rows)}))"
        if value.is_negated:
            return f"coalesce(NOT {test}, TRUE)"
        return test if is_filter else f"coalesce({test}, FALSE)"

    def in_query(self, value: InQuery, is_filter: bool = False) -> str:
        test = f"({self.left_of_in(value.this)} IN ({self.nested(value.query)}))"
        if value.is_negated:
            return f"coalesce(NOT {test}, TRUE)"
        return test if is_filter else f"coalesce({test}, FALSE)"

    def nested(self, query: Query) -> str:
        """A query inside IN."""
        return self.subquery(query)

    def scalar_query(self, value: ScalarQuery) -> str:
        if len(value.query.names) != 1:
            raise ValueError("a query that stands for a value has one column.")
        return super().scalar_query(value)

    def call(self, value: Call) -> str:
        reason = self.can.types.get(value.type.name)
        if reason is not None:
            return self.lacks(f"`{value.name}` gives a {value.type}: {reason}", value.node)
        return super().call(value)

    def frame(self, frame: Frame) -> str:
        if frame.kind.upper() == "GROUPS":
            self.need("GROUPS frame")
        return super().frame(frame)

    # Clauses

    def rows(self, source: ValuesSource) -> str:
        self.need("VALUES")
        return super().rows(source)

    def cte_columns(self, columns: str, cte: Cte) -> str:
        if cte.is_recursive:
            self.need("WITH RECURSIVE")
        return f"({columns})" if cte.is_recursive else ""

    def anchored(self, item: Value, type_: Any) -> str:
        if type_.name in ("Null", "Unknown"):
            return self.value(item)
        return self.cast_to(item, type_) if item.type != type_ else self.wide(item, type_)

    def wide(self, item: Value, type_: Type) -> str:
        """A value in the widest form of its own type."""
        return self.value(item)

    def set_word(self, op: str) -> str:
        word = op.removesuffix(" DISTINCT")
        self.need(word)
        return word

    def join(self, join: Join, source: str) -> str:
        node = node_of(join.on)
        reason = self.can.joins.get(join.kind)
        if reason is not None:
            self.lacks(f"{join.kind.upper()} JOIN does not run: {reason}", node)
            return f" CROSS JOIN {source}"
        if join.kind in ("semi", "anti"):
            return self.by_existence(join, source)
        if (
            join.is_any
            and join.kind in ("left", "inner", "right", "full")
            and self.need("ANY JOIN", node)
        ):
            source = self.any_of(join, source)
        if join.kind == "cross":
            return f" CROSS JOIN {source}"
        on = self.filter(join.on) if join.on is not None else "TRUE"
        return f" {WORDS[join.kind]} {source} ON {on}"

    def by_existence(self, join: Join, source: str) -> str:
        """A semi- or anti-join as a join with one row that is there or not."""
        word = "NOT EXISTS" if join.kind == "anti" else "EXISTS"
        on = self.filter(join.on) if join.on is not None else "TRUE"
        one = self.identifier(self.fresh("one"))
        return f" INNER JOIN (SELECT 1 AS x) AS {one} ON {word} (SELECT 1 FROM {source} WHERE {on})"

    def any_of(self, join: Join, source: str) -> str:
        """The joined side with one row per key."""
        keys = keys_of(join)
        if not keys:
            return source
        body, _, alias = source.rpartition(" AS ")
        inner, outer = (self.identifier(self.fresh(name)) for name in ("each", "every"))
        number = self.identifier(self.fresh("place"))
        own = alias + "."
        columns = ", ".join(self.value(key).replace(own, inner + ".") for key in keys)
        numbered = f"SELECT {inner}.*, row_number() OVER (PARTITION BY {columns}) AS {number} FROM {body} AS {inner}"
        return f"(SELECT * FROM ({numbered}) AS {outer} WHERE {number} = 1) AS {alias}"

    def qualify(self, query: Select) -> str:
        """QUALIFY, LIMIT BY, WITH TIES and DISTINCT ON: all choose rows by a window."""
        parts = []
        if query.grouping is not None and query.grouping.sets is not None:
            self.need("GROUPING SETS", next(map(node_of, query.grouping.keys), None))
        if query.qualify is not None and self.need("QUALIFY", node_of(query.qualify)):
            parts.append(self.filter(query.qualify))
        order = f" ORDER BY {self.orders(query.order)}" if query.order else ""
        if isinstance(query.distinct, list) and self.need("DISTINCT ON"):
            keys = self.values(query.distinct)
            parts.append(f"row_number() OVER (PARTITION BY {keys}{order}) = 1")
        if query.limit_by is not None and self.need("LIMIT BY"):
            count, offset, by = query.limit_by
            number = f"row_number() OVER (PARTITION BY {self.values(by)}{order})"
            low = self.value(offset) if offset is not None else "0"
            parts.append(f"{number} > {low} AND {number} <= {low} + {self.value(count)}")
        if (
            query.has_ties
            and query.limit is not None
            and not query.distinct
            and self.need("WITH TIES")
        ):
            over = f"OVER ({order.strip()})"
            low = self.value(query.offset) if query.offset is not None else "0"
            parts.append(f"rank() {over} <= {low} + {self.value(query.limit)}")
            if query.offset is not None:
                parts.append(f"row_number() {over} > {low}")
        return " AND ".join(parts)

    def wraps(self, query: Select, qualify: str) -> bool:
        return bool(qualify)

    def wrapped(
        self, query: Select, names: list[str], items: list[str], rest: list[str], qualify: str
    ) -> str:
        """Rows chosen and ordered around the SELECT, by columns nobody else sees."""
        alias = self.identifier(self.fresh("chosen"))
        hidden: dict[str, str] = {}
        orders: list[str] = []
        for order in query.order:
            if is_constant(order.this):
                continue
            sql = self.value(order.this)
            if sql in items:
                column = names[items.index(sql)]
            else:
                column = hidden.setdefault(sql, self.fresh("by"))
            orders.append(self.ordered(order, f"{alias}.{self.identifier(column)}"))
        columns = columns_sql(self, [*names, *hidden.values()], [*items, *hidden])
        keep = ""
        if qualify:
            mark = self.identifier(self.fresh("keep"))
            columns += f", ({qualify}) AS {mark}"
            keep = f" WHERE {alias}.{mark}"
        is_distinct = query.distinct is True
        inner = " ".join(
            [f"SELECT {'DISTINCT ' if is_distinct and not qualify else ''}{columns}", *rest]
        )
        shown = ", ".join(f"{alias}.{self.identifier(name)}" for name in names) or "NULL"
        sql = f"SELECT {'DISTINCT ' if is_distinct and qualify else ''}{shown} FROM ({inner}) AS {alias}{keep}"
        if orders:
            sql += f" ORDER BY {', '.join(dict.fromkeys(orders))}"
        return sql if query.has_ties and not query.distinct else sql + self.limits(query)

    def ordered(self, order: Order, sql: str) -> str:
        """A sort key, given its SQL rather than its place."""
        return super().order(order, self.functions.conversions.ordered(sql, order.this.type))

    def select_tail(self, query: Select, positions: dict[str, int]) -> str:
        from pwh_assets.hogql.lower.clauses import tail

        return tail(self, query, positions)

    def limits(self, query: Query) -> str:
        if query.is_percent:
            self.need("LIMIT PERCENT", node_of(query.limit))
        if query.has_ties and not isinstance(query, Select):
            self.need("WITH TIES")
        sql = f" LIMIT {self.count_of(query.limit)}" if query.limit is not None else ""
        return sql + (f" OFFSET {self.count_of(query.offset)}" if query.offset is not None else "")

    def count_of(self, value: Value) -> str:
        if not isinstance(value, Literal):
            self.need("computed LIMIT", node_of(value))
        return self.value(value)


def node_of(value: Value | None) -> exp.Expression | None:
    """The first piece of text a value stands for."""
    if value is None:
        return None
    return next((part.node for part in walk(value) if part.node is not None), None)
