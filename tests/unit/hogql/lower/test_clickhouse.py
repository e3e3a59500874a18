"""What ClickHouse gets, and the settings it gets it with."""

from tests.unit.hogql.catalogs import plan, sql


def test_the_plan_carries_the_settings_its_meaning_rests_on():
    settings = plan("SELECT 1", "clickhouse").settings
    assert settings["join_use_nulls"] == 1
    assert settings["aggregate_functions_null_for_empty"] == 1
    assert settings["session_timezone"] == "UTC"


def test_texts_and_names_are_escaped_its_way():
    assert sql("SELECT 'a\\\\b''c' AS x", "clickhouse") == "SELECT 'a\\\\b\\'c' AS \"x\""
    assert sql('SELECT 1 AS "a""b"', "clickhouse") == 'SELECT 1 AS "a\\"b"'


def test_stored_tables_are_the_mirrors_names():
    assert 'FROM "stripe__invoice" AS' in sql("SELECT id FROM stripe_invoice", "clickhouse")


def test_native_clauses_are_used_where_there_are_any():
    assert " LIMIT 2 BY " in sql("SELECT event FROM events LIMIT 2 BY event", "clickhouse")
    assert "ARRAY JOIN" in sql("SELECT arrayJoin([1]) AS x", "clickhouse")
    text = sql("SELECT event FROM events ORDER BY event LIMIT 2 OFFSET 1 WITH TIES", "clickhouse")
    assert text.endswith("LIMIT 2 OFFSET 1 WITH TIES")


def test_a_position_outside_an_array_is_null():
    assert "arrayElementOrNull" in sql("SELECT [1, 2][5]", "clickhouse")


def test_uuids_sort_as_texts():
    assert "ORDER BY toString(" in sql("SELECT uuid FROM events ORDER BY uuid", "clickhouse")
