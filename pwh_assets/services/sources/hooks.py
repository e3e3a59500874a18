"""A source's webhook: the address its vendor sends to, the secrets it signs with, the tables that listen."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pwh_assets.core.nested import value_at
from pwh_assets.core.source import Source, SyncedTable, SyncMode
from pwh_assets.errors import ConflictError, InvalidInputError, UserError, quoted
from pwh_assets.services.platform import Platform
from pwh_assets.services.scrub import HIDDEN
from pwh_assets.services.sources import webhooks
from pwh_assets.services.sources.connecting import update_source

PREFIX = "webhook_"
"""What the names of a source's fields begin with that are about its webhook."""
BY_HAND = (
    "PWH sets nothing up at the vendor. Enter the address there, and its signing secret here with "
    "`update_webhook_inputs`."
)


class NoWebhooksError(UserError):
    """The source's vendor pushes nothing to us."""

    code = "no_webhooks"

    def __init__(self, source: Source) -> None:
        super().__init__(
            f"`{source.slug}` is a {source.source_type} source, which has no webhooks."
        )


class WebhookInUseError(ConflictError):
    """Tables listen to the webhook that should go."""

    code = "webhook_in_use"

    def __init__(self, slug: str, tables: list[str]) -> None:
        super().__init__(
            f"{quoted(tables)} of `{slug}` would stand still without its webhook. Give "
            f"{'it' if len(tables) == 1 else 'them'} another `sync_type` first, or pause "
            f"{'it' if len(tables) == 1 else 'them'}."
        )


@dataclass(frozen=True, slots=True)
class Webhook:
    """How a source's webhook stands. `path` is below the address this server is reached by."""

    path: str
    exists: bool
    """It has every secret it needs, so deliveries are taken."""
    inputs: Mapping[str, str]
    """Its fields that are set; secrets are hidden."""
    pending: tuple[str, ...]
    """Fields that are still to be entered."""
    tables: Mapping[str, str]
    """Tables that listen, by name at the source, with their ids."""
    waiting: int
    """Deliveries that no sync has read yet; of each table at most as many as one sync reads."""


def webhook_of(platform: Platform, project_id: int, source_id: str) -> Webhook | None:
    """None where the source's vendor pushes nothing. Raises NotFoundError."""
    source = platform.store.source(source_id, project_id)
    if not _can_receive(platform, source):
        return None
    config = platform.store.source_config(source.id)
    names = _fields(platform, source)
    known = {name: HIDDEN for name in names if value_at(config, name)}
    listening = _listening(platform, source)
    return Webhook(
        path=f"/webhooks/{source.id}",
        exists=len(known) == len(names),
        inputs=known,
        pending=tuple(name for name in names if name not in known),
        tables={table.name: table.id for table in listening},
        waiting=sum(len(webhooks.waiting(platform, table)) for table in listening),
    )


def enter_inputs(
    platform: Platform, project_id: int, source_id: str, inputs: Mapping[str, Any]
) -> Webhook:
    """Keep what the vendor gave for the webhook, such as `webhook_secret`. Secrets are stored sealed.

    Raises:
        NotFoundError, NoWebhooksError.
        InvalidInputError: it is no field of the webhook, or no text.
        SourceAccessError, SourceUnavailableError: the source refused us or did not answer.
    """
    source = platform.store.source(source_id, project_id)
    if not _can_receive(platform, source):
        raise NoWebhooksError(source)
    names = _fields(platform, source)
    for name, value in inputs.items():
        if name not in names or not isinstance(value, str) or not value.strip():
            raise InvalidInputError(
                "inputs",
                f"`{name[:60]}` is none of its inputs, or empty. There are {quoted(names)}.",
            )
    if inputs:
        update_source(platform, project_id, source.id, {"payload": dict(inputs)})
    found = webhook_of(platform, project_id, source.id)
    assert found is not None
    return found


def forget_webhook(platform: Platform, project_id: int, source_id: str) -> None:
    """Forget its secrets and what waits: deliveries are refused from now on. The vendor keeps sending until the endpoint
    is taken out there.

    Raises:
        NotFoundError, NoWebhooksError.
        WebhookInUseError: a table that syncs listens to it.
    """
    source = platform.store.source(source_id, project_id)
    if not _can_receive(platform, source):
        raise NoWebhooksError(source)
    if listening := _listening(platform, source):
        raise WebhookInUseError(source.slug, [table.name for table in listening])
    names = _fields(platform, source)
    platform.store.update_source(source.id, secrets=dict.fromkeys(names))
    webhooks.forget(platform, source.id)


def _can_receive(platform: Platform, source: Source) -> bool:
    return hasattr(platform.sources.get(source.source_type), "receive")


def _fields(platform: Platform, source: Source) -> tuple[str, ...]:
    fields = platform.sources[source.source_type].fields
    return tuple(field.name for field in fields if field.name.startswith(PREFIX))


def _listening(platform: Platform, source: Source) -> list[SyncedTable]:
    tables = platform.store.tables(source.project_id, source.id)
    return [table for table in tables if table.mode is SyncMode.WEBHOOK and table.should_sync]
