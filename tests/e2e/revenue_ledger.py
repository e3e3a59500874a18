"""The books of a made-up Stripe account, kept by hand: day by day, in whole smallest units and exact fractions.

Written from docs/revenue.md, not from the views. Every figure comes from the notes of a `History`.
"""

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from tests.e2e.revenue_history import DIGITS, History, rounded
from tests.e2e.revenue_notes import Invoice

DAY = timedelta(days=1)
A_MONTH = {
    "year": Fraction(1, 12),
    "month": Fraction(1),
    "week": Fraction(52, 12),
    "day": Fraction(365, 12),
}
BACK = ("refund", "credit_note", "dispute")


def month_of(day: date) -> date:
    return day.replace(day=1)


def next_month(month: date) -> date:
    return (month.replace(day=28) + 4 * DAY).replace(day=1)


@dataclass
class Entry:
    """A line of the books; `converted` is None where a rate is missing."""

    id: str
    kind: str
    customer: str | None
    subscription: str | None
    product: str | None
    invoice: str | None
    charge: str | None
    on: date
    currency: str
    original: int
    converted: int | None


class Ledger:
    def __init__(self, history: History, base: str, with_invoiceless: bool, now: datetime):
        self.history, self.base, self.now = history, base, now
        self.with_invoiceless = with_invoiceless
        self.known: dict[str, list[tuple[date, Fraction]]] = defaultdict(list)
        for day, currency, rate in history.rates:
            self.known[currency].append((day, Fraction(float(rate))))
        self.entries = self._entries()
        self.mrr = self._mrr()

    def money(self, minor: int) -> Decimal:
        return Decimal(minor).scaleb(-DIGITS.get(self.base, 2))

    # Rates

    def _rate(self, currency: str, day: date) -> Fraction | None:
        """Units of the currency for a dollar."""
        if currency == "USD":
            return Fraction(1)
        known = self.known[currency]
        place = bisect_right(known, day, key=lambda one: one[0])
        return known[place - 1][1] if place else None

    def converted(self, minor: int, currency: str, day: date) -> int | None:
        if currency == self.base:
            return minor
        left, right = self._rate(currency, day), self._rate(self.base, day)
        if left is None or right is None:
            return None
        units = 10 ** DIGITS.get(self.base, 2), 10 ** DIGITS.get(currency, 2)
        exact = Fraction(minor) * units[0] / units[1] * right / left
        assert abs(abs(exact) % 1 - Fraction(1, 2)) > Fraction(1, 10**6), "a tie floats cannot hold"
        return rounded(exact)

    # What was earned

    def _entries(self) -> list[Entry]:
        found: list[Entry] = []
        for invoice in self.history.invoices:
            if invoice.status == "paid":
                found += self._earned(invoice)
        for charge in self.history.charges:
            if charge.invoice is None and self.with_invoiceless:
                found.append(
                    Entry(charge.id, "charge", charge.customer, None, None, None, charge.id, charge.day,
                          charge.currency, charge.amount, self.converted(charge.amount, charge.currency, charge.day))
                )  # fmt: skip
        for back in self.history.given_back:
            charge, invoice = back.charge, back.invoice
            if invoice is None and not self.with_invoiceless:
                continue
            if back.net == 0:
                continue
            subject = invoice or charge
            at_rates_of = invoice.day if invoice else charge.day
            value = self.converted(back.net, subject.currency, at_rates_of)
            found.append(
                Entry(back.id, back.kind, subject.customer, None, None, invoice.id if invoice else None,
                      charge.id if charge else None, back.day, subject.currency, -back.net,
                      None if value is None else -value)
            )  # fmt: skip
        return found

    def _earned(self, invoice: Invoice) -> list[Entry]:
        found = []
        for line in invoice.lines:
            if line.net == 0:
                continue
            value = self.converted(line.net, invoice.currency, invoice.day)
            kind = "recurring" if line.is_recurring else "one_off"
            is_spread = line.is_recurring and line.end.date() > line.start.date()
            days = [invoice.day]
            if is_spread:
                days = [
                    line.start.date() + n * DAY
                    for n in range((line.end.date() - line.start.date()).days)
                ]
            original = spread(line.net, days)
            converted = spread(value, days) if value is not None else dict.fromkeys(original)
            for month, part in original.items():
                first = min(day for day in days if month_of(day) == month)
                found.append(
                    Entry(f"{line.id}:{month:%Y-%m}", kind, invoice.customer, line.subscription, line.product,
                          invoice.id, None, first, invoice.currency, part, converted[month])
                )  # fmt: skip
        return found

    # What a month brings

    def months(self) -> list[date]:
        month, found = date(2022, 12, 1), []
        while month <= self.now.date():
            found.append(month)
            month = next_month(month)
        return found

    def _mrr(self) -> dict[tuple[date, str, str], int]:
        """By month, customer and subscription, in smallest units; nothing where there is none."""
        found = {}
        for month in self.months():
            end = datetime.combine(next_month(month), datetime.min.time(), UTC)
            moment = min(end, self.now)
            for sub in self.history.subscriptions:
                total = sum(self._brings(sub, moment).values())
                if total > 0:
                    found[month, sub.customer, sub.id] = total
        return found

    def _brings(self, sub, moment: datetime) -> dict[str, int]:
        """Each item's monthly amount at a moment: the newest billed state that still holds."""
        newest: dict[str, tuple] = {}
        for state in sub.states:
            is_sent = state.invoice.status == "open" and sub.status in ("active", "past_due")
            if state.is_metered or not (state.invoice.status == "paid" or is_sent):
                continue
            end = min(state.end, sub.ended) if sub.ended else state.end
            if not state.start < moment <= end:
                continue
            order = (state.start, not state.is_credit)
            if state.item not in newest or order > newest[state.item][0]:
                newest[state.item] = (order, state)
        return {item: self._monthly(state) for item, (_, state) in newest.items()}

    def _monthly(self, state) -> int:
        value = self.converted(state.full_net, state.invoice.currency, state.invoice.day)
        if value is None:
            return 0
        exact = value * A_MONTH[state.interval] / state.count
        return int(exact + Fraction(1, 2))  # halves up; never negative

    # What follows

    def lifetime_values(self) -> dict[str, dict]:
        found = {}
        for customer, entries in self._by_customer().items():
            earned = [e for e in entries if e.kind not in BACK]
            gained = [e.on for e in earned if e.converted > 0]
            past = [day for day in gained if day <= self.now.date()]
            found[customer] = {
                "cohort": month_of(min(gained)) if gained else None,
                "first_revenue_on": min(gained, default=None),
                "last_revenue_on": max(past, default=None),
                "gross_revenue": self.money(sum(e.converted for e in earned)),
                "given_back": self.money(sum(e.converted for e in entries if e.kind in BACK)),
                "lifetime_value": self.money(sum(e.converted for e in entries)),
                "deferred_revenue": self.money(
                    sum(e.converted for e in entries if e.on > self.now.date())
                ),
            }
        return found

    def cohorts(self) -> dict[tuple[date, date], dict]:
        today = self.now.date()
        members: dict[date, list[str]] = defaultdict(list)
        by_customer = self._by_customer()
        for customer, entries in by_customer.items():
            gained = [
                month_of(e.on)
                for e in entries
                if e.kind not in BACK and e.converted > 0 and month_of(e.on) <= today
            ]
            if gained:
                members[min(gained)].append(customer)
        found = {}
        for cohort, customers in members.items():
            entries = [e for c in customers for e in by_customer[c] if month_of(e.on) <= today]
            running = 0
            for month in sorted({month_of(e.on) for e in entries}):
                here = [e for e in entries if month_of(e.on) == month]
                active = {e.customer for e in here if e.kind not in BACK and e.converted > 0}
                revenue = sum(e.converted for e in here)
                running += revenue
                found[cohort, month] = {
                    "months_since": (month.year - cohort.year) * 12 + month.month - cohort.month,
                    "customers": len(customers),
                    "active_customers": len(active),
                    "retention": len(active) / len(customers),
                    "revenue": self.money(revenue),
                    "cumulative_revenue": self.money(running),
                }
        return found

    def churn(self) -> dict[date, dict]:
        paid: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
        for (month, customer, _), cents in self.mrr.items():
            paid[customer][month] += cents
        found, before_month = {}, None
        for month in self.months():
            row = dict.fromkeys(("new", "reactivation", "expansion", "contraction", "churned"), 0)
            people = dict.fromkeys(("starting", "new", "reactivated", "churned", "ending"), 0)
            start = end = 0
            for months in paid.values():
                before = months.get(before_month, 0) if before_month else 0
                after = months.get(month, 0)
                start, end = start + before, end + after
                people["starting"] += before > 0
                people["ending"] += after > 0
                if after > 0 and not before:
                    is_new = min(months) == month
                    row["new" if is_new else "reactivation"] += after
                    people["new" if is_new else "reactivated"] += 1
                elif before and not after:
                    row["churned"] -= before
                    people["churned"] += 1
                elif after > before:
                    row["expansion"] += after - before
                elif after < before:
                    row["contraction"] += after - before
            assert start + sum(row.values()) == end
            if start or end:
                lost = row["churned"] + row["contraction"]
                found[month] = {
                    "starting_mrr": self.money(start),
                    **{f"{kind}_mrr": self.money(cents) for kind, cents in row.items()},
                    "ending_mrr": self.money(end),
                    **{f"{kind}_customers": number for kind, number in people.items()},
                    "customer_churn_rate": people["churned"] / people["starting"]
                    if start
                    else None,
                    "revenue_churn_rate": -lost / start if start else None,
                    "net_revenue_retention": (start + row["expansion"] + lost) / start
                    if start
                    else None,
                }
            before_month = month
        return found

    def _by_customer(self) -> dict[str, list[Entry]]:
        found: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            if entry.customer is not None and entry.converted is not None:
                found[entry.customer].append(entry)
        return found


def spread(amount: int, days: list[date]) -> dict[date, int]:
    """The amount over its days, by month: what is earned by the end of a month is rounded towards zero, and the last month
    takes the rest.

    >>> spread(100, [date(2024, 1, 31), date(2024, 2, 1), date(2024, 2, 2)])
    {datetime.date(2024, 1, 1): 33, datetime.date(2024, 2, 1): 67}
    """
    found: dict[date, int] = {}
    for month in dict.fromkeys(month_of(day) for day in days):
        so_far = sum(1 for day in days if month_of(day) <= month)
        earned = int(Fraction(amount * so_far, len(days)))
        found[month] = earned - sum(found.values())
    return found
