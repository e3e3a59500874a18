"""The store's tables. A change here comes with a revision in `migrations/versions`."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An instant: aware in Python, `timestamptz` on Postgres, UTC text on SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = sa.MetaData(naming_convention=NAMING)


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(36), primary_key=True)


def _project() -> sa.Column[int]:
    return sa.Column("project_id", sa.ForeignKey("projects.id"), nullable=False)


projects = sa.Table(
    "projects",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("catalog_version", sa.BigInteger, nullable=False, default=0),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("row_limit", sa.BigInteger),
    sa.Column("mask_key", sa.Text),
)

users = sa.Table(
    "users",
    metadata,
    _id(),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    _id(),
    _project(),
    sa.Column("user_id", sa.ForeignKey("users.id")),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("ending", sa.String(4), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("revoked_at", UtcDateTime),
)
"""Keys of people (`phx_`) and of capture (`phc_`): only their SHA-256 is kept."""

names = sa.Table(
    "names",
    metadata,
    sa.Column("project_id", sa.ForeignKey("projects.id"), primary_key=True),
    sa.Column("name", sa.String(512), primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject_id", sa.String(36), nullable=False, index=True),
)
"""Every HogQL name in use with all its spellings, lower case: two things at once cannot take the same one."""

sources = sa.Table(
    "sources",
    metadata,
    _id(),
    _project(),
    sa.Column("source_type", sa.Text, nullable=False),
    sa.Column("prefix", sa.Text, nullable=False),
    sa.Column("slug", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("config", sa.JSON, nullable=False),
    sa.Column("credentials", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("deleted_at", UtcDateTime),
    sa.Column("auto_sync", sa.JSON, nullable=False, default=dict),
    sa.Index(
        "uq_sources_slug",
        "project_id",
        "slug",
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    ),
)

source_tables = sa.Table(
    "source_tables",
    metadata,
    _id(),
    sa.Column("project_id", sa.ForeignKey("projects.id"), nullable=False, index=True),
    sa.Column("source_id", sa.ForeignKey("sources.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("columns", sa.JSON, nullable=False),
    sa.Column("primary_key", sa.JSON, nullable=False),
    sa.Column("cursors", sa.JSON, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("should_sync", sa.Boolean, nullable=False),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("cursor", sa.Text),
    sa.Column("frequency", sa.Text, nullable=False),
    sa.Column("time_of_day", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("watermark", sa.Text),
    sa.Column("last_synced_at", UtcDateTime),
    sa.Column("latest_error", sa.Text),
    sa.Column("failed_at", UtcDateTime),
    sa.Column("row_count", sa.BigInteger),
    sa.Column("is_missing", sa.Boolean, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("deleted_at", UtcDateTime),
    sa.Column("options", sa.JSON, nullable=False, default=dict),
    sa.Column("available", sa.JSON, nullable=False, default=list),
    sa.Column("resync_reason", sa.Text),
    sa.Column("full_synced_at", UtcDateTime),
    sa.Column("reconciliation", sa.JSON(none_as_null=True)),
    sa.Index(
        "uq_source_tables_name",
        "source_id",
        "name",
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    ),
)

saved_queries = sa.Table(
    "saved_queries",
    metadata,
    _id(),
    sa.Column("project_id", sa.ForeignKey("projects.id"), nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("sql", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("is_materialized", sa.Boolean, nullable=False),
    sa.Column("frequency", sa.Text),
    sa.Column("time_of_day", sa.Text),
    sa.Column("columns", sa.JSON, nullable=False),
    sa.Column("inputs", sa.JSON, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("last_run_at", UtcDateTime),
    sa.Column("latest_error", sa.Text),
    sa.Column("failed_at", UtcDateTime),
    sa.Column("row_count", sa.BigInteger),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("deleted_at", UtcDateTime),
)

saved_query_versions = sa.Table(
    "saved_query_versions",
    metadata,
    sa.Column("view_id", sa.ForeignKey("saved_queries.id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sql", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

jobs = sa.Table(
    "jobs",
    metadata,
    _id(),
    _project(),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject_id", sa.String(36), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("error", sa.Text),
    sa.Column("error_code", sa.Text),
    sa.Column("run_id", sa.Text),
    sa.Column("process", sa.Text, nullable=False),
    sa.Column("progress", sa.JSON(none_as_null=True)),
    sa.Column("attempt", sa.Integer, nullable=False, default=1),
    sa.Column("retry_at", UtcDateTime),
    sa.Column("cancel_requested_at", UtcDateTime),
    sa.Column("reconciliation", sa.JSON(none_as_null=True)),
    sa.Index("ix_jobs_recent", "project_id", "created_at"),
    sa.Index("ix_jobs_subject", "subject_id", "created_at"),
    sa.Index("ix_jobs_status", "status"),
)

usage = sa.Table(
    "usage",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    _project(),
    sa.Column("subject_id", sa.String(36), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Index("ix_usage_period", "project_id", "at"),
)

schema_changes = sa.Table(
    "schema_changes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    _project(),
    sa.Column("table_id", sa.String(36), nullable=False),
    sa.Column("job_id", sa.String(36)),
    sa.Column("column_name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("before", sa.Text),
    sa.Column("after", sa.Text),
    sa.Column("is_followed", sa.Boolean, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("resolved_at", UtcDateTime),
    sa.Index("ix_schema_changes_table", "table_id", "at"),
)
"""What changed in the shape of synced tables, sync by sync."""

change_streams = sa.Table(
    "change_streams",
    metadata,
    sa.Column("source_id", sa.String(36), primary_key=True),
    _project(),
    sa.Column("base", sa.Text),
    sa.Column("idle", sa.Text),
    sa.Column("facts", sa.JSON, nullable=False, default=dict),
    sa.Column("checked_at", UtcDateTime, nullable=False),
)
"""How each source's stream of changes stood when it was last looked at. Where the lake is at `base`, the stream was
read up to `idle` and had nothing more for it."""

checks = sa.Table(
    "checks",
    metadata,
    sa.Column("project_id", sa.ForeignKey("projects.id"), primary_key=True),
    sa.Column("subject_id", sa.String(36), primary_key=True),
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("passed", sa.Boolean, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("details", sa.JSON, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
)
"""The latest result per check; Dagster keeps the history."""

joins = sa.Table(
    "joins",
    metadata,
    _id(),
    _project(),
    sa.Column("source_table", sa.String(512), nullable=False),
    sa.Column("source_key", sa.Text, nullable=False),
    sa.Column("joining_table", sa.String(512), nullable=False),
    sa.Column("joining_key", sa.Text, nullable=False),
    sa.Column("field_name", sa.String(200), nullable=False),
    sa.Column("configuration", sa.JSON, nullable=False),
    sa.Column("is_removed", sa.Boolean, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("project_id", "source_table", "field_name", name="uq_joins_field"),
)
"""Joins people made. A removed one hides the join of the same place that would be made by itself."""

cohorts = sa.Table(
    "cohorts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    _project(),
    sa.Column("name", sa.String(400), nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("query", sa.Text),
    sa.Column("count", sa.BigInteger),
    sa.Column("refreshed_at", UtcDateTime),
    sa.Column("latest_error", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("project_id", "name", name="uq_cohorts_name"),
)

actions = sa.Table(
    "actions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    _project(),
    sa.Column("name", sa.String(400), nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("steps", sa.JSON, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("project_id", "name", name="uq_actions_name"),
)

property_definitions = sa.Table(
    "property_definitions",
    metadata,
    sa.Column("project_id", sa.ForeignKey("projects.id"), primary_key=True),
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("name", sa.String(400), primary_key=True),
    sa.Column("type", sa.String(16), nullable=False),
    sa.Column("is_set", sa.Boolean, nullable=False),
    sa.Column("seen_at", UtcDateTime, nullable=False),
)
"""What properties hold. `is_set`: somebody said so, and learning leaves it alone."""

project_settings = sa.Table(
    "project_settings",
    metadata,
    sa.Column("project_id", sa.ForeignKey("projects.id"), primary_key=True),
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
"""What a project sets otherwise than the default."""
