"""JSON without loss: whole numbers of any size and decimals with every digit, read and written."""

from decimal import Decimal
from typing import Any

import simplejson  # type: ignore[import-untyped, unused-ignore]


def loads(text: bytes | str) -> Any:
    """The value; numbers with a point or an exponent are Decimals. Raises ValueError.

    >>> loads('[12345678901234567890123, 0.10000000000000000001, 1e400]')
    [12345678901234567890123, Decimal('0.10000000000000000001'), Decimal('1E+400')]
    """
    import json

    return json.loads(text, parse_float=Decimal, parse_constant=_refused)


def dumps(value: Any) -> str:
    """Compact JSON of what `loads` gave.

    >>> dumps({"a": Decimal("1.10"), "ä": [2**70]})
    '{"a":1.10,"ä":[1180591620717411303424]}'
    """
    text = simplejson.dumps(
        value, ensure_ascii=False, separators=(",", ":"), use_decimal=True, allow_nan=False
    )
    return str(text)


def _refused(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")
