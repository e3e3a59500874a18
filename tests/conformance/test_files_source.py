"""Files beyond the common suite: what makes a table, types that are not guessed, bad lines, object storage."""

import gzip
import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests
from moto.server import ThreadedMotoServer

from pwh_assets.core.source import Column, SyncMode
from pwh_assets.errors import InvalidInputError, SourceAccessError
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.errors import UnreadableDataError
from pwh_assets.sources.files import SOURCE, local_paths
from tests.servers.source_rigs import BucketRig, rows_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def config(url: object, **more: Any) -> dict[str, Any]:
    return SOURCE.validate({"url": str(url), **more})


def wanted(
    table: str,
    mode: SyncMode = SyncMode.FULL,
    since: str | None = None,
    columns: tuple[Column, ...] = (),
) -> ReadRequest:
    return ReadRequest(table, mode, columns, (), "_file_modified_at", since)


def rows(url: object, table: str) -> list[dict[str, Any]]:
    return rows_of(SOURCE.read(config(url), wanted(table)))


def types(url: object, table: str) -> dict[str, str]:
    return {c.name: c.type for c in SOURCE.read(config(url), wanted(table)).columns}


def touch(file: Path, second: int) -> None:
    at = datetime(2024, 1, 1, 0, 0, second, tzinfo=UTC).timestamp()
    os.utime(file, (at, at))


def test_files_folders_and_patterns_make_tables(folder: Path) -> None:
    for name in (
        "orders.csv",
        "events/a.jsonl",
        "events/deep/b.jsonl",
        "both.csv",
        "both/x.parquet",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text('{"id": 1}\n' if "json" in name else "id\n1\n")
    duckdb.sql(f"COPY (SELECT 1 AS id) TO '{folder}/both/x.parquet'")
    for hidden in ("_SUCCESS", ".hidden.csv", "readme.md", "empty.csv", "_temporary/part.csv"):
        (folder / hidden).parent.mkdir(exist_ok=True)
        (folder / hidden).write_text("" if hidden == "empty.csv" else "id\n1\n")

    def names(url: object) -> list[str]:
        return [table.name for table in SOURCE.tables(config(url))]

    assert names(folder) == ["both_csv", "both_parquet", "events", "orders"]
    assert names(f"file://{folder}") == names(folder)
    assert names(folder / "orders.csv") == ["orders"]
    assert names(f"{folder}/events/**/*.jsonl") == ["events"]


def test_csv_types_are_those_every_value_has(folder: Path) -> None:
    (folder / "t.csv").write_text(
        "id,zip,price,day,at,zoned,ok,long,blank,negative\n"
        "1,01234,1.5,2024-02-29,2024-01-01 10:00:00,2024-01-01T00:00:00Z,true,12345678901234567890,,-5\n"
        "2,99999,2,2024-03-01,2024-01-01T10:00:00.5,2024-01-01T00:00:00+02:00,FALSE,1,,0\n"
    )
    assert types(folder, "t") == {
        "id": "BIGINT",
        "zip": "VARCHAR",
        "price": "DOUBLE",
        "day": "DATE",
        "at": "TIMESTAMP",
        "zoned": "TIMESTAMP WITH TIME ZONE",
        "ok": "BOOLEAN",
        "long": "VARCHAR",
        "blank": "VARCHAR",
        "negative": "BIGINT",
        "_file_name": "VARCHAR",
        "_file_modified_at": "TIMESTAMP",
    }
    row = rows(folder, "t")[0]
    assert (row["zip"], row["long"], row["day"]) == (
        "01234",
        "12345678901234567890",
        date(2024, 2, 29),
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1"] * 5000 + ["x"], "VARCHAR"),
        (["1"] * 5000 + ["1.5"], "DOUBLE"),
        (["1.5"] * 5000 + ["1.10000000000000000001"], "VARCHAR"),
        (["2024-01-01"] * 5000 + ["2024-02-30"], "VARCHAR"),
        (["true"] * 5000 + ["1"], "VARCHAR"),
        ([""] * 5000 + ["7"], "VARCHAR"),
    ],
)
def test_the_last_line_counts_as_much_as_the_first(
    folder: Path, values: list[str], expected: str
) -> None:
    (folder / "t.csv").write_text("id,v\n" + "".join(f"{i},{v}\n" for i, v in enumerate(values)))
    assert types(folder, "t")["v"] == expected
    assert len(rows(folder, "t")) == len(values)


def test_text_of_earlier_files_stays_text_when_appending(folder: Path) -> None:
    (folder / "t").mkdir()
    (folder / "t" / "a.csv").write_text("v\n1.50\n")
    reading = SOURCE.read(
        config(folder), wanted("t", SyncMode.APPEND, columns=(Column("v", "VARCHAR"),))
    )
    assert [row["v"] for row in rows_of(reading)] == ["1.50"]


