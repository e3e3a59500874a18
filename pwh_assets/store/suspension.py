"""Failures in a row of a view, and its suspension after too many, as one update of its row."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pwh_assets.core.view import SUSPENDED_AFTER
from pwh_assets.store import models


def counted_failure(now: datetime) -> dict[str, Any]:
    """Values that count one more failure, and suspend the view when it is one too many."""
    views = models.saved_queries
    count = views.c.failures_in_a_row + 1
    is_due = sa.and_(count >= SUSPENDED_AFTER, views.c.suspended_at.is_(None))
    moment = sa.bindparam(None, now, type_=views.c.suspended_at.type)
    return {
        "failures_in_a_row": count,
        "suspended_at": sa.case((is_due, moment), else_=views.c.suspended_at),
    }
