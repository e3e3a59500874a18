"""Lines of invoices, in the shape of Stripe's pinned API version and of those since 2025-03-31 (`basil`)."""

from pwh_assets.views.base import Inputs
from pwh_assets.views.revenue.money import rates


def text_at(json: str, *paths: str) -> str:
    """HogQL: the first text found at one of the dotted paths, NULL where none is.

    >>> text_at("line", "price.id")
    "nullIf(JSONExtractString(line, 'price', 'id'), '')"
    """
    found = [f"nullIf(JSONExtractString({json}, {_steps(path)}), '')" for path in paths]
    return found[0] if len(found) == 1 else f"coalesce({', '.join(found)})"


def number_at(json: str, path: str) -> str:
    """HogQL: the whole number at a dotted path, NULL where there is none or 0."""
    return f"nullIf(JSONExtractInt({json}, {_steps(path)}), 0)"


def moment_at(json: str, path: str) -> str:
    """HogQL: the Unix time at a dotted path as a time."""
    return f"fromUnixTimestamp({number_at(json, path)})"


def _steps(path: str) -> str:
    return ", ".join(f"'{step}'" for step in path.split("."))


def invoice_day(inputs: Inputs) -> str:
    """HogQL over an invoice: the day it was finalized, else made. Its rates are of this day."""
    at = inputs.tables["invoice"].column("status_transitions", "'{}'")
    return f"toDate(ifNull({moment_at(at, 'finalized_at')}, created))"


def kept(inputs: Inputs, table: str) -> str:
    """HogQL: that the object is not gone at Stripe."""
    return f"NOT ifNull({inputs.tables[table].column('deleted', 'false')}, false)"


def invoice_days(inputs: Inputs) -> str:
    """HogQL: the `currency` and `day` of every invoice."""
    return f"SELECT upper(currency) AS currency, {invoice_day(inputs)} AS day FROM {inputs.tables['invoice'].name}"


def invoice_lines(inputs: Inputs, condition: str) -> str:
    """HogQL: a row per line of the invoices that meet a condition, with what it is for and its net amount.

    `net` is the line less its discounts and the tax it includes, in smallest units; `rate` that of the invoice's day.
    """
    invoice = inputs.tables["invoice"]
    price = _prices(inputs)
    rated = rates(invoice_days(inputs), str(inputs.options["currency"]))
    joined = f"LEFT JOIN ({price}) AS known ON known.known_id = line.price_id" if price else ""
    known = {
        name: f"coalesce(line.{name}, known.{name})" if price else f"line.{name}"
        for name in ("product_id", "interval", "interval_count", "usage_type", "scheme")
    }
    unit = "coalesce(line.unit_amount, known.unit_amount)" if price else "line.unit_amount"
    return f"""SELECT line.invoice_id AS invoice_id, line.customer_id AS customer_id, line.currency AS currency,
      line.status AS status, line.invoice_day AS invoice_day, line.line_id AS line_id,
      line.amount AS amount, line.amount - line.discounts - line.included_tax AS net,
      line.quantity AS quantity, line.is_proration AS is_proration,
      line.subscription_id AS subscription_id, line.item_id AS item_id, line.price_id AS price_id,
      {known["product_id"]} AS product_id, {known["interval"]} AS interval,
      ifNull({known["interval_count"]}, 1) AS interval_count,
      ifNull({known["usage_type"]}, 'licensed') AS usage_type,
      ifNull({known["scheme"]}, 'per_unit') AS scheme, {unit} AS unit_amount,
      line.period_start AS period_start, line.period_end AS period_end, rated.rate AS rate
    FROM (
      SELECT invoice_id, customer_id, currency, status, invoice_day, {
        text_at("raw", "id")
    } AS line_id,
        JSONExtractInt(raw, 'amount') AS amount,
        arraySum(arrayMap(x -> JSONExtractInt(x, 'amount'), JSONExtractArrayRaw(raw, 'discount_amounts')))
          AS discounts,
        arraySum(arrayMap(x -> if(JSONExtractBool(x, 'inclusive'), JSONExtractInt(x, 'amount'), 0),
          JSONExtractArrayRaw(raw, 'tax_amounts')))
          + arraySum(arrayMap(x -> if(JSONExtractString(x, 'tax_behavior') = 'inclusive', JSONExtractInt(x, 'amount'), 0),
          JSONExtractArrayRaw(raw, 'taxes'))) AS included_tax,
        JSONExtractInt(raw, 'quantity') AS quantity,
        JSONExtractBool(raw, 'proration') OR JSONExtractBool(raw, 'parent', 'subscription_item_details', 'proration')
          OR JSONExtractBool(raw, 'parent', 'invoice_item_details', 'proration') AS is_proration,
        {
        text_at(
            "raw",
            "subscription",
            "parent.subscription_item_details.subscription",
            "parent.invoice_item_details.subscription",
        )
    } AS subscription_id,
        {
        text_at("raw", "subscription_item", "parent.subscription_item_details.subscription_item")
    } AS item_id,
        {text_at("raw", "price.id", "pricing.price_details.price", "plan.id")} AS price_id,
        {
        text_at("raw", "price.product", "pricing.price_details.product", "plan.product")
    } AS product_id,
        {text_at("raw", "price.recurring.interval", "plan.interval")} AS interval,
        coalesce({number_at("raw", "price.recurring.interval_count")}, {
        number_at("raw", "plan.interval_count")
    })
          AS interval_count,
        {text_at("raw", "price.recurring.usage_type", "plan.usage_type")} AS usage_type,
        {text_at("raw", "price.billing_scheme", "plan.billing_scheme")} AS scheme,
        toFloat({
        text_at(
            "raw",
            "price.unit_amount_decimal",
            "pricing.unit_amount_decimal",
            "price.unit_amount",
            "plan.amount_decimal",
        )
    }) AS unit_amount,
        {moment_at("raw", "period.start")} AS period_start, {
        moment_at("raw", "period.end")
    } AS period_end
      FROM (
        SELECT id AS invoice_id, customer AS customer_id, upper(currency) AS currency, status,
          {invoice_day(inputs)} AS invoice_day, arrayJoin(JSONExtractArrayRaw(lines, 'data')) AS raw
        FROM {invoice.name} WHERE {condition} AND {kept(inputs, "invoice")}
      ) AS one
    ) AS line {joined}
    LEFT JOIN ({
        rated
    }) AS rated ON rated.currency = line.currency AND rated.day = line.invoice_day"""


def _prices(inputs: Inputs) -> str:
    """HogQL: what `price` says, for lines that only name theirs; empty when it is not synced."""
    if not inputs.has("price", "product", "recurring"):
        return ""
    price = inputs.tables["price"]
    return (
        f"SELECT id AS known_id, product AS product_id, {text_at('recurring', 'interval')} AS interval, "
        f"{number_at('recurring', 'interval_count')} AS interval_count, "
        f"{text_at('recurring', 'usage_type')} AS usage_type, "
        f"{price.column('billing_scheme', chr(39) * 2)} AS scheme, "
        f"toFloat({price.column('unit_amount_decimal', price.column('unit_amount', '0'))}) AS unit_amount "
        f"FROM {price.name}"
    )
