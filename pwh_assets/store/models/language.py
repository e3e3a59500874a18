"""What a project's HogQL knows beyond its tables: joins, cohorts, actions, properties, settings."""

import sqlalchemy as sa

from pwh_assets.store.models.base import UtcDateTime, id_column, metadata, project_column

joins = sa.Table(
    "joins",
    metadata,
    id_column(),
    project_column(),
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
    project_column(),
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
    project_column(),
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
