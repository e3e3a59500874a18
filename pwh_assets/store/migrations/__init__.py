"""Revisions of the store, applied by `Database.migrate` when a store is opened.

Belongs here: one file per revision under `versions/`, never edited once released.
Keep out: reading the tables' current definition; a revision spells out what it changes.
"""

HEAD = "0016"
"""The newest revision. Kept here so that opening an up-to-date store need not load Alembic."""
