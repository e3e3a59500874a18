"""Managed sets of views, a file each, exporting `VIEWS`.

Belongs here: HogQL texts and their documentation.
Keep out: running them.
"""
