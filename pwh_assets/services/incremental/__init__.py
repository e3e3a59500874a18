"""Views built in parts: what changed since the last build is worked out, and only that is computed anew.

Belongs here: the settings of such a view, whether a query can be built so, and the plan of one build.
Keep out: following keys through a query (`hogql.incremental`), reading changes (`lake.differences`), schedules.
"""

from pwh_assets.services.incremental.check import (
    check_incremental,
    checked_config,
    forget_progress,
    set_incremental,
)
from pwh_assets.services.incremental.config import (
    MAX_LOOKBACK_S,
    IncrementalConfig,
    NotIncrementalError,
    parse_lookback,
)

__all__ = [
    "MAX_LOOKBACK_S",
    "IncrementalConfig",
    "NotIncrementalError",
    "check_incremental",
    "checked_config",
    "forget_progress",
    "parse_lookback",
    "set_incremental",
]
