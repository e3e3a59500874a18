"""A few cells of the fault matrix; `make faults` plays all of it, see docs/reliability.md."""

import pytest

from pwh_assets.core.source import SyncMode
from pwh_assets.demo.postgres import PrivatePostgres
from tests.e2e.streams import SETTINGS
from tests.faults.ledger import Server
from tests.faults.matrix import FAULTS
from tests.faults.scene import NoDiskError, play

SHORT = [
    ("kill -9 between chunks", SyncMode.INCREMENTAL),
    ("kill -9 after commit", SyncMode.APPEND),
    ("network cut", SyncMode.CDC),
    ("table rewritten mid-run", SyncMode.FULL),
]


@pytest.fixture(scope="module")
def server():
    with PrivatePostgres(settings=SETTINGS) as private:
        yield Server(private)


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "mode"), SHORT, ids=lambda word: str(word))
def test_after_a_fault_the_next_sync_makes_the_table_the_source(server, tmp_path, fault, mode):
    try:
        play(FAULTS[fault], mode, server, tmp_path)
    except NoDiskError as error:
        pytest.skip(str(error))
