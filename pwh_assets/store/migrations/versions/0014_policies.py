"""Column and row policies, deletion requests."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0012"
branch_labels = None
depends_on = None

_TABLES = ("forgotten", "deletion_requests", "person_keys", "pii_findings", "access_policies")


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


def upgrade() -> None:
    op.create_table(
        "access_policies",
        *_id("access_policies"),
        *_project("access_policies"),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("rule", sa.JSON(), nullable=False),
        _moment("created_at"),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.UniqueConstraint("project_id", "name", name="uq_access_policies_name"),
    )
    op.create_table(
        "pii_findings",
        *_id("pii_findings"),
        *_project("pii_findings"),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("column_name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("mask", sa.Text(), nullable=False),
        sa.Column("looked_at", sa.Integer(), nullable=False),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        _moment("found_at"),
    )
    op.create_index("ix_pii_findings_project", "pii_findings", ["project_id"])
    op.create_table(
        "person_keys",
        *_project("person_keys"),
        sa.Column("table_name", sa.String(length=400), nullable=False),
        sa.Column("column_name", sa.Text(), nullable=False),
        sa.Column("holds", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "table_name", name=op.f("pk_person_keys")),
    )
    op.create_table(
        "deletion_requests",
        *_id("deletion_requests"),
        *_project("deletion_requests"),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        _moment("created_at"),
        _moment("ended_at", True),
        sa.Column("latest_error", sa.Text(), nullable=True),
    )
    op.create_index(
        "ix_deletion_requests_project", "deletion_requests", ["project_id", "created_at"]
    )
    op.create_table(
        "forgotten",
        *_project("forgotten"),
        sa.Column("digest", sa.String(length=64), nullable=False),
        _moment("since"),
        sa.PrimaryKeyConstraint("project_id", "digest", name=op.f("pk_forgotten")),
    )


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)
