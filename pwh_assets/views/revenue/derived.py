"""`lifetime_value`, `cohort` and `churn`: what follows from the items and the monthly revenue."""

from pwh_assets.views.base import Inputs, ManagedView
from pwh_assets.views.revenue.money import decimal

_BACK = "('refund', 'credit_note', 'dispute')"


def _lifetime_value(inputs: Inputs) -> str:
    base = str(inputs.options["currency"])
    nothing = decimal("0", base)
    return f"""SELECT customer_id, '{inputs.label}' AS source_label,
  minIf(month, amount > 0 AND kind NOT IN {_BACK}) AS cohort,
  minIf(recognized_on, amount > 0 AND kind NOT IN {_BACK}) AS first_revenue_on,
  maxIf(recognized_on, amount > 0 AND kind NOT IN {_BACK} AND recognized_on <= today()) AS last_revenue_on,
  '{base}' AS currency,
  sum(if(kind IN {_BACK}, {nothing}, amount)) AS gross_revenue,
  sum(if(kind IN {_BACK}, amount, {nothing})) AS given_back,
  sum(amount) AS lifetime_value,
  sum(if(recognized_on > today(), amount, {nothing})) AS deferred_revenue
FROM {inputs.views["revenue_item"]}
WHERE customer_id IS NOT NULL AND amount IS NOT NULL
GROUP BY customer_id"""


LIFETIME_VALUE = ManagedView(
    "lifetime_value",
    "What each customer has brought.",
    {
        "customer_id": "`id` of the customer.",
        "source_label": "The source's slug.",
        "cohort": "First day of the month the customer's first revenue belongs to.",
        "first_revenue_on": "Day of the first revenue.",
        "last_revenue_on": "Day of the latest revenue up to the build.",
        "currency": "The currency everything is converted to.",
        "gross_revenue": "All that was earned, also for months to come.",
        "given_back": "Refunds, credit notes and lost disputes; negative.",
        "lifetime_value": "The two together.",
        "deferred_revenue": "The part of it that belongs to days after the build.",
    },
    _lifetime_value,
    reads=("revenue_item",),
)


def _cohort(inputs: Inputs) -> str:
    base, items = str(inputs.options["currency"]), inputs.views["revenue_item"]
    monthly = (
        f"SELECT customer_id, month, sum(amount) AS revenue, "
        f"maxIf(1, amount > 0 AND kind NOT IN {_BACK}) AS has_paid FROM {items} "
        "WHERE customer_id IS NOT NULL AND amount IS NOT NULL AND month <= today() GROUP BY customer_id, month"
    )
    firsts = (
        f"SELECT customer_id, min(month) AS cohort FROM {items} WHERE customer_id IS NOT NULL AND amount > 0 "
        f"AND kind NOT IN {_BACK} AND month <= today() GROUP BY customer_id"
    )
    return f"""SELECT cohort, month, dateDiff('month', cohort, month) AS months_since, '{inputs.label}' AS source_label,
  customers, active_customers, active_customers / customers AS retention, '{base}' AS currency, revenue,
  sum(revenue) OVER (PARTITION BY cohort ORDER BY month) AS cumulative_revenue
FROM (
  SELECT f.cohort AS cohort, m.month AS month, any(size.customers) AS customers,
    countIf(m.has_paid = 1) AS active_customers, sum(m.revenue) AS revenue
  FROM ({monthly}) AS m
  JOIN ({firsts}) AS f ON f.customer_id = m.customer_id
  JOIN (SELECT cohort, count() AS customers FROM ({firsts}) AS each GROUP BY cohort) AS size ON size.cohort = f.cohort
  GROUP BY cohort, month
) AS cell"""


COHORT = ManagedView(
    "cohort",
    "Revenue by the month customers began to pay in, month after month.",
    {
        "cohort": "First day of the month of its customers' first revenue.",
        "month": "First day of the month looked at, up to the present one.",
        "months_since": "Months between the two.",
        "source_label": "The source's slug.",
        "customers": "How many customers began in the cohort's month.",
        "active_customers": "How many of them have revenue in the month looked at.",
        "retention": "Those among all of them, from 0 to 1.",
        "currency": "The currency everything is converted to.",
        "revenue": "What they brought in the month, less what was given back in it.",
        "cumulative_revenue": "What they brought up to and with the month.",
    },
    _cohort,
    reads=("revenue_item",),
)


