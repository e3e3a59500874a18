"""The demo's company: an application database, a Stripe account and product events that fit together.

Everything is drawn from one seed, relative to the moment it is made, so that the same people appear in all three
and the right answers can be worked out beside the product.
"""

import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ORGANIZATIONS = 2_000
USERS = 20_000
ORDERS = 60_000
ORDER_ITEMS = 125_000
CUSTOMERS = 800
PERSONS = 5_000
EVENTS = 200_000

_FIRST = [
    "Ada",
    "Alan",
    "Anna",
    "Ben",
    "Clara",
    "Dan",
    "Edith",
    "Emil",
    "Frida",
    "Grace",
    "Hugo",
    "Ines",
    "Jan",
    "Kim",
    "Lena",
    "Max",
    "Nora",
    "Otto",
    "Pia",
    "Rosa",
    "Sam",
    "Tom",
    "Uma",
]
_LAST = [
    "Adler",
    "Baker",
    "Chen",
    "Diaz",
    "Evans",
    "Fischer",
    "Garcia",
    "Hopper",
    "Ito",
    "Jones",
    "Khan",
    "Lopez",
    "Meyer",
    "Novak",
    "Okafor",
    "Patel",
    "Quinn",
    "Rossi",
    "Silva",
]
_PLANS = ("free", "starter", "growth", "scale")
_PAGES = ("/", "/pricing", "/docs", "/signup", "/dashboard", "/settings", "/reports", "/checkout")
_BROWSERS = (("Chrome", "Windows"), ("Chrome", "Mac OS X"), ("Safari", "iOS"), ("Firefox", "Linux"))


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who used the product; the e-mail is what ties them to the other systems."""

    id: str
    email: str
    name: str
    distinct_id: str
    created_at: datetime


@dataclass(slots=True)
class Company:
    """All of the demo's data, and the moment it was made at."""

    now: datetime
    persons: list[Person]
    stripe: dict[str, list[dict[str, Any]]]
    events: list[dict[str, Any]] = field(default_factory=list)


def make_company(seed: int = 7, now: datetime | None = None) -> Company:
    """Persons, a Stripe account that knows some of them, and what they did in the last 40 days."""
    draw = random.Random(seed)
    now = (now or datetime.now(UTC)).replace(microsecond=0, tzinfo=None)
    persons = []
    for number in range(PERSONS):
        name = f"{draw.choice(_FIRST)} {draw.choice(_LAST)}"
        persons.append(
            Person(
                id=str(uuid.UUID(int=draw.getrandbits(128), version=4)),
                email=f"{name.lower().replace(' ', '.')}.{number}@example.com",
                name=name,
                distinct_id=f"user-{number}",
                created_at=now - timedelta(days=draw.uniform(40, 400)),
            )
        )
    company = Company(now, persons, _stripe_account(draw, now, persons))
    company.events = list(_events(draw, now, persons))
    return company


def _events(draw: random.Random, now: datetime, persons: list[Person]) -> Iterator[dict[str, Any]]:
    """Events with property JSON as PostHog's SDKs write it. The first persons are the most active."""
    for _ in range(EVENTS):
        person = persons[min(int(draw.expovariate(1 / 900)), PERSONS - 1)]
        age = timedelta(seconds=draw.uniform(60, 40 * 86_400))
        for days in (7, 30):  # nothing near the edge of a window, which moves while the demo runs
            if timedelta(days=days) - timedelta(hours=2) < age < timedelta(days=days, minutes=5):
                age -= timedelta(hours=3)
        browser, system = draw.choice(_BROWSERS)
        page = draw.choice(_PAGES)
        session = f"s-{person.distinct_id}-{int(age.total_seconds() // 7200)}"
        properties = {
            "$lib": "web",
            "$lib_version": "1.297.0",
            "$browser": browser,
            "$os": system,
            "$current_url": f"https://app.example.com{page}",
            "$pathname": page,
            "$host": "app.example.com",
            "$screen_width": draw.choice((390, 1280, 1440, 1920)),
            "$session_id": session,
            "distinct_id": person.distinct_id,
        }
        event = draw.choices(
            ("$pageview", "$autocapture", "report created", "invite sent"), (60, 25, 10, 5)
        )[0]
        if event == "report created":
            properties["rows"] = draw.randrange(10, 10_000)
        yield {
            "uuid": str(uuid.UUID(int=draw.getrandbits(128), version=4)),
            "event": event,
            "properties": json.dumps(properties, separators=(",", ":")),
            "timestamp": now - age,
            "distinct_id": person.distinct_id,
            "person_id": person.id,
            "$session_id": session,
        }


