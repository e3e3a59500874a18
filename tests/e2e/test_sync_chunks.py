"""A table read in chunks: one state of it, also when the run dies in between and another one goes on."""

import json
import os
import signal
import subprocess
import sys
import time

import psycopg
import pytest

from pwh_assets.core.source import SyncMode
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.errors import SourceError, SourceUnavailableError
from pwh_assets.services.sync.table import HomeStorageError, sync_table
from pwh_assets.sources.postgres import dividing
from pwh_assets.sources.postgres.chunks import TableChunks
from tests.e2e.bank import Bank

SIZE = 30_000
CHUNK = 300_000
"""Of `accounts`, a table of about two megabytes."""


@pytest.fixture(scope="module")
def server():
    with PrivatePostgres() as running:
        yield running


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(dividing, "CHUNK_BYTES", CHUNK)


@pytest.fixture
def reads(monkeypatch):
    """The names of the chunks that are read, in order; `stop_after` of them the run dies."""

    class Reads(list):
        stop_after = None

    seen = Reads()
    write = TableChunks.write

    def noted(self, name, folder):
        if seen.stop_after is not None and len(seen) >= seen.stop_after:
            raise MemoryError("as if it died here")
        seen.append(name)
        return write(self, name, folder)

    monkeypatch.setattr(TableChunks, "write", noted)
    monkeypatch.setattr("pwh_assets.sources.postgres.chunks.parallel_reads", lambda: 1)
    return seen


def bank_of(server, tmp_path, mode):
    return Bank(server, tmp_path / "home", SIZE, mode)


@pytest.fixture(params=[SyncMode.INCREMENTAL, SyncMode.FULL, SyncMode.APPEND])
def mode(request):
    return request.param


def checkpoint(bank):
    lines = (
        (bank.platform.settings.home / "pipelines" / bank.table.id / "chunks.jsonl")
        .read_text()
        .splitlines()
    )
    return json.loads(lines[0])["plan"], [json.loads(line)["chunk"] for line in lines[1:]]


def test_all_chunks_show_one_state_while_rows_change(server, tmp_path, small_chunks):
    for mode in (SyncMode.INCREMENTAL, SyncMode.FULL):
        bank = bank_of(server, tmp_path / mode, mode)
        try:
            result = sync_table(bank.platform, bank.table)
            rows = bank.in_lake()
            assert result.rows_synced == len(rows) >= SIZE
            assert sum(row[1] for row in rows) == 0
            assert len({row[0] for row in rows}) == len(rows)
            with bank.lake.read() as connection:
                files = connection.execute(
                    "SELECT count(*) FROM ducklake_list_files('lake', 'accounts', schema => 'postgres')"
                ).fetchone()[0]
            assert files >= 4
            assert bank.lake.verify() == []
        finally:
            bank.close()


def test_a_run_goes_on_at_the_last_chunk_of_the_dead_one(server, tmp_path, small_chunks, reads):
    bank = bank_of(server, tmp_path, SyncMode.INCREMENTAL)
    try:
        reads.stop_after = 3
        with pytest.raises(SourceError, match="as if it died"):
            sync_table(bank.platform, bank.table)
        plan, done = checkpoint(bank)
        assert done == list(reads) and plan["by"] == "column" and plan["column"] == "id"
        count = len(plan["ends"]) + 1
        time.sleep(0.2)  # the teller goes on
        reads.clear()
        reads.stop_after = 2
        with pytest.raises(SourceError, match="as if it died"):
            sync_table(bank.platform, bank.table)
        assert checkpoint(bank)[0] == plan
        reads.clear()
        reads.stop_after = None
        bank.pause()
        result = sync_table(bank.platform, bank.table)
        assert [name for name in reads if not name.startswith("again")] == [
            f"column-{i}" for i in range(5, count)
        ]
        assert [name for name in reads if name.startswith("again")] == ["again-5"]
        assert result.cursor_after == plan["bound"]
        assert bank.in_lake() == bank.at_source()
        assert bank.lake.verify() == []
        bank.go_on()
        time.sleep(0.1)
        bank.pause()
        sync_table(bank.platform, bank.table)
        assert bank.in_lake() == bank.at_source()
    finally:
        bank.close()


