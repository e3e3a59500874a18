"""The store on both databases it runs on."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.settings import Settings
from pwh_assets.store import SecretBox, Store


@pytest.fixture(scope="session")
def postgres() -> Iterator[PrivatePostgres]:
    with PrivatePostgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.sqlite'}"
    server: PrivatePostgres = request.getfixturevalue("postgres")
    name = f"store_{uuid.uuid4().hex}"
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.url.rsplit("/", 1)[0] + f"/{name}"


@pytest.fixture
def box(tmp_path: Path) -> SecretBox:
    return SecretBox.from_settings(Settings(home=tmp_path))


@pytest.fixture
def store(url: str, box: SecretBox) -> Iterator[Store]:
    opened = Store.open(url, box)
    opened.ensure_project(1)
    opened.ensure_project(2, "Other")
    yield opened
    opened.close()
