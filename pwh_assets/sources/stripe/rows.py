"""Stripe's objects as Arrow tables: declared fields in their types, everything else as JSON."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from pwh_assets.sources.errors import UnreadableDataError
from pwh_assets.sources.stripe.objects import StripeObject

if TYPE_CHECKING:
    import pyarrow as pa

_EPOCH = datetime(1970, 1, 1)


class RowBuilder:
    """Turns pages of one object into tables. A field once seen is in every later table."""

    def __init__(self, kind: StripeObject) -> None:
        self._kind = kind
        self._unknown: dict[str, None] = {}

    def table(self, objects: list[dict[str, Any]]) -> "pa.Table":
        """Raises UnreadableDataError when a value cannot be what its field is known to be."""
        import pyarrow as pa

        for one in objects:
            for name, value in one.items():
                if name not in self._kind.types and value is not None:
                    self._unknown.setdefault(name)
        types = {**self._kind.types, **dict.fromkeys(self._unknown, "JSON")}
        columns = {
            name: pa.array(
                [self._value(one, name, lake) for one in objects], type=_arrow_type(lake)
            )
            for name, lake in types.items()
        }
        return pa.table(columns)

    def _value(self, one: Mapping[str, Any], name: str, lake: str) -> Any:
        value = one.get(name)
        if value is None:
            return None
        try:
            return _CONVERT[lake.partition("(")[0]](value)
        except (ValueError, TypeError, OverflowError, InvalidOperation):
            raise UnreadableDataError(
                f"Stripe's {self._kind.name} `{one.get('id')}`",
                f"`{name}` is {json.dumps(value)[:80]}, which is not {lake}.",
                "Stripe answered with another shape than its API promises; report this.",
            ) from None


def _text(value: Any) -> str:
    """A reference may come expanded: its id is what the column holds."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and isinstance(value.get("id"), str):
        return str(value["id"])
    return json.dumps(value, ensure_ascii=False)


def _integer(value: Any) -> int:
    number = Decimal(str(value)) if not isinstance(value, bool) else None
    if number is None or number != int(number) or not -(2**63) <= number < 2**63:
        raise ValueError(value)
    return int(number)


def _moment(value: Any) -> datetime:
    if isinstance(value, str) and not value.isdecimal():
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return _EPOCH + timedelta(seconds=_integer(value))


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(value)
    return value


def _decimal(value: Any) -> Decimal:
    number = Decimal(str(value))
    if not number.is_finite() or abs(number) >= Decimal(10) ** 26:
        raise ValueError(value)
    return number.quantize(Decimal("1e-12"))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


_CONVERT = {
    "VARCHAR": _text,
    "BIGINT": _integer,
    "TIMESTAMP": _moment,
    "BOOLEAN": _boolean,
    "DECIMAL": _decimal,
    "JSON": _json,
}


def _arrow_type(lake: str) -> Any:
    import pyarrow as pa

    return {
        "VARCHAR": pa.string(),
        "JSON": pa.string(),
        "BIGINT": pa.int64(),
        "BOOLEAN": pa.bool_(),
        "TIMESTAMP": pa.timestamp("us"),
        "DECIMAL(38,12)": pa.decimal128(38, 12),
    }[lake]
