"""JSON objects as Arrow tables: known fields in their types, others as JSON or in the narrowest type that holds them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from pwh_assets.sources.errors import UnreadableDataError
from pwh_assets.sources.http import jsons

if TYPE_CHECKING:
    import pyarrow as pa

_EPOCH = datetime(1970, 1, 1)
_WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)


class RowBuilder:
    """Turns pages of one table into Arrow tables. A field once seen is in every later table.

    Args:
        label: How a sentence names one row, such as "Stripe's customer".
        types: Lake types by field.
        key: The field that names a row in an error.
        is_strict: A value that does not fit its type is an error. Otherwise that table has the column in a type
            that fits, and the lake's column is widened.
        infers: Fields without a type get the narrowest one that holds their values; otherwise they are JSON.
    """

    def __init__(
        self,
        label: str,
        types: Mapping[str, str],
        *,
        key: str = "id",
        is_strict: bool = True,
        infers: bool = False,
    ) -> None:
        self._label, self._types, self._key = label, dict(types), key
        self._is_strict, self._infers = is_strict, infers
        self._unknown: dict[str, None] = {}

    def table(self, objects: Sequence[Mapping[str, Any]]) -> "pa.Table":
        """Raises UnreadableDataError when a value cannot be what its field is known to be."""
        import pyarrow as pa

        for one in objects:
            for name, value in one.items():
                if name not in self._types and value is not None:
                    self._unknown.setdefault(name)
        columns = {name: self._column(objects, name, lake) for name, lake in self._types.items()}
        for name in self._unknown:
            lake = inferred([one.get(name) for one in objects]) if self._infers else "JSON"
            columns[name] = self._converted(objects, name, lake)
        return pa.table(columns) if columns else pa.table({self._key: pa.nulls(0, pa.string())})

    def _column(self, objects: Sequence[Mapping[str, Any]], name: str, lake: str) -> "pa.Array":
        import pyarrow as pa

        convert = converter(lake)
        values = []
        for one in objects:
            value = one.get(name)
            try:
                made = None if value is None else convert(value)
                if not self._is_strict and _loses(value, made, lake):
                    raise ValueError(value)
                values.append(made)
            except (ValueError, TypeError, OverflowError, InvalidOperation):
                if not self._is_strict:
                    is_exact = lake == "BIGINT" or lake.startswith("DECIMAL")
                    lake = inferred([one.get(name) for one in objects], is_exact=is_exact)
                    return self._converted(objects, name, lake)
                raise UnreadableDataError(
                    f"{self._label} `{one.get(self._key)}`",
                    f"`{name}` is {jsons.dumps(value)[:80]}, which is not {lake}.",
                    "The API answered with another shape than it promises; report this.",
                ) from None
        return pa.array(values, type=arrow_type(lake))

    def _converted(self, objects: Sequence[Mapping[str, Any]], name: str, lake: str) -> "pa.Array":
        import pyarrow as pa

        convert = converter(lake)
        values = [one.get(name) for one in objects]
        return pa.array(
            [None if value is None else convert(value) for value in values], type=arrow_type(lake)
        )


def inferred(values: Sequence[Any], *, is_exact: bool = False) -> str:
    """The narrowest lake type that holds these JSON values without losing a digit.

    With `is_exact` no number is a DOUBLE: what a column held so far would lose digits by it.

    >>> inferred([1, None]), inferred([1, Decimal("0.5")]), inferred([2**70]), inferred([True]), inferred(["a"])
    ('BIGINT', 'DOUBLE', 'DECIMAL(38,0)', 'BOOLEAN', 'VARCHAR')
    >>> inferred([Decimal("0.10000000000000000001")]), inferred([{"a": 1}, 5]), inferred([1, "a"])
    ('DECIMAL(38,20)', 'JSON', 'VARCHAR')
    >>> inferred([Decimal("0.5")], is_exact=True)
    'DECIMAL(2,1)'
    >>> inferred(["2024-03-01T12:00:00Z"]), inferred(["2024-03-01"]), inferred([])
    ('TIMESTAMP WITH TIME ZONE', 'DATE', 'VARCHAR')
    """
    there = [value for value in values if value is not None]
    if any(isinstance(value, dict | list) for value in there):
        return "JSON"
    if not there:
        return "VARCHAR"
    if all(isinstance(value, bool) for value in there):
        return "BOOLEAN"
    if all(isinstance(value, str) for value in there):
        return _text_kind(there)
    if any(isinstance(value, str | bool) for value in there):
        return "VARCHAR"
    if all(isinstance(value, int) and -(2**63) <= value < 2**63 for value in there):
        return "BIGINT"
    if not is_exact and all(_is_double(value) for value in there):
        return "DOUBLE"
    numbers = [Decimal(value) for value in there]
    scale = max(max(0, -_exponent(number)) for number in numbers)
    whole = max(max(1, number.adjusted() + 1) for number in numbers)
    precision = whole + scale if is_exact else 38
    return f"DECIMAL({precision},{scale})" if whole + scale <= 38 else "VARCHAR"


def _text_kind(texts: Sequence[str]) -> str:
    if all(len(text) >= 20 and text[10] == "T" and _is_instant(text) for text in texts):
        return "TIMESTAMP WITH TIME ZONE"
    if all(len(text) == 10 and text[4] == text[7] == "-" and _is_date(text) for text in texts):
        return "DATE"
    return "VARCHAR"


def _is_instant(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_double(value: int | Decimal) -> bool:
    """Whether a double shows the very same digits."""
    try:
        return Decimal(repr(float(value))) == value
    except (OverflowError, InvalidOperation):
        return False


def _loses(value: Any, made: Any, lake: str) -> bool:
    """Whether a value lost something on its way into a column's type."""
    if lake == "VARCHAR":
        return isinstance(value, dict | list)
    if isinstance(made, float):
        return Decimal(repr(made)) != Decimal(str(value))
    return isinstance(made, Decimal) and made != Decimal(str(value))


