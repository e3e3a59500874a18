"""`mrr`: what each subscription brings a month, at the end of every month."""

from pwh_assets.views.base import Inputs, ManagedView
from pwh_assets.views.revenue.lines import invoice_lines
from pwh_assets.views.revenue.money import decimal, in_base

PAYING = ("active", "past_due", "trialing")
_MONTHS = (("year", 1, 12), ("month", 1, 1), ("week", 52, 12), ("day", 365, 12))
"""An interval's share of a month, as a fraction: a year has 12 months, 52 weeks, 365 days."""


def _monthly(amount: str) -> str:
    """HogQL: an amount of an interval as an amount of a month, halves rounded up."""
    parts = []
    for interval, over, under in _MONTHS:
        whole = f"{under} * interval_count"
        parts.append(
            f"interval = '{interval}', intDiv(2 * {over} * {amount} + {whole}, 2 * {whole})"
        )
    return f"multiIf({', '.join(parts)}, NULL)"


_INTERVAL_DAYS = (
    "interval_count * multiIf(interval = 'year', 365.25, interval = 'month', 30.4375, "
    "interval = 'week', 7, 1)"
)
_FULL = f"""multiIf(net <= 0, 0, NOT is_proration, net,
        scheme = 'per_unit' AND unit_amount IS NOT NULL, toInt(round(unit_amount * quantity * (net / amount))),
        toInt(round(net * ({_INTERVAL_DAYS}) * 86400 / greatest(dateDiff('second', period_start, period_end), 1))))"""


def _text(inputs: Inputs) -> str:
    base = str(inputs.options["currency"])
    subscription = inputs.tables["subscription"]
    ended = subscription.column("ended_at", subscription.column("canceled_at", "toDateTime(NULL)"))
    is_sent = ""
    if inputs.has("invoice", "auto_advance"):
        is_sent = " OR (status = 'draft' AND auto_advance)"
    paying = ", ".join(f"'{status}'" for status in PAYING)
    lines = invoice_lines(inputs, f"(status IN ('paid', 'open'){is_sent})")
    return f"""SELECT month, '{inputs.label}' AS source_label, customer_id, subscription_id, '{base}' AS currency,
  {decimal("sum(cents)", base)} AS mrr
FROM (
  SELECT month, customer_id, subscription_id, item,
    argMax(cents, tuple(period_start, net > 0, invoice_day, line_id)) AS cents
  FROM (
    SELECT *, toDate(addMonths(toStartOfMonth(period_start), number)) AS month,
      least(toDateTime(addMonths(toStartOfMonth(period_start), number + 1)), now()) AS looked_at
    FROM (
      SELECT customer_id, subscription_id, item, period_start, covered_until, net, invoice_day, line_id,
        {_monthly("based")} AS cents,
        arrayJoin(range(0, dateDiff('month', period_start, covered_until) + 1)) AS number
      FROM (
        SELECT *, {in_base("full", "currency", "rate", base)} AS based FROM (
          SELECT l.customer_id AS customer_id, l.subscription_id AS subscription_id,
            coalesce(l.item_id, l.price_id, '') AS item, l.currency AS currency, l.invoice_day AS invoice_day,
            l.line_id AS line_id, l.rate AS rate, l.interval AS interval, l.interval_count AS interval_count, l.net AS net,
            l.period_start AS period_start, least(l.period_end, s.ended) AS covered_until, l.full AS full
          FROM (SELECT *, {_FULL} AS full FROM ({lines}) AS every) AS l
          JOIN (SELECT id, status, {ended} AS ended FROM {subscription.name}) AS s ON s.id = l.subscription_id
          WHERE l.interval IS NOT NULL AND l.usage_type != 'metered'
            AND (l.status = 'paid' OR s.status IN ({paying}))
        ) AS counted
      ) AS converted WHERE covered_until > period_start
    ) AS numbered
  ) AS covering WHERE period_start < looked_at AND looked_at <= covered_until AND month <= toDate(now())
  GROUP BY month, customer_id, subscription_id, item
) AS state
GROUP BY month, customer_id, subscription_id
HAVING sum(cents) > 0"""


MRR = ManagedView(
    "mrr",
    "What each subscription brings a month, as it stood at the end of the month; of the present month, as it stands.",
    {
        "month": "First day of the month.",
        "source_label": "The source's slug.",
        "customer_id": "`id` of the customer.",
        "subscription_id": "`id` of the subscription.",
        "currency": "The currency everything is converted to.",
        "mrr": "Monthly recurring revenue in `currency`, after discounts, without tax.",
    },
    _text,
    needs=("invoice", "subscription"),
    needs_columns={
        "invoice": ("id", "customer", "currency", "status", "created", "lines"),
        "subscription": ("id", "status"),
    },
    improved_by={"price": "what recurs on lines of API versions since 2025-03-31"},
)
