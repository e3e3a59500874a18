"""What we remember: projects, sources, tables, saved queries, jobs, usage, encrypted credentials.

Belongs here: SQLAlchemy tables, repositories and migrations.
Keep out: decisions, Dagster, the lake's rows.
"""

from pwh_assets.store.rows import NewTable
from pwh_assets.store.secrets import SecretBox
from pwh_assets.store.store import Store

__all__ = ["NewTable", "SecretBox", "Store"]
