"""Runs, what they moved, and what was checked."""

import sqlalchemy as sa

from pwh_assets.store.models.base import UtcDateTime, id_column, metadata, project_column

jobs = sa.Table(
    "jobs",
    metadata,
    id_column(),
    project_column(),
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
    sa.Column("engine", sa.Text),
    sa.Column("mode", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Index("ix_jobs_recent", "project_id", "created_at"),
    sa.Index("ix_jobs_subject", "subject_id", "created_at"),
    sa.Index("ix_jobs_status", "status"),
)

usage = sa.Table(
    "usage",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    project_column(),
    sa.Column("subject_id", sa.String(36), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Index("ix_usage_period", "project_id", "at"),
)

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
