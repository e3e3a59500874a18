"""Postgres's SQL (15 and later), for tables that live there."""

from collections.abc import Mapping
from typing import ClassVar

from pwh_assets.hogql.functions.postgres import FUNCTIONS, arrays, json
from pwh_assets.hogql.functions.postgres.values import TYPES
from pwh_assets.hogql.functions.sqltext import postgres_text
from pwh_assets.hogql.lower.capabilities import Capabilities
from pwh_assets.hogql.lower.literals import POSTGRES
from pwh_assets.hogql.lower.remote import Remote, node_of
from pwh_assets.hogql.lower.sources import keys_of
from pwh_assets.hogql.resolve.nodes import (
    ArrayJoinSource,
    ArrayValue,
    ColumnRef,
    FunctionSource,
    IntervalValue,
    Item,
    Join,
    Order,
    Property,
    Select,
    Slice,
    TableSource,
    Value,
)
from pwh_assets.hogql.types import JSON, STRING, Type

LONGEST = 63
"""Bytes of an identifier; a longer one would be cut, and two of them might then be one."""

READ_AS: dict[str, str] = {
    "TIMESTAMP WITH TIME ZONE": "timezone('UTC', {0})",
    "TIMESTAMPTZ": "timezone('UTC', {0})",
    "FLOAT": "cast({0} as double precision)",
    "REAL": "cast({0} as double precision)",
}
"""Stored types that are cast on reading, so that every function meets HogQL's types only."""

CONVERSIONS: dict[str, str] = {"Boolean": "toBool", "DateTime": "toDateTime", "Date": "toDate"}


