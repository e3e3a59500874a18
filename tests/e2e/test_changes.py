"""Change data capture from a real Postgres: after every sync the lake holds what the source holds."""

import threading
from datetime import timedelta

import psycopg
import pyarrow.parquet as pq
import pytest

from pwh_assets.core.options import Mask, MaskKind, RowFilter
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.errors import BusyError, InvalidInputError
from pwh_assets.services.changes import counting as compared
from pwh_assets.services.changes import passes as stream_pass
from pwh_assets.services.changes import stream as changes
from pwh_assets.services.health.answer import health
from pwh_assets.sources.errors import StreamLostError, StreamNotReadyError
from pwh_assets.sources.postgres import counting
from tests.e2e.streams import SETTINGS, Streamed

EVERY_TYPE = """
CREATE TYPE mood AS ENUM ('sad', 'it''s ok'); CREATE DOMAIN money_like AS numeric(12,2);
CREATE TYPE pair AS (a int, b text); CREATE DOMAIN grid AS int[][];
CREATE TABLE every (id bigint PRIMARY KEY, b boolean, i2 smallint, i4 integer, o oid, f4 real, f8 double precision,
  n numeric(10,2), nw numeric, nn numeric(5,-2), m money, t text, v varchar(20), c char(6), u uuid, y bytea, d date,
  ti time, ttz timetz, ts timestamp, tz timestamptz, iv interval, j json, jb jsonb, e mood, dm money_like, p pair,
  net inet, cd cidr, bits bit(4), r int4range, ai int[], at text[], an numeric(8,3)[], ad date[], ae mood[],
  ay bytea[], a2 int[][], az timestamptz[], t2 text[][], ac char(3)[],
  vector int2vector, pairs pair[][], f2 real[][], grid grid)
"""
VALUES = (
    "1, true, -32768, 2147483647, 4294967295, 1.5e-7, 0.1, 12345678.90, 12.5, 12300, '$1,234.50', 'a\tb\\n''ü🎈', "
    "'v', 'ab', '00000000-0000-0000-0000-0000000000ff', '\\x00ff', '2024-02-29', '23:59:59.999999', '10:11:12+02', "
    "'2024-01-01 00:00:00.000001', '2024-01-01 12:00+05', '1 mon 2 days 03:00', '{\"a\":  1}', '{\"a\": [1, null]}', "
    "'it''s ok', 7, '(1,\"x y\")', '10.0.0.1', '10.0.0.0/8', '1010', '[1,5)', '{1,NULL,3}', "
    "'{a,\"b,\\\"c\\\"\",NULL,\"\",\"NULL\"}', '{1.5,NaN,NULL}', '{2024-01-01,infinity}', '{sad}', '{\"\\\\x01\"}', "
    "'{{1,2},{3,NULL}}', '{\"2024-01-01 12:00+00\"}', '{{a,\"b\"},{\"c d\",NULL}}', '{a,NULL}', "
    "'1 2', '{{\"(1,x)\",NULL}}', '{{3.4e38,-0,NaN}}', '{{1},{2}}'",
    "2, false, 0, -1, 0, 'NaN', '-Infinity', 'NaN', -0.000000001, -99900, '-$5.00', '', '', '', NULL, '', 'infinity', "
    "'24:00:00', '00:00:00-12', '-infinity', '0044-03-15 10:00:00 BC', '-1 day', 'null', '[]', 'sad', -1.25, NULL, "
    "'::1/64', '::/0', '0000', 'empty', '{}', '{}', '{}', '{\"0044-03-15 BC\"}', '{}', '{}', '{}', '{}', '{}', '{}', "
    "'', '{}', '{}', '{}'",
    "3" + ", NULL" * 44,
)


@pytest.fixture(scope="module")
def server():
    with PrivatePostgres(settings=SETTINGS) as running:
        yield running


