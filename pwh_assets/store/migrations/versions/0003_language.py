"""What the language reads from the store: joins, cohorts, actions, property definitions, settings."""

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
