"""Change capture from a real MariaDB: after every sync the lake holds what a reading of the table gives."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pwh_assets.core.options import Mask, MaskKind, TableOptions
from pwh_assets.core.source import SyncMode
from pwh_assets.errors import PwhError, SourceUnavailableError
from pwh_assets.platform import open_platform
from pwh_assets.services.changes.care import repair_stream
from pwh_assets.services.changes.stream import sync_changes
from pwh_assets.settings import Settings
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.changes import StreamSpec, StreamTable
from pwh_assets.sources.collecting import StagingCollector
from pwh_assets.sources.errors import StreamLostError, StreamNotReadyError
from pwh_assets.store import NewTable
from tests.faults.proxy import Proxy
from tests.servers.mariadb import PrivateMariaDB
from tests.servers.rigs.mysql import MySQLRig
from tests.servers.source_rigs import rows_of

EVERY_TYPE = """
CREATE TABLE every (id bigint PRIMARY KEY, i1 tinyint, u1 tinyint unsigned, i2 smallint, u2 smallint unsigned,
  i3 mediumint, u3 mediumint unsigned, i4 int, u4 int unsigned, i8 bigint, u8 bigint unsigned, d decimal(12,2),
  dw decimal(65,30), dx decimal(38,10), f float, g double, b1 bit(1), b9 bit(9), b64 bit(64), y year, dt date,
  ts timestamp NULL, ts3 timestamp(3) NULL, ts6 timestamp(6) NULL, da datetime, da1 datetime(1), da6 datetime(6),
  t time, t2 time(2), t6 time(6), c char(5), v varchar(300), v1 varchar(20) character set latin1, tt tinytext,
  tx text, mt mediumtext, e enum('a','b c','it''s'), s set('x','y z','w'), bi binary(6), vb varbinary(10), bl blob,
  lb longblob, j json, gen int AS (i4 + 1) STORED, virt int AS (i4 + 2) VIRTUAL, p point)
