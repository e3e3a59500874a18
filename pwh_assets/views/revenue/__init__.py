"""Revenue analytics of a Stripe source; what every number means is in docs/revenue.md.

Belongs here: the HogQL of the nine views and what their columns say.
Keep out: when they are made, built and removed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pwh_assets.core.names import slug
from pwh_assets.views.base import ManagedView
from pwh_assets.views.revenue.derived import CHURN, COHORT, LIFETIME_VALUE
from pwh_assets.views.revenue.items import REVENUE_ITEM
from pwh_assets.views.revenue.mrr import MRR
from pwh_assets.views.revenue.objects import CHARGE, CUSTOMER, PRODUCT, SUBSCRIPTION

SUFFIX = "_revenue_view"


@dataclass(frozen=True, slots=True)
class RevenueViews:
    """The set `revenue`. Options: `include_invoiceless_charges` (bool) and `currency` (three letters)."""

    name: str = "revenue"
    source_type: str = "stripe"
    views: Sequence[ManagedView] = (
        CUSTOMER,
        PRODUCT,
        SUBSCRIPTION,
        CHARGE,
        REVENUE_ITEM,
        MRR,
        LIFETIME_VALUE,
        COHORT,
        CHURN,
    )

    def view_name(self, source_type: str, prefix: str, noun: str) -> str:
        """The name PostHog gives it too.

        >>> VIEWS.view_name("stripe", "", "mrr"), VIEWS.view_name("stripe", "eu_", "charge")
        ('stripe.mrr_revenue_view', 'stripe.eu.charge_revenue_view')
        """
        parts = [slug(source_type), slug(prefix) if prefix.strip("_ ") else "", f"{noun}{SUFFIX}"]
        return ".".join(part for part in parts if part)


VIEWS = RevenueViews()
