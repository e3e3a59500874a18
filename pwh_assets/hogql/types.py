"""HogQL's types: what a column or an expression is, whichever engine runs it."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Type:
    """A type by name, with its inner types: `Array(String)` is `Type("Array", (STRING,))`.

    Nullability is not part of a type: everything may be NULL (`design` section 4).
    """

    name: str
    args: "tuple[Type, ...]" = ()
    fields: tuple[str, ...] = ()
    """Names of a Tuple's elements, where it has any."""
    timezone: str | None = None
    """Of a DateTime moved by `toTimeZone`: the zone its fields are read in. The instant is unchanged."""
    precision: tuple[int, int] | None = None
    """Of a Decimal: digits and digits after the point."""

    def __str__(self) -> str:
        if self.args:
            return f"{self.name}({', '.join(map(str, self.args))})"
        if self.precision:
            return f"{self.name}({self.precision[0]}, {self.precision[1]})"
        return f"{self.name}('{self.timezone}')" if self.timezone else self.name


STRING: Final = Type("String")
INTEGER: Final = Type("Integer")
FLOAT: Final = Type("Float")
DECIMAL: Final = Type("Decimal", precision=(38, 9))
BOOLEAN: Final = Type("Boolean")
DATE: Final = Type("Date")
DATETIME: Final = Type("DateTime")
INTERVAL: Final = Type("Interval")
UUID: Final = Type("UUID")
JSON: Final = Type("JSON")
NULL: Final = Type("Null")
UNKNOWN: Final = Type("Unknown")


def array(of: Type) -> Type:
    return Type("Array", (of,))


def tuple_(*of: Type, fields: tuple[str, ...] = ()) -> Type:
    return Type("Tuple", of, fields)


def map_(key: Type, value: Type) -> Type:
    return Type("Map", (key, value))
