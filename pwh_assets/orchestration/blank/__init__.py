"""Dagster's SQLite databases as they are when new: a new home need not load all of Dagster's migrations to have them.

Belongs here: what Dagster itself leaves in a new database, one file of SQL for each.
Keep out: changes of ours to that, and databases that are there already.
"""

import os
import sqlite3
import uuid
from contextlib import closing
from importlib.resources import files
from pathlib import Path

DAGSTER = "1.13.27"
"""The release these are of; another one makes its databases itself."""


def make(path: Path) -> None:
    """Make the database of this name, whole or not at all; one that somebody else made meanwhile stays."""
    statements = files(__name__).joinpath(f"{path.stem}.sql").read_text("utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with closing(sqlite3.connect(fresh)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(f"BEGIN; {statements} COMMIT;")
        os.link(fresh, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
