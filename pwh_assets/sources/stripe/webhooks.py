"""Stripe's webhooks: whether a delivery is Stripe's, and which tables it tells of."""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from pwh_assets.sources.base import Delivery
from pwh_assets.sources.errors import DeliveryRefusedError
from pwh_assets.sources.stripe.objects import BY_NOUN, children

TOLERANCE_S = 300
"""A delivery signed longer ago, or so far in the future, may be somebody's repetition."""


def received(config: Mapping[str, Any], headers: Mapping[str, str], body: bytes) -> list[Delivery]:
    """What a delivery tells, one entry per table; none when it is about something we have no table for.

    Raises:
        DeliveryRefusedError: it is not signed with one of the source's secrets, too old, or not an event.
    """
    secrets = secrets_of(config)
    if not secrets:
        raise DeliveryRefusedError(
            "The source has no `webhook_secret`. Enter the endpoint's `whsec_…`."
        )
    given = {name.lower(): value for name, value in headers.items()}.get("stripe-signature", "")
    verify(secrets, given, body, time.time())
    try:
        event = json.loads(body)
        subject = event["data"]["object"]
        key, noun, at = subject.get("id"), subject["object"], int(event["created"])
        event_id = str(event["id"])
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise DeliveryRefusedError("The body is not an event of Stripe.") from None
    kind = BY_NOUN.get(noun)
    if kind is None or not isinstance(key, str):
        return []
    tables = (kind.name, *children(kind.name))
    return [Delivery(event_id, table, key, at, subject) for table in tables]


def verify(secrets: Sequence[str], header: str, body: bytes, now: float) -> None:
    """Raises DeliveryRefusedError unless one of the `v1` signatures is made with one of the secrets in time."""
    parts = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    given = [value for name, _, value in parts if name == "v1"]
    if len(times) != 1 or not re.fullmatch(r"\d{1,12}", times[0]) or not given:
        raise DeliveryRefusedError("The delivery has no `Stripe-Signature` we can read.")
    is_signed = False
    for secret in secrets:
        right = signature(secret, times[0], body)
        for one in given:
            is_signed |= hmac.compare_digest(right.encode(), one.encode())
    if not is_signed:
        raise DeliveryRefusedError("The signature is not of this endpoint's secret.")
    if abs(now - int(times[0])) > TOLERANCE_S:
        raise DeliveryRefusedError(
            f"The delivery was signed {abs(now - int(times[0])):.0f} s away from now; {TOLERANCE_S} s are "
            "allowed. Check this machine's clock."
        )


def signature(secret: str, at: str, body: bytes) -> str:
    """The `v1` signature of a body at a Unix time."""
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def secrets_of(config: Mapping[str, Any]) -> list[str]:
    """The endpoint's secrets: two while one is being replaced."""
    return (
        re.split(r"[\s,]+", text)
        if (text := str(config.get("webhook_secret") or "").strip())
        else []
    )