@pytest.fixture
def database(server):
    """A schema nobody used, in a database of its own."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        for (slot,) in connection.execute(
            "SELECT slot_name FROM pg_replication_slots WHERE NOT active"
        ).fetchall():
            connection.execute("SELECT pg_drop_replication_slot(%s)", [slot])
        for (name,) in connection.execute("SELECT pubname FROM pg_publication").fetchall():
            connection.execute(f'DROP PUBLICATION "{name}"')
        yield connection


@pytest.fixture
def stream(server, database, tmp_path):
    """Builds the source's tables and a home that streams them."""
    made = []

    def make(sql, *tables, **config):
        database.execute(sql)
        made.append(Streamed(server, tmp_path / f"home{len(made)}", tables, **config))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_every_type_comes_as_a_reading_of_the_table_gives_it(stream):
    home = stream(EVERY_TYPE, "every")
    home.sync()
    home.execute(*(f"INSERT INTO every VALUES ({values})" for values in VALUES))
    home.sync()
    by_side = {"source": {}, "lake": {}}
    for _, side, row in home.differences():
        by_side[side][row[0]] = row
    for key, row in by_side["source"].items():
        names = [column.name for column in home.tables["every"].columns]
        pairs = zip(names, row, by_side["lake"][key], strict=True)
        assert [(n, a, b) for n, a, b in pairs if repr(a) != repr(b)] == []
    assert home.rows("SELECT count(*) FROM lake.postgres.every") == [(3,)]


def test_inserts_updates_deletes_key_changes_and_truncations_arrive_together(stream):
    home = stream(
        "CREATE TABLE t (id int, part text, v text, PRIMARY KEY (id, part));"
        "CREATE TABLE u (id int PRIMARY KEY, v int); INSERT INTO t SELECT g, 'a', 'v' || g FROM generate_series(1, 50) g;"
        "INSERT INTO u SELECT g, g FROM generate_series(1, 50) g",
        "t",
        "u",
    )
    first = home.sync()
    assert (first["t"].rows_synced, first["t"].is_full) == (50, True)
    home.execute(
        "BEGIN; UPDATE t SET v = 'new' WHERE id < 5; SAVEPOINT s; DELETE FROM t; ROLLBACK TO s; "
        "UPDATE t SET part = 'b' WHERE id = 7; DELETE FROM t WHERE id = 8; COMMIT",
        "TRUNCATE u",
        "INSERT INTO u VALUES (1, 1)",
        "BEGIN; INSERT INTO u VALUES (2, 2); ROLLBACK",
        "UPDATE t SET id = 8, v = 'moved' WHERE id = 9",
    )
    done = home.sync()
    assert home.differences() == []
    assert (done["t"].is_full, done["u"].row_count) == (False, 1)


def test_values_an_update_left_alone_stay_as_they_are(stream):
    home = stream(
        "CREATE TABLE t (id int PRIMARY KEY, big text, small int, other text);"
        "ALTER TABLE t ALTER big SET STORAGE EXTERNAL, ALTER other SET STORAGE EXTERNAL;"
        "INSERT INTO t SELECT g, repeat(md5(g::text), 200), g, repeat('x' || g, 3000) FROM generate_series(1, 20) g",
        "t",
    )
    home.sync()
    home.execute(
        "UPDATE t SET small = -1 WHERE id <= 3",
        "UPDATE t SET id = id + 100 WHERE id IN (4, 5)",
        "BEGIN; UPDATE t SET big = 'short' WHERE id = 6; UPDATE t SET small = 0 WHERE id = 6; COMMIT",
        "BEGIN; UPDATE t SET id = 200 WHERE id = 7; UPDATE t SET other = 'o' WHERE id = 200; "
        "UPDATE t SET id = 7 WHERE id = 200; COMMIT",
        "BEGIN; DELETE FROM t WHERE id = 8; INSERT INTO t VALUES (8, 'again', 1, NULL); COMMIT",
        "INSERT INTO t VALUES (300, repeat('y', 9000), 1, NULL)",
        "UPDATE t SET small = 2 WHERE id = 300",
        "BEGIN; UPDATE t SET id = 301 WHERE id = 9; UPDATE t SET id = 9 WHERE id = 10; UPDATE t SET id = 10 WHERE id = 301; COMMIT",
    )
    home.sync()
    assert home.differences() == []


