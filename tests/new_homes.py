"""New homes of tests: store, lake and what dbt read of its macros are copies of the first home's, where hundreds of
homes are made for what is done in them."""

import os
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pwh_assets.lake import Lake, lake
from pwh_assets.services.models import runner
from pwh_assets.services.models.project import Generated
from pwh_assets.services.models.slices import Slice
from pwh_assets.settings import Settings
from pwh_assets.store.database import Database


@pytest.fixture(autouse=True, scope="session")
def new_homes_are_copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What this process makes first by all migrations and statements, it makes later by copying: a third of a CPU
    second less for each home, and one where a view is built. Other processes, PostgreSQL, object storage and whatever
    exists are as ever, and so are the tests in `tests/unit`.
    """
    folder = tmp_path_factory.mktemp("first-home")
    migrate, prepare, read_template = Database.migrate, lake._prepare, runner._base

    def migrate_a_copy(database: Database) -> None:
        file, first = Path(database.place), folder / "store.sqlite"
        if database.is_sqlite and str(file) != ":memory:" and not file.exists():
            if not first.exists():
                made = Database(f"sqlite:///{first}")
                migrate(made)
                made.close()
            _copy(first, file)
        migrate(database)

    def prepare_a_copy(new: Lake) -> None:
        file = new.address.catalog_file
        if file and new.address.is_local and not file.exists():
            one = Lake(Settings(home=folder), 1)
            first = one.address.catalog_file
            if not first.exists():
                prepare(one)
                one.close()
            file.parent.mkdir(parents=True, exist_ok=True)
            Path(new.address.data_path).mkdir(parents=True, exist_ok=True)
            _copy(first, file, lambda part: _make_its_own(part, new.address.data_path))
        prepare(new)

    def template_of(project: Generated, part: Slice) -> Path:
        name = f"template-{part.template_digest[:16]}.msgpack"
        file, first = project.folder / "target" / name, folder / name
        if first.exists() and not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            for old in file.parent.glob("template-*.msgpack"):
                old.unlink(missing_ok=True)
            _copy(first, file)
        made = read_template(project, part)
        if not first.exists():
            _copy(made, first)
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "_base", template_of)
        patch.setattr(Database, "migrate", migrate_a_copy)
        patch.setattr(lake, "_prepare", prepare_a_copy)
        yield


def _copy(first: Path, file: Path, change: Callable[[Path], None] = lambda part: None) -> None:
    """Whole at once, and not over what another thread put there meanwhile."""
    part = file.with_name(f".{file.name}.{uuid.uuid4()}")
    shutil.copyfile(first, part)
    change(part)
    with suppress(FileExistsError):
        os.link(part, file)
    part.unlink()


def _make_its_own(part: Path, data_path: str) -> None:
    """A lake is known by the ids of its schemas, begins now and has a folder of its own."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
    with closing(sqlite3.connect(part)) as catalog, catalog:
        catalog.create_function("new_id", 0, lambda: str(uuid.uuid4()))
        catalog.execute("UPDATE ducklake_schema SET schema_uuid = new_id()")
        catalog.execute("UPDATE ducklake_table SET table_uuid = new_id()")
        catalog.execute("UPDATE ducklake_snapshot SET snapshot_time = ?", [now])
        catalog.execute(
            "UPDATE ducklake_metadata SET value = ? WHERE key = 'data_path'", [data_path]
        )