def test_a_resumed_append_doubles_nothing_and_takes_what_came_since(
    server, tmp_path, small_chunks, reads
):
    bank = bank_of(server, tmp_path, SyncMode.APPEND)
    try:
        bank.pause()
        reads.stop_after = 3
        with pytest.raises(SourceError, match="as if it died"):
            sync_table(bank.platform, bank.table)
        plan, done = checkpoint(bank)
        with psycopg.connect(server.dsn) as connection:
            connection.execute(
                "INSERT INTO accounts (id, balance, note, updated_at) "
                "SELECT 1000000 + i, 0, 'since', clock_timestamp() FROM generate_series(1, 50) i"
            )
        time.sleep(0.5)  # until they are settled
        reads.clear()
        reads.stop_after = None
        result = sync_table(bank.platform, bank.table)
        assert result.was_recovered and result.is_full
        assert not set(done) & set(reads[: len(plan["ends"]) + 1 - len(done)])
        assert result.cursor_after > plan["bound"]
        assert bank.in_lake() == bank.at_source()
        assert result.rows_synced == len(bank.at_source())
    finally:
        bank.close()


def test_a_full_copy_begins_anew(server, tmp_path, small_chunks, reads):
    bank = bank_of(server, tmp_path, SyncMode.FULL)
    try:
        reads.stop_after = 3
        with pytest.raises(SourceError, match="as if it died"):
            sync_table(bank.platform, bank.table)
        plan, done = checkpoint(bank)
        assert plan["by"] == "pages" and len(done) == 3
        reads.clear()
        reads.stop_after = None
        bank.pause()
        sync_table(bank.platform, bank.table)
        assert set(done) <= set(reads)
        assert bank.in_lake() == bank.at_source()
    finally:
        bank.close()


def test_a_full_sync_of_an_incremental_table_begins_anew(server, tmp_path, small_chunks, reads):
    bank = bank_of(server, tmp_path, SyncMode.INCREMENTAL)
    try:
        reads.stop_after = 3
        with pytest.raises(SourceError, match="as if it died"):
            sync_table(bank.platform, bank.table)
        reads.clear()
        reads.stop_after = None
        bank.pause()
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute("DELETE FROM accounts WHERE id IN (1, 2)")
        sync_table(bank.platform, bank.table, full=True)
        assert "column-0" in reads
        assert bank.in_lake() == bank.at_source()
    finally:
        bank.close()


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE accounts ADD COLUMN more text DEFAULT 'x'",
        "ALTER TABLE accounts RENAME TO old; CREATE TABLE accounts AS SELECT * FROM old; "
        "ALTER TABLE accounts ADD PRIMARY KEY (id); DROP TABLE old",
    ],
)
def test_chunks_of_another_table_are_thrown_away(server, tmp_path, small_chunks, reads, change):
    bank = bank_of(server, tmp_path, SyncMode.INCREMENTAL)
    try:
        reads.stop_after = 3
        with pytest.raises(SourceError, match="as if it died"):
            sync_table(bank.platform, bank.table)
        bank.pause()
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute(change)
        reads.clear()
        reads.stop_after = None
        sync_table(bank.platform, bank.table)
        assert not any(name.startswith("again") for name in reads)
        assert bank.in_lake() == bank.at_source()
    finally:
        bank.close()


def test_half_a_line_of_the_log_is_a_chunk_to_read_again(server, tmp_path, small_chunks, reads):
    bank = bank_of(server, tmp_path, SyncMode.INCREMENTAL)
    try:
        reads.stop_after = 3
        with pytest.raises(SourceError, match="as if it died"):
            sync_table(bank.platform, bank.table)
        log = bank.platform.settings.home / "pipelines" / bank.table.id / "chunks.jsonl"
        log.write_bytes(log.read_bytes()[:-20])
        last = reads[-1]
        reads.clear()
        reads.stop_after = None
        bank.pause()
        sync_table(bank.platform, bank.table)
        assert reads[0] == last
        assert bank.in_lake() == bank.at_source()
    finally:
        bank.close()