@pytest.mark.parametrize("memory", [1, 20_000, 1 << 30])
def test_batches_and_spilled_changes_add_up_to_the_same_rows(stream, monkeypatch, memory):
    home = stream(
        "CREATE TABLE t (id int PRIMARY KEY, big text, v int); ALTER TABLE t ALTER big SET STORAGE EXTERNAL;"
        "CREATE TABLE u (id int PRIMARY KEY, v int);"
        "INSERT INTO t SELECT g, repeat(md5(g::text), 200), g FROM generate_series(1, 30) g",
        "t",
        "u",
    )
    home.sync()
    monkeypatch.setattr(
        stream_pass,
        "StagingCollector",
        lambda *args, **kinds: _Collector(*args, **kinds, batch_changes=7, memory_bytes=memory),
    )
    home.execute(
        "BEGIN; INSERT INTO u SELECT g, g FROM generate_series(1, 100) g; UPDATE t SET v = v + 1; "
        "UPDATE t SET id = id + 1000 WHERE id % 3 = 0; UPDATE t SET v = v + 1; DELETE FROM u WHERE id % 2 = 0; COMMIT",
        *(f"UPDATE t SET v = {n}, big = repeat('{n}', 5000) WHERE id = {n}" for n in range(1, 12)),
        "UPDATE t SET id = id + 5000, v = 0 WHERE id < 10",
        "UPDATE t SET v = 1 WHERE id > 5000",
        "BEGIN; TRUNCATE u; INSERT INTO u SELECT g, -g FROM generate_series(1, 10) g; COMMIT",
    )
    home.sync()
    assert home.differences() == []


_Collector = stream_pass.StagingCollector


def test_a_sync_that_finds_nothing_makes_no_snapshot_and_frees_the_log(stream, database):
    home = stream("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE noise (id int)", "t")
    home.sync()
    before = home.lake.snapshot_id()
    home.execute("INSERT INTO noise SELECT generate_series(1, 1000)")
    newest = database.execute("SELECT pg_current_wal_flush_lsn()").fetchone()[0]
    home.sync()
    assert home.lake.snapshot_id() == before
    (is_past,) = database.execute(
        "SELECT confirmed_flush_lsn >= %s::pg_lsn FROM pg_replication_slots WHERE slot_name = %s",
        [newest, home.slot],
    ).fetchone()
    assert is_past
    home.execute("INSERT INTO t VALUES (1)")
    home.sync()
    assert home.differences() == []


def test_a_table_that_joins_later_is_read_whole_and_the_others_go_on(stream):
    home = stream(
        "CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1);"
        "CREATE TABLE late (id int PRIMARY KEY, v int); INSERT INTO late VALUES (1, 1), (2, 2)",
        "t",
    )
    home.sync()
    home.execute("UPDATE late SET v = 9 WHERE id = 1", "INSERT INTO t VALUES (2, 2)")
    home.add("late")
    done = home.sync()
    assert (done["late"].is_full, done["t"].is_full) == (True, False)
    assert home.differences() == []
    home.execute("UPDATE late SET v = 10", "UPDATE t SET v = 10")
    assert home.sync()["late"].is_full is False
    assert home.differences() == []


def test_a_table_whose_sync_was_off_is_read_whole_again(stream):
    home = stream(
        "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)", "t", "u"
    )
    home.sync()
    home.platform.store.update_table(home.tables["u"].id, should_sync=False)
    home.execute("INSERT INTO u VALUES (1)", "INSERT INTO t VALUES (1)")
    home.sync("t")
    assert len(home.differences("u")) == 1
    home.platform.store.update_table(home.tables["u"].id, should_sync=True)
    assert home.sync()["u"].is_full
    assert home.differences() == []


def test_columns_follow_the_source(stream):
    home = stream(
        "CREATE TABLE t (id int PRIMARY KEY, small int, gone text, old text); INSERT INTO t VALUES (1, 1, 'g', 'o')",
        "t",
    )
    home.sync()
    home.execute(
        "ALTER TABLE t ADD COLUMN fresh text",
        "INSERT INTO t VALUES (2, 2, 'g', 'o', 'f')",
        "ALTER TABLE t ALTER small TYPE bigint",
        "INSERT INTO t VALUES (3, 5000000000, 'g', 'o', 'f')",
        "ALTER TABLE t DROP COLUMN gone",
        "INSERT INTO t VALUES (4, 4, 'o', 'f')",
    )
    done = home.sync()
    assert not done["t"].is_full and done["t"].columns_added == ("fresh",)
    assert home.differences() == []
    home.execute("ALTER TABLE t ADD COLUMN filled int DEFAULT 7")
    assert home.sync()["t"].is_full
    assert home.differences() == []
    home.execute("ALTER TABLE t RENAME old TO new")
    home.sync()
    assert home.differences() == []
    home.execute(
        "ALTER TABLE t ALTER fresh TYPE int USING length(fresh)", "UPDATE t SET filled = 8"
    )
    home.sync()
    assert home.differences() == []


