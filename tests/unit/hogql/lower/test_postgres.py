"""What Postgres gets."""

import pytest

from pwh_assets.hogql.catalog import Catalog, ColumnDef, TableDef
from pwh_assets.hogql.lower.postgres import shortened
from pwh_assets.hogql.types import DATETIME, STRING
from tests.unit.hogql.catalogs import problems, sql


def postgres(text: str, **options: object) -> str:
    return sql(text, "postgres", **options)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1.5 AS x", "SELECT '1.5'::float8 AS \"x\""),
        ("SELECT 'it''s' AS x", "SELECT 'it''s'::text AS \"x\""),
        ("SELECT 'a\\\\b' AS x", "SELECT E'a\\\\b'::text AS \"x\""),
        ('SELECT 1 AS "a""b"', 'SELECT 1 AS "a""b"'),
        ("SELECT today() AS n", "SELECT date '2026-11-20' AS \"n\""),
    ],
)
def test_literals(text: str, expected: str) -> None:
    assert postgres(text) == expected


def test_a_stored_table_is_schema_and_name_and_its_texts_are_texts() -> None:
    text = postgres("SELECT email FROM stripe_customer WHERE email = 'a'")
    assert 'FROM "stripe"."customer" AS "stripe_customer"' in text
    assert '(cast("stripe_customer"."email" as text) = \'a\'::text)' in text


def test_the_caller_may_say_where_a_table_is() -> None:
    text = postgres(
        "SELECT id FROM stripe_customer", relation=lambda path: f'"public"."{path[-1]}"'
    )
    assert 'FROM "public"."customer" AS' in text


def test_texts_are_sorted_by_their_bytes() -> None:
    text = postgres("SELECT email FROM stripe_customer ORDER BY email")
    assert text.endswith(
        'ORDER BY (cast("stripe_customer"."email" as text) COLLATE "C") NULLS LAST'
    )


def test_limit_by_becomes_a_sub_select() -> None:
    text = postgres("SELECT event FROM events ORDER BY timestamp LIMIT 2 BY event")
    assert "QUALIFY" not in text
    assert 'WHERE "chosen"."keep"' in text


def test_a_column_with_a_zone_is_read_in_utc() -> None:
    table = TableDef(
        "t",
        (ColumnDef("at", DATETIME, stored="TIMESTAMP WITH TIME ZONE"), ColumnDef("n", STRING)),
        physical=("s", "t"),
    )
    text = postgres("SELECT at FROM t", catalog=Catalog((table,)))
    assert 'timezone(\'UTC\', "t"."at")' in text


def test_a_text_is_not_read_as_json() -> None:
    found = problems("SELECT JSONExtractString(email, 'a') FROM stripe_customer", engine="postgres")
    assert [(code, words) for code, words, _ in found] == [
        ("unsupported", "JSONExtractString(email, 'a')")
    ]


def test_names_that_would_be_cut_stay_apart() -> None:
    one, other = (shortened("a" * 70 + end) for end in "xy")
    assert one != other
    assert len(one) == len(other) == 63
    assert shortened("plain") == "plain"
    assert len(shortened("é" * 60).encode()) <= 63
