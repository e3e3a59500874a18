"""DuckDB's SQL."""

import math
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import UUID

from pwh_assets.hogql.functions.base import Arg
from pwh_assets.hogql.functions.sqltext import struct_of
from pwh_assets.hogql.lower.base import NO_NODE, Lowering
from pwh_assets.hogql.lower.clauses import order_sql, tail
from pwh_assets.hogql.resolve.nodes import (
    ArrayJoinSource,
    Call,
    ColumnRef,
    Cte,
    Field,
    FunctionSource,
    InList,
    InQuery,
    IntervalValue,
    IsNull,
    Item,
    Join,
    Literal,
    MapValue,
    Property,
    Query,
    ScalarQuery,
    Select,
    Slice,
    TableSource,
    TupleValue,
    Value,
    ValuesSource,
)
from pwh_assets.hogql.stored import READ_AS
from pwh_assets.hogql.types import JSON, STRING

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


class DuckDB(Lowering):
    """Prints for DuckDB with the lake attached as `lake`; needs the macros of `functions/macros.py`."""

    engine = "duckdb"
    is_plain = False
    """True while the arguments of a call are printed that does not care how JSON numbers are written."""

    def stored(self, path: tuple[str, ...]) -> str:
        return ".".join(self.identifier(part) for part in ("lake", *path))

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

    # Literals

    def literal(self, value: Any) -> str:
        match value:
            case None:
                return "NULL"
            case bool():
                return "TRUE" if value else "FALSE"
            case int():
                return str(value) if value >= 0 else f"({value})"
            case float():
                return float_sql(value)
            case Decimal():
                return f"CAST({value} AS DECIMAL(38, 9))"
            case str():
                return self.string(value)
            case datetime():
                return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
            case date():
                return f"DATE '{value.isoformat()}'"
            case UUID():
                return f"CAST('{value}' AS UUID)"
        raise TypeError(value)

    def now_sql(self, kind: str) -> str:
        zone = self.catalog.timezone
        if self.now is not None:
            return self.literal(frozen(self.now, kind, zone))
        if kind == "now":
            return "timezone('UTC', now())"
        today = f"CAST(timezone({self.string(zone)}, now()) AS DATE)"
        return today if kind == "today" else f"({today} - 1)"

    # Values

    def property(self, value: Property) -> str:
        """A property as text. A number without fraction is printed without one, as ClickHouse does: 1.0 is `1`."""
        if value.type.name in ("String", "Unknown"):
            return self.read(value, "hog_prop")
        if value.type.name in CONVERSIONS:
            return self.convert(CONVERSIONS[value.type.name], self.read(value, "hog_prop"), value)
        return self.convert("toFloat", self.read(value), value)

    def read(self, value: Property, function: str = "json_extract_string") -> str:
        base = self.value(value.base)
        sql = f"{function}({base}, {self.path(value.path)})"
        if value.base.type != JSON:
            sql = f"(CASE WHEN json_valid({base}) THEN {sql} END)"
        return sql

    def arg(self, value: Value) -> Arg:
        if self.is_plain and type(value) is Property and value.type == STRING:
            return Arg(self.read(value), STRING, value.node if value.node is not None else NO_NODE)
        return super().arg(value)

    def call(self, value: Call) -> str:
        before, self.is_plain = self.is_plain, reads_plain(value)
        try:
            return super().call(value)
        finally:
            self.is_plain = before

    def in_items(self, this: str, value: InList) -> str:
        if (
            type(value.this) is Property
            and value.this.type == STRING
            and all(map(says_no_number, value.items))
        ):
            this = self.read(value.this)
        return super().in_items(this, value)

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

    def is_null(self, value: IsNull) -> str:
        if type(value.this) is Property:
            return f"({self.read(value.this)} IS {'NOT ' if value.is_negated else ''}NULL)"
        return super().is_null(value)

    def path(self, path: tuple[str | int | Value, ...]) -> str:
        if all(isinstance(key, str | int) for key in path):
            return self.string("$" + "".join(step(key) for key in path))  # type: ignore[arg-type]
        parts = [
            self.string(step(key)) if isinstance(key, str | int) else self.path_key(key)
            for key in path
        ]
        return f"concat('$', {', '.join(parts)})"

    def path_key(self, key: Value) -> str:
        if key.type.name == "Integer":
            return f"'[' || (CASE WHEN {self.value(key)} < 0 THEN '#' || {self.value(key)} ELSE CAST({self.value(key)} - 1 AS VARCHAR) END) || ']'"
        return f"""'."' || replace(replace(CAST({self.value(key)} AS VARCHAR), '\\', '\\\\'), '"', '\\"') || '"'"""

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

    def rows(self, source: ValuesSource) -> str:
        """VALUES as a sub-query with names."""
        selects = []
        for row in source.rows:
            cells = [
                f"{self.unified([cell], type_)[0]} AS {self.identifier(name)}"
                for cell, (name, type_) in zip(row, source.columns, strict=True)
            ]
            selects.append("SELECT " + ", ".join(cells))
        return "(" + " UNION ALL ".join(selects or ["SELECT NULL WHERE FALSE"]) + ")"

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


CONVERSIONS = {"Boolean": "toBool", "DateTime": "toDateTime", "Date": "toDate"}

TESTS = frozenset(["equals", "notEquals", "like", "ilike", "match", "startsWith", "endsWith"])
NUMERIC = frozenset(["toFloat", "toUUID", "toDecimal"])


def reads_plain(call: Call) -> bool:
    """Whether a call cannot tell how a number inside JSON was written, so that the cheap way of reading it will do."""
    name = call.row.name
    if name in NUMERIC:
        return True
    if name not in TESTS or len(call.args) != 2:
        return False
    return says_no_number(call.args[1] if type(call.args[0]) is Property else call.args[0])


def says_no_number(value: Value) -> bool:
    """Whether it is a text that no number reads as."""
    return (
        isinstance(value, Literal)
        and isinstance(value.value, str)
        and not any(letter.isdigit() for letter in value.value)
    )


def step(key: str | int) -> str:
    if isinstance(key, int):
        return f"[{key - 1}]" if key > 0 else f"[#{key}]" if key < 0 else "[999999999]"
    return '."' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


def float_sql(value: float) -> str:
    if math.isnan(value):
        return "CAST('nan' AS DOUBLE)"
    if math.isinf(value):
        return f"CAST('{'-' if value < 0 else ''}inf' AS DOUBLE)"
    text = repr(value)
    text = text if "e" in text else f"{text}e0"
    return text if value >= 0 else f"({text})"


def frozen(now: datetime, kind: str, zone: str) -> date:
    """The moment of compilation as `now()`, `today()` or `yesterday()` show it."""
    from datetime import UTC
    from zoneinfo import ZoneInfo

    moment = now if now.tzinfo is not None else now.replace(tzinfo=UTC)
    if kind == "now":
        return moment.astimezone(UTC).replace(tzinfo=None)
    today = moment.astimezone(ZoneInfo(zone)).date()
    return today if kind == "today" else today - timedelta(days=1)


def keys_of(join: Join) -> list[Value]:
    """The joined side's columns in a condition of equalities."""
    from pwh_assets.hogql.resolve.nodes import Logic, walk

    if join.on is None:
        return []
    items = join.on.items if isinstance(join.on, Logic) and join.on.op == "AND" else [join.on]
    keys: list[Value] = []
    for item in items:
        if isinstance(item, Call) and item.row.name == "equals":
            for side in item.args:
                refs = [v for v in walk(side) if isinstance(v, ColumnRef)]
                if refs and all(ref.source is join.source for ref in refs):
                    keys.append(side)
    return keys
