"""`warehouse_sources/{id}/…`: a source's revenue analytics, its webhook, and where its rows go."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from pwh_assets.api.context import Ask, asks
from pwh_assets.api.links import public_url
from pwh_assets.api.responses import CHANGES, SOURCE
from pwh_assets.services.sources import destinations, hooks
from pwh_assets.services.views import managed as managed_views

router = APIRouter(tags=["sources"])

Read = Annotated[Ask, asks("external_data_source:read")]
Write = Annotated[Ask, asks("external_data_source:write")]


class RevenueUpdate(BaseModel):
    """What changes; what is left out stays."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"enabled": True, "include_invoiceless_charges": False}]},
    )

    enabled: bool | None = Field(None, description="Whether its views are there.")
    include_invoiceless_charges: bool | None = Field(
        None, description="Count charges that belong to no invoice."
    )
    currency: str | None = Field(
        None,
        max_length=3,
        description="Three letters, such as EUR: what everything is converted to.",
    )
    force: bool = Field(False, description="Turn it off although views of people read its views.")


class ManagedView(BaseModel):
    """One view of the set."""

    noun: str = Field(description="Which of them, such as `revenue_item`.")
    name: str = Field(description="Its name in HogQL.")
    description: str = Field(description="What it shows.")
    exists: bool = Field(description="Whether it is there.")
    status: str | None = Field(description="How its last build went; null where it is not there.")
    version: int | None = Field(description="Number of its text's version.")
    last_run_at: str | None = Field(description="When it was last built.")
    latest_error: str | None = Field(description="Why its last build failed.")
    row_count: int | None = Field(description="Rows of its last build.")
    missing: list[str] = Field(description="Tables and columns without which it cannot be made.")
    without: dict[str, str] = Field(
        description="Table that is not synced, and what the view lacks therefore."
    )
    is_taken: bool = Field(description="A view of your own has its name.")


class RevenueAnalytics(BaseModel):
    """Revenue analytics of one source."""

    source_id: str
    source: str = Field(description="The source's slug.")
    enabled: bool = Field(description="Whether its views are there.")
    include_invoiceless_charges: bool = Field(description="Charges without invoice are counted.")
    currency: str = Field(description="What everything is converted to.")
    views: list[ManagedView] = Field(description="Every view of the set.")
    without_rate: dict[str, int] = Field(
        description="Currency, and how many items could not be converted."
    )
    hints: list[str] = Field(description="What to do so that more of it is there, in sentences.")


class WebhookInfo(BaseModel):
    """How a source's webhook stands."""

    supports_webhooks: bool = Field(description="Whether the vendor can push to us.")
    exists: bool = Field(description="It has what it needs: deliveries are taken.")
    webhook_url: str | None = Field(description="Where the vendor has to send, by this address.")
    inputs: dict[str, str] = Field(description="Its fields that are set; secrets are `***`.")
    pending_inputs: list[str] = Field(description="Fields that are still to be entered.")
    schema_mapping: dict[str, str] = Field(description="Tables that listen, with their ids.")
    waiting: int = Field(description="Deliveries that no sync has read yet.")
    external_status: dict[str, Any] | None = Field(
        default=None, description="Always null: the vendor is not asked."
    )
    missing_events: list[str] = Field(
        default_factory=list, description="Always empty: the vendor is not asked."
    )
    auto_creation_blocked_reason: str | None = Field(
        default=None, description="Why the endpoint at the vendor has to be made by hand."
    )


class WebhookInputs(BaseModel):
    """What the vendor gave for the webhook."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"inputs": {"webhook_secret": "whsec_…"}}]}
    )

    inputs: dict[str, Any] = Field(
        default_factory=dict, description="Of Stripe: `webhook_secret`, the endpoint's `whsec_…`."
    )


class WebhookMade(BaseModel):
    """What making a webhook came to."""

    success: bool = Field(description="It has what it needs: deliveries are taken.")
    webhook_url: str | None = Field(description="Where the vendor has to send.")
    error: str | None = Field(description="What is left to do, as a sentence.")
    pending_inputs: list[str] = Field(description="Fields that are still to be entered.")


class WebhookGone(BaseModel):
    """What was forgotten."""

    success: bool = Field(description="Deliveries are refused from now on.")
    external_deleted: bool = Field(description="Always false: take it out at the vendor too.")
    error: str | None = Field(default=None, description="Always null.")


class DestinationOut(BaseModel):
    """A place rows are written to."""

    id: str
    type: str = Field(description="`ducklake` or `clickhouse`.")
    name: str
    enabled: bool = Field(default=True, description="Always true.")


class Destinations(BaseModel):
    """Where rows of a source or table go."""

    results: list[DestinationOut] = Field(description="Every one; the operator chose them.")
    destination_ids: list[str] = Field(description="Their ids.")


class DestinationsUpdate(BaseModel):
    """Where rows shall go."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"destination_ids": ["lake"]}]})

    destination_ids: list[str] = Field(
        max_length=100, description="All those there are; anything else is refused."
    )


