"""`customer`, `product`, `subscription` and `charge`: Stripe's objects under names that do not change."""

from pwh_assets.views.base import Inputs, InputTable, ManagedView
from pwh_assets.views.revenue.items import charge_days, charges
from pwh_assets.views.revenue.lines import moment_at, number_at, text_at
from pwh_assets.views.revenue.money import decimal, in_base, rates, units


def _select(table: InputTable, label: str, columns: dict[str, str]) -> str:
    chosen = ",\n  ".join(f"{value} AS {name}" for name, value in columns.items())
    return f"SELECT {chosen.replace('$label', label)}\nFROM {table.name}"


_TEXT, _TIME, _JSON = "toString(NULL)", "toDateTime(NULL)", "'{}'"


def _customer(inputs: Inputs) -> str:
    table = inputs.tables["customer"]
    return _select(
        table,
        inputs.label,
        {
            "id": "id",
            "source_label": "'$label'",
            "timestamp": table.column("created", _TIME),
            "name": table.column("name", _TEXT),
            "email": table.column("email", _TEXT),
            "phone": table.column("phone", _TEXT),
            "country": text_at(table.column("address", _JSON), "country"),
            "metadata": table.column("metadata", _JSON),
            "is_deleted": f"ifNull({table.column('deleted', 'false')}, false)",
        },
    )


CUSTOMER = ManagedView(
    "customer",
    "Who is billed.",
    {
        "id": "Stripe's id.",
        "source_label": "The source's slug.",
        "timestamp": "When the customer was made.",
        "name": "Name.",
        "email": "E-mail address.",
        "phone": "Telephone number.",
        "country": "Country of the address, two letters.",
        "metadata": "What was noted at Stripe.",
        "is_deleted": "Whether the customer is gone at Stripe.",
    },
    _customer,
    needs=("customer",),
)


def _product(inputs: Inputs) -> str:
    table = inputs.tables["product"]
    return _select(
        table,
        inputs.label,
        {
            "id": "id",
            "source_label": "'$label'",
            "timestamp": table.column("created", _TIME),
            "name": table.column("name", _TEXT),
            "description": table.column("description", _TEXT),
            "default_price_id": table.column("default_price", _TEXT),
            "is_active": f"ifNull({table.column('active', 'true')}, true)",
            "metadata": table.column("metadata", _JSON),
            "is_deleted": f"ifNull({table.column('deleted', 'false')}, false)",
        },
    )


PRODUCT = ManagedView(
    "product",
    "What is sold.",
    {
        "id": "Stripe's id.",
        "source_label": "The source's slug.",
        "timestamp": "When the product was made.",
        "name": "Name.",
        "description": "Description.",
        "default_price_id": "`id` of its default price.",
        "is_active": "Whether it can be bought.",
        "metadata": "What was noted at Stripe.",
        "is_deleted": "Whether the product is gone at Stripe.",
    },
    _product,
    needs=("product",),
)


def _subscription(inputs: Inputs) -> str:
    table = inputs.tables["subscription"]
    items = table.column("items", _JSON)
    first = f"JSONExtractArrayRaw({items}, 'data')[1]"

    def period(end: str) -> str:
        in_item = moment_at(first, f"current_period_{end}")
        own = f"current_period_{end}"
        return f"coalesce(`{own}`, {in_item})" if own in table.columns else in_item

    return _select(
        table,
        inputs.label,
        {
            "id": "id",
            "source_label": "'$label'",
            "customer_id": table.column("customer", _TEXT),
            "product_id": text_at(first, "price.product", "plan.product"),
            "price_id": text_at(first, "price.id", "plan.id"),
            "status": table.column("status", _TEXT),
            "is_paused": f"ifNull(status = 'paused' OR ifNull({_set(table, 'pause_collection')}, false), false)",
            "started_at": table.column("start_date", table.column("created", _TIME)),
            "trial_start": table.column("trial_start", _TIME),
            "trial_end": table.column("trial_end", _TIME),
            "current_period_start": period("start"),
            "current_period_end": period("end"),
            "canceled_at": table.column("canceled_at", _TIME),
            "cancel_at": table.column("cancel_at", _TIME),
            "ended_at": table.column("ended_at", _TIME),
            "interval": text_at(first, "price.recurring.interval", "plan.interval"),
            "interval_count": f"coalesce({number_at(first, 'price.recurring.interval_count')}, "
            f"{number_at(first, 'plan.interval_count')})",
            "quantity": number_at(first, "quantity"),
            "item_count": f"length(JSONExtractArrayRaw({items}, 'data'))",
            "currency": f"upper({table.column('currency', _TEXT)})",
            "metadata": table.column("metadata", _JSON),
        },
    )


