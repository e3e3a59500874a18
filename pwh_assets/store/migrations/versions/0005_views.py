"""Views: how they are kept, suspended and edited."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _added() -> dict[str, tuple[sa.Column[Any], ...]]:
    moment = sa.DateTime(timezone=True)
    return {
        "saved_queries": (
            sa.Column("refresh", sa.Text(), nullable=False, server_default="schedule"),
            sa.Column("incremental", sa.JSON()),
            sa.Column("incremental_state", sa.JSON()),
            sa.Column("freshness_target", sa.Text()),
            sa.Column("failures_in_a_row", sa.Integer(), nullable=False, server_default="0"),
            sa.Column("suspended_at", moment),
            sa.Column("last_attempt_at", moment),
            sa.Column("attempted_snapshot", sa.BigInteger()),
            sa.Column("stale_since", moment),
            sa.Column("stale_reason", sa.Text()),
            sa.Column("built_version", sa.Integer()),
            sa.Column("folder", sa.Text(), nullable=False, server_default=""),
            sa.Column("origin", sa.Text(), nullable=False, server_default="user"),
            sa.Column("managed_by", sa.Text(), nullable=False, server_default=""),
            sa.Column("audit_blocks", sa.Boolean(), nullable=False, server_default=sa.true()),
        ),
        "saved_query_versions": (sa.Column("note", sa.Text(), nullable=False, server_default=""),),
    }


def upgrade() -> None:
    for table, columns in _added().items():
        for column in columns:
            op.add_column(table, column)


def downgrade() -> None:
    for table, columns in _added().items():
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.drop_column(column.name)
