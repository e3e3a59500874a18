"""The services from a terminal: `pwh`.

Belongs here: arguments, printing, exit statuses; a file per noun, each with one `register`.
Keep out: decisions, SQL, and heavy imports at module level: a command loads what it runs.
"""

from pwh_assets.cli.main import main

__all__ = ["main"]
