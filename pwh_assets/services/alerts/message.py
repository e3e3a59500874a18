"""What is said: one alert as a subject and text, as JSON, and in Slack's way of writing."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pwh_assets.core.alert import AlertEvent, Delivery
from pwh_assets.core.health import IssueKind
from pwh_assets.services.health.troubles import WORDS

SHOWN = 20
"""So many names of tables and views are written out; the rest is counted."""


def subject(delivery: Delivery) -> str:
    """One line. Whatever a name holds, it stays one."""
    if delivery.event is AlertEvent.TEST:
        return "[PWH] A test: alerts arrive"
    issue = delivery.alert["issue"]
    words = WORDS[IssueKind(issue["kind"])]
    start = "[PWH] Healed:" if delivery.event is AlertEvent.HEALED else "[PWH]"
    line = f"{start} {issue['name']} {words if delivery.event is AlertEvent.BROKE else ''}"
    return " ".join("".join(c if c.isprintable() else " " for c in line).split())[:200]


def text(delivery: Delivery, code: str = "") -> str:
    """The whole of it in a few lines. Names stand between `code` marks."""
    if delivery.event is AlertEvent.TEST:
        return f"This is a test of the channel {code}{delivery.channel}{code}. Alerts will arrive like this one."
    alert = delivery.alert
    issue: Mapping[str, Any] = alert["issue"]
    name = f"{code}{issue['name']}{code}"
    began = _moment(alert["opened_at"])
    if delivery.event is AlertEvent.HEALED:
        lines = [f"{name} is well again since {_moment(alert['healed_at'])}."]
        lines.append(f"It was in trouble from {began}: {issue['error']}")
        if alert["returns"]:
            times = "once" if alert["returns"] == 1 else f"{alert['returns']} times"
            lines.append(f"It had come back {times} before it stayed well.")
        return "\n".join(lines + _link(alert))
    lines = [f"{name} {WORDS[IssueKind(issue['kind'])]} since {began}.", issue["error"]]
    lines += _listed("Its tables", issue["tables"], code)
    lines += _listed("It holds up", issue["blocks"], code)
    lines.append(f"Way out: {issue['way_out']}")
    return "\n".join(lines + _link(alert))


def webhook_body(delivery: Delivery) -> bytes:
    """The JSON of a webhook: the same bytes in every attempt."""
    body = {
        "id": delivery.id,
        "type": f"health.{delivery.event.value}",
        "timestamp": delivery.created_at.isoformat(),
        "project_id": delivery.project_id,
        "channel": delivery.channel,
        "text": text(delivery),
        "data": dict(delivery.alert),
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def slack_body(delivery: Delivery) -> bytes:
    """Slack's JSON. Nothing a name or an error says can call people or become a link."""
    mark = {AlertEvent.BROKE: ":red_circle:", AlertEvent.HEALED: ":large_green_circle:"}
    said = text(delivery, "`")
    for character, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        said = said.replace(character, written)
    start = f"{mark[delivery.event]} " if delivery.event in mark else ""
    return json.dumps({"text": start + said}, ensure_ascii=False).encode()


def _listed(start: str, names: Sequence[str], code: str) -> list[str]:
    if not names:
        return []
    shown = ", ".join(f"{code}{name}{code}" for name in names[:SHOWN])
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return [f"{start} ({len(names)}): {shown}{more}."]


def _link(alert: Mapping[str, Any]) -> list[str]:
    return [f"Look: {alert['link']}"] if alert.get("link") else []


def _moment(value: str) -> str:
    return f"{datetime.fromisoformat(value):%Y-%m-%d %H:%M:%S} UTC"
