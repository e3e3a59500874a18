"""What MySQL's types become, and the text of a position."""

import doctest
from datetime import timedelta

import pytest

from pwh_assets.core import nested
from pwh_assets.sources.mysql import (
    binlog_rows,
    binlog_values,
    connection,
    reading,
    streaming,
    types,
)
from pwh_assets.sources.mysql.types import typed
from pwh_assets.sources.network import egress, tunnel


@pytest.mark.parametrize(
    "module",
    [nested, types, connection, binlog_rows, binlog_values, reading, streaming, egress, tunnel],
    ids=lambda m: m.__name__,
)
def test_the_examples_in_the_docstrings_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "full", "precision", "scale", "lake"),
    [
        ("tinyint", "tinyint(1)", 3, 0, "TINYINT"),
        ("bigint", "bigint unsigned zerofill", 20, 0, "UBIGINT"),
        ("mediumint", "mediumint(8) unsigned", 7, 0, "UINTEGER"),
        ("decimal", "decimal(38,0)", 38, 0, "DECIMAL(38,0)"),
        ("decimal", "decimal(39,2)", 39, 2, "DECIMAL(38,2)"),
        ("decimal", "decimal(65,30)", 65, 30, "DECIMAL(38,18)"),
        ("bit", "bit(2)", 2, None, "UBIGINT"),
        ("multipolygon", "multipolygon", None, None, "VARCHAR"),
        ("a type to come", "a type to come", None, None, "VARCHAR"),
    ],
)
def test_a_type_has_its_place(
    name: str, full: str, precision: int | None, scale: int | None, lake: str
) -> None:
    assert typed(name, full, precision, scale, is_json=False).lake == lake


def test_what_cannot_be_ordered_is_no_cursor() -> None:
    for name in ("varchar", "time", "year", "float", "double", "bit", "json", "enum"):
        assert typed(name, name, None, None, is_json=False).cursor_kind is None


def test_positions_order_as_the_binlog_grew() -> None:
    places = [("bin.000009", 4), ("bin.000009", 99_999), ("bin.000010", 4), ("bin.000010", 1 << 40)]
    texts = [streaming.position_text(*place) for place in places]
    assert texts == sorted(texts)
    assert [streaming.position_of(text) for text in texts] == places


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (timedelta(hours=838, minutes=59, seconds=59), 0, "838:59:59"),
        (-timedelta(hours=838, minutes=59, seconds=59), 1, "-838:59:59.0"),
        (timedelta(0), 6, "00:00:00.000000"),
    ],
)
def test_a_time_is_written_as_mysql_does(value: timedelta, digits: int, text: str) -> None:
    assert binlog_values._clock(value, digits) == text