def test_numbers_that_outgrow_their_type_keep_all_digits(stream):
    home = stream("CREATE TABLE t (id int PRIMARY KEY, n numeric)", "t")
    home.execute("INSERT INTO t VALUES (1, 1.5)")
    home.sync()
    home.execute("INSERT INTO t VALUES (2, 0.12345678901234567890), (3, 'NaN')")
    home.sync()
    assert home.rows("SELECT id, n FROM lake.postgres.t WHERE id > 1 ORDER BY id") == [
        (2, "0.12345678901234567890"),
        (3, "NaN"),
    ]


def test_texts_that_become_numbers_are_read_whole(stream):
    home = stream("CREATE TABLE t (id int PRIMARY KEY, v text)", "t")
    home.execute("INSERT INTO t VALUES (1, 'one')")
    home.sync()
    home.execute("ALTER TABLE t ALTER v TYPE int USING length(v)", "INSERT INTO t VALUES (2, 7)")
    home.sync()
    assert home.rows("SELECT id, v FROM lake.postgres.t ORDER BY id") == [(1, 3), (2, 7)]


def test_rows_are_found_by_keys_that_were_stored_before_one_outgrew_its_type(stream):
    home = stream("CREATE TABLE t (id numeric PRIMARY KEY, v int)", "t")
    home.execute("INSERT INTO t VALUES (1, 1), (2.50, 1)")
    home.sync()
    home.execute("INSERT INTO t VALUES (1e40, 1)")
    home.sync()
    home.execute("DELETE FROM t WHERE id = 1", "UPDATE t SET v = 2")
    home.sync()
    assert home.differences() == []


def test_partitions_are_one_table_and_their_comings_and_goings_are_noticed(stream):
    home = stream(
        "CREATE TABLE p (id int, day int, v text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);"
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);"
        "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);"
        "INSERT INTO p SELECT g, g, 'v' FROM generate_series(0, 19) g",
        "p",
    )
    home.sync()
    home.execute(
        "UPDATE p SET v = 'w' WHERE day < 3",
        "UPDATE p SET day = 15 WHERE id = 1",
        "DELETE FROM p1 WHERE id = 2",
        "CREATE TABLE p3 PARTITION OF p FOR VALUES FROM (20) TO (30)",
        "INSERT INTO p VALUES (25, 25, 'n')",
    )
    assert not home.sync()["p"].is_full
    assert home.differences() == []
    home.execute("ALTER TABLE p DETACH PARTITION p1")
    home.sync()
    assert home.differences() == []
    home.execute("TRUNCATE p2")
    home.sync()
    assert home.differences() == []
    home.execute("ALTER TABLE p ATTACH PARTITION p1 FOR VALUES FROM (0) TO (10)")
    home.sync()
    assert home.differences() == []


def test_a_table_dropped_and_made_anew_is_read_whole(stream):
    home = stream("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2)", "t")
    home.sync()
    home.execute("DROP TABLE t", "CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (3)")
    home.sync()
    assert home.differences() == []


def test_columns_nobody_wants_stay_out_also_those_to_come(stream):
    home = stream(
        "CREATE TABLE t (id int PRIMARY KEY, v int DEFAULT 1, w int DEFAULT 2, virtual int GENERATED ALWAYS AS (id + 1) STORED);"
        "INSERT INTO t VALUES (1)",
        "t",
    )
    home.options("t", enabled_columns=("w",))
    home.sync()
    home.execute("ALTER TABLE t ADD COLUMN secret text DEFAULT 's'", "INSERT INTO t VALUES (2)")
    assert not home.sync()["t"].is_full
    assert [name for name, *_ in home.rows("DESCRIBE lake.postgres.t")] == ["id", "w"]
    assert home.rows("SELECT id, w FROM lake.postgres.t ORDER BY id") == [(1, 2), (2, 2)]


def test_generated_columns_are_the_same_read_whole_or_streamed(stream):
    home = stream(
        "CREATE TABLE t (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED); INSERT INTO t VALUES (1)",
        "t",
    )
    home.sync()
    home.execute("INSERT INTO t VALUES (2)")
    home.sync()
    columns = [name for name, *_ in home.rows("DESCRIBE lake.postgres.t")]
    if "twice" in columns:
        assert home.rows("SELECT id, twice FROM lake.postgres.t ORDER BY 1") == [(1, 2), (2, 4)]


