import sys

import duckdb
import pytest

from pwh_assets.core.source import Column, Source, SyncedTable, SyncMode
from pwh_assets.services.sync import contracts
from pwh_assets.services.sync.contracts import (
    COLUMNS,
    PRESENT,
    UNIQUE,
    check_contract,
    contract_of,
    explain,
)

EVERY_TYPE = (
    "BIGINT",
    "DECIMAL(18,2)",
    "VARCHAR",
    "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE",
    "DATE",
    "BOOLEAN",
    "DOUBLE",
    "UUID",
    "BLOB",
    "TIME",
    "INTERVAL",
    "INTEGER[]",
    "STRUCT(a INTEGER, b VARCHAR)",
    "MAP(VARCHAR, INTEGER)",
    "HUGEINT",
    "JSON",
    "UTINYINT",
)


@pytest.fixture
def lake():
    with duckdb.connect() as connection:
        connection.execute("ATTACH ':memory:' AS lake")
        connection.execute("CREATE SCHEMA lake.app")
        yield connection


def table(columns, key=("id",), mode=SyncMode.FULL):
    named = tuple(Column(name, kind) for name, kind in columns.items())
    return SyncedTable("t", Source("s", 1, "app"), "Users", named, tuple(key), mode=mode)


def checked(lake, subject):
    return {result.name: result for result in check_contract(lake, subject)}


def test_a_table_as_declared_passes(lake):
    lake.execute("CREATE TABLE lake.app.users AS SELECT range AS id, 'x' AS email FROM range(5000)")
    results = checked(lake, table({"id": "BIGINT", "email": "VARCHAR"}))
    assert {name: result.passed for name, result in results.items()} == {
        COLUMNS: True,
        UNIQUE: True,
    }
    assert results[COLUMNS].details == {"columns": 2, "sampled_rows": 1000}
    assert results[UNIQUE].details["rows"] == 5000


def test_what_has_no_columns_passes_once_it_is_made(lake):
    assert check_contract(lake, table({}, key=())) == ()
    lake.execute("CREATE TABLE lake.app.users AS SELECT 1 AS id")
    assert checked(lake, table({}, key=()))[COLUMNS].passed


def test_columns_are_looked_for_by_the_names_the_lake_keeps_them_under(lake):
    """One whose spelling changed at the source, two that differ by case alone, one without a name."""
    lake.execute(
        "CREATE TABLE lake.app.users AS SELECT 1::BIGINT AS id, 'x' AS A, 2 AS a_1, 3 AS _"
    )
    subject = table({"ID": "BIGINT", "A": "VARCHAR", "a": "INTEGER", "": "INTEGER"}, key=("ID",))
    assert [result.passed for result in check_contract(lake, subject)] == [True, True]


def test_a_key_nobody_brought_yet_is_missed_once_there_are_rows(lake):
    lake.execute("CREATE TABLE lake.app.users (amount DECIMAL(20,4))")
    subject = table({"amount": "DECIMAL(20,4)"})
    assert checked(lake, subject)[UNIQUE].passed
    lake.execute("INSERT INTO lake.app.users VALUES (1)")
    found = checked(lake, subject)[UNIQUE]
    assert not found.passed
    assert explain(found, "app_users") == "`app_users` breaks its key `id`: 1 rows have no key."


def test_every_type_of_the_lake_can_be_declared(lake):
    columns = {f"c{i}": kind for i, kind in enumerate(EVERY_TYPE)}
    nulls = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in columns.items())
    lake.execute(f"CREATE TABLE lake.app.users AS SELECT {nulls}")
    assert checked(lake, table(columns, key=()))[COLUMNS].passed


def test_repeated_and_missing_keys_are_counted_and_their_values_not_told(lake):
    lake.execute(
        "CREATE TABLE lake.app.users AS SELECT * FROM (VALUES ('a@x', 1), ('a@x', 1), ('a@x', 1), "
        "('b@x', 1), (NULL, 2), (NULL, 2)) AS v(id, org)"
    )
    result = checked(lake, table({"id": "VARCHAR", "org": "INTEGER"}, ("id", "org")))[UNIQUE]
    assert not result.passed
    assert result.details["duplicated_keys"] == 1 and result.details["surplus_rows"] == 2
    assert result.details["null_keys"] == 2
    assert "2 rows repeat a key (in 1 keys) and 2 rows have no key" in explain(result, "app_users")
    assert "a@x" not in str(result.details)


def test_appended_tables_may_repeat_keys_but_not_lack_them(lake):
    lake.execute("CREATE TABLE lake.app.users AS SELECT * FROM (VALUES (1), (1), (NULL)) AS v(id)")
    subject = table({"id": "INTEGER"}, mode=SyncMode.APPEND)
    assert set(contract_of(subject)) == {COLUMNS, PRESENT}
    assert checked(lake, subject)[PRESENT].details["null_keys"] == 1