def test_quotes_delimiters_packing_and_line_ends_of_all_kinds(folder: Path) -> None:
    (folder / "a.csv").write_text('id,note\n1,"a ""b"", c"\n2,"two\nlines"\n')
    (folder / "b.csv").write_bytes("\ufeffid;note\r\n1;ä\r\n".encode())
    (folder / "c.tsv").write_text("id\tnote\n1\tx, y\n")
    (folder / "d.csv.gz").write_bytes(gzip.compress(b"id|note\n1|packed\n"))
    assert [row["note"] for row in rows(folder, "a")] == ['a "b", c', "two\nlines"]
    assert [row["note"] for row in rows(folder, "b")] == ["ä"]
    assert [row["note"] for row in rows(folder, "c")] == ["x, y"]
    assert [row["note"] for row in rows(folder, "d")] == ["packed"]


def test_files_of_different_columns_come_together_in_order_of_time(folder: Path) -> None:
    (folder / "t").mkdir()
    for second, (name, text) in enumerate(
        {"z.csv": "id,a\n1,x\n", "y.csv": "id,b\n2,y\n", "x.csv": "id,a\n3,z\n"}.items()
    ):
        (folder / "t" / name).write_text(text)
        touch(folder / "t" / name, second)
    found = rows(folder, "t")
    assert [(row["id"], row["a"], row["b"]) for row in found] == [
        (1, "x", None),
        (2, None, "y"),
        (3, "z", None),
    ]
    assert [row["_file_name"] for row in found] == ["t/z.csv", "t/y.csv", "t/x.csv"]
    assert found[1]["_file_modified_at"] == datetime(2024, 1, 1, 0, 0, 1)


def test_json_keeps_what_is_nested_or_of_several_kinds_as_json(folder: Path) -> None:
    lines = [
        {"id": 1, "nested": {"a": [1]}, "list": [1, "x"], "mixed": 1, "day": "2024-01-01"},
        {"id": 2, "mixed": "x", "late": True},
    ]
    (folder / "t.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    found = types(folder, "t")
    assert (found["id"], found["nested"], found["list"], found["mixed"]) == (
        "BIGINT",
        "JSON",
        "JSON",
        "JSON",
    )
    assert (found["day"], found["late"]) == ("DATE", "BOOLEAN")
    first, second = rows(folder, "t")
    assert json.loads(first["nested"]) == {"a": [1]}
    assert (json.loads(first["mixed"]), json.loads(second["mixed"])) == (1, "x")


def test_parquet_keeps_its_types(folder: Path) -> None:
    duckdb.sql(
        "COPY (SELECT 1::SMALLINT AS i, 1.5::DECIMAL(10,2) AS d, [1, 2] AS l, {'x': 1} AS s, "
        "TIMESTAMPTZ '2024-01-01 00:00:00+02' AS t, uuid() AS u, 'a'::ENUM('a', 'b') AS e, DATE '2024-01-01' AS day) "
        f"TO '{folder}/t.parquet'"
    )
    found = types(folder, "t")
    assert list(found.values())[:8] == [
        "SMALLINT",
        "DECIMAL(10,2)",
        "INTEGER[]",
        "STRUCT(x INTEGER)",
        "TIMESTAMP WITH TIME ZONE",
        "UUID",
        "VARCHAR",
        "DATE",
    ]
    assert rows(folder, "t")[0]["s"] == {"x": 1}


def test_folders_called_key_value_are_columns_of_parquet(folder: Path) -> None:
    for day in ("01", "02"):
        part = folder / "t" / f"day={day}"
        part.mkdir(parents=True)
        duckdb.sql(f"COPY (SELECT {int(day)} AS id) TO '{part}/x.parquet'")
    assert {(row["id"], row["day"]) for row in rows(folder, "t")} == {(1, "01"), (2, "02")}


PACKED = gzip.compress(b"id\n" + b"".join(b"%d\n" % n for n in range(9_000)))
CUT = PACKED[: len(PACKED) // 2]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "t.csv",
            b"id,a\n1,2\n3\n",
            r"`t.csv`, line 3: it has 1 values where the header has 2 names",
        ),
        ("t.csv", b"id,a\n1,2\n3,4,5\n", r"`t.csv`, line 3: it has 3 values"),
        ("t.csv", b'id,a\n1,2\n3,"4\n', r"`t.csv`, line 3: a quote is opened"),
        ("t.csv", b"id,a\n1,\xe4\n", r"`t.csv`, line 2: it is not UTF-8"),
        ("t.csv", b"id,ID\n1,2\n", r"`t.csv`, line 1: the header names `ID` twice"),
        ("t.jsonl", b'{"a": 1}\n{"a": x}\n{"a": 2}\n', r"`t.jsonl`, line 2"),
        (
            "t.jsonl",
            b'{"a": "confidential", "a": 1}\n',
            r"line 1: one object has a key twice\. Mend",
        ),
        ("t.csv.gz", CUT, r"`t.csv.gz`: it is damaged or cut off"),
        ("t.jsonl.gz", CUT, r"`t.jsonl.gz`: it is damaged or cut off"),
        ("t.csv.gz", PACKED[:-8] + bytes(8), r"`t.csv.gz`: it is damaged"),
        ("t.parquet", b"not parquet at all", r"parquet|Parquet"),
    ],
)
def test_a_malformed_file_is_named_with_its_line_and_does_not_hide_its_siblings(
    folder: Path, name: str, content: bytes, words: str
) -> None:
    (folder / name).write_bytes(content)
    (folder / "good.csv").write_text("id\n1\n")
    assert [table.name for table in SOURCE.tables(config(folder))] == ["good", "t"]
    with pytest.raises(UnreadableDataError, match=words):
        rows(folder, "t")


