"""Organisations, people, roles, invitations, keys with scopes."""

import uuid
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TABLES = (
    "login_attempts",
    "sessions",
    "invitations",
    "project_members",
    "organization_members",
    "organizations",
)


def _id(table: str) -> "tuple[sa.Column[str], sa.PrimaryKeyConstraint]":
    return (
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )


def _moment(name: str, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), nullable=False)


def _ref(
    table: str, column: str, to: str, nullable: bool = False
) -> "tuple[sa.Column[Any], sa.ForeignKeyConstraint]":
    kind: Any = sa.Integer() if to == "projects" else sa.String(length=36)
    name = op.f(f"fk_{table}_{column}")
    return (
        sa.Column(column, kind, nullable=nullable),
        sa.ForeignKeyConstraint([column], [f"{to}.id"], name=name),
    )


def _secret(table: str) -> "tuple[sa.Column[str], sa.UniqueConstraint]":
    return (
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.UniqueConstraint("digest", name=op.f(f"uq_{table}_digest")),
    )


def _added() -> dict[str, tuple[sa.Column[Any], ...]]:
    return {
        "projects": (
            sa.Column("organization_id", sa.String(length=36)),
            _moment("deleted_at", True),
        ),
        "users": (
            sa.Column("email", sa.Text()),
            sa.Column("password", sa.Text()),
            sa.Column("attributes", sa.JSON(), nullable=False, server_default="{}"),
        ),
        "api_keys": (
            sa.Column("scopes", sa.JSON(), nullable=False, server_default='["*"]'),
            sa.Column("only_projects", sa.JSON()),
            _moment("expires_at", True),
            _moment("last_used_at", True),
        ),
    }


def upgrade() -> None:
    op.create_table("organizations", *_id("organizations"), _text("name"), _moment("created_at"))
    for table, (column, to) in {
        "organization_members": ("organization_id", "organizations"),
        "project_members": ("project_id", "projects"),
    }.items():
        op.create_table(
            table,
            *_ref(table, column, to),
            *_ref(table, "user_id", "users"),
            _text("role"),
            _moment("created_at"),
            sa.PrimaryKeyConstraint(column, "user_id", name=op.f(f"pk_{table}")),
        )
    op.create_table(
        "invitations",
        *_id("invitations"),
        *_ref("invitations", "organization_id", "organizations"),
        sa.Column("project_id", sa.Integer()),
        _text("email"),
        _text("role"),
        *_secret("invitations"),
        _text("invited_by"),
        _moment("created_at"),
        _moment("expires_at"),
        _moment("used_at", True),
    )
    op.create_table(
        "sessions",
        *_id("sessions"),
        *_ref("sessions", "user_id", "users"),
        *_ref("sessions", "key_id", "api_keys", True),
        *_secret("sessions"),
        _moment("created_at"),
        _moment("expires_at"),
    )
    op.create_table(
        "login_attempts",
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        _moment("since"),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_login_attempts")),
    )
    for table, added in _added().items():
        for one in added:
            op.add_column(table, one)
    op.create_index("uq_users_email", "users", ["email"], unique=True)
    _make_members()
    op.drop_column("users", "role")


def _make_members() -> None:
    """Whoever was there before belongs to one organisation with all projects, in the role they had."""
    connection, now = op.get_bind(), datetime.now(UTC)
    if connection.execute(sa.text("SELECT 1 FROM projects")).first() is None:
        return
    organization = str(uuid.uuid4())
    facts = {"id": organization, "now": now}
    moment = sa.bindparam("now", type_=sa.DateTime(timezone=True))
    connection.execute(
        sa.text("INSERT INTO organizations VALUES (:id, 'Default', :now)").bindparams(moment), facts
    )
    connection.execute(sa.text("UPDATE projects SET organization_id = :id"), {"id": organization})
    connection.execute(
        sa.text(
            "INSERT INTO organization_members (organization_id, user_id, role, created_at) "
            "SELECT :id, id, role, :now FROM users"
        ).bindparams(moment),
        facts,
    )


def downgrade() -> None:
    op.add_column("users", sa.Column("role", sa.Text(), nullable=False, server_default="owner"))
    op.drop_index("uq_users_email", "users")
    for table in _TABLES:
        op.drop_table(table)
    for table, columns in _added().items():
        for column in columns:
            op.drop_column(table, column.name)
