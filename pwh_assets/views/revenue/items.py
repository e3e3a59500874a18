"""`revenue_item`: every amount that was earned or given back, in the month it belongs to."""

from pwh_assets.views.base import Inputs, ManagedView
from pwh_assets.views.revenue.lines import invoice_day, invoice_days, invoice_lines, kept
from pwh_assets.views.revenue.money import decimal, in_base, rates, share, units

COUNTED_INVOICE = "status = 'paid'"


def charges(inputs: Inputs) -> str:
    """HogQL: successful charges with the invoice they paid, in either API shape; needs `charge` and `invoice`."""
    charge, invoice = inputs.tables["charge"], inputs.tables["invoice"]
    linked, joined = charge.column("invoice"), ""
    if inputs.has("invoice", "payments") and inputs.has("charge", "payment_intent"):
        # basil: charges no longer name their invoice; invoices list their payments
        joined = f"""LEFT JOIN (
          SELECT JSONExtractString(paid, 'payment', 'payment_intent') AS intent, min(invoice) AS invoice FROM (
            SELECT id AS invoice, arrayJoin(JSONExtractArrayRaw(payments, 'data')) AS paid FROM {invoice.name}
          ) AS payment GROUP BY intent
        ) AS payment ON payment.intent = ch.payment_intent"""
        own = f"ch.{linked}" if "invoice" in charge.columns else linked
        linked = f"coalesce({own}, payment.invoice)"
    elif "invoice" in charge.columns:
        linked = f"ch.{linked}"
    captured = (
        "ifNull(ch.amount_captured, ch.amount)"
        if "amount_captured" in charge.columns
        else "ch.amount"
    )
    refunded = "ch.amount_refunded" if "amount_refunded" in charge.columns else "0"
    return f"""SELECT ch.id AS charge_id, ch.customer AS customer_id, upper(ch.currency) AS currency,
      toDate(ch.created) AS charge_day, ch.created AS created, {captured} AS captured,
      ifNull({refunded}, 0) AS refunded, {linked} AS invoice_id
    FROM {charge.name} AS ch {joined}
    WHERE ch.status = 'succeeded' AND {captured} > 0 AND {kept(inputs, "charge").replace("ifNull(", "ifNull(ch.")}"""


def _lines(inputs: Inputs) -> str:
    """Lines of paid invoices, recurring ones a row per month of their service period."""
    base = str(inputs.options["currency"])
    return f"""SELECT concat(line_id, ':', formatDateTime(month, '%Y-%m')) AS id,
      if(is_recurring, 'recurring', 'one_off') AS kind, customer_id, subscription_id, invoice_id,
      toString(NULL) AS charge_id, product_id, price_id, is_proration, currency,
      greatest(start_day, month) AS recognized_on,
      intDiv(net * dateDiff('day', start_day, least(addMonths(month, 1), end_day)), days)
        - intDiv(net * dateDiff('day', start_day, greatest(month, start_day)), days) AS original,
      intDiv(based * dateDiff('day', start_day, least(addMonths(month, 1), end_day)), days)
        - intDiv(based * dateDiff('day', start_day, greatest(month, start_day)), days) AS converted
    FROM (
      SELECT *, toDate(addMonths(toStartOfMonth(start_day), number)) AS month FROM (
        SELECT *, dateDiff('day', start_day, end_day) AS days, {in_base("net", "currency", "rate", base)} AS based,
          arrayJoin(range(0, dateDiff('month', start_day, addDays(end_day, -1)) + 1)) AS number
        FROM (
          SELECT *, if(is_spread, toDate(period_start), invoice_day) AS start_day,
            if(is_spread, toDate(period_end), addDays(invoice_day, 1)) AS end_day
          FROM (
            SELECT *, interval IS NOT NULL AS is_recurring,
              interval IS NOT NULL AND ifNull(dateDiff('day', toDate(period_start), toDate(period_end)), 0) >= 1 AS is_spread
            FROM ({invoice_lines(inputs, COUNTED_INVOICE)}) AS l WHERE net != 0
          ) AS kinds
        ) AS spans
      ) AS numbered
    ) AS parts"""


def charge_days(inputs: Inputs) -> str:
    """HogQL: the `currency` and `day` of every charge."""
    return f"SELECT upper(currency) AS currency, toDate(created) AS day FROM {inputs.tables['charge'].name}"