def test_rows_of_full_identity_and_of_an_index_are_told_apart(stream):
    home = stream(
        "CREATE TABLE f (id int NOT NULL, v text, UNIQUE (id)); ALTER TABLE f REPLICA IDENTITY FULL;"
        "CREATE TABLE i (id int NOT NULL, v text); CREATE UNIQUE INDEX ix ON i (id);"
        "ALTER TABLE i REPLICA IDENTITY USING INDEX ix;"
        "INSERT INTO f VALUES (1, 'a'), (2, 'b'); INSERT INTO i VALUES (1, 'a'), (2, 'b')",
        "f",
        "i",
    )
    home.sync()
    home.execute(*(f"UPDATE {t} SET id = 5 WHERE id = 1" for t in "fi"))
    home.execute(*(f"DELETE FROM {t} WHERE id = 2" for t in "fi"))
    home.sync()
    assert home.differences() == []


def test_a_table_whose_changes_do_not_name_their_rows_fails_alone_with_the_statement(stream):
    home = stream(
        "CREATE TABLE good (id int PRIMARY KEY); CREATE TABLE bad (id int NOT NULL UNIQUE); INSERT INTO bad VALUES (1)",
        "good",
        "bad",
    )
    tables = home.tables
    done = changes.sync_changes(home.platform, home.source.id, list(tables.values()))
    assert done[tables["good"].id].row_count == 0
    error = done[tables["bad"].id]
    assert isinstance(error, StreamNotReadyError)
    assert error.statements == ("ALTER TABLE bad REPLICA IDENTITY FULL",)
    home.execute(*error.statements)
    home.sync()
    assert home.differences() == []


def test_every_change_is_kept_beside_or_in_place_of_the_rows(stream):
    home = stream(
        "CREATE TABLE b (id int PRIMARY KEY, v text); CREATE TABLE o (id int PRIMARY KEY, v text); INSERT INTO b VALUES (1, 'a')",
        "b",
        "o",
    )
    home.options("b", cdc_table_mode="both")
    home.options("o", cdc_table_mode="cdc_only")
    home.sync()
    home.execute(
        "BEGIN; INSERT INTO o VALUES (1, 'x'); UPDATE o SET v = 'y'; DELETE FROM o; COMMIT",
        "UPDATE b SET id = 2",
        "TRUNCATE o",
    )
    home.sync()
    assert home.differences("b") == []
    query = "SELECT _pwh_op, id, v FROM lake.postgres.{}_cdc ORDER BY _pwh_position, _pwh_seq"
    assert home.rows(query.format("o")) == [
        ("insert", 1, "x"),
        ("update", 1, "y"),
        ("delete", 1, None),
        ("truncate", None, None),
    ]
    assert home.rows(query.format("b")) == [("delete", 1, None), ("insert", 2, "a")]
    assert not home.lake.has_table("postgres", "o")


def test_a_slot_that_somebody_moved_is_noticed_and_nothing_is_skipped(stream, database):
    home = stream("CREATE TABLE t (id int PRIMARY KEY)", "t")
    home.sync()
    home.execute("INSERT INTO t VALUES (1)")
    database.execute("SELECT pg_replication_slot_advance(%s, pg_current_wal_lsn())", [home.slot])
    for _ in range(2):
        with pytest.raises(StreamLostError, match="somebody else has read or moved it"):
            home.sync()
    assert home.rows("SELECT count(*) FROM lake.postgres.t") == [(0,)]


def test_a_slot_that_was_dropped_is_not_made_again_in_silence(stream, database):
    home = stream("CREATE TABLE t (id int PRIMARY KEY)", "t")
    home.sync()
    database.execute("SELECT pg_drop_replication_slot(%s)", [home.slot])
    home.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(StreamLostError, match="does not exist any more"):
        home.sync()


def test_two_at_once_are_refused(stream):
    home = stream("CREATE TABLE t (id int PRIMARY KEY)", "t")
    home.sync()
    from pwh_assets.lake.locks import hold

    with hold(home.platform.settings, f"changes-{home.source.id}"), pytest.raises(BusyError):
        home.sync()
    with hold(home.platform.settings, f"sync-{home.tables['t'].id}"), pytest.raises(BusyError):
        home.sync()


