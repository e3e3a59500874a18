"""What the language reads from the store: joins, cohorts, actions, property definitions, settings."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _project(table: str) -> "tuple[sa.Column[int], sa.ForeignKeyConstraint]":
    name = op.f(f"fk_{table}_project_id")
    return (
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=name),
    )


def upgrade() -> None:
    op.create_table(
        "joins",
        sa.Column("id", sa.String(length=36), nullable=False),
        *_project("joins"),
        sa.Column("source_table", sa.String(length=512), nullable=False),
        sa.Column("source_key", sa.Text(), nullable=False),
        sa.Column("joining_table", sa.String(length=512), nullable=False),
        sa.Column("joining_key", sa.Text(), nullable=False),
        sa.Column("field_name", sa.String(length=200), nullable=False),
        sa.Column("configuration", sa.JSON(), nullable=False),
        sa.Column("is_removed", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_joins")),
        sa.UniqueConstraint("project_id", "source_table", "field_name", name="uq_joins_field"),
    )
    op.create_table(
        "cohorts",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        *_project("cohorts"),
        sa.Column("name", sa.String(length=400), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=True),
        sa.Column("count", sa.BigInteger(), nullable=True),
        sa.Column("refreshed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("latest_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cohorts")),
        sa.UniqueConstraint("project_id", "name", name="uq_cohorts_name"),
    )
    op.create_table(
        "actions",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        *_project("actions"),
        sa.Column("name", sa.String(length=400), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_actions")),
        sa.UniqueConstraint("project_id", "name", name="uq_actions_name"),
    )
    op.create_table(
        "property_definitions",
        *_project("property_definitions"),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=400), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("is_set", sa.Boolean(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "kind", "name", name=op.f("pk_property_definitions")),
    )
    op.create_table(
        "project_settings",
        *_project("project_settings"),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "name", name=op.f("pk_project_settings")),
    )


def downgrade() -> None:
    for table in ("project_settings", "property_definitions", "actions", "cohorts", "joins"):
        op.drop_table(table)