def _set(table: InputTable, name: str) -> str:
    """HogQL: that a column of JSON holds an object."""
    if name not in table.columns:
        return "false"
    return f"startsWith(toString(`{name}`), '{{')"


SUBSCRIPTION = ManagedView(
    "subscription",
    "What customers pay for again and again, as it is now.",
    {
        "id": "Stripe's id.",
        "source_label": "The source's slug.",
        "customer_id": "`id` of the customer.",
        "product_id": "`id` of the first item's product.",
        "price_id": "`id` of the first item's price.",
        "status": "Stripe's status: `active`, `trialing`, `past_due`, `canceled`, …",
        "is_paused": "Whether collecting is paused.",
        "started_at": "When it began.",
        "trial_start": "When its trial began.",
        "trial_end": "When its trial ends or ended.",
        "current_period_start": "When the present period began.",
        "current_period_end": "When the present period ends.",
        "canceled_at": "When somebody cancelled it.",
        "cancel_at": "When it is going to end.",
        "ended_at": "When it ended.",
        "interval": "`day`, `week`, `month` or `year`, of the first item.",
        "interval_count": "So many of them are a period.",
        "quantity": "Of the first item.",
        "item_count": "How many items it has.",
        "currency": "What the customer pays in.",
        "metadata": "What was noted at Stripe.",
    },
    _subscription,
    needs=("subscription",),
    needs_columns={"subscription": ("id", "status")},
)


def _charge(inputs: Inputs) -> str:
    base = str(inputs.options["currency"])
    original = (
        f"multiIf({units('charge.currency')} = 1, toDecimal('1', 3), {units('charge.currency')} = 1000, "
        "toDecimal('0.001', 3), toDecimal('0.01', 3))"
    )
    return f"""SELECT charge_id AS id, '{inputs.label}' AS source_label, created AS timestamp, customer_id, invoice_id,
  invoice_id IS NULL AS is_invoiceless, charge.currency AS original_currency,
  toDecimal(captured, 3) * {original} AS original_amount, '{base}' AS currency,
  {decimal("converted", base)} AS amount, {decimal("taken", base)} AS refunded_amount
FROM (
  SELECT *, {in_base("captured", "currency", "rate", base)} AS converted,
    {in_base("refunded", "currency", "rate", base)} AS taken
  FROM (
    SELECT c.charge_id AS charge_id, c.created AS created, c.customer_id AS customer_id, c.invoice_id AS invoice_id,
      c.currency AS currency, c.captured AS captured, c.refunded AS refunded, rated.rate AS rate
    FROM ({charges(inputs)}) AS c
    LEFT JOIN ({rates(charge_days(inputs), base)}) AS rated ON rated.currency = c.currency AND rated.day = c.charge_day
  ) AS every
) AS charge"""


CHARGE = ManagedView(
    "charge",
    "Money that arrived, tax included, whether it is revenue or not.",
    {
        "id": "Stripe's id.",
        "source_label": "The source's slug.",
        "timestamp": "When the charge was made.",
        "customer_id": "`id` of the customer.",
        "invoice_id": "`id` of the invoice it paid.",
        "is_invoiceless": "Whether it paid none.",
        "original_currency": "What the customer paid in.",
        "original_amount": "What was captured, in that currency.",
        "currency": "The currency everything is converted to.",
        "amount": "What was captured, at the rate of the charge's day; NULL while that is missing.",
        "refunded_amount": "What of it was refunded up to now, at the same rate.",
    },
    _charge,
    needs=("charge", "invoice"),
    needs_columns={
        "charge": ("id", "amount", "currency", "status", "created", "customer"),
        "invoice": ("id",),
    },
)
