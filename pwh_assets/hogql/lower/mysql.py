"""SQL for MySQL 8 and MariaDB (10.11 and later), for tables that live there. Both servers take every line of it.

It counts on the session's settings (`session`): texts compare by their bytes, times are UTC's, nothing is cut off.
"""

from collections.abc import Mapping
from typing import ClassVar

from pwh_assets.hogql.functions.mysql import FUNCTIONS, json
from pwh_assets.hogql.functions.mysql.dates import interval_sql
from pwh_assets.hogql.functions.sqltext import mysql_text
from pwh_assets.hogql.lower.capabilities import Capabilities
from pwh_assets.hogql.lower.literals import MYSQL
from pwh_assets.hogql.lower.remote import Remote, node_of
from pwh_assets.hogql.resolve.nodes import (
    ArrayJoinSource,
    Call,
    ColumnRef,
    FunctionSource,
    IntervalValue,
    Literal,
    Order,
    Property,
    Query,
    Select,
    TableSource,
    Value,
    has_aggregate,
    has_window,
)
from pwh_assets.hogql.types import Type

LONGEST = 64
"""Characters of an identifier."""
EVERY_ROW = 18446744073709551615
NO_LIST = "there are no arrays there."
SHIFTS = frozenset(["plus", "minus", "dateAdd", "dateSub", "toStartOfInterval"])
"""Calls an interval may stand in."""
CONVERSIONS: dict[str, str] = {"Boolean": "toBool", "DateTime": "toDateTime", "Date": "toDate"}


def session(version: str) -> tuple[str, ...]:
    """Statements that open a session, by what the server says its version is.

    The collation that compares texts by their bytes, trailing spaces and all, has another name on each of the two.
    """
    is_mariadb = "mariadb" in version.lower()
    collation = "utf8mb4_nopad_bin" if is_mariadb else "utf8mb4_0900_bin"
    depth = "max_recursive_iterations" if is_mariadb else "cte_max_recursion_depth"
    return (
        f"SET NAMES utf8mb4 COLLATE {collation}",
        "SET SESSION time_zone = '+00:00'",
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
        "SET SESSION group_concat_max_len = 67108864",
        f"SET SESSION {depth} = 4294967295",
    )


