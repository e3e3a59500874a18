"""Health with memory, and who is told."""

import sqlalchemy as sa

from pwh_assets.store.models.base import UtcDateTime, id_column, metadata, project_column

health_marks = sa.Table(
    "health_marks",
    metadata,
    sa.Column("project_id", sa.ForeignKey("projects.id"), primary_key=True),
    sa.Column("evaluated_at", UtcDateTime),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("held_until", UtcDateTime, nullable=False),
)
"""Who looks after a project's health until when, and the moment whose facts were remembered last."""

health_incidents = sa.Table(
    "health_incidents",
    metadata,
    id_column(),
    project_column(),
    sa.Column("subject", sa.String(120), nullable=False),
    sa.Column("issue", sa.JSON, nullable=False),
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.Column("noted_at", UtcDateTime, nullable=False),
    sa.Column("healed_at", UtcDateTime),
    sa.Column("closed_at", UtcDateTime),
    sa.Column("told_at", UtcDateTime),
    sa.Column("returns", sa.Integer, nullable=False),
    sa.Index(
        "uq_health_incidents_subject",
        "project_id",
        "subject",
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    ),
)
"""An issue from its first failure until it has stayed well; a subject has one that is not closed at most."""

health_events = sa.Table(
    "health_events",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    project_column(),
    sa.Column("incident_id", sa.String(36), nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("noted_at", UtcDateTime, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("source", sa.Text),
    sa.Index("ix_health_events_recent", "project_id", "noted_at"),
)
"""Opened, changed, reopened, healed: what health went through."""

alert_channels = sa.Table(
    "alert_channels",
    metadata,
    id_column(),
    project_column(),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("config", sa.JSON, nullable=False),
    sa.Column("credentials", sa.Text),
    sa.Column("filters", sa.JSON, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("failing_since", UtcDateTime),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("latest_error", sa.Text),
    sa.Column("deleted_at", UtcDateTime),
    sa.Index(
        "uq_alert_channels_name",
        "project_id",
        "name",
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    ),
)
"""Who is told and how. Addresses that hold a secret are sealed in `credentials`."""

alert_deliveries = sa.Table(
    "alert_deliveries",
    metadata,
    id_column(),
    project_column(),
    sa.Column("channel_id", sa.ForeignKey("alert_channels.id"), nullable=False),
    sa.Column("incident_id", sa.String(36)),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("alert", sa.JSON, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("next_at", UtcDateTime, nullable=False),
    sa.Column("claimed_by", sa.Text),
    sa.Column("claimed_until", UtcDateTime),
    sa.Column("delivered_at", UtcDateTime),
    sa.Column("latest_error", sa.Text),
    sa.UniqueConstraint("channel_id", "incident_id", "event", name="uq_alert_deliveries_once"),
    sa.Index("ix_alert_deliveries_due", "status", "next_at"),
    sa.Index("ix_alert_deliveries_recent", "project_id", "created_at"),
)
"""What is to be told to whom: written down with the transition it tells of, and kept until it arrived."""
