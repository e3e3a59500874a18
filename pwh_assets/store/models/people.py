"""Organisations, projects, people, what they belong to, and their keys and logins."""

import sqlalchemy as sa

from pwh_assets.store.models.base import UtcDateTime, id_column, metadata, project_column

organizations = sa.Table(
    "organizations",
    metadata,
    id_column(),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

projects = sa.Table(
    "projects",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("catalog_version", sa.BigInteger, nullable=False, default=0),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("row_limit", sa.BigInteger),
    sa.Column("mask_key", sa.Text),
    sa.Column("organization_id", sa.String(36)),
    sa.Column("deleted_at", UtcDateTime),
)

users = sa.Table(
    "users",
    metadata,
    id_column(),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("email", sa.Text),
    sa.Column("password", sa.Text),
    sa.Column("attributes", sa.JSON, nullable=False, server_default="{}"),
    sa.Index("uq_users_email", "email", unique=True),
)
"""People. `password` is a scrypt hash with its parameters; without one there is no login by password."""

organization_members = sa.Table(
    "organization_members",
    metadata,
    sa.Column("organization_id", sa.ForeignKey("organizations.id"), primary_key=True),
    sa.Column("user_id", sa.ForeignKey("users.id"), primary_key=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)
"""Who has a role in all projects of an organisation."""

project_members = sa.Table(
    "project_members",
    metadata,
    sa.Column("project_id", sa.ForeignKey("projects.id"), primary_key=True),
    sa.Column("user_id", sa.ForeignKey("users.id"), primary_key=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)
"""Who has a role of their own in one project."""

invitations = sa.Table(
    "invitations",
    metadata,
    id_column(),
    sa.Column("organization_id", sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("project_id", sa.Integer),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("invited_by", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("used_at", UtcDateTime),
)
"""Tokens that make a person a member, each once: only their SHA-256 is kept."""

api_keys = sa.Table(
    "api_keys",
    metadata,
    id_column(),
    project_column(),
    sa.Column("user_id", sa.ForeignKey("users.id")),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("ending", sa.String(4), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("revoked_at", UtcDateTime),
    sa.Column("scopes", sa.JSON, nullable=False, server_default='["*"]'),
    sa.Column("only_projects", sa.JSON),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("last_used_at", UtcDateTime),
)
"""Keys of people (`phx_`), of servers (`phs_`) and of capture (`phc_`): only their SHA-256 is kept."""

sessions = sa.Table(
    "sessions",
    metadata,
    id_column(),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False),
    sa.Column("key_id", sa.ForeignKey("api_keys.id")),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
)
"""Logins of browsers; one that began with a key ends with it."""

login_attempts = sa.Table(
    "login_attempts",
    metadata,
    sa.Column("subject", sa.String(200), primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("since", UtcDateTime, nullable=False),
)
"""How often a login was tried from an address or for a name since a moment."""
