"""Folders, drafts, annotations, open tabs."""

import uuid
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TABLES = ("tab_states", "annotations", "view_drafts", "view_folders")


def _begun(table: str) -> "tuple[Any, ...]":
    """The id and the project of every one of these tables."""
    return (
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f(f"fk_{table}_project_id")
        ),
    )


def _moment(name: str) -> "sa.Column[Any]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def upgrade() -> None:
    op.create_table(
        "view_folders",
        *_begun("view_folders"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        _moment("created_at"),
        sa.UniqueConstraint("project_id", "name", name="uq_view_folders_name"),
    )
    op.create_table(
        "view_drafts",
        *_begun("view_drafts"),
        sa.Column("author", sa.String(length=400), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("view_id", sa.String(length=36), nullable=True),
        sa.Column("edited_version", sa.Integer(), nullable=True),
        _moment("created_at"),
        _moment("updated_at"),
    )
    op.create_table(
        "annotations",
        *_begun("annotations"),
        sa.Column("subject_id", sa.String(length=400), nullable=False),
        sa.Column("column_name", sa.String(length=400), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        _moment("created_at"),
        _moment("updated_at"),
        sa.UniqueConstraint(
            "project_id", "subject_id", "column_name", name="uq_annotations_subject"
        ),
    )
    op.create_table(
        "tab_states",
        *_begun("tab_states"),
        sa.Column("author", sa.String(length=400), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        _moment("updated_at"),
    )
    for table in _TABLES:
        if table in ("view_drafts", "tab_states"):
            op.create_index(f"ix_{table}_author", table, ["project_id", "author"])
    _make_folders(op.get_bind())


def _make_folders(connection: sa.Connection) -> None:
    """One for every name views had already."""
    used = sa.text(
        "SELECT DISTINCT project_id, folder FROM saved_queries WHERE folder <> '' AND deleted_at IS NULL"
    )
    folders = sa.table(
        "view_folders",
        *(sa.column(name) for name in ("id", "project_id", "name", "created_by")),
        sa.column("created_at", sa.DateTime(timezone=True)),
    )
    for row in connection.execute(used).all():
        connection.execute(
            folders.insert().values(
                id=str(uuid.uuid4()),
                project_id=row.project_id,
                name=row.folder,
                created_by="",
                created_at=datetime.now(UTC),
            )
        )


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)
