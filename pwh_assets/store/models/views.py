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
