"""The audit log's chains, and answers kept for requests that are sent again."""

import sqlalchemy as sa

from pwh_assets.store.models.base import UtcDateTime, metadata

audit_entries = sa.Table(
    "audit_entries",
    metadata,
    sa.Column("project_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("operation", sa.String(36), nullable=False),
    sa.Column("phase", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("tables", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Index("ix_audit_entries_at", "project_id", "at"),
    sa.Index("ix_audit_entries_operation", "project_id", "operation"),
)
"""`body` is what is hashed; the columns before it are copies to search by. Triggers refuse changes, and removal of
anything past the anchor. Project 0 is the home; no foreign key, so that a chain outlives its project."""

audit_heads = sa.Table(
    "audit_heads",
    metadata,
    sa.Column("project_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Column("anchor_seq", sa.BigInteger, nullable=False),
    sa.Column("anchor_hash", sa.String(64), nullable=False),
    sa.Column("signature", sa.Text, nullable=False),
)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("request", sa.String(64), nullable=False),
    sa.Column("claimed_at", UtcDateTime, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("answer", sa.Text),
    sa.Index("ix_idempotency_keys_claimed_at", "claimed_at"),
)
"""`id` is a hash of project, caller and key; `answer` is sealed, for it may show a key that is shown once."""
