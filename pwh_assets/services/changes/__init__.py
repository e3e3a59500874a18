"""Syncing the tables of a source by its stream of changes: one stream, many tables, one position.

Belongs here: runs and passes over a stream, its care, and what is known of the tables in it.
Keep out: reading a vendor's log (`pwh_assets.sources`), syncing by reading tables (`sync`).
"""
