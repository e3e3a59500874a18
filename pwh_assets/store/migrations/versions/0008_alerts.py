"""Health with memory, and who is told."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TABLES = (
    "alert_deliveries",
    "alert_channels",
    "health_events",
    "health_incidents",
    "health_marks",
)


def _project(table: str) -> "tuple[sa.Column[int], sa.ForeignKeyConstraint]":
    name = op.f(f"fk_{table}_project_id")
    return (
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=name),
    )


def _id(table: str) -> "tuple[sa.Column[str], sa.PrimaryKeyConstraint]":
    return (
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )


def _moment(name: str, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _unique_while_null(table: str, name: str, columns: list[str], null: str) -> None:
    condition = sa.text(f"{null} IS NULL")
    op.create_index(
        name,
        table,
        columns,
        unique=True,
        sqlite_where=condition,
        postgresql_where=condition,
    )


def upgrade() -> None:
    op.create_table(
        "health_marks",
        *_project("health_marks"),
        _moment("evaluated_at", True),
        sa.Column("holder", sa.Text(), nullable=False),
        _moment("held_until"),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_health_marks")),
    )
    op.create_table(
        "health_incidents",
        *_id("health_incidents"),
        *_project("health_incidents"),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("issue", sa.JSON(), nullable=False),
        _moment("opened_at"),
        _moment("noted_at"),
        _moment("healed_at", True),
        _moment("closed_at", True),
        _moment("told_at", True),
        sa.Column("returns", sa.Integer(), nullable=False),
    )
    _unique_while_null(
        "health_incidents", "uq_health_incidents_subject", ["project_id", "subject"], "closed_at"
    )
    op.create_table(
        "health_events",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        *_project("health_events"),
        sa.Column("incident_id", sa.String(length=36), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        _moment("at"),
        _moment("noted_at"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_health_events")),
    )
    op.create_index("ix_health_events_recent", "health_events", ["project_id", "noted_at"])
    op.create_table(
        "alert_channels",
        *_id("alert_channels"),
        *_project("alert_channels"),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("credentials", sa.Text(), nullable=True),
        sa.Column("filters", sa.JSON(), nullable=False),
        _moment("created_at"),
        _moment("failing_since", True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("latest_error", sa.Text(), nullable=True),
        _moment("deleted_at", True),
    )
    _unique_while_null(
        "alert_channels", "uq_alert_channels_name", ["project_id", "name"], "deleted_at"
    )
    op.create_table(
        "alert_deliveries",
        *_id("alert_deliveries"),
        *_project("alert_deliveries"),
        sa.Column("channel_id", sa.String(length=36), nullable=False),
        sa.Column("incident_id", sa.String(length=36), nullable=True),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("alert", sa.JSON(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _moment("created_at"),
        _moment("next_at"),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        _moment("claimed_until", True),
        _moment("delivered_at", True),
        sa.Column("latest_error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["alert_channels.id"], name=op.f("fk_alert_deliveries_channel_id")
        ),
        sa.UniqueConstraint("channel_id", "incident_id", "event", name="uq_alert_deliveries_once"),
    )
    op.create_index("ix_alert_deliveries_due", "alert_deliveries", ["status", "next_at"])
    op.create_index("ix_alert_deliveries_recent", "alert_deliveries", ["project_id", "created_at"])


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)
