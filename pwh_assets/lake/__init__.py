"""The storage of record: one DuckLake per project.

Belongs here: attach, read-only sessions, writing under the lock, atomic publish, verify, maintenance.
Keep out: HogQL, sources, the store.
"""
