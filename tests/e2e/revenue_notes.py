"""What a bookkeeper notes of a Stripe account: what was billed for which days, paid, and given back."""

from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass
class Line:
    id: str
    net: int
    start: datetime | None
    end: datetime | None
    subscription: str | None = None
    product: str | None = None
    price: str | None = None
    is_proration: bool = False
    is_recurring: bool = False


@dataclass
class Invoice:
    id: str
    customer: str
    currency: str
    day: date
    status: str
    lines: list[Line] = field(default_factory=list)
    total: int = 0
    total_net: int = 0


@dataclass
class State:
    """What an item of a subscription brings from a moment on, billed by an invoice up to another moment."""

    invoice: Invoice
    item: str
    start: datetime
    end: datetime
    full_net: int
    interval: str
    count: int
    is_credit: bool = False
    is_metered: bool = False


@dataclass
class Subscription:
    id: str
    customer: str
    currency: str
    status: str = "active"
    ended: datetime | None = None
    states: list[State] = field(default_factory=list)


@dataclass
class Back:
    """Money given back: `net` without tax."""

    id: str
    kind: str
    day: date
    net: int
    invoice: Invoice | None = None
    charge: "Charge | None" = None


@dataclass
class Charge:
    id: str
    customer: str | None
    currency: str
    day: date
    amount: int
    invoice: Invoice | None = None
    refunded: int = 0


@dataclass
class Item:
    id: str
    price: dict
    quantity: int
    is_metered: bool = False
