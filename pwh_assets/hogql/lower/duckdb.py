"""DuckDB's SQL."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

from pwh_assets.core.in_place import is_in_place
from pwh_assets.hogql.functions.sqltext import struct_of
from pwh_assets.hogql.lower.clauses import order_sql, tail
from pwh_assets.hogql.lower.literals import DUCKDB
from pwh_assets.hogql.lower.properties import Properties
from pwh_assets.hogql.lower.sources import keys_of
from pwh_assets.hogql.resolve.nodes import (
    ArrayJoinSource,
    ColumnRef,
    Cte,
    Field,
    FunctionSource,
    InQuery,
    IntervalValue,
    Item,
    Join,
    Literal,
    MapValue,
    Query,
    ScalarQuery,
    Select,
    Slice,
    TableSource,
    TupleValue,
    Value,
)
from pwh_assets.hogql.stored import READ_AS

JOINS: dict[str, str] = {
    "inner": "INNER JOIN",
    "left": "LEFT JOIN",
    "right": "RIGHT JOIN",
    "full": "FULL JOIN",
    "cross": "CROSS JOIN",
    "semi": "SEMI JOIN",
    "anti": "ANTI JOIN",
    "positional": "POSITIONAL JOIN",
    "asof": "ASOF JOIN",
    "asof left": "ASOF LEFT JOIN",
}

UNITS: dict[str, str] = {
    "microsecond": "to_microseconds",
    "millisecond": "to_milliseconds",
    "second": "to_seconds",
    "minute": "to_minutes",
    "hour": "to_hours",
    "day": "to_days",
    "week": "to_weeks",
    "month": "to_months",
    "quarter": "to_quarters",
    "year": "to_years",
}


class DuckDB(Properties):
    """Prints for DuckDB with the lake attached as `lake`; needs the macros of `functions/macros.py`."""

    engine = "duckdb"
    literals = DUCKDB
    clock: ClassVar[Mapping[str, str]] = {
        "now": "timezone('UTC', now())",
        "today": "CAST(timezone({zone}, now()) AS DATE)",
        "yesterday": "(CAST(timezone({zone}, now()) AS DATE) - 1)",
    }

    def stored(self, path: tuple[str, ...]) -> str:
        place = ("placed", *path[1:]) if is_in_place(path) else ("lake", *path)
        return ".".join(self.identifier(part) for part in place)

    def column(self, value: ColumnRef) -> str:
        sql = super().column(value)
        if isinstance(value.source, TableSource):
            cast = self.casts(value.source).get(value.name)
            if cast is not None:
                return f"CAST({sql} AS {cast})"
        return sql

    def casts(self, source: TableSource) -> dict[str, str]:
        """Stored columns that are read as another type."""
        found = self.read_as.get(source.table.name)
        if found is None:
            found = self.read_as[source.table.name] = {
                column.name: READ_AS[column.stored]
                for column in source.table.columns
                if column.stored in READ_AS
            }
        return found

    @cached_property
    def read_as(self) -> dict[str, dict[str, str]]:
        return {}

    # Values

    def in_query(self, value: InQuery, is_filter: bool = False) -> str:
        if value.this.type.name != "Tuple":
            return super().in_query(value, is_filter)
        if isinstance(value.this, TupleValue):
            # Several columns compare with a row, not with the struct a tuple is elsewhere.
            cells = self.values(value.this.items)
        else:
            this = self.value(value.this)
            count = len(value.this.type.args)
            cells = ", ".join(f"struct_extract_at({this}, {i})" for i in range(1, count + 1))
        test = f"(({cells}) IN ({self.subquery(value.query)}))"
        if value.is_negated:
            return f"coalesce(NOT {test}, TRUE)"
        return test if is_filter else f"coalesce({test}, FALSE)"

    def item(self, value: Item) -> str:
        base = self.value(value.base)
        if value.base.type.name == "Map":
            return f"({base})[{self.value(value.index)}]"
        return f"list_extract({base}, CAST({self.value(value.index)} AS BIGINT))"

    def field(self, value: Field) -> str:
        base = self.value(value.base)
        if value.base.type.name == "Array":
            return f"list_transform({base}, lambda __p: struct_extract_at(__p, {value.index}))"
        return f"struct_extract_at({base}, {value.index})"

    def slice(self, value: Slice) -> str:
        start = self.value(value.start) if value.start is not None else ""
        stop = self.value(value.stop) if value.stop is not None else ""
        return f"({self.value(value.base)})[{start}:{stop}]"

    def tuple(self, value: TupleValue) -> str:
        # Named, because DuckDB 1.5 loses track of unnamed structs that come out of a subquery.
        return struct_of(self.value(item) for item in value.items)

    def map(self, value: MapValue) -> str:
        kind = value.type.args
        keys = self.unified(value.keys, kind[0] if kind else None)
        values = self.unified(value.values, kind[1] if kind else None)
        return f"MAP([{', '.join(keys)}], [{', '.join(values)}])"

    def interval(self, value: IntervalValue) -> str:
        amount = value.amount
        if isinstance(amount, Literal) and isinstance(amount.value, int):
            word = "MONTH" if value.unit == "quarter" else value.unit.upper()
            count = amount.value * 3 if value.unit == "quarter" else amount.value
            return f"INTERVAL ({count}) {word}"
        kind = "DOUBLE" if value.unit in ("second", "millisecond") else "BIGINT"
        name = UNITS[value.unit]
        if name == "to_quarters":
            return f"to_months(CAST({self.value(amount)} * 3 AS INTEGER))"
        if kind == "BIGINT" and value.unit in ("day", "week", "month", "year"):
            kind = "INTEGER"
        return f"{name}(CAST({self.value(amount)} AS {kind}))"

    def scalar_query(self, value: ScalarQuery) -> str:
        inner = self.subquery(value.query)
        names = value.query.names
        if len(names) == 1:
            return f"({inner})"
        alias = self.identifier(self.fresh("one"))
        columns = ", ".join(f"{alias}.{self.identifier(name)}" for name in names)
        return f"(SELECT row({columns}) FROM ({inner}) AS {alias})"

    # Clauses

    def cte_columns(self, columns: str, cte: Cte) -> str:
        return f"({columns})" if cte.is_recursive else ""

    def anchored(self, item: Value, type_: Any) -> str:
        sql = self.value(item)
        return f"CAST({sql} AS BIGINT)" if type_.name == "Integer" else sql

    def set_word(self, op: str) -> str:
        return op.removesuffix(" DISTINCT")

    def group_by_nothing(self) -> str:
        return "GROUP BY 'all'"

    def table_function(self, source: FunctionSource) -> str:
        args = [self.value(arg) for arg in source.args]
        column = self.identifier(source.columns[0][0])
        if source.name in ("numbers", "zeros"):
            start, count = ("0", args[0]) if len(args) == 1 else (args[0], args[1])
            number = "0" if source.name == "zeros" else "range"
            if start == "0":
                return f"(SELECT {number} AS {column} FROM range(CAST({count} AS BIGINT)))"
            return f"(SELECT {number} + CAST({start} AS BIGINT) AS {column} FROM range(CAST({count} AS BIGINT)))"
        function = "range" if source.name == "range" else "generate_series"
        if len(args) == 1:
            args.insert(0, "0")
        if source.args and source.args[0].type.name in ("Date", "DateTime"):
            if len(args) == 2:
                args.append("INTERVAL 1 DAY")
            args[:2] = [f"CAST({arg} AS TIMESTAMP)" for arg in args[:2]]
        else:
            args = [f"CAST({arg} AS BIGINT)" for arg in args]
        return f"(SELECT {function} AS {column} FROM {function}({', '.join(args)}))"

    def join(self, join: Join, source: str) -> str:
        word = JOINS[join.kind]
        if join.is_any and join.kind in ("left", "inner", "right", "full"):
            source = self.any_of(join, source)
        on = f" ON {self.filter(join.on)}" if join.on is not None else ""
        if not on and join.kind not in ("cross", "positional"):
            on = " ON TRUE"
        return f" {word} {source}{on}"

    def any_of(self, join: Join, source: str) -> str:
        """The joined side with one row per key, as ANY asks for."""
        keys = keys_of(join)
        if not keys:
            return source
        body, _, alias = source.rpartition(" AS ")
        inner = self.identifier(self.fresh("each"))
        own = alias + "."
        columns = ", ".join(self.value(key).replace(own, inner + ".") for key in keys)
        return (
            f"(SELECT * FROM {body} AS {inner} "
            f"QUALIFY row_number() OVER (PARTITION BY {columns}) = 1) AS {alias}"
        )

    def array_join(self, sql: str, source: ArrayJoinSource) -> str:
        cells = []
        for name, value in source.items:
            array = self.value(value)
            if value.type.name == "Map":
                array = f"map_entries({array})"
            cells.append(f"unnest({array}) AS {self.identifier(name)}")
        alias = self.identifier(self.place(source)[0])
        inner = f"(SELECT {', '.join(cells)}) AS {alias}"
        if not sql:
            return inner
        return (
            f"{sql} LEFT JOIN LATERAL {inner} ON TRUE"
            if source.is_outer
            else f"{sql} CROSS JOIN LATERAL {inner}"
        )

    def qualify(self, query: Select) -> str:
        """QUALIFY, LIMIT BY and WITH TIES: all choose rows by a window."""
        parts = []
        if query.qualify is not None:
            parts.append(self.filter(query.qualify))
        if query.limit_by is not None:
            count, offset, keys = query.limit_by
            order = f" ORDER BY {self.orders(query.order)}" if query.order else ""
            number = f"row_number() OVER (PARTITION BY {self.values(keys)}{order})"
            low = self.value(offset) if offset is not None else "0"
            parts.append(f"{number} > {low} AND {number} <= {low} + {self.value(count)}")
        if query.has_ties and query.limit is not None and not query.distinct:
            order = f"OVER (ORDER BY {self.orders(query.order)})"
            low = self.value(query.offset) if query.offset is not None else "0"
            parts.append(f"rank() {order} <= {low} + {self.value(query.limit)}")
            if query.offset is not None:
                parts.append(f"row_number() {order} > {low}")
        return " AND ".join(parts)

    def select_tail(self, query: Select, positions: dict[str, int]) -> str:
        if query.has_ties and not query.distinct:
            order = order_sql(self, query.order, positions)
            return f" ORDER BY {order}" if order else ""
        return tail(self, query, positions)

    def limits(self, query: Query) -> str:
        sql = ""
        if query.limit is not None:
            sql += f" LIMIT {self.value(query.limit)}{'%' if query.is_percent else ''}"
        if query.offset is not None:
            sql += f" OFFSET {self.value(query.offset)}"
        return sql

    def hash_share(self, sql: str) -> str:
        return (
            f"(CAST(md5_number_upper(CAST({sql} AS VARCHAR)) AS DOUBLE) / 18446744073709551616.0)"
        )


LOWERING = DuckDB
