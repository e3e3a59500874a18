"""Making, migrating and sharing the store's database."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import pwh_assets.store as package
from pwh_assets.store import NewTable, Store
from pwh_assets.store.database import Database, StoreTooNewError, StoreUnavailableError
from pwh_assets.store.migrations import HEAD
from pwh_assets.store.models import metadata
from pwh_assets.store.names import NameClashError

MIGRATIONS = Path(package.__file__).parent / "migrations"


def test_the_migrations_make_the_tables_the_code_knows(url: str) -> None:
    database = Database(url)
    database.migrate()
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    database.close()


def test_head_is_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_the_first_revision_can_be_taken_back(url: str) -> None:
    from alembic import command

    database = Database(url)
    database.migrate()
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with database.read() as connection:
        assert set(sa.inspect(connection).get_table_names()) <= {"alembic_version"}
    database.migrate()
    database.close()


def test_opening_again_changes_nothing(store: Store, url: str) -> None:
    store.save_view(1, "v", "SELECT 1", [], [])
    again = Store.open(url)
    assert [view.name for view in again.views()] == ["v"]
    again.close()


def test_a_store_of_a_later_release_is_refused(url: str) -> None:
    Store.open(url).close()
    database = Database(url)
    with database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(StoreTooNewError, match="`9999`"):
        Store.open(url)


def test_an_unreachable_database_is_one_sentence_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError) as refused:
        Store.open("postgresql://me:planted-pw@127.0.0.1:1/db")
    assert "127.0.0.1:1/db" in str(refused.value)
    assert "planted" not in str(refused.value)
    assert refused.value.__cause__ is None and refused.value.__suppress_context__
    (tmp_path / "junk.sqlite").write_bytes(b"this is no database at all, is it" * 99)
    with pytest.raises(StoreUnavailableError, match="not a database"):
        Store.open(f"sqlite:///{tmp_path / 'junk.sqlite'}")


def test_a_wrong_password_is_one_sentence(postgres: object) -> None:
    url: str = postgres.url  # type: ignore[attr-defined]
    scheme, rest = url.split("://", 1)
    wrong = f"{scheme}://{rest.split(':', 1)[0]}:planted-pw@{rest.split('@', 1)[1]}"
    with pytest.raises(StoreUnavailableError, match="password authentication failed") as refused:
        Store.open(wrong)
    assert "planted" not in str(refused.value)


WRITING = """
import sys
from pwh_assets.store import NewTable, Store
store = Store.open(sys.argv[1])
store.ensure_project(1)
me = sys.argv[2]
source = store.add_source(1, "files", f"w{me}_", "", {}, {}, [NewTable(f"t{i}") for i in range(3)])
for i in range(25):
    job = store.start_job(1, "sync", source.id, f"{me}-{i}")
    store.add_usage(1, "shared", "sync", 1, 0)
    store.record_check(1, "shared", "same", i % 2 == 0, "error", {"by": me})
    store.save_view(1, "shared", f"SELECT {me}{i}", [], [])
    store.finish_job(job.id, "Completed", rows=i)
store.close()
"""


def test_processes_write_at_once_and_nothing_is_lost(url: str) -> None:
    """They also race for making the database."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITING, url, str(number)], stderr=subprocess.PIPE, text=True
        )
        for number in range(4)
    ]
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors
    store = Store.open(url)
    jobs = store.jobs(1, limit=1000)
    assert len(jobs) == 100 and {job.status for job in jobs} == {"Completed"}
    assert len(store.sources(1)) == 4 and len(store.tables(1)) == 12
    view = store.view(1, "shared")
    versions = store.view_versions(view.id)
    assert [v.version for v in versions] == list(range(1, view.version + 1))
    assert versions[-1].sql == view.sql
    with store._db.read() as connection:
        assert connection.execute(sa.text("SELECT sum(rows) FROM usage")).scalar() == 100
    store.close()


def test_threads_share_a_store(store: Store) -> None:
    def work(number: int) -> str:
        source = store.add_source(1, "files", f"p{number}_", "", {}, {"k": "v"}, [NewTable("t")])
        for _ in range(5):
            store.tables(1)
            store.update_table(store.tables(source_id=source.id)[0].id, row_count=number)
        return source.id

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(work, range(16)))
    assert len(set(ids)) == 16
    assert sorted(t.row_count or 0 for t in store.tables(1)) == list(range(16))


def test_two_that_want_one_name_at_once_do_not_both_get_it(store: Store) -> None:
    def take(number: int) -> bool:
        try:
            if number % 2:
                store.save_view(1, "a_t", "SELECT 1", [], [])
            else:
                store.add_source(1, f"kind{number}", "a", "", {}, {}, [NewTable("t")])
        except NameClashError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(take, range(8)))
    views, sources = len(store.views(1)), len(store.sources(1))
    assert (views, sources) in ((1, 0), (0, 1)), (won, views, sources)


def test_a_damaged_file_is_found(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite"
    store = Store.open(f"sqlite:///{file}")
    store.ensure_project(1)
    assert store.problems() == []
    with store._db.write() as connection:
        connection.execute(sa.text("PRAGMA defer_foreign_keys=ON"))
    store.close()
    import sqlite3

    with sqlite3.connect(file) as raw:
        raw.execute(
            "INSERT INTO jobs (id, project_id, kind, subject_id, name, status, rows, bytes, created_at, finished_at, "
            "error, error_code, run_id, process) VALUES ('j', 77, 'sync', 's', 'n', 'Running', 0, 0, '', NULL, NULL, NULL, NULL, '')"
        )
    raw.close()
    again = Store.open(f"sqlite:///{file}")
    assert any("refers to nothing" in problem for problem in again.problems())
    again.close()
