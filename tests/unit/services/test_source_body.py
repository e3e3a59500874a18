"""What a person may write when connecting a source."""

from typing import Any

import pytest

from pwh_assets.core.source import Column, DiscoveredTable, SyncMode
from pwh_assets.errors import InvalidInputError
from pwh_assets.services.sources.body import apply, best, best_mode, chosen, parse_body

COLUMNS = (
    Column("id", "BIGINT"),
    Column("email", "VARCHAR"),
    Column("created_at", "TIMESTAMP"),
    Column("updated_at", "TIMESTAMP WITH TIME ZONE"),
    Column("day", "DATE"),
)
USERS = DiscoveredTable("users", COLUMNS, ("id",), ("updated_at", "created_at", "id"))
LOG = DiscoveredTable("log", COLUMNS, (), ("created_at", "id"))
PLAIN = DiscoveredTable("plain", COLUMNS[:2])
KEYED = DiscoveredTable("keyed", COLUMNS, ("id",), ("created_at",))
FULL_ONLY = DiscoveredTable("fixed", COLUMNS, ("id",), ("updated_at",), modes=(SyncMode.FULL,))


@pytest.mark.parametrize(
    ("table", "mode", "cursor"),
    [
        (USERS, SyncMode.INCREMENTAL, "updated_at"),
        (LOG, SyncMode.APPEND, "created_at"),
        (PLAIN, SyncMode.FULL, None),
        (KEYED, SyncMode.FULL, None),
        (FULL_ONLY, SyncMode.FULL, None),
        (DiscoveredTable("u", COLUMNS, (), ("updated_at",)), SyncMode.FULL, None),
        (DiscoveredTable("v", COLUMNS, (), ("last_login", "id")), SyncMode.FULL, None),
    ],
)
def test_the_best_mode_loses_no_change(
    table: DiscoveredTable, mode: SyncMode, cursor: str | None
) -> None:
    assert best_mode(table) == (mode, cursor)


def take(**entry: Any) -> Any:
    (table,) = chosen([{"name": "users", **entry}], [USERS, LOG, PLAIN, FULL_ONLY])
    return table


def test_an_entry_is_followed() -> None:
    table = take(
        sync_type="incremental",
        incremental_field="created_at",
        incremental_field_type="timestamp",
        sync_frequency="24hour",
        sync_time_of_day="02:00",
        primary_key=["id", "email"],
        description="people",
        should_sync=False,
    )
    assert (table.mode, table.cursor) == (SyncMode.INCREMENTAL, "created_at")
    assert (table.frequency.name, table.frequency.time_of_day) == ("24hour", "02:00")
    assert table.primary_key == ("id", "email")
    assert (table.description, table.should_sync) == ("people", False)


def test_a_time_of_day_alone_says_once_a_day() -> None:
    assert take(sync_time_of_day="02:00").frequency.name == "24hour"


def test_a_cursor_is_found_when_none_is_named() -> None:
    assert take(sync_type="append").cursor == "updated_at"
    assert take(sync_type="full").cursor is None
    assert take(incremental_field="id").mode is SyncMode.INCREMENTAL


def test_names_match_in_another_case_when_only_one_can_be_meant() -> None:
    (table,) = chosen([{"name": "USERS"}], [USERS])
    assert table.name == "users"


