"""DuckDB: values read out of JSON, cheaply where nobody can tell how a number was written."""

from pwh_assets.hogql.functions.base import Arg
from pwh_assets.hogql.lower.base import NO_NODE, Lowering
from pwh_assets.hogql.resolve.nodes import Call, InList, IsNull, Literal, Property, Value
from pwh_assets.hogql.types import JSON, STRING

CONVERSIONS = {"Boolean": "toBool", "DateTime": "toDateTime", "Date": "toDate"}

TESTS = frozenset(["equals", "notEquals", "like", "ilike", "match", "startsWith", "endsWith"])
NUMERIC = frozenset(["toFloat", "toUUID", "toDecimal"])


class Properties(Lowering):
    """Prints property chains."""

    is_plain = False
    """True while the arguments of a call are printed that does not care how JSON numbers are written."""

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