def _paid(inputs: Inputs) -> str:
    """Paid invoices: the rate of their day, and how much of their total is not tax."""
    invoice = inputs.tables["invoice"]
    total = invoice.column("total", "0")
    net = invoice.column(
        "total_excluding_tax", f"{total} - ifNull({invoice.column('tax', '0')}, 0)"
    )
    rated = rates(invoice_days(inputs), str(inputs.options["currency"]))
    return f"""SELECT p.invoice_id AS invoice_id, p.customer_id AS customer_id, p.currency AS currency,
      p.total AS total, p.net_total AS net_total, rated.rate AS rate
    FROM (
      SELECT id AS invoice_id, customer AS customer_id, upper(currency) AS currency, {invoice_day(inputs)} AS day,
        ifNull({total}, 0) AS total, ifNull({net}, ifNull({total}, 0)) AS net_total
      FROM {invoice.name} WHERE {COUNTED_INVOICE} AND {kept(inputs, "invoice")}
    ) AS p LEFT JOIN ({rated}) AS rated ON rated.currency = p.currency AND rated.day = p.day"""


def counted_charges(inputs: Inputs) -> str:
    """HogQL: charges that are revenue, `net_total` of `total` being no tax, with the rate they are converted at."""
    invoiceless = "true" if inputs.options["include_invoiceless_charges"] else "false"
    rated = rates(charge_days(inputs), str(inputs.options["currency"]))
    return f"""SELECT c.charge_id AS charge_id, c.customer_id AS customer_id, c.currency AS currency,
      c.charge_day AS charge_day, c.captured AS captured, c.refunded AS refunded, c.invoice_id AS invoice_id,
      if(c.invoice_id IS NULL, 1, ifNull(i.total, 0)) AS total,
      if(c.invoice_id IS NULL, 1, ifNull(i.net_total, 0)) AS net_total,
      if(c.invoice_id IS NULL, rated.rate, i.rate) AS rate
    FROM ({charges(inputs)}) AS c LEFT JOIN ({_paid(inputs)}) AS i ON i.invoice_id = c.invoice_id
    LEFT JOIN ({rated}) AS rated ON rated.currency = c.currency AND rated.day = c.charge_day
    WHERE (c.invoice_id IS NULL AND {invoiceless}) OR i.invoice_id IS NOT NULL"""


def _one_off(kind: str, rows: str, base: str) -> str:
    """Rows of `key, charge_id, customer_id, invoice_id, currency, day, rate, net` as items of one kind."""
    return f"""SELECT key AS id, '{kind}' AS kind, customer_id, toString(NULL) AS subscription_id, invoice_id, charge_id,
      toString(NULL) AS product_id, toString(NULL) AS price_id, false AS is_proration, currency,
      day AS recognized_on, net AS original, {in_base("net", "currency", "rate", base)} AS converted
    FROM ({rows}) AS entry WHERE net != 0"""


def _invoiceless(inputs: Inputs) -> str:
    return (
        "SELECT charge_id AS key, charge_id, customer_id, toString(NULL) AS invoice_id, currency, charge_day AS day, "
        f"rate, captured AS net FROM ({counted_charges(inputs)}) AS c WHERE c.invoice_id IS NULL"
    )


def _taken_back(inputs: Inputs, key: str, day: str, rows: str) -> str:
    """Amounts taken back from counted charges, less the tax that was in them."""
    return f"""SELECT {key} AS key, c.charge_id AS charge_id, c.customer_id AS customer_id, c.invoice_id AS invoice_id,
      c.currency AS currency, {day} AS day, c.rate AS rate, -{share("t.amount", "c.net_total", "c.total")} AS net
    FROM ({rows}) AS t JOIN ({counted_charges(inputs)}) AS c ON c.charge_id = t.charge WHERE c.total > 0"""


def _refunds(inputs: Inputs) -> str | None:
    if inputs.has("refund", "charge", "amount"):
        refund = inputs.tables["refund"]
        wanted = (
            f"status IN ('succeeded', 'pending') AND {kept(inputs, 'refund')}{_not_by_note(inputs)}"
        )
        rows = f"SELECT id, charge, amount, created FROM {refund.name} WHERE {wanted}"
        return _taken_back(inputs, "t.id", "toDate(t.created)", rows)
    if inputs.has("charge", "amount_refunded"):
        # No times of refunds: on the day of the charge. Those a credit note made are counted there.
        by_note = "0"
        joined = ""
        if inputs.has("credit_note", "refund", "amount"):
            joined = (
                f" LEFT JOIN (SELECT invoice, sum(amount) AS noted FROM {inputs.tables['credit_note'].name} "
                "WHERE refund IS NOT NULL AND status = 'issued' GROUP BY invoice) AS n ON n.invoice = r.invoice_id"
            )
            by_note = "ifNull(n.noted, 0)"
        rows = (
            f"SELECT r.charge_id AS charge, greatest(r.refunded - {by_note}, 0) AS amount "
            f"FROM ({charges(inputs)}) AS r{joined} WHERE r.refunded > 0"
        )
        return _taken_back(inputs, "concat(c.charge_id, ':refunded')", "c.charge_day", rows)
    return None


