"""A made-up Stripe account that bills as Stripe does, and beside each object the facts a bookkeeper would note.

`History` holds the objects by endpoint word, as `StripeServer` serves them, and the notes `revenue_ledger` adds up. The
notes are taken where money is decided on (what is billed, for which days, what is given back), never from the objects.
"""

import random
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

from tests.e2e.revenue_notes import Back, Charge, Invoice, Item, Line, State, Subscription

DAY = timedelta(days=1)
DIGITS = {"JPY": 0, "KWD": 3}
COUPONS = ((10, 99), (25, 3), (50, 1), (100, 2), (33, 99))
"""Percent off, and for how many invoices."""


def stamp(moment: datetime) -> int:
    return int(moment.timestamp())


def later(moment: datetime, interval: str, count: int, anchor: int) -> datetime:
    """One period on; months keep the day of the anchor where they have it."""
    if interval == "day":
        return moment + count * DAY
    if interval == "week":
        return moment + 7 * count * DAY
    months = moment.year * 12 + moment.month - 1 + count * (12 if interval == "year" else 1)
    year, month = divmod(months, 12)
    return moment.replace(
        year=year, month=month + 1, day=min(anchor, monthrange(year, month + 1)[1])
    )


def rounded(value: Fraction) -> int:
    return round(value)  # of a Fraction: exact, halves to even


def is_tie(value: Fraction) -> bool:
    return (value * 2).denominator == 1 and value.denominator != 1


