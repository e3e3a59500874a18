"""The private PostgreSQL: kept data, unreachable programs and folders, and no orphan when its owner is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from pwh_assets.demo import postgres
from pwh_assets.demo.postgres import PostgresUnavailableError, PrivatePostgres


def test_a_kept_cluster_starts_again_with_its_data_and_password() -> None:
    with PrivatePostgres() as server:
        with psycopg.connect(server.dsn) as connection:
            connection.execute("CREATE TABLE t AS SELECT 7 AS x")
        server.stop(keep=True)
        server.start()
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT x FROM t").fetchone() == (7,)
            assert connection.execute("SHOW wal_level").fetchone() == ("logical",)


def test_a_wrong_password_is_refused() -> None:
    with PrivatePostgres() as server, pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(server.dsn.replace(server.password, "wrong"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another user")
def test_folders_that_only_root_may_enter_are_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    installed = postgres._programs()
    real = postgres._can_enter
    monkeypatch.setattr(
        postgres, "_can_enter", lambda folder, who: folder != installed and real(folder, who)
    )
    with PrivatePostgres() as server, psycopg.connect(server.dsn) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(PostgresUnavailableError, match="cannot enter"):
        PrivatePostgres(data=tmp_path / "x" / "y").start()


def test_no_server_and_no_folder_outlive_a_killed_owner() -> None:
    code = (
        "import time; from pwh_assets.demo.postgres import PrivatePostgres; s = PrivatePostgres().start(); "
        "print(s.pid, s._root, flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid, root = owner.stdout.readline().split()
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    give_up_at = time.monotonic() + 20
    while Path(root).exists() and time.monotonic() < give_up_at:
        time.sleep(0.1)
    assert not Path(root).exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)
