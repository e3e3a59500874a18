"""The seeds' questions and their right answers, worked out from the demo's own data without the product."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from pwh_assets.demo.data import Company

PAID_REVENUE = """
SELECT
customer_email,
sum (amount_paid) as total_revenue,
count ( * ) as invoice_count
FROM stripe_invoice
WHERE status = 'paid'
AND created >= now () - INTERVAL 30 DAY
GROUP BY customer_email
ORDER BY total_revenue DESC
LIMIT 100
"""

CUSTOMERS_WITH_EVENTS = """
SELECT
persons . properties .email,
stripe_customer . name ,
stripe_customer . created as customer_since,
count ( DISTINCT events . uuid ) as event_count
FROM events
JOIN persons ON events . person_id = persons . id
JOIN stripe_customer ON persons . properties .email = stripe_customer . email
WHERE events . timestamp >= now () - INTERVAL 7 DAY
GROUP BY persons . properties .email, stripe_customer . name , stripe_customer . created
"""

ACTIVE_CUSTOMERS = """
SELECT
c.email,
c.created,
count(DISTINCT e.uuid) as events_30d
FROM stripe_customer c
LEFT JOIN persons p ON c.email = p.properties.email
LEFT JOIN events e ON p.id = e.person_id
AND e.timestamp >= now() - INTERVAL 30 DAY
GROUP BY c.email, c.created
HAVING events_30d > 0
"""

FROM_VIEW = "SELECT * FROM active_customers WHERE events_30d > 0"

ORDERS_BY_PLAN = """
SELECT o.plan AS plan, count() AS orders, sum(r.amount) AS revenue
FROM app_orders r
JOIN app_users u ON r.user_id = u.id
JOIN app_organizations o ON u.organization_id = o.id
WHERE r.status = 'paid'
GROUP BY o.plan
"""


class WrongAnswerError(AssertionError):
    """The product answered differently from the data."""


def must(condition: bool, sentence: str) -> None:
    if not condition:
        raise WrongAnswerError(sentence)


def check_paid_revenue(company: Company, rows: list[tuple[Any, ...]]) -> None:
    since = _epoch(company.now) - 30 * 86_400
    revenue: Counter[str] = Counter()
    invoices: Counter[str] = Counter()
    for invoice in company.stripe["invoices"]:
        if invoice["status"] == "paid" and invoice["created"] >= since:
            revenue[invoice["customer_email"]] += invoice["amount_paid"]
            invoices[invoice["customer_email"]] += 1
    best = sorted(revenue.values(), reverse=True)[:100]
    must([row[1] for row in rows] == best, "paid revenue: the 100 highest sums differ")
    for email, total, count in rows:
        must(
            (revenue[email], invoices[email]) == (total, count), f"paid revenue of {email} differs"
        )


def check_customers_with_events(company: Company, rows: list[tuple[Any, ...]]) -> None:
    """Any of the answer's rows may be shown (it has no order), each must be right."""
    counts = _events_since(company, days=7)
    expected = {
        (customer["email"], customer["name"]): (customer["created"], counts[customer["email"]])
        for customer in company.stripe["customers"]
        if counts[customer["email"]]
    }
    must(len(rows) == min(100, len(expected)), f"{len(rows)} rows, {len(expected)} groups expected")
    must(len({row[:2] for row in rows}) == len(rows), "a customer is shown twice")
    for email, name, since, count in rows:
        must(expected.get((email, name)) == (_epoch(since), count), f"events of {email} differ")


def check_active_customers(company: Company, rows: list[tuple[Any, ...]]) -> None:
    counts = _events_since(company, days=30)
    expected = {
        c["email"]: counts[c["email"]] for c in company.stripe["customers"] if counts[c["email"]]
    }
    must({row[0]: row[2] for row in rows} == expected, "active customers differ")
    must(len(rows) == len(expected), "a customer is in active_customers twice")


def _events_since(company: Company, days: int) -> Counter[str]:
    since = company.now - timedelta(days=days)
    email = {person.id: person.email for person in company.persons}
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for event in company.events:
        if event["timestamp"] >= since:
            seen[email[event["person_id"]]].add(event["uuid"])
    return Counter({address: len(events) for address, events in seen.items()})


def _epoch(value: datetime | str) -> int:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