class MySQL(Remote):
    """Prints for MySQL and MariaDB; a stored table is `database.table` unless the caller says otherwise."""

    engine = "mysql"
    functions = FUNCTIONS
    literals = MYSQL
    clock: ClassVar[Mapping[str, str]] = {
        "now": "UTC_TIMESTAMP(6)",
        "today": "UTC_DATE()",
        "yesterday": "(UTC_DATE() - INTERVAL 1 DAY)",
    }
    can = Capabilities(
        "MySQL",
        clauses={
            "LIMIT PERCENT": "there are no shares of rows there.",
            "GROUPING SETS": "only one way of rolling up exists there.",
            "ARRAY JOIN": NO_LIST,
            "GROUPS frame": "there are no such frames there.",
            "computed LIMIT": "it has to be a number written out there.",
        },
        joins={
            "full": "there is no such join there.",
            "positional": "rows have no place there.",
            "asof": "there is no nearest match there.",
            "asof left": "there is no nearest match there.",
        },
        types={
            "Array": NO_LIST,
            "Map": "there are no maps there.",
            "Tuple": "tuples only stand in IN there.",
            "State": "aggregation states exist in ClickHouse only.",
        },
        tables=dict.fromkeys(
            ("numbers", "zeros", "range", "generate_series", "generateSeries"),
            "there are no made-up rows there.",
        ),
    )
    has_having = False
    may_shift = False
    """True while the arguments of a call are printed that an interval may stand in."""

    def identifier(self, name: str) -> str:
        return "`" + shortened(name).replace("`", "``") + "`"

    def string(self, text: str) -> str:
        return mysql_text(text)

    def stored(self, path: tuple[str, ...]) -> str:
        return ".".join(self.identifier(part) for part in path)

    def now_sql(self, kind: str) -> str:
        if self.now is None and kind != "now" and self.catalog.timezone != "UTC":
            raise ValueError("zones other than UTC are not known there.")
        return super().now_sql(kind)

    # Values

    def value(self, value: Value) -> str:
        if value.type.name == "Interval" and not self.may_shift:
            return self.lacks("An interval only stands beside a time", value.node)
        return super().value(value)

    def call(self, value: Call) -> str:
        before, self.may_shift = self.may_shift, value.row.name in SHIFTS
        try:
            return super().call(value)
        finally:
            self.may_shift = before

    def column(self, value: ColumnRef) -> str:
        sql = super().column(value)
        if not isinstance(value.source, TableSource):
            return sql
        # In the session's collation, whatever the table's.
        return f"CAST({sql} AS CHAR)" if value.type.name in ("String", "UUID") else sql

    def property(self, value: Property) -> str:
        keys = [key.value if isinstance(key, Literal) else key for key in value.path]
        if not all(isinstance(key, str | int) for key in keys):
            raise ValueError("a key of a property has to be written out.")
        found = json.extracted(self.value(value.base), value.base.type.name, keys)  # type: ignore[arg-type]
        text = json.text(found)
        if value.type.name in ("String", "Unknown"):
            return text
        return self.convert(CONVERSIONS.get(value.type.name, "toFloat"), text, value)

    def interval(self, value: IntervalValue) -> str:
        return interval_sql(value.unit, self.arg(value.amount))

    def wide(self, item: Value, type_: Type) -> str:
        sql = self.value(item)
        # A recursive query's texts are as long as its first row's.
        kinds = {"String": "CHAR(16000)", "Integer": "SIGNED", "Float": "DOUBLE"}
        return f"CAST({sql} AS {kinds[type_.name]})" if type_.name in kinds else sql

    def nested(self, query: Query) -> str:
        inner = self.subquery(query)
        if query.limit is None and query.offset is None:
            return inner
        return f"SELECT * FROM ({inner}) AS {self.identifier(self.fresh('some'))}"

    # Clauses

    def group_by_nothing(self) -> str:
        return "GROUP BY 'all'"

    def order(self, order: Order, sql: str) -> str:
        return self.ordered(order, self.value(order.this))

    def ordered(self, order: Order, sql: str) -> str:
        """Missing values are the smallest there, so only one way of each needs a word."""
        direction = " DESC" if order.is_descending else ""
        if order.nulls_first == (not order.is_descending):
            return f"{sql}{direction}"
        return f"({sql} IS NULL){' DESC' if order.nulls_first else ''}, {sql}{direction}"

    def wraps(self, query: Select, qualify: str) -> bool:
        # Beside groups and DISTINCT only what is selected may be sorted by, to the letter.
        is_gathered = (
            bool(query.distinct)
            or query.grouping is not None
            or any(map(has_aggregate, query.items))
        )
        return bool(qualify) or (bool(query.order) and is_gathered)

    def qualify(self, query: Select) -> str:
        """HAVING, too: inside the SELECT it would see the columns' names only."""
        chosen = super().qualify(query)
        if query.having is None:
            return chosen
        if chosen or any(map(has_window, query.items)):
            self.lacks("HAVING beside windows does not run", query.having.node)
        return self.filter(query.having)

    def limits(self, query: Query) -> str:
        sql = super().limits(query)
        return (
            sql.replace(" OFFSET ", f" LIMIT {EVERY_ROW} OFFSET ", 1)
            if query.limit is None
            else sql
        )

    def table_function(self, source: FunctionSource) -> str:
        self.lacks(
            f"`{source.name}` does not run: {self.can.tables.get(source.name, 'there is no such table there.')}"
        )
        return f"(SELECT NULL AS {self.identifier(source.columns[0][0])})"

    def array_join(self, sql: str, source: ArrayJoinSource) -> str:
        self.need("ARRAY JOIN", next((node_of(value) for _, value in source.items), None))
        return sql or "(SELECT 1 AS x) AS one"

    def share_of(self, sql: str) -> str:
        digits = ", ".join(f"SUBSTR(MD5(CAST({sql} AS CHAR)), {i}, 2)" for i in range(15, 0, -2))
        return f"(CAST(CONV(CONCAT({digits}), 16, 10) AS DOUBLE) / 18446744073709551616e0)"


def shortened(name: str) -> str:
    """A name MySQL would not take, told apart by a hash; stored names never are such.

    >>> len(shortened("a" * 80))
    64
    """
    is_plain = name and len(name) <= LONGEST and name == name.rstrip(" ")
    if is_plain and all("\0" < letter <= "\uffff" for letter in name):
        return name
    from hashlib import md5

    mark = md5(name.encode(), usedforsecurity=False).hexdigest()[:12]
    kept = "".join(letter for letter in name if "\0" < letter <= "\uffff")[: LONGEST - 13]
    return f"{kept}_{mark}"


LOWERING = MySQL
