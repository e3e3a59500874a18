"""Revenue analytics: every view equals books kept by hand, and the set comes, stays in step and goes."""

import csv
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow.parquet as pq
import pytest

from pwh_assets import build_defs
from pwh_assets.cli.entry import run
from pwh_assets.core.source import Column, SyncMode, TableStatus
from pwh_assets.core.view import ViewOrigin
from pwh_assets.demo.stripe import StripeServer
from pwh_assets.errors import InvalidInputError
from pwh_assets.lake import Publish
from pwh_assets.platform import open_platform
from pwh_assets.services.hogql.query import run_query
from pwh_assets.services.product.rates import load_rates
from pwh_assets.services.sources.connecting import create_source, remove_source
from pwh_assets.services.sync.table import sync_table
from pwh_assets.services.views.managed import (
    ManagedNameTakenError,
    ManagedViewInUseError,
    NotThisSourceError,
    change_revenue_config,
    keep_in_step,
    revenue_config,
    revenue_status,
)
from pwh_assets.services.views.saved import ManagedViewError, build_view, remove_view, save_view
from pwh_assets.settings import Settings
from pwh_assets.sources.http.rows import RowBuilder
from pwh_assets.sources.stripe.objects import BY_NAME
from pwh_assets.store import NewTable
from tests.e2e.revenue_history import DIGITS, History
from tests.e2e.revenue_ledger import Ledger

UNTIL = datetime(2025, 6, 15, 9, 30, tzinfo=UTC)
TABLES = (
    "customer", "invoice", "charge", "subscription", "product", "price", "refund", "dispute", "credit_note",
)  # fmt: skip


class Account:
    """A home with a Stripe source: read from a server with a history, or its objects put straight into the lake."""

    def __init__(self, home, data, tables=TABLES, prefix="", is_synced=False):
        self.settings = Settings.from_env({"PWH_HOME": str(home), "PWH_ALLOW_PRIVATE_HOSTS": "1"})
        self.platform = open_platform(self.settings)
        self.server = StripeServer(data=data).start() if is_synced else None
        self.prefix = prefix
        if is_synced:
            schemas = [{"name": table, "sync_type": "full"} for table in tables]
            payload = self.server.config | {"schemas": schemas}
            body = {"source_type": "Stripe", "prefix": prefix, "payload": payload}
            self.source = create_source(self.platform, 1, body)
            self.sync(*tables)
            return
        known = [NewTable(name, BY_NAME[name].columns, ("id",)) for name in TABLES]
        self.source = self.platform.store.add_source(1, "stripe", prefix, "", {}, {}, known)
        self.put(data, *tables)

    def put(self, data, *names):
        """Objects into the lake as the source would write them."""
        for name in names:
            file = self.settings.home / "tmp" / f"{name}.parquet"
            file.parent.mkdir(parents=True, exist_ok=True)
            rows = RowBuilder("Stripe's object", BY_NAME[name].types).table(data[f"{name}s"])
            pq.write_table(rows, file)
            types = BY_NAME[name].types
            columns = tuple(Column(n, types.get(n, "JSON")) for n in rows.column_names)
            lake = self.platform.lakes.of(1)
            lake.publish(
                Publish(self.source.slug, name, SyncMode.FULL, (file,), columns, ("id",), None)
            )
            known = self.platform.store.tables(1, self.source.id)
            table = next(table for table in known if table.name == name)
            self.platform.store.update_table(
                table.id, status=TableStatus.COMPLETED, last_synced_at=datetime.now(UTC)
            )

    def sync(self, *names):
        for table in self.platform.store.tables(1, self.source.id):
            if table.name in names:
                sync_table(self.platform, table)

    def load(self, rates):
        file = self.settings.home / "rates.csv"
        with file.open("w", newline="") as out:
            csv.writer(out).writerows([("date", "currency", "rate"), *rates])
        load_rates(self.platform, 1, file)

    def change(self, **changes):
        return change_revenue_config(self.platform, 1, self.source.id, changes)

    def build(self):
        for state in revenue_status(self.platform, 1, self.source.id).views:
            if state.view is not None:
                build_view(self.platform, state.view)

    def ask(self, sql, engine="duckdb"):
        result = run_query(self.platform, 1, sql, engine=engine, limit=50_000)
        return [tuple(row) for row in result.rows]

    def rows(self, noun, engine="duckdb"):
        prefix = f"{self.prefix.strip('_')}." if self.prefix else ""
        text = f"SELECT * FROM stripe.{prefix}{noun}_revenue_view"
        result = run_query(self.platform, 1, text, engine=engine, limit=50_000)
        names = result.columns
        return [dict(zip(names, row, strict=True)) for row in result.rows]

    def close(self):
        if self.server is not None:
            self.server.stop()
        self.platform.lakes.close()
        self.platform.store.close()


