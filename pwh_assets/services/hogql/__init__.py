"""HogQL in a project: what names mean there, asking, and what an editor wants to know.

Belongs here: the catalog of a project, joins people make, answers in this process.
Keep out: the language (`pwh_assets.hogql`), workers, turns and the cache (`queries`).
"""
