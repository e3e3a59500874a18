"""Carrying the outbox out: each alert is sent until it arrives or every attempt failed, and no process sends another's."""

import logging
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pwh_assets.core.alert import AlertChannel, Delivery
from pwh_assets.errors import NotFoundError, PwhError
from pwh_assets.services.alerts.channels import egress_of
from pwh_assets.services.alerts.senders import UndeliveredError, sender_of
from pwh_assets.services.platform import Platform
from pwh_assets.store.processes import this_process

log = logging.getLogger(__name__)

WAITS_S = (10, 30, 120, 600, 1_800, 3_600, 7_200, 14_400)
"""Before the second attempt, the third, and so on; after the last one an alert is dead. About eight hours in all."""
LONGEST_WAIT_S = 86_400
CLAIM_S = 900.0
"""So long an alert is one process's own; that of a process that ended is free at once."""
_AT_ONCE = 4
_BATCH = 50


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one round did."""

    delivered: int = 0
    failed: int = 0


def deliver(platform: Platform) -> Delivered:
    """Send everything that is due, several channels at the same time, each one's alerts in order.

    An alert may arrive twice when a process dies between sending and writing that down; both have the same id.
    """
    store, holder = platform.store, new_holder()
    store.free_claims()
    delivered = failed = 0
    while claimed := store.claim_deliveries(holder, CLAIM_S, _BATCH):
        by_channel: dict[str, list[Delivery]] = {}
        for one in claimed:
            by_channel.setdefault(one.channel_id, []).append(one)
        with ThreadPoolExecutor(min(_AT_ONCE, len(by_channel)), "alerts") as pool:
            rounds = [
                pool.submit(_send_all, platform, holder, mine) for mine in by_channel.values()
            ]
            for done in rounds:
                arrived, lost = done.result()
                delivered, failed = delivered + arrived, failed + lost
    return Delivered(delivered, failed)


def send_test(platform: Platform, project_id: int, name_or_id: str) -> Delivery:
    """Send a test over a channel, once and now; how it went is in the delivery. Raises NotFoundError."""
    store, holder = platform.store, new_holder()
    channel = store.channel(project_id, name_or_id)
    delivery = store.add_test_delivery(project_id, channel.id, {"event": "test"}, holder, CLAIM_S)
    try:
        remark = _send(platform, channel, delivery)
    except PwhError as error:
        store.note_undelivered(delivery, holder, error.sentence, None)
    else:
        store.note_delivered(delivery, holder, remark)
    return store.delivery(project_id, delivery.id)


def retry(platform: Platform, project_id: int, delivery_id: str | None = None) -> int:
    """Have dead and waiting alerts sent at once, with all attempts anew: one, or all. How many.

    Raises:
        NotFoundError: no such delivery, or it arrived, or its channel is gone.
    """
    count = platform.store.retry_deliveries(project_id, delivery_id)
    if delivery_id is not None and not count:
        raise NotFoundError(
            "delivery that did not arrive", delivery_id, "`pwh alert deliveries` shows them."
        )
    return count


def new_holder() -> str:
    """A name for one round of this process."""
    return f"{this_process()}|{uuid.uuid4()}"


def _send_all(platform: Platform, holder: str, mine: Sequence[Delivery]) -> tuple[int, int]:
    """How many arrived and failed. After a failure the rest waits as long as what failed: the channel is in trouble."""
    store = platform.store
    for position, delivery in enumerate(mine):
        try:
            channel = store.channel(delivery.project_id, delivery.channel_id)
            remark = _send(platform, channel, delivery)
        except PwhError as error:
            next_at = _next_at(delivery, error)
            store.note_undelivered(delivery, holder, error.sentence, next_at)
            wait = timedelta(seconds=WAITS_S[0])
            store.put_back(mine[position + 1 :], holder, next_at or datetime.now(UTC) + wait)
            log.warning("alert %s over %s: %s", delivery.id, delivery.channel, error.sentence)
            return position, 1
        store.note_delivered(delivery, holder, remark)
    return len(mine), 0


def _send(platform: Platform, channel: AlertChannel, delivery: Delivery) -> str | None:
    """Raises PwhError, whatever goes wrong."""
    try:
        secrets = platform.store.channel_secrets(channel.id)
        return sender_of(channel.kind)(channel, secrets, delivery, egress_of(platform))
    except PwhError:
        raise
    except Exception as error:
        log.exception("alert %s could not be sent", delivery.id)
        raise UndeliveredError(
            f"It failed inside PWH ({type(error).__name__}); the process's log has the traceback."
        ) from None


def _next_at(delivery: Delivery, error: PwhError) -> datetime | None:
    """When the next attempt is; None when this was the last."""
    is_final = isinstance(error, UndeliveredError) and error.is_final
    if is_final or delivery.attempts >= len(WAITS_S):
        return None
    asked_s = error.retry_after_s if isinstance(error, UndeliveredError) else None
    wait_s = max(WAITS_S[delivery.attempts], min(asked_s or 0, LONGEST_WAIT_S))
    return datetime.now(UTC) + timedelta(seconds=wait_s)