def test_a_filter_that_a_stream_cannot_keep_is_refused_and_columns_can_be_dropped(stream):
    home = stream(
        "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'secret')", "t"
    )
    home.options("t", row_filters=(RowFilter("id", ">", 1),))
    with pytest.raises(InvalidInputError, match="row_filters"):
        home.sync()
    home.options("t", masks=(Mask("v", MaskKind.DROP),))
    home.sync()
    home.execute("INSERT INTO t VALUES (2, 'secret')")
    home.sync()
    assert home.rows("SELECT * FROM lake.postgres.t ORDER BY 1") == [(1,), (2,)]


def test_a_masked_value_is_the_same_read_whole_or_streamed(stream):
    home = stream(EVERY_TYPE, "every")
    names = [column.name for column in home.tables["every"].columns if column.name != "id"]
    home.options("every", masks=tuple(Mask(name, MaskKind.HASH) for name in names))
    home.execute(*(f"INSERT INTO every VALUES ({values})" for values in VALUES))
    home.sync()
    home.execute(*(f"INSERT INTO every VALUES (1{values})" for values in VALUES))
    assert not home.sync()["every"].is_full
    asked = ", ".join(f'"{name}"' for name in names)
    rows = {row[0]: row for row in home.rows(f"SELECT id, {asked} FROM lake.postgres.every")}
    assert len(rows) == 6
    for id_ in (1, 2, 3):
        pairs = zip(names, rows[id_][1:], rows[10 + id_][1:], strict=True)
        assert [(name, a, b) for name, a, b in pairs if a != b] == []
    assert {len(value) for value in rows[11][1:]} == {64}
    assert home.tables["every"].columns[1].type == "VARCHAR"
    home.sync()  # masks are no drift
    assert home.tables["every"].resync_reason is None


def test_masked_keys_still_tell_rows_and_nothing_clear_is_staged(stream, monkeypatch):
    home = stream(
        "CREATE TABLE t (mail text, part int, big text, phone text, note text, PRIMARY KEY (mail, part));"
        "ALTER TABLE t ALTER big SET STORAGE EXTERNAL;"
        "INSERT INTO t SELECT 'm' || g || '@secret', g, repeat('secret' || g, 900), '555-secret', 'n' FROM generate_series(1, 6) g",
        "t",
    )
    masks = {
        "mail": MaskKind.HASH,
        "big": MaskKind.HASH,
        "phone": MaskKind.TRUNCATE,
        "note": MaskKind.NULL,
    }
    home.options("t", masks=tuple(Mask(*one) for one in masks.items()), cdc_table_mode="both")
    staged = []
    finish = stream_pass.StagingCollector.finish

    def look(collector):
        found = finish(collector)
        for one in (file for table in found for file in (*table.spilled, *table.logged)):
            staged.append(str(pq.read_table(one.file).to_pylist()))
        return found

    monkeypatch.setattr(stream_pass.StagingCollector, "finish", look)
    home.sync()
    home.execute(
        "UPDATE t SET phone = '777-secret' WHERE part = 1",
        "UPDATE t SET mail = 'other@secret' WHERE part = 2",
        "DELETE FROM t WHERE part = 3",
        "UPDATE t SET big = 'secret4' WHERE part = 4",
        "INSERT INTO t VALUES ('m7@secret', 7, NULL, 'x', NULL)",
        "DELETE FROM t WHERE part = 5; INSERT INTO t VALUES ('m5@secret', 5, 'secret5', NULL, 'again')",
    )
    assert not home.sync()["t"].is_full
    assert staged
    assert not [text for text in staged if "secret" in text]
    streamed = home.rows("SELECT * FROM lake.postgres.t ORDER BY ALL")
    assert [row[1] for row in sorted(streamed, key=lambda row: row[1])] == [1, 2, 4, 5, 6, 7]
    assert {row[3] for row in streamed} == {"555***", "777***", "***", None}
    assert {row[4] for row in streamed} == {None}
    log = home.rows(
        "SELECT _pwh_op, mail, part FROM lake.postgres.t_cdc ORDER BY _pwh_position, _pwh_seq"
    )
    assert [row[0] for row in log].count("delete") == 3
    assert {len(row[1]) for row in log} == {64}
    home.sync(full=True)
    assert home.rows("SELECT * FROM lake.postgres.t ORDER BY ALL") == streamed


