"""Query engines: each takes a compiled plan and returns rows.

Belongs here: a file per engine exporting `ENGINE`, with its driver imported inside; `base.py` holds the seam.
Keep out: HogQL, the store, anything that decides what a query means.
"""
