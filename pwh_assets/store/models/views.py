"""Saved queries and their versions."""

import sqlalchemy as sa

from pwh_assets.store.models.base import UtcDateTime, id_column, metadata

saved_queries = sa.Table(
    "saved_queries",
    metadata,
    id_column(),
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
    sa.Column("refresh", sa.Text, nullable=False, server_default="schedule"),
    sa.Column("incremental", sa.JSON(none_as_null=True)),
    sa.Column("incremental_state", sa.JSON(none_as_null=True)),
    sa.Column("freshness_target", sa.Text),
    sa.Column("failures_in_a_row", sa.Integer, nullable=False, server_default="0"),
    sa.Column("suspended_at", UtcDateTime),
    sa.Column("last_attempt_at", UtcDateTime),
    sa.Column("attempted_snapshot", sa.BigInteger),
    sa.Column("stale_since", UtcDateTime),
    sa.Column("stale_reason", sa.Text),
    sa.Column("built_version", sa.Integer),
    sa.Column("folder", sa.Text, nullable=False, server_default=""),
    sa.Column("origin", sa.Text, nullable=False, server_default="user"),
    sa.Column("managed_by", sa.Text, nullable=False, server_default=""),
    sa.Column("audit_blocks", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("engine", sa.Text),
    sa.Column("last_build", sa.JSON(none_as_null=True)),
)

saved_query_versions = sa.Table(
    "saved_query_versions",
    metadata,
    sa.Column("view_id", sa.ForeignKey("saved_queries.id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sql", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
)
