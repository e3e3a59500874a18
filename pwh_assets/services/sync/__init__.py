"""Syncing one table by reading it: extract without a lock, publish in one transaction, look at what came of it.

Belongs here: the steps of a sync, and what is found out beside the rows: drift, deletes, contracts, limits.
Keep out: streams of changes (`changes`), reading a vendor (`pwh_assets.sources`), writing rows (`pwh_assets.lake`).
"""
