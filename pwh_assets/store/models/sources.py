"""Sources, their tables, and what is known about both."""

import sqlalchemy as sa

from pwh_assets.store.models.base import UtcDateTime, id_column, metadata, project_column

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
    id_column(),
    project_column(),
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
    id_column(),
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

schema_changes = sa.Table(
    "schema_changes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    project_column(),
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
    project_column(),
    sa.Column("base", sa.Text),
    sa.Column("idle", sa.Text),
    sa.Column("facts", sa.JSON, nullable=False, default=dict),
    sa.Column("checked_at", UtcDateTime, nullable=False),
)
"""How each source's stream of changes stood when it was last looked at. Where the lake is at `base`, the stream was
read up to `idle` and had nothing more for it."""
