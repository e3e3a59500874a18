"""What MySQL and MariaDB get."""

import pytest

from pwh_assets.hogql.lower.mysql import session, shortened
from tests.unit.hogql.catalogs import problems, sql


def mysql(text: str, **options: object) -> str:
    return sql(text, "mysql", **options)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1.5 AS x", "SELECT 1.5e0 AS `x`"),
        ("SELECT 'it''s' AS x", "SELECT 'it''s' AS `x`"),
        ("SELECT 'a\\\\b' AS x", "SELECT 'a\\\\b' AS `x`"),
        ("SELECT 1 AS `a``b`", "SELECT 1 AS `a``b`"),
        (
            "SELECT toDateTime('2026-01-02 03:04:05') AS d",
            "SELECT TIMESTAMP'2026-01-02 03:04:05.000000' AS `d`",
        ),
    ],
)
def test_literals(text: str, expected: str) -> None:
    assert mysql(text) == expected


def test_a_filter_becomes_a_case() -> None:
    text = mysql(
        "SELECT countIf(amount_paid > 1), sumIf(amount_paid, rate > 1) FROM stripe_invoice"
    )
    assert "FILTER" not in text
    assert "count(CASE WHEN (`stripe_invoice`.`amount_paid` > 1) THEN 1 END)" in text


def test_missing_values_come_last() -> None:
    text = mysql("SELECT id FROM stripe_invoice ORDER BY amount_paid, rate DESC")
    assert text.endswith(
        "ORDER BY (`stripe_invoice`.`amount_paid` IS NULL), `stripe_invoice`.`amount_paid`, `stripe_invoice`.`rate` DESC"
    )


def test_an_offset_alone_has_a_limit() -> None:
    assert mysql("SELECT id FROM stripe_invoice OFFSET 3").endswith(
        " LIMIT 18446744073709551615 OFFSET 3"
    )


def test_a_division_that_may_be_by_zero_is_refused_and_one_that_cannot_is_not() -> None:
    assert problems("SELECT amount_paid / rate FROM stripe_invoice", engine="mysql")
    assert "/ CAST(2 AS DOUBLE)" in mysql("SELECT amount_paid / 2 FROM stripe_invoice")
    assert mysql("SELECT amount_paid / nullIf(rate, 0) FROM stripe_invoice")


def test_an_interval_stands_only_beside_a_time() -> None:
    assert "+ INTERVAL 1 DAY" in mysql("SELECT created + INTERVAL 1 DAY FROM stripe_invoice")
    assert problems("SELECT INTERVAL 1 DAY", engine="mysql")
    assert problems("SELECT INTERVAL 1 DAY AS i, now() + i", engine="mysql")


def test_a_semi_join_becomes_existence() -> None:
    text = mysql(
        "SELECT count() FROM stripe_invoice a SEMI JOIN stripe_customer b ON a.customer_email = b.email"
    )
    assert "ON EXISTS (SELECT 1 FROM `stripe`.`customer` AS `b` WHERE" in text


def test_a_session_is_opened_for_the_server_it_is() -> None:
    assert "utf8mb4_nopad_bin" in session("10.11.6-MariaDB-log")[0]
    assert "utf8mb4_0900_bin" in session("8.0.36")[0]
    assert any("max_recursive_iterations" in line for line in session("5.5.5-10.11.6-MariaDB"))


def test_names_the_server_would_not_take_stay_apart() -> None:
    assert shortened("plain") == "plain"
    for name in ("a" * 70, "trailing ", "🙂", "", "a\0b"):
        found = shortened(name)
        assert found != name
        assert 0 < len(found) <= 64
