"""The store's tables, a module per noun.

Belongs here: table definitions. A change comes with a revision in `migrations/versions`.
Keep out: statements and values; they live in the part of the store that owns the table.
"""

from pwh_assets.store.models.alerts import (
    alert_channels,
    alert_deliveries,
    health_events,
    health_incidents,
    health_marks,
)
from pwh_assets.store.models.audit import audit_entries, audit_heads, idempotency_keys
from pwh_assets.store.models.base import UtcDateTime, metadata
from pwh_assets.store.models.editor import annotations, tab_states, view_drafts, view_folders
from pwh_assets.store.models.jobs import checks, jobs, usage
from pwh_assets.store.models.language import (
    actions,
    cohorts,
    joins,
    project_settings,
    property_definitions,
)
from pwh_assets.store.models.metrics import metric_versions, metrics
from pwh_assets.store.models.people import (
    api_keys,
    invitations,
    login_attempts,
    organization_members,
    organizations,
    project_members,
    projects,
    sessions,
    users,
)
from pwh_assets.store.models.policies import (
    access_policies,
    deletion_requests,
    forgotten,
    person_keys,
    pii_findings,
)
from pwh_assets.store.models.quality import check_runs, quality_checks
from pwh_assets.store.models.sources import (
    change_streams,
    names,
    schema_changes,
    source_tables,
    sources,
)
from pwh_assets.store.models.views import saved_queries, saved_query_versions

__all__ = [
    "UtcDateTime",
    "access_policies",
    "actions",
    "alert_channels",
    "alert_deliveries",
    "annotations",
    "api_keys",
    "audit_entries",
    "audit_heads",
    "change_streams",
    "check_runs",
    "checks",
    "cohorts",
    "deletion_requests",
    "forgotten",
    "health_events",
    "health_incidents",
    "health_marks",
    "idempotency_keys",
    "invitations",
    "jobs",
    "joins",
    "login_attempts",
    "metadata",
    "metric_versions",
    "metrics",
    "names",
    "organization_members",
    "organizations",
    "person_keys",
    "pii_findings",
    "project_members",
    "project_settings",
    "projects",
    "property_definitions",
    "quality_checks",
    "saved_queries",
    "saved_query_versions",
    "schema_changes",
    "sessions",
    "source_tables",
    "sources",
    "tab_states",
    "usage",
    "users",
    "view_drafts",
    "view_folders",
]
