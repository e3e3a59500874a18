"""PostgreSQL's types: which lake type each one becomes and how it is read so that nothing is lost."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

WIDE_SCALE = 9
"""Digits after the point of a `numeric` without limits, as long as its values fit DECIMAL(38,9)."""

_AS_THEY_ARE = {
    "bool": "BOOLEAN",
    "int2": "SMALLINT",
    "int4": "INTEGER",
    "int8": "BIGINT",
    "float4": "FLOAT",
    "float8": "DOUBLE",
    "text": "VARCHAR",
    "varchar": "VARCHAR",
    "bpchar": "VARCHAR",
    "uuid": "UUID",
    "bytea": "BLOB",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
}
"""Built-in types whose values travel unchanged; lists of them do too."""

_VECTORS = ("int2vector", "oidvector")
"""Lists of PostgreSQL's own catalogs, which are not written as lists are."""

CURSOR_KINDS = {
    "timestamptz": "instant",
    "timestamp": "clock",
    "date": "day",
    "int2": "number",
    "int4": "number",
    "int8": "number",
    "numeric": "number",
}
"""Types a sync can go by, and what their order means."""

SQL_TYPES = {"instant": "timestamptz", "clock": "timestamp", "day": "date", "number": "numeric"}
"""In what type values of a cursor kind are compared."""


@dataclass(frozen=True, slots=True)
class PgType:
    """A row of `pg_type`, as far as reading needs it."""

    name: str
    is_builtin: bool
    kind: str
    """`b`ase, `c`omposite, `d`omain, `e`num, `r`ange, `m`ultirange."""
    base: int = 0
    base_modifier: int = -1
    element: int = 0
    """Of an array: its elements' type."""


@dataclass(frozen=True, slots=True)
class Typed:
    """One column's way into the lake.

    `on_server` and `here` are SQL with `{0}` for the column: what PostgreSQL is asked for, and what is made
    of that in DuckDB. `fits` is a condition on the server; where it fails for one row, the column is read
    as text instead, or as `otherwise` says.
    """

    lake: str
    on_server: str = "{0}"
    here: str = "{0}"
    fits: str | None = None
    cursor_kind: str | None = None
    otherwise: "Typed | None" = None


TEXT = Typed("VARCHAR", "({0})::text")


def typed(types: Mapping[int, PgType], oid: int, modifier: int, dimensions: int = 1) -> Typed:
    """How a column of this type is read. An array of no dimensions is one nobody declared any for: views have none."""
    oid, modifier = resolved(types, oid, modifier)
    found = types.get(oid)
    if found is None:
        return TEXT
    if is_array(found):
        nested = _nested(types.get(resolved(types, found.element, -1)[0]))
        if dimensions > 1:
            return nested
        one = _list(types, found.element, modifier)
        if dimensions == 0:
            return replace(one, fits="array_ndims({0}) <= 1", otherwise=nested)
        return one
    if found.kind == "e" or not found.is_builtin:
        return TEXT
    kind = CURSOR_KINDS.get(found.name)
    if found.name in _AS_THEY_ARE:
        return Typed(_AS_THEY_ARE[found.name], cursor_kind=kind)
    if found.name in ("json", "jsonb"):
        return Typed("JSON", "({0})::text")
    if found.name == "numeric":
        return _numeric(modifier, kind)
    if found.name == "money":
        return _wide("({0})::numeric", WIDE_SCALE, None)
    if found.name == "oid":
        return Typed("BIGINT", "({0})::bigint")
    return TEXT


def is_array(found: PgType) -> bool:
    return bool(found.element) and found.name not in _VECTORS


def resolved(types: Mapping[int, PgType], oid: int, modifier: int) -> tuple[int, int]:
    """The type under a domain, however deep, with the length or precision that applies."""
    for _ in range(32):
        found = types.get(oid)
        if found is None or found.kind != "d":
            break
        oid, modifier = found.base, found.base_modifier if modifier < 0 else modifier
    return oid, modifier


def precision_and_scale(modifier: int) -> tuple[int, int] | None:
    """Of `numeric(p,s)`; the scale may be negative or exceed the precision since version 15.

    >>> precision_and_scale(((12 << 16) | 2) + 4), precision_and_scale(-1)
    ((12, 2), None)
    >>> precision_and_scale(((5 << 16) | (-2 & 0x7FF)) + 4)
    (5, -2)
    """
    if modifier < 4:
        return None
    bits = modifier - 4
    scale = bits & 0x7FF
    return (bits >> 16) & 0xFFFF, scale - 0x800 if scale & 0x400 else scale


def _numeric(modifier: int, kind: str | None) -> Typed:
    limits = precision_and_scale(modifier)
    if limits is None:
        return _wide("{0}", WIDE_SCALE, kind)
    whole, scale = limits[0] - limits[1], max(limits[1], 0)
    precision = max(whole + scale, scale, 1)
    if precision > 38:
        return _wide("{0}", min(scale, 37), kind)
    lake = f"DECIMAL({precision},{scale})"
    return Typed(lake, f"NULLIF({{0}}, 'NaN')::numeric({precision},{scale})", cursor_kind=kind)


def _wide(value: str, scale: int, kind: str | None) -> Typed:
    """DECIMAL(38,s) while every value fits exactly, which is asked before reading.

    One that comes in between fails the read instead of being rounded: its text is no number.
    """
    fits = f"{value} = round({value}, {scale}) AND abs({value}) < 1e{38 - scale}"
    return Typed(
        f"DECIMAL(38,{scale})",
        f"CASE WHEN {value} IS NULL OR ({fits}) THEN {value} "
        f"ELSE (({value})::text || ' outgrew its column')::numeric END::numeric(38,{scale})",
        fits=fits,
        cursor_kind=kind,
    )


def _nested(element: PgType | None) -> Typed:
    """An array of any dimensions. Elements of types somebody made are texts, as the change stream has them."""
    is_plain = element is not None and element.is_builtin and element.kind == "b"
    return Typed("JSON", "to_jsonb({0})::text" if is_plain else "to_jsonb(({0})::text[])::text")


def _list(types: Mapping[int, PgType], element: int, modifier: int) -> Typed:
    declared = element
    element, modifier = resolved(types, element, modifier)
    found = types.get(element)
    if found is not None and found.is_builtin and found.name == "bytea":
        # The scanner gives lists of bytes as one text.
        return Typed(
            "BLOB[]", "({0})::text[]", "list_transform({0}, lambda x: unhex(substr(x, 3)))"
        )
    if found is not None and found.is_builtin and found.name in _AS_THEY_ARE:
        # The scanner takes a list of a domain for one text.
        plain = "{0}" if element == declared else f"({{0}})::{found.name}[]"
        return Typed(f"{_AS_THEY_ARE[found.name]}[]", plain)
    if found is not None and found.is_builtin and found.name == "numeric":
        one = _numeric(modifier, None)
        if one.fits is None:
            return Typed(f"{one.lake}[]", "({0})::text[]", f"TRY_CAST({{0}} AS {one.lake}[])")
    return Typed("VARCHAR[]", "({0})::text[]")
