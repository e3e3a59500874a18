"""Type rules that many rows share: from the arguments' types to the result's."""

from collections.abc import Sequence

from pwh_assets.hogql.types import (
    BOOLEAN,
    DATE,
    DATETIME,
    FLOAT,
    INTEGER,
    JSON,
    NULL,
    STRING,
    UNKNOWN,
    Type,
    array,
)

NUMBERS = ("Boolean", "Integer", "Decimal", "Float")
"""Numeric types, narrow to wide."""


def first(types: Sequence[Type]) -> Type:
    return types[0] if types else UNKNOWN


def second(types: Sequence[Type]) -> Type:
    return types[1] if len(types) > 1 else UNKNOWN


def last(types: Sequence[Type]) -> Type:
    return types[-1] if types else UNKNOWN


def element_of(type_: Type) -> Type:
    """Type of an array's elements; of anything else, unknown."""
    return type_.args[0] if type_.name == "Array" and type_.args else UNKNOWN


def element(types: Sequence[Type]) -> Type:
    return element_of(first(types))


def array_of_first(types: Sequence[Type]) -> Type:
    return array(first(types))


def is_number(type_: Type) -> bool:
    return type_.name in NUMBERS


def is_time(type_: Type) -> bool:
    return type_.name in ("Date", "DateTime")


def is_known(type_: Type) -> bool:
    return type_.name not in ("Unknown", "Null")


def common(types: Sequence[Type]) -> Type:
    """The type all of them fit in: numbers widen, a text among others makes all texts."""
    known = [type_ for type_ in types if type_.name != "Null"]
    if not known:
        return NULL
    if any(type_.name == "Unknown" for type_ in known):
        return UNKNOWN
    head = known[0]
    if all(type_ == head for type_ in known):
        return head
    if all(is_number(type_) for type_ in known):
        widest = max(known, key=lambda type_: NUMBERS.index(type_.name))
        return widest if widest.name != "Boolean" else INTEGER
    if all(is_time(type_) for type_ in known):
        return next(type_ for type_ in known if type_.name == "DateTime")
    if all(type_.name == "Array" for type_ in known):
        return array(common([element_of(type_) for type_ in known]))
    if all(type_.name == head.name for type_ in known):
        return head
    if any(type_ in (STRING, JSON) for type_ in known):
        return STRING
    return UNKNOWN


def arithmetic(types: Sequence[Type]) -> Type:
    """Type of `a + b`: numbers widen, a date stays what it is, two dates differ by a number."""
    left, right = first(types), second(types)
    if is_time(left) and is_time(right):
        return INTEGER if left == right == DATE else FLOAT
    if is_time(left) or is_time(right):
        moment, other = (left, right) if is_time(left) else (right, left)
        if moment == DATE and other.name == "Interval":
            days = other.fields and other.fields[0] in ("day", "week", "month", "quarter", "year")
            return DATE if days else DATETIME
        return moment
    if "Interval" in (left.name, right.name):
        return left if left.name == "Interval" else right
    if left.name == "Tuple" or right.name == "Tuple":
        return left if left.name == "Tuple" else right
    if is_number(left) and is_number(right):
        both = common((left, right))
        return INTEGER if both == BOOLEAN else both
    return FLOAT if FLOAT in (left, right) else UNKNOWN


def sum_type(types: Sequence[Type]) -> Type:
    head = first(types)
    if head.name in ("Integer", "Boolean"):
        return INTEGER
    return head if head.name in ("Decimal", "Interval", "Tuple") else FLOAT


def decimal(scale: int) -> Type:
    return Type("Decimal", precision=(38, scale))