class Postgres(Remote):
    """Prints for Postgres; a stored table is `schema.table` unless the caller says otherwise."""

    engine = "postgres"
    functions = FUNCTIONS
    literals = POSTGRES
    clock: ClassVar[Mapping[str, str]] = {
        "now": "timezone('UTC', now())",
        "today": "cast(timezone({zone}, now()) as date)",
        "yesterday": "(cast(timezone({zone}, now()) as date) - 1)",
    }
    can = Capabilities(
        "Postgres",
        clauses={"LIMIT PERCENT": "there are no shares of rows."},
        joins={
            "positional": "rows have no place there.",
            "asof": "there is no nearest match there.",
            "asof left": "there is no nearest match there.",
        },
        types={
            "Map": "there are no maps there.",
            "Tuple": "tuples only stand in IN there.",
            "State": "aggregation states exist in ClickHouse only.",
        },
        tables={},
    )

    def identifier(self, name: str) -> str:
        return '"' + shortened(name).replace('"', '""') + '"'

    def string(self, text: str) -> str:
        return f"{postgres_text(text)}::text"

    def stored(self, path: tuple[str, ...]) -> str:
        return ".".join(self.identifier(part) for part in path)

    # Values

    def column(self, value: ColumnRef) -> str:
        sql = super().column(value)
        if not isinstance(value.source, TableSource):
            return sql
        stored = next((c.stored for c in value.source.table.columns if c.name == value.name), "")
        if stored in READ_AS:
            return READ_AS[stored].replace("{0}", sql)
        return f"cast({sql} as text)" if value.type == STRING else sql

    def property(self, value: Property) -> str:
        if value.base.type != JSON:
            raise ValueError("properties are read from JSON columns; a text may be no JSON.")
        found = f"cast({self.value(value.base)} as jsonb)"
        for key in value.path:
            found = (
                f"({found} -> {self.key(key)})" if isinstance(key, Value) else json.at(found, [key])
            )
        text = json.text(found)
        if value.type.name in ("String", "Unknown"):
            return text
        return self.convert(CONVERSIONS.get(value.type.name, "toFloat"), text, value)

    def key(self, key: Value) -> str:
        if key.type != STRING:
            raise ValueError("a computed key has to be a text.")
        return self.value(key)

    def array(self, value: ArrayValue) -> str:
        wanted = value.type.args[0] if value.type.args else None
        return arrays.array_sql(self.unified(value.items, wanted), value.type)

    def item(self, value: Item) -> str:
        if value.base.type.name != "Array":
            raise ValueError("there are no maps.")
        return arrays.element(self.value(value.base), self.arg(value.index))

    def slice(self, value: Slice) -> str:
        start = self.value(value.start) if value.start is not None else None
        stop = self.value(value.stop) if value.stop is not None else None
        return arrays.slice_sql(self.value(value.base), start, stop)

    def interval(self, value: IntervalValue) -> str:
        from pwh_assets.hogql.functions.postgres.dates import interval_sql

        return interval_sql(value.unit, self.arg(value.amount))

    def wide(self, item: Value, type_: Type) -> str:
        spelled = TYPES.get(type_.name)
        return f"cast({self.value(item)} as {spelled})" if spelled else self.value(item)

    def branch_item(self, item: Value, type_: Type) -> str | None:
        if item.type == type_ and type_.name in TYPES:
            return (
                f"cast({self.value(item)} as {TYPES[type_.name]})"
                if type_.name == "Integer"
                else None
            )
        if item.type.name == "Null" and type_.name in TYPES:
            return f"cast(NULL as {TYPES[type_.name]})"
        return super().branch_item(item, type_)

    # Clauses

    def group_by_nothing(self) -> str:
        return "GROUP BY 'all'::text"

    def order(self, order: Order, sql: str) -> str:
        if order.this.type == STRING:
            return self.ordered(order, self.value(order.this))
        return super().order(order, sql)

    def wraps(self, query: Select, qualify: str) -> bool:
        # SELECT DISTINCT orders by what it selects, to the letter, so not by its bytes.
        is_sorted_text = any(order.this.type == STRING for order in query.order)
        return bool(qualify) or (query.distinct is True and is_sorted_text)

    def join(self, join: Join, source: str) -> str:
        if join.kind == "full" and not keys_of(join):
            self.lacks("FULL JOIN runs by equal values only", node_of(join.on))
        return super().join(join, source)

    def array_join(self, sql: str, source: ArrayJoinSource) -> str:
        self.need("ARRAY JOIN", next((node_of(value) for _, value in source.items), None))
        for _, value in source.items:
            if (
                value.type.name != "Array"
                or not value.type.args
                or value.type.args[0].name in ("Array", "Tuple", "Map", "Unknown")
            ):
                self.lacks(f"ARRAY JOIN of a {value.type} does not run", value.node)
                return sql or "(SELECT 1 AS x) AS one"
        alias = self.identifier(self.place(source)[0])
        columns = ", ".join(self.identifier(name) for name, _ in source.items)
        unnested = f"unnest({', '.join(self.value(value) for _, value in source.items)}) AS {alias}({columns})"
        if not sql:
            return unnested
        return (
            f"{sql} LEFT JOIN LATERAL {unnested} ON TRUE"
            if source.is_outer
            else f"{sql} CROSS JOIN LATERAL {unnested}"
        )

    def table_function(self, source: FunctionSource) -> str:
        column = self.identifier(source.columns[0][0])
        if source.args and source.args[0].type.name in ("Date", "DateTime"):
            args = [f"cast({self.value(arg)} as timestamp)" for arg in source.args[:2]]
            step = self.value(source.args[2]) if len(source.args) > 2 else "interval '1 day'"
            if len(args) < 2 or source.name == "range":
                self.lacks(f"`{source.name}` of times does not run")
            return (
                f"(SELECT v AS {column} FROM generate_series({', '.join([*args, step])}) AS g(v))"
            )
        args = [f"cast({self.value(arg)} as bigint)" for arg in source.args]
        if source.name in ("numbers", "zeros"):
            start, count = ("0", args[0]) if len(args) == 1 else (args[0], args[1])
            number = "0" if source.name == "zeros" else "v"
            return f"(SELECT cast({number} as bigint) AS {column} FROM generate_series({start}, {start} + {count} - 1) AS g(v))"
        if len(args) == 1:
            args.insert(0, "0")
        if source.name == "range":
            if len(args) > 2:
                self.lacks("`range` with a step does not run")
            args[1] = f"{args[1]} - 1"
        return f"(SELECT v AS {column} FROM generate_series({', '.join(args)}) AS g(v))"

    def share_of(self, sql: str) -> str:
        digits = " || ".join(f"substr(md5(cast({sql} as text)), {i}, 2)" for i in range(15, 0, -2))
        number = f"cast(cast('x' || {digits} as bit(64)) as bigint)"
        unsigned = f"(cast({number} as numeric) + CASE WHEN {number} < 0 THEN 18446744073709551616 ELSE 0 END)"
        return f"(cast({unsigned} as double precision) / 18446744073709551616.0::float8)"


def shortened(name: str) -> str:
    """A name Postgres would cut, told apart by a hash; stored names never are that long.

    >>> len(shortened("a" * 80))
    63
    """
    if name and "\0" not in name and len(name.encode()) <= LONGEST:
        return name
    from hashlib import md5

    mark = md5(name.encode(), usedforsecurity=False).hexdigest()[:12]
    kept = name.replace("\0", "").encode()[: LONGEST - 13].decode(errors="ignore")
    return f"{kept}_{mark}"


LOWERING = Postgres
