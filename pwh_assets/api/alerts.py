"""`alerts/` and `health/`: what is and was wrong, and who is told of it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from pwh_assets.api.context import Ask, asks
from pwh_assets.api.responses import CHANGES, SOURCE
from pwh_assets.core.alert import AlertChannel, Delivery, DeliveryStatus
from pwh_assets.errors import NotFoundError
from pwh_assets.services import alerts
from pwh_assets.services.health import history
from pwh_assets.services.sources.view import moment

router = APIRouter(tags=["alerts"])
health_router = APIRouter(tags=["warehouse"])

Read = Annotated[Ask, asks("alert:read")]
Write = Annotated[Ask, asks("alert:write")]
ReadHealth = Annotated[Ask, asks("external_data_source:read")]


class Filters(BaseModel):
    """Which issues it is told of; an empty field leaves everything through."""

    min_severity: Literal["error", "warn"] = Field("error", description="The least severity.")
    kinds: list[str] = Field(default_factory=list, description="Kinds of issues.")
    sources: list[str] = Field(default_factory=list, description="Slugs of sources.")
    names: list[str] = Field(
        default_factory=list, description="Patterns of tables and views, such as `stripe_*`."
    )


class Channel(BaseModel):
    """Somebody who is told. Secrets and whole addresses are never shown."""

    model_config = ConfigDict(extra="allow")

    id: str
    name: str
    kind: str = Field(description="`webhook`, `slack` or `email`.")
    filters: Filters = Field(description="Which issues it is told of.")
    address: str | None = Field(None, description="Where a webhook goes, by its host alone.")
    created_at: str | None
    failing_since: str | None = Field(description="Null while alerts arrive.")
    failures: int = Field(description="Failed attempts in a row.")
    latest_error: str | None


class ChannelAdded(Channel):
    """A channel that was added."""

    secret: str | None = Field(
        description="What deliveries of a webhook are signed with, where we made it up: shown this once."
    )


class ChannelSave(BaseModel):
    """A channel to add: of a webhook `url` and `secret`, of Slack `url`, of e-mail the other fields."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [{"name": "on call", "kind": "webhook", "url": "https://8.8.8.8/hook"}]
        },
    )

    name: str = Field(description="What the CLI finds it by.", max_length=200)
    kind: Literal["webhook", "slack", "email"] = Field(description="How it is told.")
    filters: dict[str, Any] | None = Field(
        None, description="`min_severity`, `kinds`, `sources`, `names`; errors when left out."
    )
    url: str | None = Field(None, max_length=2000, description="Where it goes.")
    secret: str | None = Field(
        None, max_length=200, description="`whsec_…` to sign with; made up when left out."
    )
    host: str | None = Field(None, max_length=255, description="The mail server.")
    port: int | None = Field(None, description="Its port.")
    security: str | None = Field(None, max_length=20, description="`starttls`, `tls` or `none`.")
    username: str | None = Field(None, max_length=320, description="Of the mail server.")
    password: str | None = Field(None, max_length=1000, description="Of the mail server.")
    to: list[str] | str | None = Field(None, description="Who is written to.")
    ca_certificate: str | None = Field(
        None, max_length=100_000, description="PEM of the mail server's authority."
    )


class Channels(BaseModel):
    """Every channel."""

    count: int = Field(description="How many there are.")
    results: list[Channel] = Field(description="By name.")


class DeliveryOut(BaseModel):
    """One alert on its way to one channel."""

    id: str
    channel_id: str
    channel: str = Field(description="The channel's name.")
    event: str = Field(description="`broke`, `healed` or `test`.")
    alert: dict[str, Any] = Field(description="What is told.")
    status: str = Field(description="`pending`, `delivered`, `dead` or `dropped`.")
    attempts: int = Field(description="How often it was tried.")
    created_at: str | None
    next_at: str | None = Field(description="When it is tried next.")
    delivered_at: str | None = Field(description="When it arrived.")
    latest_error: str | None


class Deliveries(BaseModel):
    """Alerts on their way."""

    count: int = Field(description="How many are in `results`.")
    results: list[DeliveryOut] = Field(description="Newest first.")


class Retried(BaseModel):
    """How many are sent."""

    count: int = Field(description="Deliveries that are sent at once.")


class HealthEventOut(BaseModel):
    """Something that opened, changed or healed."""

    id: int
    incident_id: str = Field(description="What belongs together.")
    event: str = Field(description="`opened`, `changed`, `reopened` or `healed`.")
    at: str | None = Field(description="When it happened.")
    noted_at: str | None = Field(description="When it was noticed.")
    name: str = Field(description="The table, view, source or channel.")
    type: str = Field(description="Which of them.")
    kind: str = Field(description="Kind of the issue.")
    error: str = Field(description="The cause in words.")
    source: str | None = Field(description="The source's slug, where there is one.")


