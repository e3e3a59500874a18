"""MySQL's types: which lake type each one becomes and how it is asked for so that nothing is lost."""

from dataclasses import dataclass

WIDE_SCALE = 18
"""Digits after the point of a `decimal` beyond 38 digits, as long as its values fit DECIMAL(38,18)."""

_PLAIN = {
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "mediumint": "INTEGER",
    "int": "INTEGER",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "year": "SMALLINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "date": "DATE",
    "datetime": "TIMESTAMP",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "json": "JSON",
    "binary": "BLOB",
    "varbinary": "BLOB",
    "tinyblob": "BLOB",
    "blob": "BLOB",
    "mediumblob": "BLOB",
    "longblob": "BLOB",
    "vector": "BLOB",
    "char": "VARCHAR",
    "varchar": "VARCHAR",
    "tinytext": "VARCHAR",
    "text": "VARCHAR",
    "mediumtext": "VARCHAR",
    "longtext": "VARCHAR",
    "enum": "VARCHAR",
    "set": "VARCHAR",
    "uuid": "UUID",
}
"""Types whose values travel unchanged."""

INTEGERS = frozenset(("tinyint", "smallint", "mediumint", "int", "integer", "bigint"))

_GEOMETRY = frozenset((
    "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
    "geometrycollection", "geomcollection",
))  # fmt: skip

CURSOR_KINDS = {
    "timestamp": "instant",
    "datetime": "clock",
    "date": "day",
    "tinyint": "number",
    "smallint": "number",
    "mediumint": "number",
    "int": "number",
    "integer": "number",
    "bigint": "number",
    "decimal": "number",
}
"""Types a sync can go by, and what their order means."""


@dataclass(frozen=True, slots=True)
class Typed:
    """One column's way into the lake.

    `on_server` is SQL with `{0}` for the column: what the server is asked for. `fits` is a condition there; where
    it fails for one row, the column is read as text instead.
    """

    lake: str
    on_server: str = "{0}"
    fits: str | None = None
    cursor_kind: str | None = None


TEXT = Typed("VARCHAR", "CAST({0} AS CHAR)")


def typed(name: str, full: str, precision: int | None, scale: int | None, is_json: bool) -> Typed:
    """How a column is read. `name` is `bigint`, `full` is `bigint(20) unsigned`.

    >>> typed("bigint", "bigint(20) unsigned", 20, 0, False).lake, typed("bit", "bit(1)", 1, None, False).lake
    ('UBIGINT', 'BOOLEAN')
    """
    kind = CURSOR_KINDS.get(name)
    if is_json:
        return Typed("JSON")
    if name == "decimal":
        return _decimal(precision or 10, scale or 0, kind)
    if name == "bit":
        return Typed("BOOLEAN" if full == "bit(1)" else "UBIGINT", "{0} + 0")
    if name == "time":
        return Typed("TIME", fits="{0} >= '00:00:00' AND {0} < '24:00:00'")
    if name in _GEOMETRY:
        return Typed("VARCHAR", "ST_AsText({0})")
    lake = _PLAIN.get(name)
    if lake is None:
        return TEXT
    if "unsigned" in full and lake.endswith(("INT", "INTEGER")):
        lake = f"U{lake}"
    return Typed(lake, cursor_kind=kind)


def _decimal(precision: int, scale: int, kind: str | None) -> Typed:
    if precision <= 38:
        return Typed(f"DECIMAL({precision},{scale})", cursor_kind=kind)
    kept = min(scale, WIDE_SCALE)
    fits = f"{{0}} = ROUND({{0}}, {kept}) AND ABS({{0}}) < 1e{38 - kept}"
    # One that comes in between fails the read instead of being rounded: its text is no number.
    exact = f"CAST(CAST({{0}} AS DECIMAL(65,{kept})) AS CHAR)"
    asked = f"IF({{0}} IS NULL OR ({fits}), {exact}, CONCAT({{0}}, ' outgrew its column'))"
    return Typed(f"DECIMAL(38,{kept})", asked, fits, kind)
