"""What a warehouse is asked: the query's columns, bounds and filters, and what never gets into it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from pwh_assets.core.options import RowFilter
from pwh_assets.core.source import SyncMode
from pwh_assets.errors import InvalidInputError
from pwh_assets.sources import bigquery, databricks, redshift, snowflake
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.errors import (
    CursorChangedError,
    CursorMissingError,
    CursorTypeError,
    TableMissingError,
)
from pwh_assets.sources.warehouse.base import Dialect, Typed, WarehouseColumn, WarehouseTable
from pwh_assets.sources.warehouse.reading import TableReader

CONFIG = {"database": "D", "schema": "S", "project": "p", "dataset": "d", "catalog": "c"}
TABLE = WarehouseTable(
    "t",
    (
        WarehouseColumn("id", Typed("BIGINT", cursor_kind="number"), is_nullable=False),
        WarehouseColumn("at", Typed("TIMESTAMP WITH TIME ZONE", cursor_kind="instant")),
        WarehouseColumn("body", Typed("JSON", "TO_JSON({0})")),
    ),
    ("id",),
)
DIALECTS = {
    "snowflake": snowflake.SOURCE.dialect,
    "bigquery": bigquery.SOURCE.dialect,
    "databricks": databricks.SOURCE.dialect,
    "redshift": redshift.SOURCE.dialect,
}


class Answers:
    """A session that knows one table and gives `highest` to every question."""

    place = "the warehouse"

    def __init__(self, highest: str | None) -> None:
        self.highest = highest
        self.asked: list[str] = []

    def tables(self, only: str | None = None) -> list[WarehouseTable]:
        return [TABLE] if only in (None, "t") else []

    def value(self, query: str) -> str | None:
        self.asked.append(query)
        return self.highest

    def batches(self, query: str, rows: int) -> Iterator[Any]:
        self.asked.append(query)
        return iter(())


def ask(
    request: ReadRequest, highest: str | None = "2024-03-02", dialect: Dialect | None = None
) -> list[str]:
    session = Answers(highest)

    @contextmanager
    def connect(config: Any) -> Iterator[Answers]:
        yield session

    reader = TableReader.open(connect, dialect or redshift.SOURCE.dialect, CONFIG, request)
    assert list(reader.batches()) == []
    return session.asked


def wanted(mode: SyncMode, since: str | None = None, cursor: str | None = "at") -> ReadRequest:
    return ReadRequest("t", mode, (), ("id",), cursor, since)


def test_a_full_read_asks_for_all_rows_and_nothing_else() -> None:
    assert ask(wanted(SyncMode.FULL)) == [
        'SELECT "id" AS "id", "at" AS "at", TO_JSON("body") AS "body" FROM "S"."t"'
    ]


def test_a_merge_reads_from_the_watermark_on_and_rows_without_a_cursor_too() -> None:
    bound, query = ask(wanted(SyncMode.INCREMENTAL, "2024-03-01 12:00:00+00"))
    assert "MAX" in bound
    assert query.endswith(
        """ WHERE ("at" >= '2024-03-01 12:00:00+00'::timestamptz OR "at" IS NULL)"""
    )


def test_an_append_reads_between_both_watermarks() -> None:
    _, query = ask(wanted(SyncMode.APPEND, "2024-03-01 12:00:00+00"), "2024-03-02 00:00:00+00")
    assert query.endswith(
        """ WHERE ("at" > '2024-03-01 12:00:00+00'::timestamptz AND "at" <= '2024-03-02 00:00:00+00'::timestamptz)"""
    )


def test_an_append_of_nothing_settled_reads_nothing() -> None:
    _, query = ask(wanted(SyncMode.APPEND), None)
    assert query.endswith(" WHERE (1 = 0)")


def test_the_watermark_stays_below_what_may_still_be_committed() -> None:
    bound, _ = ask(wanted(SyncMode.INCREMENTAL))
    assert """"at" <= (GETDATE() - INTERVAL '900 seconds')::timestamptz""" in bound


def test_only_the_columns_wanted_are_read() -> None:
    (query,) = ask(replace(wanted(SyncMode.FULL), selected=("id",)))
    assert query == 'SELECT "id" AS "id" FROM "S"."t"'


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("redshift", "'O''Hara \\'"),
        ("snowflake", "'O\\'Hara \\\\'"),
        ("bigquery", "'O\\'Hara \\\\'"),
        ("databricks", "'O\\'Hara \\\\'"),
    ],
)
def test_a_filter_s_text_cannot_leave_its_quotes(name: str, expected: str) -> None:
    request = replace(
        wanted(SyncMode.FULL),
        filters=(RowFilter("body", "=", "O'Hara \\"), RowFilter("id", ">", 3)),
    )
    (query,) = ask(request, dialect=DIALECTS[name])
    assert expected in query
    assert query.endswith("> 3)")


@pytest.mark.parametrize("name", DIALECTS)
def test_a_watermark_that_is_no_moment_never_reaches_the_query(name: str) -> None:
    hostile = wanted(SyncMode.INCREMENTAL, "2024-03-01' OR '1'='1")
    with pytest.raises(InvalidInputError):
        ask(hostile, dialect=DIALECTS[name])


def test_a_table_that_is_gone_and_a_cursor_that_cannot_be_are_told() -> None:
    with pytest.raises(TableMissingError):
        ask(replace(wanted(SyncMode.FULL), table="other"))
    with pytest.raises(CursorMissingError, match="did"):
        ask(wanted(SyncMode.APPEND, cursor="did"))
    with pytest.raises(CursorTypeError):
        ask(wanted(SyncMode.APPEND, cursor="body"))
    with pytest.raises(CursorChangedError, match="resync"):
        ask(wanted(SyncMode.INCREMENTAL, "41"))


@pytest.mark.parametrize(
    ("name", "change", "attr"),
    [
        ("bigquery", {"service_account": "no json"}, "service_account"),
        ("bigquery", {"service_account": {"type": "external_account"}}, "service_account"),
        ("bigquery", {"service_account": {"type": "service_account"}}, "service_account"),
        ("bigquery", {}, "service_account"),
        ("bigquery", {"endpoint": "bigquery.example.com"}, "endpoint"),
        ("bigquery", {"endpoint": "http://[::1"}, "endpoint"),
        ("bigquery", {"endpoint": "https://host:99999"}, "endpoint"),
        ("snowflake", {"account": "evil.example.com/x"}, "account"),
        ("snowflake", {"auth_type": "key_pair"}, "private_key"),
        ("snowflake", {"auth_type": "token"}, "token"),
        ("databricks", {"http_path": "/sql?x=1 y"}, "http_path"),
        ("databricks", {"host": "file:///etc/passwd"}, "host"),
        ("databricks", {"host": "25:99999"}, "host"),
        ("databricks", {"host": "a b"}, "host"),
        ("redshift", {"port": 70000}, "port"),
    ],
)
def test_a_form_that_cannot_work_names_its_field(
    name: str, change: dict[str, Any], attr: str
) -> None:
    from pwh_assets.sources.registry import discover

    filled = {
        "project": "p",
        "dataset": "d",
        "account": "acme-prod",
        "user": "u",
        "database": "d",
        "password": "made-up",
        "host": "h",
        "http_path": "/sql/1.0/warehouses/1",
        "token": "" if name == "snowflake" else "made-up",
    }
    with pytest.raises(InvalidInputError) as caught:
        discover()[name].validate({**filled, **change})
    assert caught.value.attr == attr