"""
COLUMNS = (
    "id, i1, u1, i2, u2, i3, u3, i4, u4, i8, u8, d, dw, dx, f, g, b1, b9, b64, y, dt, ts, ts3, ts6, da, da1, da6, "
    "t, t2, t6, c, v, v1, tt, tx, mt, e, s, bi, vb, bl, lb, j, p"
)
VALUES = (
    "1, -128, 255, -32768, 65535, -8388608, 16777215, -2147483648, 4294967295, -9223372036854775808, "
    "18446744073709551615, -1234567890.12, 12.5, -0.0000000001, 16777217, 0.1, b'1', b'100000001', "
    "18446744073709551615, 1901, '9999-12-31', '2038-01-19 03:14:07', '2024-02-29 23:59:59.999', "
    "'1970-01-01 00:00:01.000001', '1000-01-01', '2024-01-01 00:00:00.9', '2024-01-01 00:00:00.123456', '23:59:59', "
    "'00:00:00.01', '00:00:00.000001', 'ab', repeat('ü🎈', 60), 'äöü€', 'x', 'multi\\nline', repeat('m', 70000), "
    "'it''s', 'x,w', x'0001', x'ff00', x'00', repeat(x'fe', 300), '{\"a\": [1, null]}', ST_GeomFromText('POINT(1 2)')",
    "2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -0.000000000000000001, 0, -0.5, -1e308, b'0', 0, 0, 0, '0001-01-01', 0, 0, 0, "
    "'9999-12-31 23:59:59', '2024-01-01', '0001-01-01', '00:00:00', 0, 0, '', '', '', '', '', '', 'a', '', x'', x'', "
    "'', '', '[]', NULL",
    "3" + ", NULL" * 43,
)


class Streamed:
    """A home with one MySQL source, all of whose tables are synced by its stream of changes."""

    def __init__(self, rig: MySQLRig, home: Path, *tables: str) -> None:
        self.rig = rig
        environment = {"PWH_HOME": str(home), "PWH_ALLOW_PRIVATE_HOSTS": "1"}
        self.platform = open_platform(Settings.from_env(environment))
        known = {table.name: table for table in rig.source.tables(rig.config)}
        new = [
            NewTable(name, known[name].columns, known[name].primary_key, mode=SyncMode.CDC)
            for name in tables
        ]
        public = {name: value for name, value in rig.config.items() if name != "password"}
        self.source = self.platform.store.add_source(
            1, "mysql", "", "", public, {"password": rig.config["password"]}, new
        )
        self.left_out: frozenset[str] = frozenset()

    def close(self) -> None:
        self.platform.lakes.close()
        self.platform.store.close()

    @property
    def tables(self) -> dict[str, Any]:
        return {table.name: table for table in self.platform.store.tables(1, self.source.id)}

    def sync(self) -> dict[str, Any]:
        tables = self.tables
        done = sync_changes(self.platform, self.source.id, list(tables.values()))
        for found in done.values():
            if isinstance(found, PwhError):
                raise found
        return {name: done[table.id] for name, table in tables.items()}

    def stored(self, table: str) -> list[dict[str, Any]]:
        with self.platform.lakes.of(1).read() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            return (
                connection.execute(f"SELECT * FROM lake.mysql.{table} ORDER BY ALL")
                .to_arrow_table()
                .to_pylist()
            )

    def assert_same(self, table: str) -> None:
        columns = self.tables[table].columns
        reading = self.rig.source.read(
            self.rig.config, ReadRequest(table, SyncMode.FULL, columns, ("id",))
        )
        here = {row["id"]: row for row in self.stored(table)}
        there = {row["id"]: row for row in rows_of(reading)}
        assert here.keys() == there.keys()
        for id_, row in here.items():
            for name, value in row.items():
                assert _same(value) == _same(there[id_][name]), (id_, name)


def _same(value: Any) -> Any:
    import uuid

    return str(value) if isinstance(value, uuid.UUID) else value


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateMariaDB]:
    with PrivateMariaDB() as server:
        yield server


@pytest.fixture
def rig(server: PrivateMariaDB) -> MySQLRig:
    return MySQLRig(server)


@pytest.fixture
def stream(rig: MySQLRig, tmp_path: Path) -> Iterator[Any]:
    made: list[Streamed] = []

    def make(*tables: str) -> Streamed:
        made.append(Streamed(rig, tmp_path / "home", *tables))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_inserts_updates_and_deletes_arrive(rig: MySQLRig, stream: Any) -> None:
    rig.insert(1, 2, 3)
    streamed = stream("item")
    first = streamed.sync()["item"]
    assert (first.row_count, first.reconciliation.status) == (3, "matched")
    assert first.reconciliation.source_checksum is not None
    rig.insert(4)
    rig.run("UPDATE item SET name = 'changed' WHERE id = 1")
    rig.run("UPDATE item SET id = 20 WHERE id = 2")
    rig.run("DELETE FROM item WHERE id = 3")
    streamed.sync()
    streamed.assert_same("item")
    assert [row["id"] for row in streamed.stored("item")] == [1, 4, 20]
    assert streamed.sync()["item"].rows_synced == 0


def test_rows_whose_key_has_a_date_no_calendar_has_are_found_again(
    rig: MySQLRig, stream: Any
) -> None:
    rig.run("CREATE TABLE dated (id int, day date, v int, PRIMARY KEY (id, day))")
    with rig.connect(sql_mode="ALLOW_INVALID_DATES") as open_, open_.cursor() as cursor:
        cursor.execute("INSERT INTO dated VALUES (1, 0, 1), (2, 0, 1), (2, '2024-01-01', 1)")
        streamed = stream("dated")
        streamed.sync()
        cursor.execute("UPDATE dated SET v = 2 WHERE id = 1")
        cursor.execute("DELETE FROM dated WHERE id = 2 AND day = 0")
    streamed.sync()
    assert sorted((row["id"], str(row["day"]), row["v"]) for row in streamed.stored("dated")) == [
        (1, "None", 2),
        (2, "2024-01-01", 1),
    ]


def test_dates_no_calendar_has_fractions_below_zero_and_latin1_come_through_the_stream(
    rig: MySQLRig, stream: Any
) -> None:
    rig.run(
        "CREATE TABLE odd (id int PRIMARY KEY, d date, t1 time(1), t4 time(4), t6 time(6), "
        "e enum('x','é') CHARACTER SET latin1, s set('é','y') CHARACTER SET latin1)"
    )
    streamed = stream("odd")
    streamed.sync()
    with rig.connect(sql_mode="ALLOW_INVALID_DATES") as open_, open_.cursor() as cursor:
        for id_, time in enumerate(
            ("-00:00:01.5", "-00:00:00.000001", "-838:59:59.999", "0:0:2.5")
        ):
            cursor.execute(
                "INSERT INTO odd VALUES (%s, '2024-02-31', %s, %s, %s, 'é', 'é,y')",
                (id_, *[time] * 3),
            )
    streamed.sync()
    streamed.assert_same("odd")
    assert streamed.stored("odd")[0]["d"] is None
    assert streamed.stored("odd")[0]["s"] == "é,y"
    assert streamed.stored("odd")[0]["t6"] == "-00:00:01.500000"


def test_every_type_is_the_same_by_stream_and_by_reading(rig: MySQLRig, stream: Any) -> None:
    rig.run(EVERY_TYPE)
    with rig.connect(sql_mode="ALLOW_INVALID_DATES") as open_, open_.cursor() as cursor:
        cursor.execute(f"INSERT INTO every ({COLUMNS}) VALUES ({VALUES[2].replace('3', '0', 1)})")
        streamed = stream("every")
        streamed.sync()
        for values in VALUES:
            cursor.execute(f"INSERT INTO every ({COLUMNS}) VALUES ({values})")
        cursor.execute("UPDATE every SET v = 'again' WHERE id IN (1, 2)")
    streamed.sync()
    assert len(streamed.stored("every")) == 4
    streamed.assert_same("every")
    names = set(streamed.stored("every")[0])
    assert "gen" in names
    assert not {"virt", "p"} & names


def test_a_masked_value_is_the_same_read_whole_or_streamed(rig: MySQLRig, stream: Any) -> None:
    rig.run(EVERY_TYPE)
    streamed = stream("every")
    table = streamed.tables["every"]
    told = [c.name for c in table.columns if c.name not in ("virt", "p")]
    options = TableOptions(masks=tuple(Mask(name, MaskKind.HASH) for name in told))
    streamed.platform.store.update_table(table.id, options=options)
    with rig.connect(sql_mode="ALLOW_INVALID_DATES") as open_, open_.cursor() as cursor:
        for values in VALUES:
            cursor.execute(f"INSERT INTO every ({COLUMNS}) VALUES ({values})")
        streamed.sync()
        whole = streamed.stored("every")
        cursor.execute("UPDATE every SET i2 = COALESCE(i2, 0) + 1, id = id + 10")
        cursor.execute("UPDATE every SET i2 = IF(id = 13, NULL, i2 - 1), id = id - 10")
        streamed.sync()
        for before, after in zip(whole, streamed.stored("every"), strict=True):
            assert [name for name in before if before[name] != after[name]] == []
        cursor.execute("DELETE FROM every WHERE id = 2")
        assert streamed.sync()["every"].is_full is False
    assert len(streamed.stored("every")) == 2
    assert {len(value) for row in whole for value in row.values() if value is not None} == {64}


@pytest.mark.parametrize(
    ("column", "value"), [("t", "'-00:00:01'"), ("t6", "'100:00:00.5'"), ("dw", "'1e-30'")]
)
def test_a_value_that_does_not_fit_makes_its_column_text(
    rig: MySQLRig, stream: Any, column: str, value: str
) -> None:
    rig.run(EVERY_TYPE)
    rig.run(f"INSERT INTO every (id, {column}) VALUES (1, '1')")
    streamed = stream("every")
    streamed.sync()
    rig.run(f"INSERT INTO every (id, {column}) VALUES (2, {value})")
    for _ in range(2):
        streamed.sync()
    types = {c.name: c.type for c in streamed.tables["every"].columns}
    assert types[column] == "VARCHAR"
    there = rig.run(f"SELECT CAST({column} AS CHAR) FROM every WHERE id = 2")
    assert streamed.stored("every")[1][column] == there[0][0]


def test_a_truncated_table_is_empty(rig: MySQLRig, stream: Any) -> None:
    rig.insert(1, 2)
    streamed = stream("item")
    streamed.sync()
    rig.run("TRUNCATE TABLE item")
    rig.insert(7)
    streamed.sync()
    assert [row["id"] for row in streamed.stored("item")] == [7]


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE item ADD extra int",
        "ALTER TABLE item ADD extra int NOT NULL DEFAULT 5",
        "ALTER TABLE item MODIFY name varchar(50)",
        "ALTER TABLE item MODIFY id int",
        "ALTER TABLE item DROP COLUMN name",
        "ALTER TABLE item RENAME COLUMN name TO title",
        "ALTER TABLE item ADD INDEX (name)",
        "RENAME TABLE item TO other, other TO item",
        "CREATE OR REPLACE TABLE item (id bigint PRIMARY KEY, x int)",
    ],
)
def test_a_change_of_the_table_is_followed(rig: MySQLRig, stream: Any, statement: str) -> None:
    rig.insert(1, 2)
    streamed = stream("item")
    streamed.sync()
    rig.run(statement)
    rig.run("INSERT INTO item (id) VALUES (3)")
    for _ in range(2):  # the second reads whole what the first found stale
        streamed.sync()
    wanted = ReadRequest("item", SyncMode.FULL, (), ("id",))
    there = {row["id"]: row for row in rows_of(rig.source.read(rig.config, wanted))}
    here = {row["id"]: row for row in streamed.stored("item")}
    assert here.keys() == there.keys()
    for id_, row in there.items():
        assert {name: here[id_].get(name) for name in row} == row


def test_texts_that_become_numbers_are_read_whole_and_end_no_stream(
    rig: MySQLRig, stream: Any
) -> None:
    rig.run("CREATE TABLE t (id int PRIMARY KEY, v varchar(9), d varchar(9))")
    rig.run("INSERT INTO t VALUES (1, 'one', 'x')")
    streamed = stream("t")
    streamed.sync()
    rig.run("INSERT INTO t VALUES (2, 'two', 'y')")
    with rig.connect(sql_mode="") as open_, open_.cursor() as cursor:
        cursor.execute("ALTER TABLE t MODIFY v double, MODIFY d date")
    streamed.sync()
    streamed.assert_same("t")
    assert [row["v"] for row in streamed.stored("t")] == [0, 0]


def test_a_purged_binlog_is_told_and_mended_by_repair(rig: MySQLRig, stream: Any) -> None:
    rig.insert(1)
    streamed = stream("item")
    streamed.sync()
    rig.insert(2)
    before = rig.run("SHOW MASTER STATUS")[0][0]
    rig.run("FLUSH BINARY LOGS")
    file = rig.run("SHOW MASTER STATUS")[0][0]
    give_up_at = time.monotonic() + 20
    while before in {row[0] for row in rig.run("SHOW BINARY LOGS")}:
        assert time.monotonic() < give_up_at
        rig.run(f"PURGE BINARY LOGS TO '{file}'")  # not before InnoDB has written its log
        time.sleep(0.2)
    with pytest.raises(StreamLostError, match=r"was purged.*repair"):
        streamed.sync()
    assert [row["id"] for row in streamed.stored("item")] == [1]
    repair_stream(streamed.platform, 1, streamed.source.id)
    streamed.sync()
    streamed.assert_same("item")
    assert [row["id"] for row in streamed.stored("item")] == [1, 2]


def test_what_is_missing_is_told_with_the_statements(rig: MySQLRig, stream: Any) -> None:
    rig.run("CREATE USER IF NOT EXISTS reader@'127.0.0.1' IDENTIFIED BY 'reads-only'")
    rig.run(f"GRANT SELECT ON {rig.schema}.* TO reader@'127.0.0.1'")
    rig.config = {**rig.config, "user": "reader", "password": "reads-only"}
    with pytest.raises(StreamNotReadyError, match=r"GRANT BINLOG MONITOR.*GRANT REPLICATION SLAVE"):
        stream("item").sync()


def test_a_table_whose_rows_a_foreign_key_changes_is_refused(rig: MySQLRig, stream: Any) -> None:
    rig.run(
        "CREATE TABLE child (id bigint PRIMARY KEY, item bigint, "
        "CONSTRAINT goes FOREIGN KEY (item) REFERENCES item (id) ON DELETE CASCADE)"
    )
    with pytest.raises(StreamNotReadyError, match="foreign key `goes`"):
        stream("item", "child").sync()


def test_transactions_of_writers_arrive_whole_while_they_write(rig: MySQLRig, stream: Any) -> None:
    """Each transaction moves an amount between two rows: the sum never changes, in any state the lake shows."""
    rig.run("CREATE TABLE account (id int PRIMARY KEY, amount int NOT NULL)")
    rig.run("INSERT INTO account SELECT seq, 100 FROM seq_1_to_10")
    streamed = stream("account")
    stop = threading.Event()

    def move(seed: int) -> None:
        draw = Random(seed)
        with rig.connect(autocommit=False) as open_, open_.cursor() as cursor:
            while not stop.is_set():
                one, other = sorted(draw.sample(range(1, 11), 2))
                cursor.execute("UPDATE account SET amount = amount - 1 WHERE id = %s", (one,))
                cursor.execute("UPDATE account SET amount = amount + 1 WHERE id = %s", (other,))
                open_.commit() if draw.random() < 0.8 else open_.rollback()
                time.sleep(0.002)

    writers = [threading.Thread(target=move, args=(seed,)) for seed in range(3)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(5):
            streamed.sync()
            assert sum(row["amount"] for row in streamed.stored("account")) == 1000
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    streamed.sync()
    streamed.assert_same("account")


def test_a_lost_connection_ends_the_sync_and_the_next_one_goes_on(
    rig: MySQLRig, stream: Any
) -> None:
    """In the middle of a transaction, over and over: nobody reconnects in silence and for ever."""
    with Proxy(rig.config["port"]) as proxy:
        rig.config = {**rig.config, "port": proxy.port, "sslmode": "disable"}
        streamed = stream("item")
        streamed.sync()
        rig.run("INSERT INTO item (id, name) SELECT seq, repeat('x', 200) FROM seq_1_to_5000")
        for _ in range(2):
            proxy.strike("hold", 200_000)
            cutting = threading.Thread(target=_cut_when_held, args=(proxy,))
            cutting.start()
            with pytest.raises(SourceUnavailableError, match=r"ended the connection its binlog"):
                streamed.sync()
            cutting.join()
            assert streamed.stored("item") == []
        assert streamed.sync()["item"].rows_synced == 5000
        streamed.assert_same("item")


def _cut_when_held(proxy: Proxy) -> None:
    assert proxy.struck.wait(30)
    time.sleep(0.5)
    proxy.cut()
    proxy.heal()


def test_a_sync_ends_where_the_binlog_ended_when_it_began(
    rig: MySQLRig, stream: Any, tmp_path: Path
) -> None:
    """However much is written meanwhile: a server that writes faster than we read is not read for ever."""
    rig.insert(1)
    streamed = stream("item")
    streamed.sync()
    rig.insert(2)
    changes, table = rig.source.changes, streamed.tables["item"]
    spec = StreamSpec("pwh_test", (StreamTable("item", ("id",), table.columns),))
    with changes.open(rig.config, spec, table.watermark) as opened:
        rig.insert(3)
        collector = StagingCollector(tmp_path / "staged", tables=spec.tables)
        reached = opened.read(collector)
    assert reached.is_caught_up
    assert [found.changes for found in collector.finish()] == [1]
    assert streamed.sync()["item"].rows_synced == 2