@pytest.mark.parametrize(
    ("entry", "attr", "says"),
    [
        ({"name": "userz"}, "name", "Did you mean `users`"),
        ({"name": ""}, "name", "no `name`"),
        ({"name": 5}, "name", "no `name`"),
        ({"name": "users", "sync_typ": "full"}, "sync_typ", "Did you mean `sync_type`"),
        ({"name": "users", "sync_type": "cdc"}, "sync_type", "`full`, `incremental` or `append`"),
        (
            {"name": "users", "sync_type": ["full"]},
            "sync_type",
            "`full`, `incremental`, `append`",
        ),
        (
            {"name": "users", "sync_type": "incremental", "incremental_field": "emial"},
            "incremental_field",
            "Did you mean `email`",
        ),
        (
            {"name": "users", "sync_type": "incremental", "incremental_field": "email"},
            "incremental_field",
            "cannot be an `incremental_field`",
        ),
        (
            {"name": "users", "incremental_field": "id", "incremental_field_type": "date"},
            "incremental_field_type",
            "is BIGINT, not `date`",
        ),
        (
            {"name": "users", "incremental_field": "id", "incremental_field_type": "uuid"},
            "incremental_field_type",
            "not an `incremental_field_type`",
        ),
        (
            {"name": "log", "sync_type": "incremental"},
            "primary_key",
            "no primary key.*`full` or `append`",
        ),
        ({"name": "plain", "sync_type": "append"}, "incremental_field", "Use `sync_type` `full`"),
        (
            {"name": "plain", "sync_type": "incremental"},
            "incremental_field",
            "Use `sync_type` `full`",
        ),
        (
            {"name": "fixed", "sync_type": "incremental"},
            "sync_type",
            "cannot be synced with `incremental`",
        ),
        ({"name": "users", "sync_frequency": "2hour"}, "sync_frequency", "not a frequency"),
        ({"name": "users", "sync_frequency": 5}, "sync_frequency", "must be a text"),
        ({"name": "users", "sync_time_of_day": "26:00"}, "sync_time_of_day", "HH:MM"),
        ({"name": "users", "primary_key": "idd"}, "primary_key", "Did you mean `id`"),
        ({"name": "users", "primary_key": []}, "primary_key", "column's name"),
        ({"name": "users", "primary_key": ["id", "id"]}, "primary_key", "twice"),
        ({"name": "users", "should_sync": "yes"}, "should_sync", "true or false"),
        ({"name": "users", "description": "x" * 401}, "description", "400 are allowed"),
    ],
)
def test_a_mistake_in_an_entry_is_one_sentence_that_names_it(
    entry: dict[str, Any], attr: str, says: str
) -> None:
    with pytest.raises(InvalidInputError, match=says) as refused:
        chosen([entry], [USERS, LOG, PLAIN, FULL_ONLY])
    assert refused.value.attr == attr
    assert "\n" not in str(refused.value) and str(refused.value)[-1] in ".?"


def test_a_table_twice_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="twice"):
        chosen([{"name": "users"}, {"name": "USERS"}], [USERS])


def test_what_a_change_does_not_say_stays() -> None:
    table = apply({"sync_frequency": "1hour"}, best(USERS))
    assert (table.mode, table.cursor, table.frequency.name) == (
        SyncMode.INCREMENTAL,
        "updated_at",
        "1hour",
    )
    assert apply({"sync_type": "full"}, table).cursor is None


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ([], "body"),
        ("x", "body"),
        ({}, "source_type"),
        ({"source_type": 5}, "source_type"),
        ({"source_type": "x", "description": "\ud800"}, "body"),
        ({"source_type": "x", "payload": {"host": "a\x00b"}}, "body"),
        ({"source_type": "x", "payload": {"schemas": [{"name": "\udfff"}]}}, "body"),
        ({"source_type": "x", "prefix": "9a"}, "prefix"),
        ({"source_type": "x", "prefix": "a b"}, "prefix"),
        ({"source_type": "x", "prefix": "a.b"}, "prefix"),
        ({"source_type": "x", "prefix": "a" * 101}, "prefix"),
        ({"source_type": "x", "prefix": 5}, "prefix"),
        ({"source_type": "x", "description": "d" * 401}, "description"),
        ({"source_type": "x", "payload": []}, "payload"),
        ({"source_type": "x", "payload": {"schemas": {}}}, "schemas"),
        ({"source_type": "x", "payload": {"schemas": ["users"]}}, "schemas"),
    ],
)
def test_a_mistake_in_the_body_names_its_field(body: Any, attr: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse_body(body)
    assert refused.value.attr == attr


def test_fields_beside_the_payload_are_taken_as_in_the_short_form() -> None:
    body = parse_body(
        {"source_type": " Postgres ", "host": "a", "port": 1, "payload": {"host": "b"}}
    )
    assert (body.source_type, body.payload, body.schemas) == (
        "Postgres",
        {"host": "b", "port": 1},
        None,
    )