def _exponent(number: Decimal) -> int:
    found = number.as_tuple().exponent
    return found if isinstance(found, int) else 0


def converter(lake: str) -> Any:
    """What makes a JSON value one of this lake type; it raises ValueError or the like for one that cannot be."""
    kind, _, rest = lake.partition("(")
    if kind == "DECIMAL":
        precision, _, scale = rest.rstrip(")").partition(",")
        return _decimals(int(precision), int(scale or 0))
    return _CONVERT.get(kind, _text)


def _text(value: Any) -> str:
    """A reference may come expanded: its id is what the column holds."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and isinstance(value.get("id"), str):
        return str(value["id"])
    return jsons.dumps(value)


def _integer(value: Any) -> int:
    if isinstance(value, bool):
        raise ValueError(value)
    number = value if isinstance(value, int) else Decimal(str(value))
    if number != int(number) or not -(2**63) <= number < 2**63:
        raise ValueError(value)
    return int(number)


def _double(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError(value)
    return float(value)


def _moment(value: Any) -> datetime:
    """UTC without a zone; whole numbers are Unix seconds, or milliseconds when no second is that late."""
    if isinstance(value, str) and not value.lstrip("-").isdecimal():
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    number = _integer(value)
    return _EPOCH + (
        timedelta(milliseconds=number) if abs(number) >= 10**11 else timedelta(seconds=number)
    )


def _instant(value: Any) -> datetime:
    return _moment(value).replace(tzinfo=UTC)


def _date(value: Any) -> date:
    return date.fromisoformat(str(value)[:10]) if isinstance(value, str) else _moment(value).date()


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(value)
    return value


def _decimals(precision: int, scale: int) -> Any:
    largest, step = Decimal(10) ** (precision - scale), Decimal(1).scaleb(-scale)

    def convert(value: Any) -> Decimal:
        number = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
        if not number.is_finite() or abs(number) >= largest:
            raise ValueError(value)
        return number.quantize(step, context=_WIDE)

    return convert


_CONVERT = {
    "VARCHAR": _text,
    "BIGINT": _integer,
    "DOUBLE": _double,
    "DATE": _date,
    "TIMESTAMP": _moment,
    "TIMESTAMPTZ": _instant,
    "TIMESTAMP WITH TIME ZONE": _instant,
    "BOOLEAN": _boolean,
    "JSON": jsons.dumps,
}


def arrow_type(lake: str) -> Any:
    """The Arrow type a lake type's values come in; texts for those without one of their own."""
    import pyarrow as pa

    kind, _, rest = lake.partition("(")
    if kind == "DECIMAL":
        precision, _, scale = rest.rstrip(")").partition(",")
        return pa.decimal128(int(precision), int(scale or 0))
    return {
        "BIGINT": pa.int64(),
        "DOUBLE": pa.float64(),
        "BOOLEAN": pa.bool_(),
        "DATE": pa.date32(),
        "TIMESTAMP": pa.timestamp("us"),
        "TIMESTAMPTZ": pa.timestamp("us", "UTC"),
        "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", "UTC"),
    }.get(kind, pa.string())
