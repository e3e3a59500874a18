"""From a parsed text to the logical tree: every name known, every type known, no sugar left.

Belongs here: scopes, alias rules, chains, lazy joins, views, stars, set operations, and the tree itself (`nodes`).
Keep out: what an engine can or cannot say (`lower/`), what a function means (`functions/`), anything that opens something.
"""