def test_both_sides_are_compared_while_rows_come_and_go(stream, monkeypatch):
    home = stream(
        "CREATE TABLE t (id int, part text, v int, PRIMARY KEY (id, part));"
        "CREATE TABLE quiet (id int PRIMARY KEY); INSERT INTO quiet VALUES (1);"
        "INSERT INTO t SELECT g, 'it''s ' || g, g FROM generate_series(1, 50) g",
        "t",
        "quiet",
    )
    count = counting.SnapshotCounting.count

    def meanwhile(self, table, keys=None):
        found = count(self, table, keys)
        if keys is None and table.name == "t":
            home.execute(
                "INSERT INTO t VALUES (900, 'x', 1), (901, 'y', 1)",
                "DELETE FROM t WHERE id = 1 OR id = 900",
                "UPDATE t SET id = 902 WHERE id = 2",
                "UPDATE t SET v = -1 WHERE id = 3",
            )
        return found

    monkeypatch.setattr(counting.SnapshotCounting, "count", meanwhile)
    done = home.sync()
    quiet, found = done["quiet"].reconciliation, done["t"].reconciliation
    assert (quiet.status, quiet.source_rows) == ("matched", 1)
    assert (found.status, found.source_rows, found.target_rows) == ("matched", 48, 48)
    assert found.source_checksum == found.target_checksum is not None
    assert home.differences() == []
    monkeypatch.setattr(counting.SnapshotCounting, "count", count)
    assert home.sync()["t"].reconciliation is None  # counted a moment ago
    monkeypatch.setattr(compared, "OFTEN", timedelta(0))
    home.execute("INSERT INTO t VALUES (903, 'z', 1)")
    with home.lake.write() as connection:
        connection.execute("UPDATE lake.postgres.t SET id = -5 WHERE id = 5")
    found = home.sync()["t"].reconciliation
    assert (found.status, "not of the same keys" in found.cause) == ("mismatched", True)
    issues = health(home.platform, 1)
    assert [(one.kind, "pwh source resync" in one.way_out) for one in issues] == [
        ("mismatch", True)
    ]
    assert home.sync("t", full=True)["t"].reconciliation.status == "matched"
    assert health(home.platform, 1) == []


def test_a_transaction_in_flight_while_a_table_is_read_arrives_once(stream, server):
    home = stream("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1)", "t")
    home.sync()
    home.execute("CREATE TABLE late (id int PRIMARY KEY)", "INSERT INTO late VALUES (1)")
    home.add("late")
    with psycopg.connect(server.dsn) as slow:
        slow.execute("INSERT INTO late VALUES (2)")
        slow.execute("UPDATE t SET v = 2")
        ender = threading.Timer(1.0, slow.commit)
        ender.start()
        home.sync()
        ender.join()
    home.sync()
    assert home.differences() == []


def test_the_server_starts_again_in_between(tmp_path):
    with PrivatePostgres(settings=SETTINGS) as server:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute("CREATE TABLE t (id int PRIMARY KEY)")
        home = Streamed(server, tmp_path / "home", ["t"])
        home.sync()
        home.execute("INSERT INTO t VALUES (1)")
        server.stop(keep=True)
        server.start()
        home.execute("INSERT INTO t VALUES (2)")
        home.sync()
        assert home.differences() == []
        home.close()


def test_a_reading_user_is_told_what_to_run_and_works_with_what_was_made_for_it(
    server, database, tmp_path
):
    database.execute(
        "CREATE TABLE t (id int PRIMARY KEY); DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN PASSWORD 'r';"
        "GRANT USAGE ON SCHEMA public TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader"
    )
    home = Streamed(
        server, tmp_path / "home", ["t"], user="reader", password="r", publication="given"
    )
    with pytest.raises(StreamNotReadyError) as caught:
        home.sync()
    assert any("REPLICATION" in statement for statement in caught.value.statements)
    assert any(statement.startswith("CREATE PUBLICATION") for statement in caught.value.statements)
    for statement in caught.value.statements:
        database.execute(statement.split(" (at Amazon")[0])
    home.execute("INSERT INTO t VALUES (1)")
    home.sync()
    assert home.differences() == []
    home.close()
    database.execute(
        f"SELECT pg_drop_replication_slot('{home.slot}'); DROP PUBLICATION given; DROP OWNED BY reader; DROP ROLE reader"
    )


def test_a_server_without_logical_decoding_says_how_to_turn_it_on(tmp_path):
    with PrivatePostgres(settings={"wal_level": "replica"}) as server:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute("CREATE TABLE t (id int PRIMARY KEY)")
        home = Streamed(server, tmp_path / "home", ["t"])
        with pytest.raises(StreamNotReadyError, match="ALTER SYSTEM SET wal_level"):
            home.sync()
        home.close()
