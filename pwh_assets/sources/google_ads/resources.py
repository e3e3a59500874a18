"""What is read of Google Ads: entities as they are, and what happened per day.

Names of fields are Google's (https://developers.google.com/google-ads/api/fields); a column is the field with
underscores: `metrics.cost_micros` is `metrics_cost_micros`.
"""

from dataclasses import dataclass

from pwh_assets.core.source import Column

DAY = "segments.date"
_INTEGERS = ("metrics.impressions", "metrics.clicks", "metrics.cost_micros", "metrics.video_views")
_DECIMALS = (
    "metrics.conversions",
    "metrics.conversions_value",
    "metrics.all_conversions",
    "metrics.all_conversions_value",
)
_BOOLEANS = ("customer.manager", "customer.test_account", "ad_group_criterion.negative")


@dataclass(frozen=True, slots=True)
class Resource:
    """A table: the resource it is selected from, its fields in order, and those that name a row."""

    name: str
    resource: str
    fields: tuple[str, ...]
    key: tuple[str, ...]
    description: str

    @property
    def is_daily(self) -> bool:
        return DAY in self.fields

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(Column(column(field), lake_type(field)) for field in self.fields)

    @property
    def primary_key(self) -> tuple[str, ...]:
        return tuple(column(field) for field in self.key)


def column(field: str) -> str:
    return field.replace(".", "_")


def lake_type(field: str) -> str:
    if field in _INTEGERS or field.endswith((".id", "_micros", ".criterion_id")):
        return "BIGINT"
    if field in _DECIMALS:
        return "DOUBLE"
    if field in _BOOLEANS:
        return "BOOLEAN"
    return "DATE" if field == DAY else "VARCHAR"


_METRICS = (
    "metrics.impressions",
    "metrics.clicks",
    "metrics.cost_micros",
    "metrics.conversions",
    "metrics.conversions_value",
    "metrics.all_conversions",
    "metrics.all_conversions_value",
)
_SEGMENTS = (DAY, "segments.device", "segments.ad_network_type")

RESOURCES = (
    Resource(
        "customer",
        "customer",
        (
            "customer.id",
            "customer.descriptive_name",
            "customer.currency_code",
            "customer.time_zone",
            "customer.status",
            "customer.manager",
            "customer.test_account",
        ),
        ("customer.id",),
        "The account.",
    ),
    Resource(
        "campaign",
        "campaign",
        (
            "campaign.id",
            "campaign.name",
            "campaign.status",
            "campaign.advertising_channel_type",
            "campaign.bidding_strategy_type",
            "campaign.start_date_time",
            "campaign.end_date_time",
            "campaign_budget.id",
            "campaign_budget.amount_micros",
        ),
        ("campaign.id",),
        "Campaigns with their budgets.",
    ),
    Resource(
        "ad_group",
        "ad_group",
        (
            "ad_group.id",
            "campaign.id",
            "ad_group.name",
            "ad_group.status",
            "ad_group.type",
            "ad_group.cpc_bid_micros",
        ),
        ("ad_group.id",),
        "Ad groups.",
    ),
    Resource(
        "ad",
        "ad_group_ad",
        (
            "ad_group_ad.ad.id",
            "ad_group.id",
            "campaign.id",
            "ad_group_ad.status",
            "ad_group_ad.ad.type",
            "ad_group_ad.ad.name",
        ),
        ("ad_group.id", "ad_group_ad.ad.id"),
        "Ads in their ad groups.",
    ),
    Resource(
        "keyword",
        "ad_group_criterion",
        (
            "ad_group_criterion.criterion_id",
            "ad_group.id",
            "campaign.id",
            "ad_group_criterion.keyword.text",
            "ad_group_criterion.keyword.match_type",
            "ad_group_criterion.status",
            "ad_group_criterion.negative",
        ),
        ("ad_group.id", "ad_group_criterion.criterion_id"),
        "Keywords in their ad groups.",
    ),
    Resource(
        "campaign_stats",
        "campaign",
        ("campaign.id", *_SEGMENTS, *_METRICS),
        ("campaign.id", *_SEGMENTS),
        "Per campaign, day, device and network.",
    ),
    Resource(
        "ad_group_stats",
        "ad_group",
        ("ad_group.id", "campaign.id", *_SEGMENTS, *_METRICS),
        ("ad_group.id", *_SEGMENTS),
        "Per ad group, day, device and network.",
    ),
    Resource(
        "ad_stats",
        "ad_group_ad",
        ("ad_group_ad.ad.id", "ad_group.id", "campaign.id", *_SEGMENTS, *_METRICS),
        ("ad_group.id", "ad_group_ad.ad.id", *_SEGMENTS),
        "Per ad, day, device and network.",
    ),
    Resource(
        "keyword_stats",
        "keyword_view",
        (
            "ad_group_criterion.criterion_id",
            "ad_group.id",
            "campaign.id",
            *_SEGMENTS,
            *_METRICS,
        ),
        ("ad_group.id", "ad_group_criterion.criterion_id", *_SEGMENTS),
        "Per keyword, day, device and network.",
    ),
)
BY_NAME = {one.name: one for one in RESOURCES}
