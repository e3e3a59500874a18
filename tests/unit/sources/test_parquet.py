"""Arrow batches become Parquet files that the lake takes as they are."""

from datetime import datetime
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pwh_assets.core.source import Column
from pwh_assets.sources import parquet
from pwh_assets.sources.parquet import write_batches

JSON = [Column("id", "BIGINT"), Column("props", "JSON"), Column("note", "VARCHAR")]


def rows(start, props, note=None):
    ids = list(range(start, start + len(props)))
    return pa.table({"id": ids, "props": props, "note": pa.array([note] * len(ids), pa.string())})


def kinds(file):
    described = duckdb.execute("DESCRIBE FROM read_parquet($1)", [str(file)]).fetchall()
    return {row[0]: row[1] for row in described}


def test_texts_that_are_json_are_written_as_json(tmp_path):
    batches = [rows(0, ['{"a": 1}', None]), rows(2, ["[]", '"é"'])]
    ((file, count),) = write_batches(iter(batches), tmp_path, "c", JSON)
    assert count == 4 and kinds(file) == {"id": "BIGINT", "props": "JSON", "note": "VARCHAR"}
    found = duckdb.execute("SELECT props FROM read_parquet($1) ORDER BY id", [str(file)]).fetchall()
    assert [row[0] for row in found] == ['{"a": 1}', None, "[]", '"é"']


def test_a_text_that_is_no_json_stays_as_it_came_in_a_file_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 2)
    batches = [rows(0, ["1", "2"]), rows(2, ["{", "4"]), rows(4, ["5", "6"])]
    found = write_batches(iter(batches), tmp_path, "c", JSON)
    assert [(count, kinds(file)["props"]) for file, count in found] == [
        (2, "JSON"),
        (2, "VARCHAR"),
        (2, "JSON"),
    ]
    texts = [pq.read_table(file)["props"].to_pylist() for file, _ in found]
    assert texts == [["1", "2"], ["{", "4"], ["5", "6"]]


def test_another_schema_or_a_full_file_begins_a_new_one_in_the_order_of_the_rows(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 3)
    monkeypatch.setattr(parquet, "FILE_BYTES", 1)
    wide = pa.table({"id": pa.array([9], pa.int32())})
    empty = wide.slice(0, 0)
    batches = [rows(0, ["1", "2"]), rows(2, ["3"]), wide, empty, rows(3, ["4", "5", "6", "7"])]
    found = write_batches(iter(batches), tmp_path, "c")
    assert [count for _, count in found] == [3, 1, 4]
    assert [file.name for file, _ in found] == ["c-0.parquet", "c-1.parquet", "c-2.parquet"]
    assert [pq.read_table(file)["id"].to_pylist() for file, _ in found] == [
        [0, 1, 2],
        [9],
        [3, 4, 5, 6],
    ]


def test_every_kind_of_value_comes_back_and_columns_may_differ_by_case_alone(tmp_path):
    one = {
        "n": pa.array([1, None, -(2**63)], pa.int64()),
        "N": pa.array([2**64 - 1, 0, None], pa.uint64()),
        "small": pa.array([-128, 127, None], pa.int8()),
        "x.y": pa.array([0.1, float("nan"), None], pa.float64()),
        "f": pa.array([1.5, None, float("-inf")], pa.float32()),
        "d": pa.array(
            [Decimal("12345678901234567890.12"), None, Decimal("-1")], pa.decimal128(22, 2)
        ),
        "at": pa.array([datetime(2024, 3, 1, 12, 0, 0, 7), None, None], pa.timestamp("us", "UTC")),
        "day": pa.array([19000, None, -1], pa.date32()),
        "clock": pa.array([1, None, 86_399_999_999], pa.time64("us")),
        "b": pa.array([True, None, False]),
        "raw": pa.array([b"\x00\xff", None, b""], pa.binary()),
        "list": pa.array([[1, 2], None, []], pa.list_(pa.int32())),
        "nested": pa.array([{"k": "v", "i": 1}, None, {"k": None, "i": 2}]),
    }
    table = pa.table(one)
    ((file, count),) = write_batches([*table.to_batches()], tmp_path, "c")
    back = pq.read_table(file)
    assert count == 3 and back.column_names == list(one)
    for name in one:
        if name != "x.y":
            assert back[name].to_pylist() == table[name].to_pylist(), name
    assert [str(each) for each in back["x.y"].to_pylist()] == ["0.1", "nan", "None"]


def test_a_source_that_ends_early_leaves_no_file_open(tmp_path):
    def broken():
        yield rows(0, ["1"] * parquet.ROW_GROUP_ROWS)
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError, match="gone"):
        write_batches(broken(), tmp_path, "c", JSON)
    assert pq.read_metadata(tmp_path / "c-0.parquet").num_rows == parquet.ROW_GROUP_ROWS
