"""ClickHouse's SQL, and the settings that make it mean what HogQL means."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from pwh_assets.hogql.functions.base import Fn
from pwh_assets.hogql.functions.registry import REGISTRY
from pwh_assets.hogql.lower.base import Lowering
from pwh_assets.hogql.lower.clauses import tail
from pwh_assets.hogql.lower.literals import CLICKHOUSE
from pwh_assets.hogql.resolve.nodes import (
    ArrayJoinSource,
    Call,
    Cte,
    Field,
    FunctionSource,
    InList,
    IntervalValue,
    Item,
    Join,
    Literal,
    MapValue,
    Order,
    Property,
    Query,
    Select,
    Slice,
    TupleValue,
    Value,
)
from pwh_assets.hogql.types import FLOAT, INTEGER, STRING, Type
from pwh_assets.hogql.types import UUID as UUID_TYPE

SETTINGS: dict[str, str | int | float] = {
    "join_use_nulls": 1,
    "aggregate_functions_null_for_empty": 1,
    "session_timezone": "UTC",
    "enable_extended_results_for_datetime_functions": 1,
    "transform_null_in": 0,
    "group_by_use_nulls": 1,
    "prefer_column_name_to_alias": 1,
    "enable_analyzer": 1,
    "date_time_output_format": "iso",
    "output_format_json_quote_64bit_integers": 0,
    "use_variant_as_common_type": 0,
    "allow_experimental_correlated_subqueries": 1,
}
"""What a compiled text relies on. They are part of the plan and are sent with every query."""

JOINS: dict[str, str] = {
    "inner": "INNER JOIN",
    "left": "LEFT JOIN",
    "right": "RIGHT JOIN",
    "full": "FULL JOIN",
    "cross": "CROSS JOIN",
    "semi": "LEFT SEMI JOIN",
    "anti": "LEFT ANTI JOIN",
    "positional": "PASTE JOIN",
    "asof": "ASOF JOIN",
    "asof left": "ASOF LEFT JOIN",
}
ANY_JOINS: dict[str, str] = {
    "inner": "INNER ANY JOIN",
    "left": "LEFT ANY JOIN",
    "right": "RIGHT ANY JOIN",
}

COUNTING = frozenset(
    [
        "abs",
        "length",
        "lengthUTF8",
        "position",
        "positionCaseInsensitive",
        "indexOf",
        "row_number",
        "rank",
        "dense_rank",
        "ntile",
    ]
)
"""Rows that ClickHouse answers with an unsigned number."""
EXTREMES = frozenset(["min", "max", "any", "anyLast"])

SCALARS = frozenset(
    ["String", "Integer", "Float", "Decimal", "Boolean", "Date", "DateTime", "UUID", "JSON"]
)


class ClickHouse(Lowering):
    """Prints for ClickHouse; stored tables are `schema__table` in the session's database."""

    engine = "clickhouse"
    literals = CLICKHOUSE
    clock: ClassVar[Mapping[str, str]] = {
        "now": "now64(6, 'UTC')",
        "today": "toDate32(now64(6, {zone}))",
        "yesterday": "(toDate32(now64(6, {zone})) - 1)",
    }

    def identifier(self, name: str) -> str:
        return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def string(self, text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def stored(self, path: tuple[str, ...]) -> str:
        return self.identifier("__".join(path))

    # Values

    def call(self, value: Call) -> str:
        name = value.row.name
        if value.type == INTEGER and self.is_unsigned(value):
            # UInt64 has no common type with signed integers.
            return f"toInt64({super().call(value)})"
        if (
            name in EXTREMES
            and value.args
            and value.args[0].type == UUID_TYPE
            and not value.combinators[1:]
        ):
            # ClickHouse compares UUIDs by their second half first.
            text = replace(value, args=[self.as_text(value.args[0]), *value.args[1:]], type=STRING)
            return f"toUUID({super().call(text)})"
        if name == "equals":
            return super().call(self.joinable(value))
        return super().call(value)

    def joinable(self, value: Call) -> Call:
        """An equality whose sides have one type: a join finds none for 64-bit integers and floats."""
        kinds = {arg.type.name for arg in value.args}
        if "Integer" not in kinds or not kinds & {"Float", "String", "JSON"}:
            return value
        row = REGISTRY.find("toFloat")
        assert isinstance(row, Fn)
        args = [
            Call(FLOAT, row, "toFloat", [arg])
            if arg.type == INTEGER and not isinstance(arg, Literal)
            else arg
            for arg in value.args
        ]
        return replace(value, args=args)

    def is_unsigned(self, value: Call) -> bool:
        name = value.row.name
        if name == "toUInt64":
            return isinstance(value.args[0], Literal)
        return name in COUNTING or name.startswith(("count", "uniq"))

    def as_text(self, value: Value) -> Value:
        row = REGISTRY.find("toString")
        assert isinstance(row, Fn)
        return Call(STRING, row, "toString", [value], node=value.node)

    def order(self, order: Order, sql: str) -> str:
        if order.this.type == UUID_TYPE:
            sql = f"toString({self.value(order.this)})"
        return super().order(order, sql)

    def property(self, value: Property) -> str:
        base = self.value(value.base)
        keys = ", ".join(
            self.value(key) if isinstance(key, Value) else self.literal(key) for key in value.path
        )
        sql = f"JSONExtract({base}, {keys}, 'Nullable(String)')"
        match value.type.name:
            case "String" | "Unknown":
                return sql
            case "Boolean":
                return self.convert("toBool", sql, value)
            case "DateTime":
                return self.convert("toDateTime", sql, value)
            case _:
                return self.convert("toFloat", sql, value)

    def item(self, value: Item) -> str:
        base, index = self.value(value.base), self.value(value.index)
        if value.base.type.name == "Map":
            return f"if(mapContains({base}, {index}), {base}[{index}], NULL)"
        kind = value.type.name
        if kind in ("Array", "Map"):
            return f"arrayElement({base}, {index})"
        return f"arrayElementOrNull({base}, {index})"

    def field(self, value: Field) -> str:
        return f"tupleElement({self.value(value.base)}, {value.index})"

    def slice(self, value: Slice) -> str:
        base = self.value(value.base)
        start = self.value(value.start) if value.start is not None else "1"
        if value.stop is None:
            return f"arraySlice({base}, {start})"
        stop = self.value(value.stop)
        end = f"if({stop} < 0, length({base}) + {stop} + 1, {stop})"
        begin = f"if({start} < 0, greatest(toInt64(length({base})) + {start} + 1, 1), greatest({start}, 1))"
        return f"arraySlice({base}, {begin}, greatest(toInt64({end}) - {begin} + 1, 0))"

    def tuple(self, value: TupleValue) -> str:
        return f"tuple({self.values(value.items)})"

    def map(self, value: MapValue) -> str:
        kind = value.type.args
        keys = self.unified(value.keys, kind[0] if kind else None)
        values = self.unified(value.values, kind[1] if kind else None)
        pairs = [part for pair in zip(keys, values, strict=True) for part in pair]
        return f"map({', '.join(pairs)})"

    def interval(self, value: IntervalValue) -> str:
        return f"toInterval{value.unit.capitalize()}({self.value(value.amount)})"

    def in_items(self, this: str, value: InList) -> str:
        if (
            all(isinstance(item, Literal) for item in value.items)
            or value.this.type.name == "Tuple"
        ):
            return f"({this} IN ({self.values(value.items)}{',' if len(value.items) == 1 else ''}))"
        return "(" + " OR ".join(f"{this} = {self.value(item)}" for item in value.items) + ")"

    # Clauses

    def cte_columns(self, columns: str, cte: Cte) -> str:
        return ""

    def anchored(self, item: Value, type_: Any) -> str:
        sql = self.value(item)
        match type_.name:
            case "Integer":
                return f"CAST({sql} AS Nullable(Int64))"
            case "Float":
                return f"CAST({sql} AS Nullable(Float64))"
            case "String":
                return f"CAST({sql} AS Nullable(String))"
        return sql

    def branch_item(self, item: Value, type_: Type) -> str | None:
        if type_ != INTEGER or item.type != INTEGER or isinstance(item, Literal):
            return None
        is_hash = isinstance(item, Call) and getattr(item.row, "category", "") == "hashes"
        return None if is_hash else f"toInt64({self.value(item)})"

    def set_word(self, op: str) -> str:
        return op

    def group_by_nothing(self) -> str:
        return "GROUP BY tuple()"

    def table_function(self, source: FunctionSource) -> str:
        args = [self.value(arg) for arg in source.args]
        column = self.identifier(source.columns[0][0])
        counts = [f"toUInt64(assumeNotNull({arg}))" for arg in args]
        if source.name in ("numbers", "zeros"):
            number = "toInt64(number)" if source.name == "numbers" else "0"
            return f"(SELECT {number} AS {column} FROM numbers({', '.join(counts)}))"
        if len(args) == 1:
            args.insert(0, "0")
        start, stop = args[0], args[1]
        step = args[2] if len(args) > 2 else "1"
        if source.args and source.args[0].type.name in ("Date", "DateTime"):
            # Day by day, as long as the step is left out.
            count = f"toUInt64(greatest(dateDiff('day', {start}, {stop}) + 1, 0))"
            return f"(SELECT toDateTime64({start}, 6, 'UTC') + toIntervalDay(number) AS {column} FROM numbers({count}))"
        inclusive = 0 if source.name == "range" else 1
        count = (
            f"toUInt64(greatest(intDiv({stop} - {start} + {step} - 1 + {inclusive}, {step}), 0))"
        )
        return f"(SELECT toInt64({start}) + toInt64(number) * {step} AS {column} FROM numbers({count}))"

    def join(self, join: Join, source: str) -> str:
        word = ANY_JOINS.get(join.kind) if join.is_any else None
        on = f" ON {self.filter(join.on)}" if join.on is not None else ""
        if not on and join.kind not in ("cross", "positional"):
            on = " ON 1"
        return f" {word or JOINS[join.kind]} {source}{on}"

    def array_join(self, sql: str, source: ArrayJoinSource) -> str:
        cells = []
        alias = self.place(source)[0]
        for name, value in source.items:
            array = self.value(value)
            element = (
                value.type.args[0].name if value.type.name == "Array" and value.type.args else ""
            )
            if source.is_outer and element in SCALARS:
                array = f"arrayMap(e -> toNullable(e), {array})"
            cells.append(f"{array} AS {self.identifier(f'{alias}__{name}')}")
        word = "LEFT ARRAY JOIN" if source.is_outer else "ARRAY JOIN"
        if not sql:
            sql = "(SELECT 1 AS one) AS " + self.identifier(self.fresh("one"))
        return f"{sql} {word} {', '.join(cells)}"

    def column(self, value: Any) -> str:
        if isinstance(value.source, ArrayJoinSource):
            return self.identifier(f"{self.place(value.source)[0]}__{value.name}")
        return super().column(value)

    def qualify(self, query: Select) -> str:
        return self.filter(query.qualify) if query.qualify is not None else ""

    def select_tail(self, query: Select, positions: dict[str, int]) -> str:
        return tail(self, query, positions)

    def limits(self, query: Query) -> str:
        sql = ""
        if isinstance(query, Select) and query.limit_by is not None:
            number, skipped, keys = query.limit_by
            offset = f" OFFSET {self.value(skipped)}" if skipped is not None else ""
            sql += f" LIMIT {self.value(number)}{offset} BY {self.values(keys)}"
        if query.limit is not None:
            count = self.value(query.limit)
            if query.is_percent and isinstance(query.limit, Literal):
                count = f"{float(query.limit.value) / 100:g}"
            sql += f" LIMIT {count}"
        if query.offset is not None:
            sql += f" OFFSET {self.value(query.offset)}"
        return f"{sql} WITH TIES" if query.has_ties else sql

    def hash_share(self, sql: str) -> str:
        return f"(toFloat64(reinterpretAsUInt64(MD5(toString({sql})))) / 18446744073709551616.0)"


LOWERING = ClickHouse
