"""New stores of tests: copies of one that was really migrated, where hundreds of homes are made for what is done in them."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pwh_assets.store.database import Database


@pytest.fixture(autouse=True, scope="session")
def new_stores_are_copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A new SQLite store of this process begins as the first one was when its migrations had run (a fifth of a CPU
    second each). Other processes, PostgreSQL and stores that exist migrate as ever, and so do the tests in
    `tests/unit/store`.
    """
    first = tmp_path_factory.mktemp("first-store") / "store.sqlite"
    migrate = Database.migrate

    def copy(database: Database) -> None:
        file = Path(database.place)
        if not first.exists():
            made = Database(f"sqlite:///{first}")
            migrate(made)
            made.close()
        part = file.with_name(f".{file.name}.{os.getpid()}")
        shutil.copyfile(first, part)
        with suppress(FileExistsError):
            os.link(part, file)
        part.unlink()

    def migrate_a_copy(database: Database) -> None:
        if (
            database.is_sqlite
            and database.place != ":memory:"
            and not Path(database.place).exists()
        ):
            copy(database)
        migrate(database)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "migrate", migrate_a_copy)
        yield
