"""The storage of record: one DuckLake per project.

Belongs here: attach, read-only sessions, writing under the lock, atomic publish, verify, maintenance.
Keep out: HogQL, sources, the store.
"""

from pwh_assets.lake.catalog import LakeTable
from pwh_assets.lake.lake import Lake, Lakes
from pwh_assets.lake.publish import Publish, Published
from pwh_assets.lake.state import SyncState

__all__ = ["Lake", "LakeTable", "Lakes", "Publish", "Published", "SyncState"]