def test_connections_cut_in_the_middle_are_told_and_the_next_run_goes_on(
    server, tmp_path, small_chunks, monkeypatch
):
    bank = bank_of(server, tmp_path, SyncMode.INCREMENTAL)
    write, seen = TableChunks.write, []

    def cutting(self, name, folder):
        found = write(self, name, folder)
        seen.append(name)
        if len(seen) == 3:
            with psycopg.connect(server.dsn, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pwh'"
                )
        return found

    try:
        monkeypatch.setattr(TableChunks, "write", cutting)
        with pytest.raises(SourceUnavailableError):
            sync_table(bank.platform, bank.table)
        monkeypatch.setattr(TableChunks, "write", write)
        assert len(checkpoint(bank)[1]) >= 3
        bank.pause()
        sync_table(bank.platform, bank.table)
        assert bank.in_lake() == bank.at_source()
    finally:
        bank.close()


def test_few_connections_are_enough(server, tmp_path, small_chunks):
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS single")
        connection.execute("CREATE ROLE single LOGIN PASSWORD 'x' CONNECTION LIMIT 1")
    bank = bank_of(server, tmp_path, SyncMode.FULL)
    try:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute("GRANT SELECT ON accounts TO single")
        source = bank.platform.sources["postgres"]
        config = source.validate(
            {**server.config, "schema": "public", "user": "single", "password": "x"}
        )
        config.pop("password")
        bank.platform.store.update_source(bank.source.id, config=config, secrets={"password": "x"})
        result = sync_table(bank.platform, bank.table)
        rows = bank.in_lake()
        assert result.rows_synced == len(rows) and sum(row[1] for row in rows) == 0
    finally:
        bank.close()


def test_a_disk_that_fills_up_between_chunks_is_said_and_the_next_run_goes_on(
    server, tmp_path, small_chunks, reads
):
    import resource

    bank = bank_of(server, tmp_path, SyncMode.INCREMENTAL)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    write = TableChunks.write
    try:

        def filling(self, name, folder):
            if len(reads) == 2:
                resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, before[1]))
            try:
                return write(self, name, folder)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)

        TableChunks.write = filling
        with pytest.raises(HomeStorageError, match="could not be written to `PWH_HOME`"):
            sync_table(bank.platform, bank.table)
        TableChunks.write = write
        done = checkpoint(bank)[1]
        assert len(done) == 2
        reads.clear()
        bank.pause()
        sync_table(bank.platform, bank.table)
        assert not set(done) & set(reads)
        assert bank.in_lake() == bank.at_source()
    finally:
        TableChunks.write = write
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
        bank.close()


def test_sigterm_leaves_chunks_to_go_on_with(server, tmp_path, small_chunks, reads):
    bank = bank_of(server, tmp_path, SyncMode.INCREMENTAL)
    code = (
        "import sys, time; from pwh_assets.sources.postgres import dividing; "
        f"dividing.CHUNK_BYTES = {CHUNK}; "
        "from pwh_assets.sources.postgres.chunks import TableChunks; write = TableChunks.write\n"
        "def slow(self, name, folder):\n    time.sleep(0.3); return write(self, name, folder)\n"
        "TableChunks.write = slow\n"
        "from pwh_assets.cli import main; sys.argv[0] = 'pwh'; sys.exit(main())"
    )
    home = bank.platform.settings.home
    env = {**os.environ, "PWH_HOME": str(home), "PWH_ALLOW_PRIVATE_HOSTS": "1"}
    log = home / "pipelines" / bank.table.id / "chunks.jsonl"
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", code, "sync"], env=env, stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while not log.exists() or len(log.read_text().splitlines()) < 3:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.05)
        process.terminate()
        process.wait(30)
        assert process.returncode != 0
        plan, done = checkpoint(bank)
        assert 2 <= len(done) < len(plan["ends"]) + 1
        bank.pause()
        sync_table(bank.platform, bank.table)
        assert not set(done) & set(reads) and reads[-1].startswith("again")
        assert bank.in_lake() == bank.at_source()
    finally:
        bank.close()
