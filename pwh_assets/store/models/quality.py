"""Quality checks people declare, and every answer they got."""

import sqlalchemy as sa

from pwh_assets.store.models.base import UtcDateTime, id_column, metadata, project_column

quality_checks = sa.Table(
    "quality_checks",
    metadata,
    id_column(),
    project_column(),
    sa.Column("subject_id", sa.String(36), nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("options", sa.JSON, nullable=False),
    sa.Column("severity", sa.String(16), nullable=False),
    sa.Column("row_filter", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("frequency", sa.Text),
    sa.Column("time_of_day", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("project_id", "subject_id", "name", name="uq_quality_checks_name"),
)

check_runs = sa.Table(
    "check_runs",
    metadata,
    id_column(),
    project_column(),
    sa.Column("subject_id", sa.String(36), nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("severity", sa.String(16), nullable=False),
    sa.Column("trigger", sa.String(16), nullable=False),
    sa.Column("details", sa.JSON, nullable=False),
    sa.Column("failing_rows", sa.BigInteger),
    sa.Column("run_id", sa.Text),
    sa.Column("duration_s", sa.Float, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Index("ix_check_runs_subject", "project_id", "subject_id", "name", "at"),
    sa.Index("ix_check_runs_run", "run_id"),
)
"""The history; `checks` has the latest answer of each."""