@pytest.fixture
def account(tmp_path):
    made = []

    def make(data, **options):
        made.append(Account(tmp_path / f"home{len(made)}", data, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def day(value):
    return None if value is None else date.fromisoformat(str(value)[:10])


def number(value):
    return None if value is None else Decimal(str(value))


def check_equal(found, expected):
    """Equal, and else the first few that are not."""
    differing = [k for k in {**expected, **found} if found.get(k) != expected.get(k)]
    assert not differing, [
        (k, found.get(k), expected.get(k)) for k in sorted(differing, key=str)[:5]
    ]


def check_items(ledger, rows):
    found = {
        row["id"]: (
            row["kind"], row["customer_id"], row["subscription_id"], row["product_id"], row["invoice_id"],
            row["charge_id"], day(row["recognized_on"]), day(row["month"]), row["original_currency"],
            number(row["original_amount"]), row["currency"], number(row["amount"]),
        )
        for row in rows
    }  # fmt: skip
    assert len(found) == len(rows)
    expected = {
        e.id: (
            e.kind, e.customer, e.subscription, e.product, e.invoice, e.charge, e.on, e.on.replace(day=1), e.currency,
            Decimal(e.original).scaleb(-DIGITS.get(e.currency, 2)), ledger.base,
            None if e.converted is None else ledger.money(e.converted),
        )
        for e in ledger.entries
    }  # fmt: skip
    check_equal(found, expected)


def check_mrr(ledger, rows):
    found = {
        (day(r["month"]), r["customer_id"], r["subscription_id"]): number(r["mrr"]) for r in rows
    }
    check_equal(found, {key: ledger.money(cents) for key, cents in ledger.mrr.items()})


def check_table(rows, keys, expected):
    """Rows by their keys; numbers to the last digit, shares as floats."""
    found = {}
    for row in rows:
        key = tuple(day(row[k]) if k in ("month", "cohort") else row[k] for k in keys)
        found[key[0] if len(key) == 1 else key] = row
    assert found.keys() == expected.keys()
    for key, wanted in expected.items():
        for name, value in wanted.items():
            seen = found[key][name]
            if isinstance(value, Decimal):
                seen = number(seen)
            elif isinstance(value, date):
                seen = day(seen)
            elif isinstance(value, float):
                seen = pytest.approx(seen, rel=1e-12)
            assert seen == value, (key, name)


def check_all(account, history, base, with_invoiceless, engine="duckdb"):
    while True:  # once more when midnight falls between the books and the answers
        now = datetime.now(UTC)
        ledger = Ledger(history, base, with_invoiceless, now)
        rows = {noun: account.rows(noun, engine) for noun in ("revenue_item", "mrr", "lifetime_value", "cohort", "churn")}  # fmt: skip
        if now.date() == datetime.now(UTC).date():
            break
    check_items(ledger, rows["revenue_item"])
    check_mrr(ledger, rows["mrr"])
    check_table(rows["lifetime_value"], ["customer_id"], ledger.lifetime_values())
    check_table(rows["cohort"], ["cohort", "month"], ledger.cohorts())
    check_table(rows["churn"], ["month"], ledger.churn())
    return ledger


@pytest.mark.parametrize(
    ("seed", "base", "with_invoiceless", "is_basil"),
    [(1, "USD", True, False), (2, "EUR", False, True), (5, "JPY", True, True)],
)  # fmt: skip
def test_every_view_equals_the_books(account, seed, base, with_invoiceless, is_basil):
    history = History(seed, UNTIL, customers=14, is_basil=is_basil)
    home = account(history.data)
    home.load(history.rates)
    home.change(enabled=True, currency=base, include_invoiceless_charges=with_invoiceless)
    ledger = check_all(home, history, base, with_invoiceless)
    assert ledger.mrr and {e.kind for e in ledger.entries} >= {"recurring", "one_off", "refund", "credit_note"}  # fmt: skip
    if seed == 2:
        check_all(home, history, base, with_invoiceless, "clickhouse")


def test_from_the_source_to_built_tables_on_both_engines(account):
    history = History(3, UNTIL, customers=8)
    home = account(history.data, prefix="eu_", is_synced=True)
    home.load(history.rates)
    status = home.change(enabled=True, include_invoiceless_charges=True)
    assert not status.hints and {s.view.frequency.name for s in status.views} == {"12hour"}
    home.build()
    for engine in ("duckdb", "clickhouse"):
        check_all(home, history, "USD", True, engine)
    charges = {row["id"]: row for row in home.rows("charge")}
    assert charges.keys() == {charge.id for charge in history.charges}
    for charge in history.charges:
        row, units = charges[charge.id], DIGITS.get(charge.currency, 2)
        assert number(row["original_amount"]) == Decimal(charge.amount).scaleb(-units)
        assert row["invoice_id"] == (charge.invoice.id if charge.invoice else None)
    subscriptions = {row["id"]: row for row in home.rows("subscription")}
    assert {k: r["status"] for k, r in subscriptions.items()} == {s.id: s.status for s in history.subscriptions}  # fmt: skip
    assert all(row["interval"] and row["current_period_end"] for row in subscriptions.values())
    assert len(home.rows("customer")) == 8 and home.rows("product")[0]["is_active"] is True
    missing = Counter(e.currency for e in Ledger(history, "USD", True, datetime.now(UTC)).entries if e.converted is None)  # fmt: skip
    assert revenue_status(home.platform, 1, home.source.id).without_rate == missing


# Small accounts: what the page on revenue says, said with numbers


def unix(text):
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp())


def price(key="price_1", unit=1000, interval="month", **more):
    recurring = {"interval": interval, "interval_count": 1, "usage_type": "licensed"}
    return {"id": key, "object": "price", "created": 1, "product": "prod_1", "currency": "usd", "unit_amount": unit,
            "unit_amount_decimal": str(unit), "billing_scheme": "per_unit", "recurring": recurring} | more  # fmt: skip


def line(key, amount, start, end, of=None, **more):
    return {"id": key, "amount": amount, "quantity": 1, "price": of or price(), "subscription": "sub_1",
            "subscription_item": "si_1", "period": {"start": unix(start), "end": unix(end)}} | more  # fmt: skip


def invoice(key, at, *lines, **more):
    total = sum(one["amount"] for one in lines)
    return {"id": key, "object": "invoice", "created": unix(at), "customer": "cus_1", "currency": "usd", "status": "paid",
            "status_transitions": {"finalized_at": unix(at)}, "total": total, "total_excluding_tax": total,
            "lines": {"data": list(lines)}} | more  # fmt: skip


def objects(*invoices, status="active", **more):
    customer = {"id": "cus_1", "object": "customer", "created": 1, "email": "a@example.com"}
    sub = {"id": "sub_1", "object": "subscription", "created": 1, "customer": "cus_1", "status": status, "items": {"data": []}}  # fmt: skip
    product = {"id": "prod_1", "object": "product", "created": 1, "name": "Seats"}
    empty = {f"{name}s": [] for name in TABLES}
    return empty | {"customers": [customer], "subscriptions": [sub], "products": [product], "invoices": list(invoices)} | more  # fmt: skip


def amounts(home):
    rows = home.rows("revenue_item")
    return {row["id"]: (str(row["recognized_on"])[:10], number(row["amount"])) for row in rows}


def monthly(home):
    return {str(row["month"])[:7]: number(row["mrr"]) for row in home.rows("mrr")}


def test_the_examples_of_the_page(account):
    a_year = line("il_1", 120_000, "2024-01-31T10:00", "2025-01-31T10:00", price(interval="year"))
    home = account(objects(invoice("in_1", "2024-01-31T10:00", a_year), status="canceled"))
    home.change(enabled=True)
    items = amounts(home)
    assert items["il_1:2024-01"] == ("2024-01-31", Decimal("3.27"))
    assert items["il_1:2024-02"] == ("2024-02-01", Decimal("95.09"))
    assert sum(value for _, value in items.values()) == Decimal(1200) and len(items) == 13
    assert set(monthly(home).values()) == {Decimal(100)} and len(monthly(home)) == 12
    # Tiers: whole periods are exact, the rest of a period is scaled up to one.
    tiered = price(billing_scheme="tiered", unit_amount=None, unit_amount_decimal=None)
    whole = line("il_2", 3333, "2024-03-01T00:00", "2024-04-01T00:00", tiered)
    rest = line("il_3", 1000, "2024-04-21T00:00", "2024-05-01T00:00", tiered, proration=True)
    daily = line("il_4", 7, "2024-05-01T00:00", "2024-05-02T00:00", price(interval="day"))
    again = line("il_5", 500, "2024-05-10T00:00", "2024-06-10T00:00", price(interval="week"))
    metered = price("price_m", recurring={"interval": "month", "usage_type": "metered"})
    used = line("il_6", 900, "2024-06-01T00:00", "2024-07-01T00:00", metered, subscription_item="si_2")  # fmt: skip
    home.put(
        objects(invoice("in_1", "2024-03-01T00:00", whole, rest, daily, again, used)), "invoice"
    )
    assert monthly(home) == {
        "2024-03": Decimal("33.33"),
        "2024-04": Decimal("30.44"),  # 10.00 for 10 days, 30.4375 days a month
        "2024-05": Decimal("21.67"),  # 5.00 a week, 52 weeks
    }
    assert amounts(home)["il_6:2024-06"] == ("2024-06-01", Decimal(9))


def test_what_is_owed_now_recurs_while_stripe_tries(account):
    now = datetime.now(UTC)
    start = (now - timedelta(days=3)).isoformat()[:19]
    end = (now + timedelta(days=27)).isoformat()[:19]
    month = f"{now:%Y-%m}"

    def present(status, sub="active", **more):
        told = invoice("in_1", start, line("il_1", 1000, start, end), status=status, **more)
        home.put(objects(told, status=sub), "invoice", "subscription")
        return monthly(home).get(month)

    home = account(objects(invoice("in_1", start, line("il_1", 1000, start, end))))
    home.change(enabled=True)
    assert monthly(home)[month] == Decimal(10)
    assert present("open", "past_due") == Decimal(10)
    assert present("draft", auto_advance=True) == Decimal(10)
    assert present("draft", auto_advance=False) is None  # collecting is paused
    for status, sub in (("open", "canceled"), ("open", "unpaid"), ("void", "active"), ("uncollectible", "past_due")):  # fmt: skip
        assert present(status, sub) is None
    assert not amounts(home)
    churn = home.rows("churn")
    assert not churn or {row["ending_customers"] for row in churn} == {0}


def test_without_refunds_of_their_own_those_of_charges_count(account):
    sold = {"id": "il_1", "amount": 10_000, "quantity": 1, "price": {"id": "p"}, "period": {}}
    taxed = invoice("in_1", "2024-01-10T00:00", sold, total=12_000)
    charge = {"id": "ch_1", "object": "charge", "created": unix("2024-01-11T00:00"), "customer": "cus_1", "currency": "usd",
              "amount": 12_000, "amount_captured": 12_000, "amount_refunded": 6_000, "status": "succeeded", "invoice": "in_1"}  # fmt: skip
    data = objects(taxed, charges=[charge])
    home = account(data, tables=["invoice", "charge"])
    status = home.change(enabled=True)
    assert amounts(home) == {
        "il_1:2024-01": ("2024-01-10", Decimal(100)),
        "ch_1:refunded": ("2024-01-11", Decimal(-50)),
    }
    made = {state.noun for state in status.views if state.view}
    assert made == {"charge", "revenue_item", "lifetime_value", "cohort"}
    assert any(hint.startswith("Sync `stripe_subscription`: `mrr`") or "`stripe_subscription`" in hint for hint in status.hints)  # fmt: skip
    assert any("`stripe_refund`" in hint and "day of the charge" in hint for hint in status.hints)
    refund = {"id": "re_1", "object": "refund", "created": unix("2024-03-01T00:00"), "charge": "ch_1", "amount": 6_000,
              "currency": "usd", "status": "succeeded"}  # fmt: skip
    home.put(data | {"refunds": [refund]}, "refund", "subscription")
    before = home.platform.store.view(1, "stripe.revenue_item_revenue_view").version
    changed = keep_in_step(home.platform, 1, home.source.id)
    assert set(changed) == {f"stripe.{noun}_revenue_view" for noun in ("subscription", "revenue_item", "mrr", "churn")}  # fmt: skip
    assert amounts(home)["re_1"] == ("2024-03-01", Decimal(-50)) and "ch_1:refunded" not in amounts(home)  # fmt: skip
    assert home.platform.store.view(1, "stripe.revenue_item_revenue_view").version == before + 1
    assert keep_in_step(home.platform, 1) == ()


# Coming and going


def test_the_set_is_written_while_its_tables_come(account):
    data = History(1, datetime(2024, 1, 1, tzinfo=UTC), customers=2).data
    home = account(data, tables=["customer"], is_synced=True)
    status = home.change(enabled=True)
    assert [s.noun for s in status.views if s.view] == ["customer"]
    for table in home.platform.store.tables(1, home.source.id):
        if table.name in ("invoice", "subscription"):
            home.platform.store.update_table(table.id, should_sync=True)
    home.sync("invoice", "subscription")
    status = revenue_status(home.platform, 1, home.source.id)
    assert [s.noun for s in status.views if not s.view] == ["product", "charge"]
    product = next(s for s in status.views if s.noun == "product")
    assert product.missing == ("stripe_product",)
    view = status.views[-1].view
    assert (view.origin, view.managed_by) == (ViewOrigin.MANAGED, "revenue:stripe")
    assert all(column.description for s in status.views if s.view for column in s.view.columns)
    removed = remove_source(home.platform, 1, home.source.id)
    assert removed["views"] == [] and home.platform.store.views(1) == []
    assert not [n for n in home.platform.store.project_settings(1) if n.startswith("managed")]


def test_people_read_the_views_and_leave_them_as_they_are(account):
    home = account(objects(invoice("in_1", "2024-01-01T00:00", line("il_1", 5, "2024-01-01T00:00", "2024-02-01T00:00"))))  # fmt: skip
    platform, mrr = home.platform, "stripe.mrr_revenue_view"
    save_view(platform, 1, "stripe.churn_revenue_view", "SELECT 1 AS a")
    with pytest.raises(ManagedNameTakenError, match=r"`stripe\.churn_revenue_view` is a view of your own"):  # fmt: skip
        home.change(enabled=True)
    assert len(platform.store.views(1)) == 1 and not revenue_config(platform, 1, home.source.id).enabled  # fmt: skip
    remove_view(platform, 1, "stripe.churn_revenue_view")
    home.change(enabled=True)
    with pytest.raises(ManagedViewError):
        save_view(platform, 1, mrr, "SELECT 1 AS a")
    with pytest.raises(ManagedViewError):
        remove_view(platform, 1, mrr, force=True)
    save_view(platform, 1, "mine", f"SELECT max(mrr) AS most FROM {mrr}")
    assert home.ask("SELECT most FROM mine") == [(0.05,)]
    with pytest.raises(ManagedViewInUseError, match=r"`stripe\.mrr_revenue_view` is read by `mine`"):  # fmt: skip
        home.change(enabled=False)
    assert revenue_config(platform, 1, home.source.id).enabled and len(platform.store.views(1)) == 10  # fmt: skip
    remove_view(platform, 1, "mine")
    home.change(enabled=False, currency="EUR")
    assert platform.store.views(1) == []
    assert not [t for t in platform.lakes.of(1).tables() if t.schema == "views"]
    assert home.change(enabled=True).config.currency == "EUR"


def test_a_name_somebody_took_meanwhile_is_left_alone(account):
    home = account(objects(), tables=["customer"])
    home.change(enabled=True)
    mine = save_view(home.platform, 1, "stripe.product_revenue_view", "SELECT 1 AS a")
    home.put(objects(), "product", "subscription")
    assert keep_in_step(home.platform, 1) == ("stripe.subscription_revenue_view",)
    assert home.platform.store.view(1, mine.name) == mine
    hints = revenue_status(home.platform, 1, home.source.id).hints
    assert any("`stripe.product_revenue_view` is a view of your own" in hint for hint in hints)


def test_the_command_turns_it_on_says_how_it_stands_and_off(account, monkeypatch, capsys):
    home = account(objects(), tables=["customer", "invoice"])
    monkeypatch.setattr("pwh_assets.platform.open_platform", lambda: home.platform)

    def pwh(*words):
        assert run(["revenue", *words, "stripe"]) == 0
        return capsys.readouterr().out

    assert "is off" in pwh("status")
    told = json.loads(pwh("enable", "--no-build", "--json", "--currency", "eur"))
    assert (told["enabled"], told["currency"]) == (True, "EUR")
    made = [view["name"] for view in told["views"] if view["exists"]]
    assert made[:2] == ["stripe.customer_revenue_view", "stripe.revenue_item_revenue_view"]
    said = pwh("status")
    assert "needs stripe_subscription" in said and "in EUR" in said
    assert run(["revenue", "enable", "nowhere"]) == 2
    assert "its views are gone" in pwh("disable")
    assert home.platform.store.views(1) == []


def test_a_text_of_an_earlier_program_is_written_anew(account):
    home = account(objects())
    home.change(enabled=True)
    platform, name = home.platform, "stripe.product_revenue_view"
    view = platform.store.view(1, name)
    old = "SELECT id FROM stripe_product"
    platform.store.save_view(1, name, old, view.columns, view.inputs, author="PWH")
    build_defs(platform)
    now = platform.store.view(1, name)
    assert (now.sql, now.version) == (view.sql, view.version + 2)


@pytest.mark.parametrize(
    ("changes", "attr"),
    [({"enabled": "yes"}, "enabled"), ({"currency": "euro"}, "currency"), ({"every": "1hour"}, "every")],
)  # fmt: skip
def test_a_wrong_setting_is_refused(account, changes, attr):
    home = account(objects(), tables=[])
    with pytest.raises(InvalidInputError) as caught:
        home.change(**changes)
    assert caught.value.attr == attr and not revenue_config(home.platform, 1, home.source.id).enabled  # fmt: skip


def test_only_stripe_sources_have_revenue_analytics(account):
    home = account(objects(), tables=[])
    other = home.platform.store.add_source(1, "postgres", "", "", {}, {}, [])
    with pytest.raises(NotThisSourceError, match="`postgres`"):
        change_revenue_config(home.platform, 1, other.id, {"enabled": True})
