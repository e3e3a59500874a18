"""Metrics, and every definition each of them had."""

import sqlalchemy as sa

from pwh_assets.store.models.base import UtcDateTime, id_column, metadata, project_column

metrics = sa.Table(
    "metrics",
    metadata,
    id_column(),
    project_column(),
    sa.Column("key", sa.String(128), nullable=False),
    sa.Column("definition", sa.JSON, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("project_id", "key", name="uq_metrics_key"),
)

metric_versions = sa.Table(
    "metric_versions",
    metadata,
    sa.Column("metric_id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("definition", sa.JSON, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)
"""The history; it outlives a metric that is removed."""
