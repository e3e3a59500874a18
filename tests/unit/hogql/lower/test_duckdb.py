"""What DuckDB gets."""

import pytest

from tests.unit.hogql.catalogs import sql


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1 AS x", 'SELECT 1 AS "x"'),
        ("SELECT 1.5 AS x", 'SELECT 1.5e0 AS "x"'),
        ("SELECT 'it''s' AS x", "SELECT 'it''s' AS \"x\""),
        ('SELECT 1 AS "a""b"', 'SELECT 1 AS "a""b"'),
        ("SELECT 1 AS a, 2 AS A", 'SELECT 1 AS "a", 2 AS "A_1"'),
        ("SELECT now() AS n", "SELECT TIMESTAMP '2026-11-20 12:00:00' AS \"n\""),
        ("SELECT today() AS n", "SELECT DATE '2026-11-20' AS \"n\""),
        ("SELECT toDate('2026-01-02') AS d", "SELECT DATE '2026-01-02' AS \"d\""),
    ],
)
def test_literals(text, expected):
    assert sql(text) == expected


def test_grouping_names_the_place_of_what_is_selected():
    text = sql("SELECT properties.a AS a, count() AS n FROM events GROUP BY a ORDER BY n DESC")
    assert text.endswith("GROUP BY 1 ORDER BY 2 DESC NULLS LAST")


def test_a_column_nobody_reads_is_left_out_of_a_sub_query():
    text = sql("SELECT a FROM (SELECT event AS a, uuid AS b FROM events)")
    assert "uuid" not in text


def test_sessions_compute_only_what_is_read():
    assert "$current_url" not in sql("SELECT count() FROM sessions WHERE $start_timestamp > now()")


def test_limit_by_becomes_a_row_number():
    text = sql("SELECT event FROM events ORDER BY timestamp LIMIT 2 OFFSET 1 BY event")
    assert "QUALIFY row_number() OVER (PARTITION BY" in text
    assert "> 1 AND" in text


def test_ties_become_a_rank():
    assert "rank() OVER (ORDER BY" in sql(
        "SELECT event FROM events ORDER BY timestamp LIMIT 2 WITH TIES"
    )


def test_distinct_with_an_order_over_something_else_groups():
    text = sql("SELECT DISTINCT event FROM events ORDER BY lower(event)")
    assert "DISTINCT" not in text
    assert "GROUP BY" in text


def test_having_without_groups_filters_rows():
    assert "HAVING" not in sql("SELECT event AS e FROM events HAVING e = 'a'")


def test_array_join_is_lateral_and_one_per_argument():
    text = sql("SELECT arrayJoin([1, 2]) AS x, arrayJoin([1, 2]) + 1 FROM events")
    assert text.count("LATERAL") == 1


def test_array_join_over_an_aggregate_unfolds_afterwards():
    text = sql("SELECT arrayJoin(groupArray(event)) AS e, count() FROM events GROUP BY distinct_id")
    assert text.index("LATERAL") > text.index("GROUP BY")


def test_named_queries_are_written_once_in_front():
    text = sql("WITH a AS (SELECT 1 AS x) SELECT * FROM (SELECT x FROM a) JOIN a AS b ON 1 = 1")
    assert text.startswith('WITH "a" AS (SELECT 1 AS "x") SELECT')


def test_a_negated_test_is_true_for_null():
    assert "IS DISTINCT FROM" in sql("SELECT event FROM events WHERE event != 'a'")
    assert "coalesce(NOT" in sql("SELECT event FROM events WHERE event NOT LIKE 'a'")
    assert "coalesce(NOT" in sql("SELECT event FROM events WHERE event NOT IN ('a')")


def test_a_text_is_read_as_what_it_is_compared_with():
    assert "TIMESTAMP '2026-01-01 00:00:00'" in sql(
        "SELECT 1 FROM events WHERE timestamp > '2026-01-01'"
    )
    assert "CAST('00000000-0000-0000-0000-000000000001' AS UUID)" in sql(
        "SELECT 1 FROM events WHERE person_id = '00000000-0000-0000-0000-000000000001'"
    )


def test_a_limit_is_never_pushed_through_a_join():
    text = sql("SELECT person.id FROM events LIMIT 5")
    assert text.endswith("LIMIT 5")
    assert text.count("LIMIT") == 1


def test_a_view_keeps_the_engines_clock():
    assert "now()" in sql("SELECT now() AS n", now=None)


def test_a_relation_names_stored_tables():
    text = sql("SELECT id FROM stripe_invoice", relation=lambda path: f"<{'/'.join(path)}>")
    assert "FROM <stripe/invoice> AS" in text
