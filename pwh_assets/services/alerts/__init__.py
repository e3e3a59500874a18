"""Alerts: somebody is told when something breaks and when it heals, once each.

Belongs here: channels and what they may be, messages, senders, carrying the outbox out.
Keep out: what is wrong and when it is worth telling, which is `services.health`.
"""

from pwh_assets.services.alerts.channels import add_channel, channel_facts, remove_channel
from pwh_assets.services.alerts.delivery import deliver, retry, send_test
from pwh_assets.services.alerts.watch import HealthWatch

__all__ = [
    "HealthWatch",
    "add_channel",
    "channel_facts",
    "deliver",
    "remove_channel",
    "retry",
    "send_test",
]