def _stripe_account(
    draw: random.Random, now: datetime, persons: list[Person]
) -> dict[str, list[dict[str, Any]]]:
    """Customers (most of them persons), products, prices, subscriptions, invoices and charges, oldest first."""
    epoch = int(now.replace(tzinfo=UTC).timestamp())
    products: list[dict[str, Any]] = [
        {
            "id": f"prod_{plan}",
            "object": "product",
            "name": plan.title(),
            "active": True,
            "created": epoch - 500 * 86_400 + i,
            "metadata": {"plan": plan},
        }
        for i, plan in enumerate(_PLANS[1:])
    ]
    prices: list[dict[str, Any]] = [
        {
            "id": f"price_{plan}",
            "object": "price",
            "product": f"prod_{plan}",
            "currency": "usd",
            "unit_amount": amount,
            "active": True,
            "type": "recurring",
            "recurring": {"interval": "month", "interval_count": 1},
            "created": epoch - 499 * 86_400 + i,
        }
        for i, (plan, amount) in enumerate(zip(_PLANS[1:], (1900, 9900, 49900), strict=True))
    ]
    customers: list[dict[str, Any]] = []
    subscriptions: list[dict[str, Any]] = []
    invoices: list[dict[str, Any]] = []
    charges: list[dict[str, Any]] = []
    for number in range(CUSTOMERS):
        known = number % 5 != 4
        person = persons[number * 3] if known else None
        name = person.name if person else f"{draw.choice(_FIRST)} {draw.choice(_LAST)}"
        email = person.email if person else f"billing.{number}@elsewhere.example"
        created = epoch - draw.randrange(45 * 86_400, 400 * 86_400)
        customer = f"cus_{number:06d}"
        customers.append(
            {
                "id": customer,
                "object": "customer",
                "email": email,
                "name": name,
                "created": created,
                "currency": "usd",
                "delinquent": draw.random() < 0.03,
                "metadata": {"segment": draw.choice(("smb", "mid", "ent"))},
            }
        )
        plan = draw.randrange(3)
        seats = draw.randrange(1, 40)
        amount = prices[plan]["unit_amount"] * seats
        subscriptions.append(
            {
                "id": f"sub_{number:06d}",
                "object": "subscription",
                "customer": customer,
                "status": "active" if draw.random() < 0.9 else "canceled",
                "created": created + 60,
                "currency": "usd",
                "start_date": created + 60,
                "items": {
                    "object": "list",
                    "data": [{"id": f"si_{number:06d}", "price": prices[plan], "quantity": seats}],
                },
            }
        )
        for month in range(4):
            billed = epoch - month * 30 * 86_400 - draw.randrange(3 * 86_400, 27 * 86_400)
            if billed < created:
                continue
            paid = draw.random() < 0.9
            invoice = f"in_{number:06d}_{month}"
            invoices.append(
                {
                    "id": invoice,
                    "object": "invoice",
                    "customer": customer,
                    "customer_email": email,
                    "customer_name": name,
                    "subscription": f"sub_{number:06d}",
                    "currency": "usd",
                    "status": "paid" if paid else "open",
                    "amount_due": amount,
                    "amount_paid": amount if paid else 0,
                    "total": amount,
                    "subtotal": amount,
                    "created": billed,
                    "period_start": billed - 30 * 86_400,
                    "period_end": billed,
                    "lines": {
                        "object": "list",
                        "data": [
                            {
                                "id": f"il_{invoice}",
                                "object": "line_item",
                                "type": "subscription",
                                "amount": amount,
                                "currency": "usd",
                                "description": _PLANS[plan + 1],
                                "subscription": f"sub_{number:06d}",
                                "subscription_item": f"si_{number:06d}",
                                "price": prices[plan],
                                "quantity": seats,
                                "proration": False,
                                "period": {"start": billed, "end": billed + 30 * 86_400},
                            }
                        ],
                    },
                }
            )
            if paid:
                charges.append(
                    {
                        "id": f"ch_{number:06d}_{month}",
                        "object": "charge",
                        "customer": customer,
                        "invoice": invoice,
                        "amount": amount,
                        "amount_refunded": 0,
                        "currency": "usd",
                        "status": "succeeded",
                        "paid": True,
                        "refunded": False,
                        "created": billed + 30,
                    }
                )
    account: dict[str, list[dict[str, Any]]] = {
        "products": products,
        "prices": prices,
        "customers": customers,
        "subscriptions": subscriptions,
        "invoices": invoices,
        "charges": charges,
    }
    for rows in account.values():
        rows.sort(key=lambda row: row["created"])
    return account


