"""Alembic's entry: runs the revisions on the connection and in the transaction it is handed."""

from alembic import context

from pwh_assets.store.models import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
context.run_migrations()