def _not_by_note(inputs: Inputs) -> str:
    """Refunds a credit note made are in the note already."""
    noted = []
    if inputs.has("credit_note", "refund"):
        noted.append(
            f"SELECT refund AS id FROM {inputs.tables['credit_note'].name} WHERE status = 'issued' AND refund IS NOT NULL"
        )
    if inputs.has("credit_note", "refunds"):  # basil
        noted.append(
            "SELECT JSONExtractString(raw, 'refund') AS id FROM (SELECT arrayJoin(JSONExtractArrayRaw(refunds)) AS raw "
            f"FROM {inputs.tables['credit_note'].name} WHERE status = 'issued') AS listed"
        )
    return f" AND id NOT IN ({' UNION ALL '.join(noted)})" if noted else ""


def _credit_notes(inputs: Inputs) -> str:
    note = inputs.tables["credit_note"]
    at = (
        f"ifNull(n.{note.column('effective_at')}, n.created)"
        if "effective_at" in note.columns
        else "n.created"
    )
    net = (
        "ifNull(n.total_excluding_tax, n.amount)"
        if "total_excluding_tax" in note.columns
        else "n.amount"
    )
    return f"""SELECT n.id AS key, toString(NULL) AS charge_id, i.customer_id AS customer_id, i.invoice_id AS invoice_id,
      i.currency AS currency, toDate({at}) AS day, i.rate AS rate, -{net} AS net
    FROM {note.name} AS n JOIN ({_paid(inputs)}) AS i ON i.invoice_id = n.invoice WHERE n.status = 'issued'"""


def _disputes(inputs: Inputs) -> str:
    rows = f"SELECT id, charge, amount, created FROM {inputs.tables['dispute'].name} WHERE status = 'lost'"
    return _taken_back(inputs, "t.id", "toDate(t.created)", rows)


def _text(inputs: Inputs) -> str:
    base = str(inputs.options["currency"])
    parts = [_lines(inputs)]
    if inputs.has("charge"):
        if inputs.options["include_invoiceless_charges"]:
            parts.append(_one_off("charge", _invoiceless(inputs), base))
        if refunds := _refunds(inputs):
            parts.append(_one_off("refund", refunds, base))
        if inputs.has("dispute", "charge", "amount"):
            parts.append(_one_off("dispute", _disputes(inputs), base))
    if inputs.has("credit_note", "invoice", "amount"):
        parts.append(_one_off("credit_note", _credit_notes(inputs), base))
    union = "\n  UNION ALL\n  ".join(parts)
    return f"""SELECT id, '{inputs.label}' AS source_label, kind, kind = 'recurring' AS is_recurring, is_proration,
  customer_id, subscription_id, product_id, price_id, invoice_id, charge_id, recognized_on,
  toDate(toStartOfMonth(recognized_on)) AS month, item.currency AS original_currency,
  toDecimal(original, 3) * multiIf({units("item.currency")} = 1, toDecimal('1', 3), {units("item.currency")} = 1000,
    toDecimal('0.001', 3), toDecimal('0.01', 3)) AS original_amount,
  '{base}' AS currency, {decimal("converted", base)} AS amount
FROM (
  {union}
) AS item"""


REVENUE_ITEM = ManagedView(
    "revenue_item",
    "What was earned or given back, in the month it belongs to.",
    {
        "id": "The line of the invoice with its month, or the charge, refund, credit note or dispute.",
        "source_label": "The source's slug.",
        "kind": "`recurring`, `one_off`, `charge` (without invoice), `refund`, `credit_note` or `dispute`.",
        "is_recurring": "Whether a subscription's price brought it; its proration lines too.",
        "is_proration": "Whether it corrects a period that had begun.",
        "customer_id": "`id` of the customer.",
        "subscription_id": "`id` of the subscription; of recurring items only.",
        "product_id": "`id` of the product; of lines of invoices only.",
        "price_id": "`id` of the price; of lines of invoices only.",
        "invoice_id": "`id` of the invoice.",
        "charge_id": "`id` of the charge; of charges, refunds and disputes only.",
        "recognized_on": "The first day (UTC) this part was earned, or the day it was given back.",
        "month": "First day of that month.",
        "original_currency": "What the customer paid in.",
        "original_amount": "In that currency, without tax; negative when given back.",
        "currency": "The currency everything is converted to.",
        "amount": "In `currency`, without tax; NULL while a rate is missing.",
    },
    _text,
    needs=("invoice",),
    needs_columns={"invoice": ("id", "customer", "currency", "status", "created", "lines")},
    improved_by={
        "charge": "refunds, lost disputes and charges without invoice",
        "refund": "the days of refunds; they count at the day of the charge",
        "dispute": "lost disputes",
        "credit_note": "credit notes",
        "price": "what recurs on lines of API versions since 2025-03-31",
    },
)