def test_a_missing_column_and_a_narrower_one_are_named(lake):
    lake.execute("CREATE TABLE lake.app.users AS SELECT 1::INTEGER AS id, 'x' AS name")
    subject = table({"id": "BIGINT", "name": "VARCHAR", "email": "VARCHAR"}, ())
    result = checked(lake, subject)[COLUMNS]
    assert not result.passed
    assert result.details["problems"] == [
        "`email` is missing; declared `VARCHAR`",
        "`id` is `INTEGER`; declared `BIGINT`",
    ]


def test_a_widened_column_keeps_the_contract(lake):
    lake.execute("CREATE TABLE lake.app.users AS SELECT 'now text' AS id")
    assert checked(lake, table({"id": "BIGINT"}))[COLUMNS].passed


def test_hostile_names_are_only_names(lake):
    lake.execute('CREATE TABLE lake.app.users ("a""; DROP TABLE x; --" INTEGER, "select" INTEGER)')
    names = {'a"; DROP TABLE x; --': "INTEGER", "select": "INTEGER"}
    results = checked(lake, table(names, tuple(names)))
    assert all(result.passed for result in results.values())


def test_an_empty_table_keeps_its_contract(lake):
    lake.execute("CREATE TABLE lake.app.users (id BIGINT)")
    assert all(result.passed for result in checked(lake, table({"id": "BIGINT"})).values())


def test_keys_are_checked_within_the_memory_the_connection_has(lake, tmp_path):
    lake.execute(f"SET memory_limit='120MB'; SET threads=2; SET temp_directory='{tmp_path}'")
    lake.execute(f"ATTACH '{tmp_path / 'big.db'}' AS big")
    lake.execute(
        "CREATE VIEW lake.app.users AS SELECT md5(range::VARCHAR) AS id FROM range(2_000_000)"
    )
    assert checked(lake, table({"id": "VARCHAR"}))[UNIQUE].passed


def test_a_table_in_order_is_checked_without_loading_what_only_names_faults(lake, monkeypatch):
    columns = {f"c{i}": kind for i, kind in enumerate(EVERY_TYPE)}
    declared = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    lake.execute(f"CREATE TABLE lake.app.users ({declared})")
    lake.execute("INSERT INTO lake.app.users (c0) VALUES (1), (2)")
    for name in ("numpy", "pyarrow", "pandas", "pandera", "pandera.pandas"):
        monkeypatch.setitem(sys.modules, name, None)
    assert all(each.passed for each in checked(lake, table(columns, key=("c0",))).values())
    lake.execute("UPDATE lake.app.users SET c0 = NULL")
    with pytest.raises(ImportError):
        checked(lake, table(columns, key=("c0",)))


def test_repeated_whole_numbers_are_found_by_sorting_as_by_grouping(lake, monkeypatch):
    lake.execute(
        "CREATE TABLE lake.app.users AS SELECT (range % 70_000 - 9)::INTEGER AS id FROM range(200_000) "
        "UNION ALL SELECT * FROM (VALUES (NULL), (NULL), (2147483647), (-2147483648), (-2147483648)) v(id)"
    )
    monkeypatch.setattr(contracts, "GROUPED_ROWS", 0)
    for mode in (SyncMode.FULL, SyncMode.INCREMENTAL):
        monkeypatch.setattr(contracts, "SORTED_ROWS", 1_000_000)
        by_sorting = checked(lake, table({"id": "INTEGER"}, mode=mode))[UNIQUE]
        monkeypatch.setattr(contracts, "SORTED_ROWS", 0)
        by_grouping = checked(lake, table({"id": "INTEGER"}, mode=mode))[UNIQUE]
        assert by_sorting == by_grouping and not by_sorting.passed
        assert by_sorting.details["duplicated_keys"] == 70_001
        assert by_sorting.details["surplus_rows"] == 130_001
        assert by_sorting.details["null_keys"] == 2


@pytest.mark.parametrize(
    ("memory", "part_rows"), [("192MiB", 10**6), ("1KiB", 10**6), ("192MiB", 30_000)]
)
def test_repeated_keys_are_found_in_little_memory_and_in_too_little(
    lake, monkeypatch, memory, part_rows
):
    monkeypatch.setattr(contracts, "SORTED_ROWS", 0)
    monkeypatch.setattr(contracts, "KEY_MEMORY", memory)
    monkeypatch.setattr(contracts, "PART_ROWS", part_rows)
    lake.execute("SET memory_limit = '700MiB'")
    lake.execute("CREATE TABLE lake.app.users AS SELECT range % 99999 AS id FROM range(100_000)")
    found = checked(lake, table({"id": "BIGINT"}))[UNIQUE].details
    assert (found["duplicated_keys"], found["surplus_rows"]) == (1, 1)
    (limit,) = lake.execute("SELECT current_setting('memory_limit')").fetchone()
    assert limit == "700.0 MiB"
