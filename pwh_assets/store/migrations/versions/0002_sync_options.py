"""How tables sync beyond their mode, drift, reconciliation and limits."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _added() -> dict[str, tuple[sa.Column[Any], ...]]:
    return {
        "projects": (
            sa.Column("row_limit", sa.BigInteger()),
            sa.Column("mask_key", sa.Text()),
        ),
        "sources": (sa.Column("auto_sync", sa.JSON(), nullable=False, server_default="{}"),),
        "source_tables": (
            sa.Column("options", sa.JSON(), nullable=False, server_default="{}"),
            sa.Column("available", sa.JSON(), nullable=False, server_default="[]"),
            sa.Column("resync_reason", sa.Text()),
            sa.Column("full_synced_at", sa.DateTime(timezone=True)),
            sa.Column("reconciliation", sa.JSON()),
        ),
        "jobs": (
            sa.Column("progress", sa.JSON()),
            sa.Column("attempt", sa.Integer(), nullable=False, server_default="1"),
            sa.Column("retry_at", sa.DateTime(timezone=True)),
            sa.Column("cancel_requested_at", sa.DateTime(timezone=True)),
            sa.Column("reconciliation", sa.JSON()),
        ),
    }


def upgrade() -> None:
    for table, columns in _added().items():
        for column in columns:
            op.add_column(table, column)
    op.create_table(
        "schema_changes",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("table_id", sa.String(length=36), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=True),
        sa.Column("column_name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("is_followed", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_schema_changes_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schema_changes")),
    )
    op.create_index("ix_schema_changes_table", "schema_changes", ["table_id", "at"])


def downgrade() -> None:
    op.drop_index("ix_schema_changes_table", table_name="schema_changes")
    op.drop_table("schema_changes")
    for table, columns in _added().items():
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.drop_column(column.name)
