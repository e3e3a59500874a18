"""Changes on their way to the lake: what is kept of them, and in which files."""

import pyarrow.parquet as pq
import pytest

from pwh_assets.sources.changes import UNCHANGED, StagedColumn, StreamTable, TableShape
from pwh_assets.sources.collecting import StagingCollector

SHAPE = TableShape("t", (StagedColumn("id", "INTEGER"), StagedColumn("v", "VARCHAR")), ("id",))


@pytest.fixture
def collector(tmp_path):
    return StagingCollector(tmp_path)


def rows(collected):
    """Of every file in order: key, value, whether the row is gone, and the origin where one is looked up."""
    found = []
    for spilled in collected.spilled:
        for line in pq.read_table(spilled.file).to_pylist():
            found.append((line["c0"], line["c1"], line["__pwh_gone"], line.get("o0")))
    return found


def test_of_several_changes_of_a_row_the_last_is_kept(collector):
    table = collector.shape(SHAPE)
    table.insert([b"1", b"a"])
    table.update([b"1", b"b"])
    table.insert([b"2", b"x"])
    table.delete((b"2",))
    (collected,) = collector.finish()
    assert rows(collected) == [("1", "b", False, None), ("2", None, True, None)]
    assert collected.changes == 4


def test_a_key_that_changes_is_a_row_gone_and_a_row_new(collector):
    table = collector.shape(SHAPE)
    table.insert([b"1", b"a"])
    table.update([b"2", UNCHANGED], (b"1",))
    (collected,) = collector.finish()
    assert rows(collected) == [("1", None, True, None), ("2", "a", False, None)]


def test_a_value_left_alone_is_looked_up_by_the_key_the_row_had_in_the_lake(collector):
    table = collector.shape(SHAPE)
    table.update([b"2", UNCHANGED], (b"1",))
    table.update([b"3", UNCHANGED], (b"2",))
    (collected,) = collector.finish()
    assert collected.spilled[0].unresolved == (1,)
    assert ("3", None, False, "1") in rows(collected)


def test_a_truncation_forgets_what_was_staged_before_it(collector, tmp_path):
    table = collector.shape(SHAPE)
    table.insert([b"1", b"a"])
    table.spill()
    table.truncate()
    table.insert([b"2", b"b"])
    (collected,) = collector.finish()
    assert collected.is_truncated and rows(collected) == [("2", "b", False, None)]
    assert len(list(tmp_path.glob("rows-*.parquet"))) == 1


def test_what_outgrows_the_memory_goes_to_disk(tmp_path):
    collector = StagingCollector(tmp_path, memory_bytes=10_000)
    table = collector.shape(SHAPE)
    for number in range(100):
        table.insert([str(number).encode(), b"x" * 100])
        assert collector.bytes <= 10_000
    (collected,) = collector.finish()
    assert len(collected.spilled) > 1 and len(rows(collected)) == 100


def test_a_batch_is_full_after_its_number_of_changes(tmp_path):
    collector = StagingCollector(tmp_path, batch_changes=2)
    table = collector.shape(SHAPE)
    table.insert([b"1", b"a"])
    assert not collector.is_full
    table.insert([b"2", b"a"])
    assert collector.is_full


def test_every_change_is_logged_where_asked(tmp_path):
    collector = StagingCollector(tmp_path, logged=frozenset(["t"]), consolidated=frozenset())
    table = collector.shape(SHAPE)
    collector.begin("0A", None)
    table.insert([b"1", b"a"])
    table.update([b"1", UNCHANGED])
    table.delete((b"1",))
    (collected,) = collector.finish()
    (logged,) = collected.logged
    lines = pq.read_table(logged.file).to_pylist()
    assert [(line["op"], line["c1"], line["unchanged"]) for line in lines] == [
        ("insert", "a", None),
        ("update", None, ["v"]),
        ("delete", None, None),
    ]
    assert collected.spilled == []


def test_columns_nobody_wants_are_not_staged(tmp_path):
    told = StreamTable("t", ("id",), left_out=frozenset(["v"]))
    collector = StagingCollector(tmp_path, tables=[told])
    collector.shape(SHAPE).insert([b"1", b"secret"])
    (collected,) = collector.finish()
    assert [column.name for column in collected.spilled[0].columns] == ["id"]
    assert "c1" not in pq.read_table(collected.spilled[0].file).column_names


def test_a_key_that_changes_while_its_table_is_unsettled_makes_the_table_stale(tmp_path):
    collector = StagingCollector(tmp_path, unsettled=frozenset(["t"]))
    collector.shape(SHAPE).update([b"2", UNCHANGED], (b"1",))
    assert list(collector.reasons) == ["t"]
