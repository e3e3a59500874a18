"""Sending one alert over one channel: what arrives returns, what does not raises `UndeliveredError`."""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pwh_assets.core.alert import AlertChannel, ChannelKind, Delivery
from pwh_assets.errors import PwhError
from pwh_assets.services.alerts.channels import SECRET_START
from pwh_assets.services.alerts.message import slack_body, webhook_body
from pwh_assets.sources.network.egress import Egress

if TYPE_CHECKING:
    import requests

TIMEOUT_S = (10.0, 20.0)
"""To connect, and between two bytes of the answer."""

Sender = Callable[[AlertChannel, Mapping[str, Any], Delivery, Egress], str | None]
"""Sends one; what is to be remarked though it arrived, or None."""


class UndeliveredError(PwhError):
    """An alert did not arrive. `is_final` when another attempt cannot help."""

    code = "alert_undelivered"
    status = 502
    retryable = True

    def __init__(
        self, sentence: str, retry_after_s: float | None = None, *, is_final: bool = False
    ) -> None:
        self.retry_after_s = retry_after_s
        self.is_final = is_final
        super().__init__(sentence)


def sender_of(kind: ChannelKind) -> Sender:
    if kind is ChannelKind.EMAIL:
        from pwh_assets.services.alerts.mail import send_mail

        return send_mail
    return send_webhook if kind is ChannelKind.WEBHOOK else send_slack


def send_webhook(
    channel: AlertChannel, secrets: Mapping[str, Any], delivery: Delivery, egress: Egress
) -> None:
    """Signed as Standard Webhooks are: id, timestamp, and an HMAC over both and the body."""
    body, now = webhook_body(delivery), int(time.time())
    headers = {
        "Content-Type": "application/json",
        "webhook-id": delivery.id,
        "webhook-timestamp": str(now),
        "webhook-signature": signature(secrets["secret"], delivery.id, now, body),
    }
    _post(channel, secrets["url"], body, headers, egress)


def send_slack(
    channel: AlertChannel, secrets: Mapping[str, Any], delivery: Delivery, egress: Egress
) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    _post(channel, secrets["url"], slack_body(delivery), headers, egress)


def signature(secret: str, delivery_id: str, timestamp: int, body: bytes) -> str:
    """What a receiver computes as well, to know that it was us and that nothing was changed.

    >>> signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
    ...     b'{"test": 2432232314}')
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    key = base64.b64decode(secret.removeprefix(SECRET_START))
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def _post(
    channel: AlertChannel, url: str, body: bytes, headers: Mapping[str, str], egress: Egress
) -> None:
    import requests

    from pwh_assets.sources.http.session import kind_of, new_session

    place = channel.config["address"]
    try:
        with (
            new_session(1, egress) as session,
            session.post(
                url,
                data=body,
                headers={"User-Agent": "PWH", **headers},
                timeout=TIMEOUT_S,
                allow_redirects=False,
                stream=True,
            ) as answer,
        ):
            status, wait_s = answer.status_code, _wait_s(answer)
    except requests.RequestException as error:
        raise UndeliveredError(f"`{place}` was not reached: {kind_of(error)}.") from None
    if 200 <= status < 300:
        return
    also = " Redirects are not followed." if 300 <= status < 400 else ""
    raise UndeliveredError(f"`{place}` answered {status}.{also}", wait_s, is_final=status == 410)


def _wait_s(answer: "requests.Response") -> float | None:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else None
