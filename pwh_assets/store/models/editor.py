"""Folders of saved queries, drafts, annotations of columns, open tabs."""

import sqlalchemy as sa

from pwh_assets.store.models.base import UtcDateTime, id_column, metadata, project_column

view_folders = sa.Table(
    "view_folders",
    metadata,
    id_column(),
    project_column(),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("project_id", "name", name="uq_view_folders_name"),
)
"""A row for every name in `saved_queries.folder`, and for folders that are empty."""

view_drafts = sa.Table(
    "view_drafts",
    metadata,
    id_column(),
    project_column(),
    sa.Column("author", sa.String(400), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("query", sa.Text, nullable=False),
    sa.Column("view_id", sa.String(36)),
    sa.Column("edited_version", sa.Integer),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Index("ix_view_drafts_author", "project_id", "author"),
)

annotations = sa.Table(
    "annotations",
    metadata,
    id_column(),
    project_column(),
    sa.Column("subject_id", sa.String(400), nullable=False),
    sa.Column("column_name", sa.String(400), nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("project_id", "subject_id", "column_name", name="uq_annotations_subject"),
)

tab_states = sa.Table(
    "tab_states",
    metadata,
    id_column(),
    project_column(),
    sa.Column("author", sa.String(400), nullable=False),
    sa.Column("state", sa.JSON, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Index("ix_tab_states_author", "project_id", "author"),
)
