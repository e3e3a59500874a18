"""The kinds of checks, a file each.

Belongs here: modules that export KIND; the registry finds them by being here.
Keep out: anything two kinds share; it lives one level up.
"""
