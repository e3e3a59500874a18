"""MySQL as others set it up: defaults of the server that end a read or cut it short, names with a percent sign."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pwh_assets.core.source import SyncMode
from pwh_assets.errors import SourceUnavailableError
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.errors import CursorChangedError
from pwh_assets.sources.mysql import ranges
from tests.servers.mariadb import PrivateMariaDB
from tests.servers.rigs.mysql import MySQLRig
from tests.servers.source_rigs import request, rows_of

SETTINGS = {
    "sql_select_limit": ("20", "DEFAULT"),
    "max_statement_time": ("0.3", "0"),
    "max_join_size": ("30", "DEFAULT"),
    "sql_mode": ("'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT'", "DEFAULT"),
    "time_zone": ("'+05:00'", "'+00:00'"),
}


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateMariaDB]:
    with PrivateMariaDB() as server:
        yield server


@pytest.fixture
def rig(server: PrivateMariaDB) -> MySQLRig:
    return MySQLRig(server)


def test_no_default_of_a_server_ends_a_read_or_leaves_rows_out(rig: MySQLRig) -> None:
    rig.run("INSERT INTO item SELECT seq, 'a\\\\b', '2024-03-01 12:00' FROM seq_1_to_60")
    rig.run("CREATE VIEW slow AS SELECT a.*, SLEEP(0.01) AS z FROM item a JOIN item b USING (id)")
    both = (request(rig, SyncMode.INCREMENTAL), ReadRequest("slow", SyncMode.FULL, (), ()))
    expected = [rows_of(rig.source.read(rig.config, one)) for one in both]
    assert [len(rows) for rows in expected] == [60, 60]
    for name, (value, _) in SETTINGS.items():
        rig.run(f"SET GLOBAL {name} = {value}")
    try:
        found = [rows_of(rig.source.read(rig.config, one)) for one in both]
        assert rig.source.count_rows(rig.config, both[0]) == 60
    finally:
        for name, (_, value) in SETTINGS.items():
            rig.run(f"SET GLOBAL {name} = {value}")
    assert found == expected


@pytest.mark.parametrize("mode", [SyncMode.INCREMENTAL, SyncMode.APPEND])
def test_names_with_a_percent_sign_are_synced_by_a_cursor_too(
    rig: MySQLRig, mode: SyncMode
) -> None:
    rig.run(
        "CREATE TABLE `100%s` (`id%` bigint PRIMARY KEY, `{0}` int, `up %d` timestamp NOT NULL DEFAULT '2024-03-01 12:00')"
    )
    rig.run("INSERT INTO `100%s` (`id%`, `{0}`) VALUES (1, 2)")
    wanted = ReadRequest("100%s", mode, (), ("id%",), "up %d")
    found = rig.source.read(rig.config, wanted)
    ((row),) = rows_of(found)
    assert (row["id%"], row["{0}"]) == (1, 2)
    assert found.watermark() == "2024-03-01 12:00:00"
    whole = rig.source.reconcile(rig.config, wanted, found.watermark())
    assert whole is not None and whole.rows == 1


def test_a_cursor_that_is_of_another_kind_now_is_told_and_not_compared(rig: MySQLRig) -> None:
    """MySQL takes the time for the number 2024, and finds nothing past it."""
    rig.insert(1)
    rig.run("ALTER TABLE item DROP updated_at, ADD updated_at bigint NOT NULL DEFAULT 7")
    with pytest.raises(CursorChangedError, match="is BIGINT now"):
        rig.source.read(rig.config, request(rig, SyncMode.INCREMENTAL, "2024-03-01 12:00:00"))
    rig.run(
        "ALTER TABLE item DROP updated_at, ADD updated_at datetime NOT NULL DEFAULT '2024-03-01'"
    )
    with pytest.raises(CursorChangedError):
        rig.source.read(rig.config, request(rig, SyncMode.APPEND, "7"))


def test_a_table_made_anew_between_snapshot_and_first_row_is_worth_another_try(
    rig: MySQLRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "CHUNK_ROWS", 300)
    rig.run("INSERT INTO item SELECT seq, 'x', '2024-01-01' FROM seq_1_to_2000")
    rig.run("ANALYZE TABLE item")
    chunks = rig.source.read(rig.config, request(rig, SyncMode.FULL)).chunks
    assert isinstance(chunks, ranges.KeyRanges)
    chunks._open_in_one_state()
    rig.run("ALTER TABLE item MODIFY name text, ALGORITHM = COPY")
    with pytest.raises(SourceUnavailableError, match="changed the table before it was read"):
        chunks.write(chunks.names[0], tmp_path)
    chunks.close()
