"""What every source behind a vendor's HTTP API promises, on its stand-in: what is new, faults, credentials, stopping."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pwh_assets.core.source import SyncMode
from pwh_assets.errors import SourceAccessError, SourceUnavailableError
from pwh_assets.platform import open_platform
from pwh_assets.services.sources.connecting import create_source
from pwh_assets.services.sync.table import sync_table
from pwh_assets.settings import Settings
from pwh_assets.sources.base import ReadRequest, secret_fields
from pwh_assets.sources.errors import CursorMissingError, CursorTypeError, TableMissingError
from pwh_assets.sources.http import limits
from pwh_assets.sources.network.egress import KEY as EGRESS
from pwh_assets.sources.network.egress import Egress, PrivateHostError
from tests.servers.rigs.apis import RIGS, moment
from tests.servers.source_rigs import rows_of, silent_peer


@pytest.fixture(params=RIGS)
def rig(request: pytest.FixtureRequest) -> Iterator[Any]:
    made = RIGS[request.param]()
    with made.server:
        made.begin()
        yield made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ATTEMPTS", 2)
    monkeypatch.setattr(limits, "IDLE_S", 1)


def wanted(rig: Any, mode: SyncMode, since: str | None = None, **more: Any) -> ReadRequest:
    cursor = None if mode is SyncMode.FULL else rig.cursor
    return ReadRequest(rig.table, mode, (), (rig.key,), cursor, since, **more)


def read(rig: Any, mode: SyncMode, since: str | None = None) -> tuple[list[int], str | None]:
    reading = rig.source.read(rig.config, wanted(rig, mode, since))
    rows = rows_of(reading)
    for row in rows:
        assert row[rig.name_of()] == f"row {number(row[rig.key])}"
    return sorted(number(row[rig.key]) for row in rows), reading.watermark()


def number(key: Any) -> int:
    return int("".join(letter for letter in str(key) if letter.isdecimal()))


def test_discovery_tells_types_key_and_cursor(rig: Any) -> None:
    rig.insert(1)
    table = next(table for table in rig.source.tables(rig.config) if table.name == rig.table)
    types = {column.name: column.type for column in table.columns}
    assert types[rig.name_of()] == "VARCHAR"
    assert types[rig.cursor].startswith("TIMESTAMP")
    assert (table.primary_key, table.cursors) == ((rig.key,), (rig.cursor,))
    assert {SyncMode.FULL, SyncMode.INCREMENTAL} <= set(table.modes)


def test_a_full_read_brings_all_pages_once(rig: Any) -> None:
    rig.insert(*range(1, 251))
    assert read(rig, SyncMode.FULL) == (list(range(1, 251)), None)


def test_a_second_read_brings_what_is_new_or_changed(rig: Any) -> None:
    rig.insert(1, 2, 3)
    ids, watermark = read(rig, SyncMode.INCREMENTAL)
    assert ids == [1, 2, 3]
    assert watermark
    rig.insert(4, 5)
    ids, later = read(rig, SyncMode.INCREMENTAL, watermark)
    assert set(ids) - {3} == {4, 5}
    assert later is not None
    assert later > watermark
    ids, again = read(rig, SyncMode.INCREMENTAL, later)
    assert set(ids) <= {5}
    assert again == later


def test_a_watermark_is_never_later_than_the_reading_began(rig: Any) -> None:
    rig.insert(1, 10_000_000)
    _, watermark = read(rig, SyncMode.INCREMENTAL)
    assert watermark is not None
    assert watermark[:10] <= time.strftime("%Y-%m-%d", time.gmtime())


def test_nothing_is_read_from_an_empty_table(rig: Any) -> None:
    assert read(rig, SyncMode.INCREMENTAL) == ([], None)


def test_what_is_gone_or_not_sortable_is_named(rig: Any) -> None:
    with pytest.raises(TableMissingError, match="no_such_table"):
        rig.source.read(rig.config, ReadRequest("no_such_table", SyncMode.FULL, (), ()))
    missing = ReadRequest(rig.table, SyncMode.INCREMENTAL, (), (rig.key,), "no_such_column")
    with pytest.raises((CursorTypeError, CursorMissingError), match="no_such_column"):
        rig.source.read(rig.config, missing)


def test_a_probe_changes_with_the_data_and_only_then(rig: Any) -> None:
    rig.insert(1)
    requests = [wanted(rig, SyncMode.INCREMENTAL)]
    before = rig.source.probe(rig.config, requests)
    assert before[rig.table]
    assert rig.source.probe(rig.config, requests) == before
    rig.insert(2)
    assert rig.source.probe(rig.config, requests) != before


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429, "headers": {"Retry-After": "0"}},
        {"status": 500},
        {"status": 503},
        {"is_truncated": True},
        {"text": "<html>Back soon</html>"},
    ],
    ids=str,
)
def test_a_fault_that_passes_is_waited_out(rig: Any, fault: dict[str, Any]) -> None:
    rig.insert(*range(1, 121))
    rig.server.fail(path=rig.path, **fault)
    assert read(rig, SyncMode.FULL)[0] == list(range(1, 121))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "fault", [{"status": 429}, {"status": 500}, {"is_truncated": True}, {"delay_s": 1.5}], ids=str
)
def test_a_fault_that_stays_is_worth_another_sync(rig: Any, fault: dict[str, Any]) -> None:
    rig.insert(1, 2)
    reading = rig.source.read(rig.config, wanted(rig, SyncMode.INCREMENTAL))
    rig.server.fail(path=rig.path, times=99, **fault)
    with pytest.raises(SourceUnavailableError) as caught:
        rows_of(reading)
    assert reading.watermark() is None
    assert rig.secret not in str(caught.value)


@pytest.mark.usefixtures("impatient")
def test_a_longer_wait_than_we_have_is_passed_on(rig: Any) -> None:
    rig.insert(1)
    reading = rig.source.read(rig.config, wanted(rig, SyncMode.FULL))
    rig.server.fail(429, path=rig.path, headers={"Retry-After": "3600"}, times=9)
    with pytest.raises(SourceUnavailableError) as caught:
        rows_of(reading)
    assert caught.value.retry_after_s == 3600


@pytest.mark.usefixtures("impatient")
def test_a_peer_that_never_answers_is_given_up(rig: Any) -> None:
    with silent_peer() as port:
        place = {**rig.config, "base_url": f"http://127.0.0.1:{port}"}
        with pytest.raises(SourceUnavailableError, match="too long"):
            rig.source.test_connection(place)


def test_wrong_credentials_are_refused_without_showing_them(rig: Any) -> None:
    rig.insert(1)
    for attempt in (
        lambda: rig.source.test_connection(rig.wrong),
        lambda: rig.source.tables(rig.wrong),
        lambda: rows_of(rig.source.read(rig.wrong, wanted(rig, SyncMode.FULL))),
    ):
        with pytest.raises(SourceAccessError) as caught:
            attempt()
        assert not caught.value.retryable
        for name in secret_fields(rig.source):
            if value := rig.wrong.get(name):
                assert str(value) not in str(caught.value)


def test_secrets_are_marked_and_a_validated_config_is_stable(rig: Any) -> None:
    hidden = secret_fields(rig.source)
    assert rig.secret in {rig.config[name] for name in hidden}
    assert rig.secret not in str({n: v for n, v in rig.config.items() if n not in hidden})
    assert rig.source.validate(rig.config) == rig.config


def test_a_private_address_is_not_connected_to(rig: Any) -> None:
    with pytest.raises(PrivateHostError):
        rig.source.test_connection({**rig.config, EGRESS: Egress(allow_private=False)})
    assert rig.server.calls == []


def test_a_reading_that_is_let_go_ends_its_threads(rig: Any) -> None:
    rig.insert(*range(1, 1_001))
    before = threading.active_count()
    rig.server.delay_s = 0.05
    batches = iter(rig.source.read(rig.config, wanted(rig, SyncMode.FULL)).batches)
    thread = threading.Thread(target=lambda: next(batches, None), daemon=True)
    thread.start()
    thread.join(30)
    batches.close()
    rig.server.delay_s = 0
    ends = time.monotonic() + 10
    while threading.active_count() > before + 4 and time.monotonic() < ends:
        time.sleep(0.1)
    calls = len(rig.server.calls)
    time.sleep(0.5)
    assert len(rig.server.calls) <= calls + 1


def test_a_whole_sync_moves_only_what_is_new(rig: Any, tmp_path: Path) -> None:
    env = {"PWH_HOME": str(tmp_path), "PWH_ALLOW_PRIVATE_HOSTS": "1"}
    platform = open_platform(Settings.from_env(env))
    try:
        rig.insert(1, 2, 3)
        schema = {"name": rig.table, "sync_type": "incremental", "incremental_field": rig.cursor}
        given = {name: value for name, value in rig.config.items() if value is not None}
        body = {"source_type": rig.source.name, "payload": {**given, "schemas": [schema]}}
        create_source(platform, 1, body)
        table = next(each for each in platform.store.tables(1) if each.name == rig.table)
        assert sync_table(platform, table).row_count == 3
        rig.insert(4)
        second = sync_table(platform, table)
        assert (second.rows_synced, second.row_count) == (1, 4)
        with platform.lakes.of(1).read() as connection:
            found = connection.execute(
                f'SELECT "{rig.name_of()}", epoch("{rig.cursor}")::BIGINT '
                f'FROM lake."{table.source.slug}"."{rig.table.lower()}" ORDER BY 1'
            ).fetchall()
        assert found == [(f"row {n}", int(moment(n).timestamp())) for n in (1, 2, 3, 4)]
    finally:
        platform.lakes.close()
        platform.store.close()