class History:
    """The account of one seed. `is_basil` gives the objects the shape of API versions since 2025-03-31."""

    def __init__(self, seed: int, until: datetime, customers: int = 24, is_basil: bool = False):
        self.draw = random.Random(seed)
        self.until, self.is_basil = until, is_basil
        words = (
            "customers invoices charges subscriptions products prices refunds disputes credit_notes"
        )
        self.data: dict[str, list[dict]] = {word: [] for word in words.split()}
        self.invoices: list[Invoice] = []
        self.charges: list[Charge] = []
        self.subscriptions: list[Subscription] = []
        self.given_back: list[Back] = []
        self._ids: dict[str, int] = {}
        self.rates = self._rates()
        self._catalogue()
        for number in range(customers):
            self._customer(number)

    def new(self, noun: str) -> str:
        self._ids[noun] = self._ids.get(noun, 0) + 1
        return f"{noun}_{self._ids[noun]:05d}"

    def chance(self, share: float) -> bool:
        return self.draw.random() < share

    def _rates(self) -> list[tuple[date, str, str]]:
        """Units for one US dollar, a new rate every ten days or so; SEK has none."""
        found, day = [], date(2022, 12, 1)
        while day <= self.until.date() + 10 * DAY:
            for currency, near in (("EUR", 0.92), ("GBP", 0.79), ("JPY", 147.0), ("KWD", 0.307)):
                rate = near * self.draw.uniform(0.9, 1.1)
                found.append((day, currency, f"{rate:.9f}"))
            day += self.draw.randint(5, 15) * DAY
        return found

    def _catalogue(self) -> None:
        rhythms = [("month", 1), ("month", 3), ("year", 1), ("week", 1), ("week", 2), ("day", 30)]
        for interval, count in rhythms:
            product = self.new("prod")
            self.data["products"].append(
                {"id": product, "object": "product", "name": f"{interval} {count}", "active": True}
                | {"created": stamp(datetime(2022, 12, 1, tzinfo=UTC)), "metadata": {}}
            )
            for currency in ("USD", "EUR", "JPY", "KWD", "GBP", "SEK"):
                for size in (1, 3):
                    unit = self.draw.randint(700, 4000) * size * (12 if interval == "year" else 1)
                    unit *= 10 if currency == "KWD" else 1
                    self._price(product, currency, unit, interval, count)

    def _price(self, product: str, currency: str, unit: int, interval: str, count: int, **more):
        price = {
            "id": self.new("price"),
            "object": "price",
            "created": stamp(datetime(2022, 12, 1, tzinfo=UTC)),
            "product": product,
            "currency": currency.lower(),
            "unit_amount": unit,
            "unit_amount_decimal": str(unit),
            "billing_scheme": "per_unit",
            "type": "recurring",
            "recurring": {"interval": interval, "interval_count": count, "usage_type": "licensed"}
            | more,
        }
        self.data["prices"].append(price)
        return price

    def _prices(self, currency: str, interval: str, count: int) -> list[dict]:
        rhythm = (interval, count)
        return [
            price
            for price in self.data["prices"]
            if price["currency"] == currency.lower()
            and (price["recurring"]["interval"], price["recurring"]["interval_count"]) == rhythm
            and price["recurring"]["usage_type"] == "licensed"
        ]

    def _moment(self, first: datetime, last: datetime) -> datetime:
        """Often at the edges: the last days of months, the turns of summer time, leap days, around midnight."""
        if self.chance(0.35):
            edges = [
                datetime(2023, 1, 31, 23, 59, 59), datetime(2023, 3, 26, 1, 30), datetime(2023, 12, 31, 23, 30),
                datetime(2024, 1, 31, 12), datetime(2024, 2, 29), datetime(2024, 3, 10, 7), datetime(2024, 10, 27, 1),
                datetime(2023, 8, 31, 0, 0, 1), datetime(2024, 3, 1), datetime(2024, 12, 1),
            ]  # fmt: skip
            found = self.draw.choice(edges).replace(tzinfo=UTC)
            if first < found < last:
                return found
        span = max(int((last - first).total_seconds()), 1)
        return first + timedelta(seconds=self.draw.randrange(span))

    def _customer(self, number: int) -> None:
        currency = self.draw.choice(["USD", "USD", "EUR", "JPY", "KWD", "GBP"])
        currency = "SEK" if number == 0 else currency
        born = self._moment(datetime(2023, 1, 1, tzinfo=UTC), self.until - 60 * DAY)
        customer = self.new("cus")
        self.data["customers"].append(
            {"id": customer, "object": "customer", "created": stamp(born), "metadata": {"n": number}}
            | {"email": f"{customer}@example.com", "name": f"Customer {number}", "address": {"country": "DE"}}
        )  # fmt: skip
        moment = born
        for _ in range(self.draw.choice([1, 1, 2, 3])):
            ended = self._subscription(customer, currency, moment)
            moment = ended + self.draw.randint(5, 150) * DAY  # and back again
            if moment >= self.until - 30 * DAY:
                break
        for _ in range(self.draw.choice([0, 0, 1, 3])):
            self._invoiceless(self.draw.choice([customer, customer, None]), currency, born)

    # Subscriptions

    def _subscription(self, customer: str, currency: str, start: datetime) -> datetime:
        draw = self.draw
        interval, count = draw.choice(
            [("month", 1)] * 4
            + [("year", 1)] * 2
            + [("month", 3), ("week", 1), ("week", 2), ("day", 30)]
        )
        prices = self._prices(currency, interval, count)
        sub = Subscription(self.new("sub"), customer, currency)
        self.subscriptions.append(sub)
        items = [Item(self.new("si"), draw.choice(prices), draw.randint(1, 5))]
        if self.chance(0.25):
            items.append(Item(self.new("si"), draw.choice(prices), 1))
        if self.chance(0.15):
            metered = self._price(prices[0]["product"], currency, 7, interval, count)
            metered["recurring"]["usage_type"] = "metered"
            items.append(Item(self.new("si"), metered, 0, is_metered=True))
        percent, left = draw.choice(COUPONS) if self.chance(0.3) else (0, 0)
        tax = draw.choice([None, None, ("exclusive", 20), ("inclusive", 19)])
        seen = {"start_date": stamp(start), "created": stamp(start)}
        trial_end = None
        now = start
        if self.chance(0.25):
            trial_end = start + 14 * DAY
            invoice = self._bill(sub, start, "paid", [self._line(sub, i, start, trial_end, 0) for i in items], tax)  # fmt: skip
            self._note(sub, invoice, items, start, trial_end, [0] * len(items))
            seen |= {"trial_start": stamp(start), "trial_end": stamp(trial_end)}
            now = trial_end
        anchor, pending, paused = now.day, [], 0
        end = self._fate(now)
        while now < min(end[1], self.until):
            period_end = later(now, interval, count, anchor)
            lines, discounts = [], []
            for item in items:
                quantity = draw.randint(0, 900) if item.is_metered else item.quantity
                amount = item.price["unit_amount"] * quantity
                off = rounded(Fraction(amount * percent, 100)) if left > 0 else 0
                discounts.append(off)
                lines.append((item, amount, off))
            left -= 1
            paused = draw.randint(1, 3) if not paused and self.chance(0.03) else max(paused - 1, 0)
            last = period_end >= min(end[1], self.until)
            status = draw.choice(["void", "uncollectible"]) if paused else "paid"
            if last and end[0] in ("unpaid", "past_due") and not paused:
                status = "open"
            told = [self._line(sub, i, now, period_end, a, off, tax) for i, a, off in lines]
            extra = self._extra() if self.chance(0.1) else []
            invoice = self._bill(sub, now, status, told + extra + [p[0] for p in pending], tax)
            nets = [line[0].net for line in told]
            self._note(sub, invoice, items, now, period_end, nets)
            for line, state in pending:
                state.invoice = invoice
                sub.states.append(state)
                assert line
            pending = []
            if self.chance(0.15) and not paused and not last:
                pending = self._change(sub, items, prices, now, period_end, percent if left > 0 else 0, tax)  # fmt: skip
            now = period_end
        self._finish(sub, items, end, now, seen, interval)
        return sub.ended or self.until

    def _fate(self, start: datetime) -> tuple[str, datetime]:
        """How it ends, and about when."""
        kind = self.draw.choice(["stays", "stays", "period_end", "period_end", "at_once", "unpaid", "past_due"])  # fmt: skip
        if kind == "stays":
            return kind, self.until
        return kind, start + self.draw.randint(20, 500) * DAY

    def _finish(self, sub, items, end, now, seen, interval) -> None:
        kind, _ = end
        if now >= self.until:  # the history ends first
            kind = "past_due" if kind == "past_due" else "stays"
        if kind in ("period_end", "unpaid", "at_once"):
            sub.status, sub.ended = "canceled", now
            if kind == "unpaid":
                sub.ended = now - 1 * DAY
            if kind == "at_once":
                most = 6 if interval == "week" else 25
                sub.ended = now - timedelta(days=self.draw.randint(1, most), hours=5)
        elif kind == "past_due":
            sub.status = "past_due"
        told = [
            {"id": i.id, "object": "subscription_item", "subscription": sub.id, "quantity": i.quantity, "price": i.price}
            for i in items
        ]  # fmt: skip
        period = {"current_period_start": stamp(now - 5 * DAY), "current_period_end": stamp(now)}
        if self.is_basil:
            told = [one | period for one in told]
            period = {}
        self.data["subscriptions"].append(
            {"id": sub.id, "object": "subscription", "customer": sub.customer, "status": sub.status, **seen, **period}
            | {"currency": sub.currency.lower(), "items": {"object": "list", "data": told}, "metadata": {}}
            | ({"ended_at": stamp(sub.ended), "canceled_at": stamp(sub.ended)} if sub.ended else {})
        )  # fmt: skip

    def _note(self, sub, invoice, items, start, end, nets) -> None:
        for item, net in zip(items, nets, strict=True):
            recurring = item.price["recurring"]
            sub.states.append(
                State(invoice, item.id, start, end, max(net, 0), recurring["interval"],
                      recurring["interval_count"], is_credit=net <= 0, is_metered=item.is_metered)
            )  # fmt: skip

    def _change(self, sub, items, prices, start, end, percent, tax) -> list:
        """In the middle of a period: another quantity or price, or an item taken out. Pending lines are returned."""
        draw, found = self.draw, []
        at = self._moment(start + timedelta(hours=1), end - timedelta(hours=1))
        item = items[0]
        left, whole = int((end - at).total_seconds()), int((end - start).total_seconds())
        removed = (
            next((i for i in items[1:] if not i.is_metered), None) if self.chance(0.3) else None
        )
        touched = removed or item
        before = touched.price["unit_amount"] * touched.quantity
        credit = -rounded(Fraction(before * left * (100 - percent), whole * 100))
        found.append(self._prorated(sub, touched, at, end, credit, 0, tax))
        if removed is None:
            item.quantity = draw.choice([q for q in range(1, 8) if q != item.quantity])
            if self.chance(0.5):
                item.price = draw.choice(prices)
            amount = max(
                rounded(Fraction(item.price["unit_amount"] * item.quantity * left, whole)), 1
            )
            off = rounded(Fraction(amount * percent, 100))
            found.append(self._prorated(sub, item, at, end, amount, off, tax))
        else:
            items.remove(removed)
        if self.chance(0.6):  # billed at once
            invoice = self._bill(sub, at, "paid", [line for line, _ in found], tax)
            for _, state in found:
                state.invoice = invoice
                sub.states.append(state)
            return []
        return found

    def _prorated(self, sub, item, at, end, amount, off, tax):
        full = item.price["unit_amount"] * item.quantity
        line = self._line(sub, item, at, end, amount, off, tax, is_proration=True)
        net = line[0].net
        while amount and is_tie(Fraction(full * net, amount)):
            off += 1
            line = self._line(sub, item, at, end, amount, off, tax, is_proration=True)
            net = line[0].net
        recurring = item.price["recurring"]
        of_full = rounded(Fraction(full * net, amount)) if net > 0 else 0
        state = State(None, item.id, at, end, of_full, recurring["interval"], recurring["interval_count"], net <= 0)  # fmt: skip
        return line, state

    # Invoices

    def _line(self, sub, item, start, end, amount, off=0, tax=None, is_proration=False):
        """The note and the object of a line: `(Line, dict)`."""
        kind, percent = tax or ("", 0)
        taxed = amount - off
        inclusive = rounded(Fraction(taxed * percent, 100 + percent)) if kind == "inclusive" else 0
        tax_amount = inclusive or rounded(Fraction(taxed * percent, 100))
        key = self.new("il")
        note = Line(key, taxed - inclusive, start, end, sub.id, item.price["product"], item.price["id"],
                    is_proration, is_recurring=True)  # fmt: skip
        told = {
            "id": key, "object": "line_item", "amount": amount, "currency": sub.currency.lower(),
            "period": {"start": stamp(start), "end": stamp(end)}, "quantity": item.quantity,
            "discount_amounts": [{"amount": off, "discount": "di_1"}] if off else [],
        }  # fmt: skip
        taxes = [{"amount": tax_amount, "inclusive": kind == "inclusive"}] if tax else []
        if not self.is_basil:
            told |= {
                "price": item.price, "proration": is_proration, "subscription": sub.id, "subscription_item": item.id,
                "tax_amounts": taxes, "type": "invoiceitem" if is_proration else "subscription",
            }  # fmt: skip
        else:
            details = {
                "subscription": sub.id,
                "subscription_item": item.id,
                "proration": is_proration,
            }
            told |= {
                "parent": {"type": "subscription_item_details", "subscription_item_details": details},
                "pricing": {"type": "price_details", "unit_amount_decimal": item.price["unit_amount_decimal"],
                            "price_details": {"price": item.price["id"], "product": item.price["product"]}},
                "taxes": [{"amount": t["amount"], "tax_behavior": kind} for t in taxes],
            }  # fmt: skip
        return note, told, (0 if inclusive else tax_amount if tax else 0)

    def _extra(self) -> list:
        """Something sold once, on the same invoice."""
        amount = self.draw.randint(100, 90_000)
        key, product = self.new("il"), self.data["products"][0]["id"]
        note = Line(key, amount, None, None, product=product, price="price_once")
        told = {
            "id": key, "object": "line_item", "amount": amount, "quantity": 1, "type": "invoiceitem",
            "period": {"start": 1_700_000_000, "end": 1_700_000_000}, "discount_amounts": [],
        }  # fmt: skip
        if self.is_basil:
            price = {"price": "price_once", "product": product}
            told["pricing"] = {"type": "price_details", "price_details": price}
            told["parent"] = {"type": "invoice_item_details", "invoice_item_details": {"proration": False}}  # fmt: skip
        else:
            told |= {"price": {"id": "price_once", "product": product, "recurring": None}}
            told |= {"plan": None, "proration": False, "subscription": None, "tax_amounts": []}
        return [(note, told, 0)]

    def _bill(self, sub, at: datetime, status: str, lines: list, tax) -> Invoice:
        finalized = at + timedelta(hours=1)
        invoice = Invoice(self.new("in"), sub.customer, sub.currency, finalized.date(), status)
        self.invoices.append(invoice)
        invoice.lines = [line[0] for line in lines]
        net = sum(line.net for line in invoice.lines)
        charged = sum(
            line[1]["amount"] - sum(d["amount"] for d in line[1]["discount_amounts"])
            for line in lines
        )
        invoice.total, invoice.total_net = charged + sum(line[2] for line in lines), net
        told = {
            "id": invoice.id, "object": "invoice", "created": stamp(at), "customer": sub.customer, "status": status,
            "currency": sub.currency.lower(), "status_transitions": {"finalized_at": stamp(finalized)},
            "total": invoice.total, "total_excluding_tax": net, "auto_advance": False,
            "lines": {"object": "list", "data": [line[1] for line in lines]},
        }  # fmt: skip
        if not self.is_basil:
            told["subscription"] = sub.id
        self.data["invoices"].append(told)
        if status == "paid" and invoice.total > 0 and self.chance(0.95):
            self._pay(invoice, told, finalized)
        if status == "paid" and net > 0 and self.chance(0.06):
            self._credit_note(invoice, finalized, None)
        return invoice

    # Money

    def _charge(self, customer, currency, at, amount, invoice=None, status="succeeded"):
        charge = Charge(self.new("ch"), customer, currency, at.date(), amount, invoice)
        told = {
            "id": charge.id, "object": "charge", "created": stamp(at), "customer": customer, "status": status,
            "currency": currency.lower(), "amount": amount, "amount_captured": amount if status == "succeeded" else 0,
            "payment_intent": charge.id.replace("ch", "pi"), "amount_refunded": 0,
        }  # fmt: skip
        if not self.is_basil:
            told["invoice"] = invoice.id if invoice else None
        self.data["charges"].append(told)
        if status == "succeeded":
            self.charges.append(charge)
        return charge, told

    def _pay(self, invoice: Invoice, told: dict, at: datetime) -> None:
        if self.chance(0.1):
            self._charge(invoice.customer, invoice.currency, at, invoice.total, invoice, "failed")
        charge, seen = self._charge(invoice.customer, invoice.currency, at, invoice.total, invoice)
        if self.is_basil:
            payment = {"type": "payment_intent", "payment_intent": seen["payment_intent"]}
            told["payments"] = {"object": "list", "data": [{"payment": payment, "status": "paid"}]}
        else:
            told |= {"charge": charge.id, "payment_intent": seen["payment_intent"]}
        self._regret(charge, seen, at, Fraction(invoice.total_net, invoice.total))

    def _invoiceless(self, customer, currency, born) -> None:
        at = self._moment(born, self.until)
        charge, told = self._charge(customer, currency, at, self.draw.randint(50, 60_000))
        self._regret(charge, told, at, Fraction(1))

    def _regret(self, charge: Charge, told: dict, at: datetime, untaxed: Fraction) -> None:
        """Some of it comes back: refunded, disputed, or refunded through a credit note."""
        if self.chance(0.12):
            part = charge.amount if self.chance(0.5) else self.draw.randint(1, charge.amount)
            while is_tie(part * untaxed):
                part += 1
            status = self.draw.choice(["succeeded", "succeeded", "pending", "failed", "canceled"])
            when = at + timedelta(days=self.draw.randint(0, 60), hours=3)
            refund = self._refund(charge, told, part, when, status)
            if status in ("succeeded", "pending"):
                net = rounded(part * untaxed)
                self._back(Back(refund, "refund", when.date(), net, charge.invoice, charge))
        elif self.chance(0.05):
            status = self.draw.choice(["lost", "lost", "won", "under_review"])
            when = at + self.draw.randint(1, 50) * DAY
            key = self.new("dp")
            self.data["disputes"].append(
                {"id": key, "object": "dispute", "created": stamp(when), "charge": charge.id, "status": status}
                | {"amount": charge.amount, "currency": charge.currency.lower()}
            )  # fmt: skip
            if status == "lost":
                net = rounded(charge.amount * untaxed)
                self._back(Back(key, "dispute", when.date(), net, charge.invoice, charge))
        elif charge.invoice and charge.invoice.total_net > 0 and self.chance(0.06):
            self._credit_note(charge.invoice, at, (charge, told))

    def _refund(self, charge, told, amount, when, status) -> str:
        key = self.new("re")
        self.data["refunds"].append(
            {
                "id": key,
                "object": "refund",
                "created": stamp(when),
                "charge": charge.id,
                "amount": amount,
            }
            | {"currency": charge.currency.lower(), "status": status}
        )
        if status in ("succeeded", "pending"):
            charge.refunded += amount
            told["amount_refunded"] = charge.refunded
        return key

    def _credit_note(self, invoice: Invoice, at: datetime, paid) -> None:
        """With a refund when `paid` is given, which is then not counted a second time."""
        net = self.draw.randint(1, invoice.total_net)
        when = at + timedelta(days=self.draw.randint(0, 40), hours=2)
        status = "issued" if paid or self.chance(0.8) else "void"
        amount = min(net, invoice.total)
        note = {
            "id": self.new("cn"), "object": "credit_note", "created": stamp(when), "invoice": invoice.id,
            "customer": invoice.customer, "status": status, "currency": invoice.currency.lower(),
            "amount": max(amount, 0), "total": amount, "total_excluding_tax": net,
        }  # fmt: skip
        if paid:
            refund = self._refund(*paid, amount, when, "succeeded")
            if self.is_basil:
                note["refunds"] = [{"refund": refund, "amount_refunded": amount}]
            else:
                note["refund"] = refund
        self.data["credit_notes"].append(note)
        if status == "issued":
            self._back(Back(note["id"], "credit_note", when.date(), net, invoice))

    def _back(self, back: Back) -> None:
        self.given_back.append(back)
