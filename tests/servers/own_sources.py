"""A package of an operator's own: what `custom` sources are made of in tests."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import dlt


def moment(minutes: int) -> datetime:
    return datetime(2024, 3, 1, tzinfo=UTC) + timedelta(minutes=minutes)


BY_TIME = dlt.sources.incremental("updated_at", initial_value=moment(0))
BY_NUMBER = dlt.sources.incremental("n", initial_value=0)
ROWS: list[dict[str, Any]] = []
"""What the resources give; tests fill it."""
CALLS: list[Any] = []
"""Where `order` was asked to begin."""


@dlt.source
def shop(key: str, region: str = "eu") -> Any:
    """Orders by the time they changed, their lines, and events by number."""
    if key != "planted-key":
        raise PermissionError(f"`{key}` opens nothing in {region}")

    @dlt.resource(
        primary_key="id", columns={"amount": {"data_type": "decimal", "precision": 20, "scale": 4}}
    )
    def order(
        updated: Any = BY_TIME,
    ) -> Iterator[Any]:
        CALLS.append(updated.last_value)
        yield [row for row in ROWS if row["updated_at"] >= updated.last_value]

    @dlt.transformer(data_from=order, primary_key=("order_id", "n"))
    def line(rows: Any) -> Iterator[Any]:
        for row in rows:
            yield [{"order_id": row["id"], "n": n} for n in range(2)]

    @dlt.resource
    def event(at: Any = BY_NUMBER) -> Iterator[Any]:
        yield [{"n": n, "data": {"deep": [n]}} for n in range(at.last_value, len(ROWS))]

    return order, line, event


@dlt.resource(name="plain")
def plain() -> Iterator[Any]:
    yield {"id": 1}


def nothing() -> int:
    return 1


def fill(*numbers: int) -> None:
    ROWS.extend(
        {
            "id": n,
            "amount": Decimal("0.0001") * n,
            "customer": {"name": "A"},
            "updated_at": moment(n),
        }
        for n in numbers
    )
