"""Extensions of DuckDB: whose signature is checked when."""

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from pwh_assets import duckdb_extensions


@pytest.fixture
def nothing_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdb_extensions, "_verified", {})
    monkeypatch.setattr(duckdb_extensions, "_kept_in", None)


@pytest.mark.usefixtures("nothing_verified")
def test_a_file_is_verified_once_for_all_processes_of_a_home_and_again_when_it_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "sqlite_scanner.duckdb_extension"
    shutil.copy(duckdb_extensions.path("sqlite"), file)
    monkeypatch.setattr(duckdb_extensions, "path", lambda name: file)
    opened = []
    connect = duckdb.connect
    monkeypatch.setattr(duckdb, "connect", lambda *a, **k: opened.append(k) or connect(*a, **k))

    duckdb_extensions.remember_in(tmp_path)
    duckdb_extensions.connect("sqlite").close()
    assert len(opened) == 2  # to verify, and to use
    monkeypatch.setattr(duckdb_extensions, "_verified", {})
    monkeypatch.setattr(duckdb_extensions, "_kept_in", None)
    duckdb_extensions.remember_in(tmp_path)  # as the next process does
    duckdb_extensions.connect("sqlite").close()
    assert len(opened) == 3

    with file.open("r+b") as damaged:
        damaged.seek(1_000_000)
        damaged.write(b"not what was signed")
    with pytest.raises(duckdb.IOException, match="signature"):
        duckdb_extensions.connect("sqlite")


@pytest.mark.usefixtures("nothing_verified")
@pytest.mark.parametrize("kept", ["", "{", "[1]", json.dumps({"/a": 3})])
def test_a_damaged_memory_of_verified_files_only_costs_time(tmp_path: Path, kept: str) -> None:
    (tmp_path / "verified_extensions.json").write_text(kept)
    duckdb_extensions.remember_in(tmp_path)
    duckdb_extensions.connect("sqlite").close()