def _churn(inputs: Inputs) -> str:
    base, mrr = str(inputs.options["currency"]), inputs.views["mrr"]
    nothing = decimal("0", base)
    per_customer = f"SELECT customer_id, month, sum(mrr) AS mrr FROM {mrr} WHERE customer_id IS NOT NULL GROUP BY customer_id, month"

    def moved(condition: str, amount: str) -> str:
        return f"sum(if({condition}, {amount}, {nothing}))"

    is_new = "before = 0 AND after > 0 AND month = first_month"
    is_back = "before = 0 AND after > 0 AND month > first_month"
    return f"""SELECT month, '{inputs.label}' AS source_label, '{base}' AS currency,
  sum(before) AS starting_mrr,
  {moved(is_new, "after")} AS new_mrr,
  {moved(is_back, "after")} AS reactivation_mrr,
  {moved("before > 0 AND after > before", "after - before")} AS expansion_mrr,
  {moved("after > 0 AND after < before", "after - before")} AS contraction_mrr,
  {moved("before > 0 AND after = 0", "-before")} AS churned_mrr,
  sum(after) AS ending_mrr,
  countIf(before > 0) AS starting_customers,
  countIf({is_new}) AS new_customers,
  countIf({is_back}) AS reactivated_customers,
  countIf(before > 0 AND after = 0) AS churned_customers,
  countIf(after > 0) AS ending_customers,
  if(starting_customers > 0, churned_customers / starting_customers, NULL) AS customer_churn_rate,
  if(starting_mrr > 0, toFloat(-(churned_mrr + contraction_mrr)) / toFloat(starting_mrr), NULL) AS revenue_churn_rate,
  if(starting_mrr > 0, toFloat(starting_mrr + expansion_mrr + contraction_mrr + churned_mrr) / toFloat(starting_mrr), NULL)
    AS net_revenue_retention
FROM (
  SELECT moves.customer_id AS customer_id, moves.month AS month, sum(moves.before) AS before,
    sum(moves.after) AS after, any(firsts.first_month) AS first_month
  FROM (
    SELECT customer_id, month, {nothing} AS before, mrr AS after FROM ({per_customer}) AS now_there
    UNION ALL
    SELECT customer_id, toDate(addMonths(month, 1)) AS month, mrr AS before, {nothing} AS after
    FROM ({per_customer}) AS was_there
  ) AS moves
  JOIN (SELECT customer_id, min(month) AS first_month FROM {mrr} GROUP BY customer_id) AS firsts
    ON firsts.customer_id = moves.customer_id
  WHERE moves.month <= today()
  GROUP BY customer_id, month
) AS customer_month
GROUP BY month"""


CHURN = ManagedView(
    "churn",
    "How monthly recurring revenue and paying customers moved from each month's start to its end.",
    {
        "month": "First day of the month.",
        "source_label": "The source's slug.",
        "currency": "The currency everything is converted to.",
        "starting_mrr": "MRR at the end of the month before.",
        "new_mrr": "MRR of customers who had none before.",
        "reactivation_mrr": "MRR of customers who had some once, and none the month before.",
        "expansion_mrr": "What customers pay more than the month before.",
        "contraction_mrr": "What customers pay less, without leaving; negative.",
        "churned_mrr": "MRR of customers who have none any more; negative.",
        "ending_mrr": "MRR at the end of the month: the sum of the six before.",
        "starting_customers": "Customers with MRR at the end of the month before.",
        "new_customers": "Customers with MRR for the first time.",
        "reactivated_customers": "Customers with MRR again.",
        "churned_customers": "Customers without MRR who had some the month before.",
        "ending_customers": "Customers with MRR at the end of the month.",
        "customer_churn_rate": "Churned among starting customers.",
        "revenue_churn_rate": "Churned and contracted MRR among starting MRR.",
        "net_revenue_retention": "What starting customers pay now among starting MRR.",
    },
    _churn,
    reads=("mrr",),
)