def shown_destinations(found: list[destinations.Destination]) -> Destinations:
    results = [DestinationOut(id=one.id, type=one.type, name=one.name) for one in found]
    return Destinations(results=results, destination_ids=[one.id for one in results])


@router.get(
    "/{source_id}/revenue_analytics_config/", summary="How revenue analytics of a source stands"
)
def revenue_config(ask: Read, source_id: str) -> RevenueAnalytics:
    """Each of its views, what is missing for it, and what to do."""
    found = managed_views.revenue_status(ask.platform, ask.project_id, source_id)
    return RevenueAnalytics.model_validate(found.as_dict())


@router.patch(
    "/{source_id}/revenue_analytics_config/", summary="Set revenue analytics", responses=CHANGES
)
def update_revenue_config(ask: Write, source_id: str, body: RevenueUpdate) -> RevenueAnalytics:
    """Of a Stripe source. Views appear at once."""
    changes = body.model_dump(exclude_none=True, exclude={"force"})
    found = managed_views.change_revenue_config(
        ask.platform, ask.project_id, source_id, changes, force=body.force
    )
    return RevenueAnalytics.model_validate(found.as_dict())


@router.get("/{source_id}/webhook_info/", summary="How a source's webhook stands")
def webhook_info(ask: Read, request: Request, source_id: str) -> WebhookInfo:
    """Where the vendor has to send, and which tables listen."""
    found = hooks.webhook_of(ask.platform, ask.project_id, source_id)
    if found is None:
        return WebhookInfo(
            supports_webhooks=False,
            exists=False,
            webhook_url=None,
            inputs={},
            pending_inputs=[],
            schema_mapping={},
            waiting=0,
        )
    return WebhookInfo(
        supports_webhooks=True,
        exists=found.exists,
        webhook_url=_address(request, found),
        inputs=dict(found.inputs),
        pending_inputs=list(found.pending),
        schema_mapping=dict(found.tables),
        waiting=found.waiting,
        auto_creation_blocked_reason=hooks.BY_HAND,
    )


@router.post("/{source_id}/create_webhook/", summary="Take a source's webhook", responses=SOURCE)
def create_webhook(
    ask: Write, request: Request, source_id: str, body: WebhookInputs | None = None
) -> WebhookMade:
    """Keeps its inputs and says the address to enter at the vendor; `success` once nothing is missing here. The endpoint
    at the vendor is made by hand.
    """
    inputs = body.inputs if body else {}
    found = hooks.enter_inputs(ask.platform, ask.project_id, source_id, inputs)
    return WebhookMade(
        success=found.exists,
        webhook_url=_address(request, found),
        error=None if found.exists else hooks.BY_HAND,
        pending_inputs=list(found.pending),
    )


@router.post(
    "/{source_id}/update_webhook_inputs/", summary="Change a webhook's inputs", responses=SOURCE
)
def update_webhook_inputs(
    ask: Write, request: Request, source_id: str, body: WebhookInputs
) -> WebhookMade:
    """Such as another signing secret."""
    return create_webhook(ask, request, source_id, body)


@router.post("/{source_id}/delete_webhook/", summary="Forget a webhook", responses=CHANGES)
def delete_webhook(ask: Write, source_id: str) -> WebhookGone:
    """Its secrets and what waits go, and deliveries are refused. Refused while a table that syncs listens."""
    hooks.forget_webhook(ask.platform, ask.project_id, source_id)
    return WebhookGone(success=True, external_deleted=False)


@router.get("/{source_id}/destinations/", summary="Where a source's rows go")
def list_destinations(ask: Read, source_id: str) -> Destinations:
    """The lake, and the ClickHouse cluster where the operator set one up."""
    ask.platform.store.source(source_id, ask.project_id)
    return shown_destinations(destinations.destinations(ask.platform))


@router.patch("/{source_id}/destinations/", summary="Choose where a source's rows go")
def choose_destinations(ask: Write, source_id: str, body: DestinationsUpdate) -> Destinations:
    """Those there are and no others: `unknown_destination`, `destination_required`."""
    ask.platform.store.source(source_id, ask.project_id)
    found = destinations.choose_destinations(ask.platform, body.destination_ids)
    return shown_destinations(found)


def _address(request: Request, webhook: hooks.Webhook) -> str:
    return f"{public_url(request)}{webhook.path}"