def write_events(company: Company, folder: Path) -> dict[str, Path]:
    """The company's events, persons and distinct ids as Parquet files, ready for `pwh events import`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    persons = [
        {
            "id": p.id,
            "properties": json.dumps(
                {"email": p.email, "name": p.name, "$initial_referrer": "$direct"}
            ),
            "created_at": p.created_at,
            "is_identified": True,
        }
        for p in company.persons
    ]
    links = [
        {"distinct_id": p.distinct_id, "person_id": p.id, "version": 0} for p in company.persons
    ]
    files = {}
    for name, rows in (("persons", persons), ("distinct_ids", links), ("events", company.events)):
        files[name] = folder / f"{name}.parquet"
        pq.write_table(pa.Table.from_pylist(rows), files[name])
    return files


SCHEMA = """
CREATE TABLE organizations (
    id integer PRIMARY KEY, name text NOT NULL, plan text NOT NULL,
    created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL);
CREATE TABLE users (
    id integer PRIMARY KEY, organization_id integer NOT NULL REFERENCES organizations, email text NOT NULL,
    full_name text NOT NULL, settings jsonb NOT NULL, is_active boolean NOT NULL,
    created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL);
CREATE TABLE orders (
    id bigint PRIMARY KEY, user_id integer NOT NULL REFERENCES users, status text NOT NULL,
    amount numeric(12,2) NOT NULL, currency char(3) NOT NULL,
    created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL);
CREATE TABLE order_items (
    id bigint PRIMARY KEY, order_id bigint NOT NULL REFERENCES orders, sku text NOT NULL,
    quantity integer NOT NULL, unit_price numeric(12,2) NOT NULL, created_at timestamptz NOT NULL);
COMMENT ON TABLE users IS 'People who can sign in';
COMMENT ON COLUMN orders.amount IS 'Gross, in the order''s currency';
"""

FILL = f"""
SELECT setseed(0.42);
INSERT INTO organizations SELECT i, 'Company ' || i, (ARRAY['free','starter','growth','scale'])[1 + i % 4], t, t
  FROM (SELECT i, now() - random() * interval '400 days' AS t FROM generate_series(1, {ORGANIZATIONS}) i) s;
INSERT INTO users SELECT i, 1 + i % {ORGANIZATIONS}, 'member.' || i || '@example.com', 'Member ' || i,
    jsonb_build_object('theme', (ARRAY['light','dark'])[1 + i % 2], 'beta', i % 10 = 0), i % 20 <> 0, t, t
  FROM (SELECT i, now() - random() * interval '390 days' AS t FROM generate_series(1, {USERS}) i) s;
INSERT INTO orders SELECT i, 1 + (i * 7) % {USERS}, (ARRAY['paid','paid','paid','refunded','open'])[1 + i % 5],
    (5 + (i * 37) % 90000)::numeric / 100, 'USD', t, t
  FROM (SELECT i, now() - random() * interval '180 days' AS t FROM generate_series(1, {ORDERS}) i) s;
INSERT INTO order_items SELECT i, 1 + i % {ORDERS}, 'sku-' || i % 500, 1 + i % 4, (100 + (i * 13) % 9000)::numeric / 100,
    now() - random() * interval '180 days' FROM generate_series(1, {ORDER_ITEMS}) i;
ANALYZE;
"""
