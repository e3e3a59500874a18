"""How a project stands, at a glance: what there is, what was moved, what runs, how runs ended, what is wrong."""

from collections import Counter
from typing import Any

from pwh_assets.services import activity
from pwh_assets.services.health import data_health_issues
from pwh_assets.services.platform import Platform
from pwh_assets.services.sync.limits import usage_of

DAYS = 7
SHOWN = 5


def overview(platform: Platform, project_id: int) -> dict[str, Any]:
    """Counts and the newest of each, as plain values; nothing is measured for it."""
    store = platform.store
    tables, views = store.tables(project_id), store.views(project_id)
    usage = usage_of(platform, project_id)
    issues = data_health_issues(platform, project_id)
    runs = activity.counts(platform, project_id, DAYS)
    running = activity.running(platform, project_id, SHOWN, 0)
    kept = [view for view in views if view.is_materialized]
    return {
        "sources": len(store.sources(project_id)),
        "tables": len(tables),
        "tables_syncing": sum(table.should_sync for table in tables),
        "tables_by_status": dict(Counter(table.status.value for table in tables)),
        "views": len(views),
        "materialized_views": len(kept),
        "views_by_status": dict(Counter(view.status.value for view in kept)),
        "suspended_views": sum(view.is_suspended for view in views),
        "rows_this_month": usage["total_rows"],
        "row_limit": usage["row_limit"],
        "days": DAYS,
        "runs": {name: runs[name] for name in ("total", "successful", "failed")},
        "running": list(running.results),
        "issues": issues["count"],
        "newest_issues": issues["results"][:SHOWN],
    }
