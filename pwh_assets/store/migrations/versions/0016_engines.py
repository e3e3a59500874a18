"""Which engine computed a build and why, and which one a view asks for."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_ADDED: "dict[str, dict[str, Any]]" = {
    "jobs": {"engine": sa.Text(), "mode": sa.Text(), "reason": sa.Text()},
    "saved_queries": {"engine": sa.Text(), "last_build": sa.JSON()},
}


def upgrade() -> None:
    for table, columns in _ADDED.items():
        with op.batch_alter_table(table) as batch:
            for name, kind in columns.items():
                batch.add_column(sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    for table, columns in _ADDED.items():
        with op.batch_alter_table(table) as batch:
            for name in columns:
                batch.drop_column(name)