class HealthHistory(BaseModel):
    """What opened, changed and healed."""

    count: int = Field(description="How many are in `results`.")
    results: list[HealthEventOut] = Field(description="Newest first.")


@router.get("/", summary="Who is told")
def list_channels(ask: Read) -> Channels:
    """And whether alerts reach them."""
    found = [_channel(each) for each in ask.platform.store.channels(ask.project_id)]
    return Channels(count=len(found), results=found)


@router.post("/", status_code=201, summary="Have somebody told", responses=SOURCE)
def create_channel(ask: Write, body: ChannelSave) -> ChannelAdded:
    """Nothing is sent; `test/` does."""
    given = body.model_dump(exclude_none=True, by_alias=True)
    added = alerts.add_channel(ask.platform, ask.project_id, given)
    shown = _channel(added.channel).model_dump()
    return ChannelAdded.model_validate({**shown, "secret": added.secret})


@router.get("/deliveries/", summary="What was told, and what waits")
def list_deliveries(
    ask: Read,
    channel_id: Annotated[str, Query(description="To this channel.", max_length=100)] = "",
    status: Annotated[
        Literal["pending", "delivered", "dead", "dropped"] | None,
        Query(description="In this state."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many.")] = 50,
) -> Deliveries:
    """Newest first."""
    channel = _found(ask, channel_id).id if channel_id else None
    found = ask.platform.store.deliveries(
        ask.project_id,
        limit,
        channel_id=channel,
        status=DeliveryStatus(status) if status else None,
    )
    return Deliveries(count=len(found), results=[_delivery(each) for each in found])


@router.post("/deliveries/retry/", summary="Send what did not arrive at once", responses=CHANGES)
def retry_all(ask: Write) -> Retried:
    """With all attempts anew."""
    return Retried(count=alerts.retry(ask.platform, ask.project_id))


@router.post(
    "/deliveries/{delivery_id}/retry/", summary="Send one that did not arrive", responses=CHANGES
)
def retry_delivery(ask: Write, delivery_id: str) -> Retried:
    """With all attempts anew."""
    return Retried(count=alerts.retry(ask.platform, ask.project_id, delivery_id))


@router.get("/{channel_id}/", summary="One channel")
def show_channel(ask: Read, channel_id: str) -> Channel:
    """As in the list."""
    return _channel(_found(ask, channel_id))


@router.post("/{channel_id}/test/", summary="Send a test now", responses=SOURCE)
def send_test(ask: Write, channel_id: str) -> DeliveryOut:
    """Whether it arrived is in the answer's `status`."""
    return _delivery(alerts.send_test(ask.platform, ask.project_id, _found(ask, channel_id).id))


@router.delete(
    "/{channel_id}/", status_code=204, summary="Tell it nothing any more", responses=CHANGES
)
def remove_channel(ask: Write, channel_id: str) -> None:
    """And forget its address."""
    alerts.remove_channel(ask.platform, ask.project_id, _found(ask, channel_id).id)


@health_router.get("/health_history/", summary="What went wrong and healed")
def health_history(
    ask: ReadHealth,
    name: Annotated[
        str, Query(description="Of this table, view, source or channel.", max_length=512)
    ] = "",
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many.")] = 50,
) -> HealthHistory:
    """Newest first."""
    found = history(ask.platform, ask.project_id, limit, name or None)
    results = [
        HealthEventOut(
            id=each.id,
            incident_id=each.incident_id,
            event=each.event.value,
            at=moment(each.at),
            noted_at=moment(each.noted_at),
            name=each.name,
            type=each.type,
            kind=each.kind.value,
            error=each.error,
            source=each.source,
        )
        for each in found
    ]
    return HealthHistory(count=len(results), results=results)


def _found(ask: Ask, channel_id: str) -> AlertChannel:
    for each in ask.platform.store.channels(ask.project_id):
        if each.id == channel_id:
            return each
    raise NotFoundError("alert channel", channel_id)


def _channel(channel: AlertChannel) -> Channel:
    facts = alerts.channel_facts(channel)
    for name in ("created_at", "failing_since"):
        facts[name] = moment(facts[name])
    return Channel.model_validate(facts)


def _delivery(delivery: Delivery) -> DeliveryOut:
    return DeliveryOut(
        id=delivery.id,
        channel_id=delivery.channel_id,
        channel=delivery.channel,
        event=delivery.event.value,
        alert=dict(delivery.alert),
        status=delivery.status.value,
        attempts=delivery.attempts,
        created_at=moment(delivery.created_at),
        next_at=moment(delivery.next_at),
        delivered_at=moment(delivery.delivered_at),
        latest_error=delivery.latest_error,
    )
