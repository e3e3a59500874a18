"""Change data capture: how each source's stream stands."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "change_streams",
        sa.Column("source_id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("base", sa.Text(), nullable=True),
        sa.Column("idle", sa.Text(), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_change_streams_project_id")
        ),
        sa.PrimaryKeyConstraint("source_id", name=op.f("pk_change_streams")),
    )


def downgrade() -> None:
    op.drop_table("change_streams")