def test_a_bad_line_far_down_is_found_with_its_number(folder: Path) -> None:
    lines = "".join(f"{i},x\n" for i in range(200_000))
    (folder / "t.csv").write_text(f"id,a\n{lines}oops\n")
    with pytest.raises(UnreadableDataError, match=r"`t.csv`, line 200002"):
        rows(folder, "t")


def test_a_last_line_that_no_buffer_holds_is_not_passed_over(folder: Path) -> None:
    (folder / "t.csv").write_bytes(b"id,a\n0,x\n1," + b"a" * (33 << 20) + b"\n")
    with pytest.raises(UnreadableDataError, match="last line is longer than 2 MiB"):
        rows(folder, "t")


def test_the_content_of_a_bad_line_is_not_repeated(folder: Path) -> None:
    (folder / "t.csv").write_text("id,a\nconfidential-value\n")
    with pytest.raises(UnreadableDataError) as caught:
        rows(folder, "t")
    assert "confidential" not in str(caught.value)


@pytest.mark.parametrize("url", ["data", "../etc", "http://x/y", "s3://", "s3://*/x", ""])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        config(url)
    assert caught.value.attr == "url"


def test_a_folder_that_does_not_exist_is_named(folder: Path) -> None:
    with pytest.raises(InvalidInputError, match="There is no folder"):
        SOURCE.tables(config(folder / "nowhere"))


def test_local_paths_are_told_for_the_service_to_decide(folder: Path) -> None:
    assert local_paths(config(f"file://{folder}/x/*.csv")) == [f"{folder}/x"]
    assert local_paths(config("s3://bucket/x")) == []


# Object storage


@pytest.fixture(scope="module")
def storage() -> Iterator[int]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield server.get_host_and_port()[1]
    server.stop()


def test_a_bucket_that_does_not_exist_is_an_access_error(storage: int) -> None:
    rig = BucketRig(storage)
    with pytest.raises(SourceAccessError, match="was not found"):
        SOURCE.tables({**rig.config, "url": "s3://no-such-bucket/x"})


def test_a_packed_object_that_was_cut_off_is_refused(storage: int) -> None:
    rig = BucketRig(storage)
    for name, content in (("whole", PACKED), ("cut", CUT)):
        rig.client.put_object(Bucket=rig.bucket, Key=f"exports/{name}.csv.gz", Body=content)
    assert len(rows_of(SOURCE.read(rig.config, wanted("whole")))) == 9_000
    with pytest.raises(UnreadableDataError, match="damaged or cut off"):
        SOURCE.read(rig.config, wanted("cut"))


def test_a_wrong_key_is_an_access_error_without_the_secret(storage: int) -> None:
    rig = BucketRig(storage)
    requests.post(f"http://127.0.0.1:{storage}/moto-api/reset-auth", data=b"0", timeout=10)
    try:
        with pytest.raises(SourceAccessError, match="may not be read") as caught:
            SOURCE.tables(rig.config)
    finally:
        requests.post(f"http://127.0.0.1:{storage}/moto-api/reset-auth", data=b"inf", timeout=10)
    assert rig.secret not in str(caught.value)


def test_the_operators_own_keys_are_not_used_for_a_source(
    storage: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "operator")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "operators-secret")
    rig = BucketRig(storage)
    rig.client.put_object(Bucket=rig.bucket, Key="exports/item/a.csv", Body=b"id\n1\n")
    public = {**rig.config, "key_id": None, "secret": None}
    with pytest.raises(
        SourceAccessError
    ):  # the server serves this object to any key, but to no stranger
        rows_of(SOURCE.read(public, wanted("item")))


def test_an_object_storage_source_reads_no_file_of_this_machine(storage: int, folder: Path) -> None:
    from pwh_assets.sources.files.storage import opened

    (folder / "secret.csv").write_text("id\n1\n")
    with (
        pytest.raises(Exception, match="disabled"),
        opened(BucketRig(storage).config) as connection,
    ):
        connection.execute(f"SELECT * FROM read_csv('{folder}/secret.csv')")


def test_an_object_is_its_own_table_and_a_folder_one_too(storage: int) -> None:
    rig = BucketRig(storage)
    for key in ("exports/a.csv", "exports/b/1.csv", "exports/b/2.csv", "elsewhere/c.csv"):
        rig.client.put_object(Bucket=rig.bucket, Key=key, Body=b"id\n1\n")
    assert [table.name for table in SOURCE.tables(rig.config)] == ["a", "b"]
    single = {**rig.config, "url": f"s3://{rig.bucket}/exports/a.csv"}
    assert [table.name for table in SOURCE.tables(single)] == ["a"]
    assert [row["_file_name"] for row in rows_of(SOURCE.read(single, wanted("a")))] == ["a.csv"]
