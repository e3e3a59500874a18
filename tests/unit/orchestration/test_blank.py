import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import dagster as dg

from pwh_assets.orchestration import blank
from pwh_assets.orchestration.storage import PooledSqliteStorage

NAMES = ["history/event_log.db", "history/runs.db", "schedules/schedules.db"]


def made(folder):
    PooledSqliteStorage(str(folder)).dispose()
    return [_content(folder / name) for name in NAMES]


def test_a_new_home_has_the_databases_that_dagster_makes(tmp_path, monkeypatch):
    ours = made(tmp_path / "ours")
    monkeypatch.setattr(blank, "DAGSTER", "0.0.0")
    assert ours == made(tmp_path / "dagsters")


def test_they_are_of_the_release_that_is_installed():
    assert dg.__version__ == blank.DAGSTER, "see what its own code makes now, and write that"


def test_databases_that_are_there_are_left_to_dagster(tmp_path):
    made(tmp_path)
    (tmp_path / "schedules" / "schedules.db").unlink()
    with closing(sqlite3.connect(tmp_path / "history" / "runs.db")) as connection, connection:
        connection.execute("INSERT INTO kvs (\"key\", value) VALUES ('a', 'b')")
    assert ("a", "b") in {row[1:] for row in made(tmp_path)[1]["kvs"]}


def test_one_that_is_made_by_many_at_once_is_made_once(tmp_path):
    path = tmp_path / "runs.db"

    def inode(_):
        blank.make(path)
        return path.stat().st_ino

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(inode, range(8)))) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["runs.db"]


def _content(path):
    """Tables and indexes as they were declared, and their rows without times and keys."""
    with closing(sqlite3.connect(path)) as connection:
        declared = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
        ).fetchall()
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall()
        rows = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for (name,) in tables}
        mode = connection.execute("PRAGMA journal_mode").fetchone()
    rows["secondary_indexes"] = [
        (key, name, created is not None, len(completed))
        for key, name, created, completed in rows["secondary_indexes"]
    ]
    return {
        **rows,
        "journal": mode,
        "declared": sorted((name, re.sub(r"\s", "", sql)) for name, sql in declared),
    }
