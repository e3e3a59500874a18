"""Who may read what, personal data that was found, and people who asked to be forgotten."""

import sqlalchemy as sa

from pwh_assets.store.models.base import UtcDateTime, id_column, metadata, project_column

access_policies = sa.Table(
    "access_policies",
    metadata,
    id_column(),
    project_column(),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("rule", sa.JSON, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.UniqueConstraint("project_id", "name", name="uq_access_policies_name"),
)

pii_findings = sa.Table(
    "pii_findings",
    metadata,
    id_column(),
    project_column(),
    sa.Column("table_name", sa.Text, nullable=False),
    sa.Column("column_name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("mask", sa.Text, nullable=False),
    sa.Column("looked_at", sa.Integer, nullable=False),
    sa.Column("matched", sa.Integer, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("found_at", UtcDateTime, nullable=False),
    sa.Index("ix_pii_findings_project", "project_id"),
)
"""Columns that look like personal data, and what a person decided about them. No values."""

person_keys = sa.Table(
    "person_keys",
    metadata,
    sa.Column("project_id", sa.ForeignKey("projects.id"), primary_key=True),
    sa.Column("table_name", sa.String(400), primary_key=True),
    sa.Column("column_name", sa.Text, nullable=False),
    sa.Column("holds", sa.Text, nullable=False),
)
"""Which column of a synced table says whose row it is."""

deletion_requests = sa.Table(
    "deletion_requests",
    metadata,
    id_column(),
    project_column(),
    sa.Column("person", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("report", sa.JSON, nullable=False),
    sa.Column("requested_by", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
    sa.Column("latest_error", sa.Text),
    sa.Index("ix_deletion_requests_project", "project_id", "created_at"),
)
"""Who is to be forgotten is sealed in `person`, and goes when it is done."""

forgotten = sa.Table(
    "forgotten",
    metadata,
    sa.Column("project_id", sa.ForeignKey("projects.id"), primary_key=True),
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("since", UtcDateTime, nullable=False),
)
"""Keyed hashes of the ids and addresses of forgotten persons, so that rows that come back are known."""
