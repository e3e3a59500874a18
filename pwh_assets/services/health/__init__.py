"""Health: what is wrong now, why, since when, what it holds up, the way out, and what went wrong before.

Belongs here: judging facts, finding roots, remembering transitions.
Keep out: telling anybody, which is `services.alerts`; reading rows, which the store and the lake do.
"""

from pwh_assets.services.health.answer import data_health_issues, health
from pwh_assets.services.health.diagnosis import diagnose
from pwh_assets.services.health.memory import DEFAULT_RULES, Rules, evaluate, history

__all__ = [
    "DEFAULT_RULES",
    "Rules",
    "data_health_issues",
    "diagnose",
    "evaluate",
    "health",
    "history",
]
