"""Masks and filters, value by value: Arrow and single rows give the same."""

import hashlib
import hmac
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwh_assets.core.options import Mask, MaskKind, RowFilter
from pwh_assets.core.source import Column, SyncMode
from pwh_assets.services.sync.masking import Masker
from pwh_assets.services.sync.selection import predicate, shaped
from pwh_assets.sources.base import Reading, ReadRequest

KEY = b"k" * 32
HASH = Masker([Mask("v", MaskKind.HASH)], KEY)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), max_size=5)
)
def test_a_hash_is_the_standard_hmac_whatever_the_way(texts):
    found = HASH.arrow(pa.table({"v": pa.array(texts, pa.string())})).column("v").to_pylist()
    assert found == [HASH.row({"v": text})["v"] for text in texts]
    assert found == [hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest() for text in texts]


@pytest.mark.parametrize(
    "value",
    [
        0,
        -7,
        2**62,
        True,
        1.5,
        1e20,
        Decimal("12.50"),
        date(2024, 2, 29),
        datetime(2024, 1, 2, 3, 4, 5, 600),
        datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC),
        datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    ],
)
def test_values_of_every_type_hash_alike_in_arrow_and_alone(value):
    is_zoned = isinstance(value, datetime) and value.tzinfo is not None
    # PyArrow takes an offset's wall clock for UTC once pandas is imported (26.0.1, 2026-11-21).
    same = value.astimezone(UTC) if is_zoned else value
    table = pa.table({"v": pa.array([same, None])})
    assert HASH.arrow(table).column("v").to_pylist() == [HASH.row({"v": value})["v"], None]


def test_a_stump_never_shows_a_whole_value():
    masker = Masker([Mask("v", MaskKind.TRUNCATE, 3)], KEY)
    texts = ["Ada Lovelace", "Ada", "", None]
    shown = ["Ada***", "***", "***", None]
    assert [masker.row({"v": text})["v"] for text in texts] == shown
    assert masker.arrow(pa.table({"v": texts})).column("v").to_pylist() == shown


def test_the_key_shows_nowhere():
    assert "k" * 32 not in repr(HASH) + HASH.sql("v", "v")


@pytest.mark.parametrize(
    ("kind", "operator", "wanted", "value", "holds"),
    [
        ("BIGINT", ">", 3, 4, True),
        ("BIGINT", "=", 3, "3", True),
        ("DOUBLE", "<=", 1.5, Decimal("1.5"), True),
        ("VARCHAR", "!=", "a", None, False),
        ("VARCHAR", "NOT IN", ("a", "b"), None, False),
        ("VARCHAR", "NOT IN", ("a", "b"), "c", True),
        ("TIMESTAMP", ">=", "2024-01-01", "2024-01-01T00:00:00Z", True),
        ("TIMESTAMP", "<", "2024-01-01 02:00:00+02:00", datetime(2023, 12, 31, 23, 59), True),
        ("DATE", "=", "2024-01-01", date(2024, 1, 1), True),
        ("BOOLEAN", "=", True, "true", True),
    ],
)
def test_a_filter_means_what_sql_means(kind, operator, wanted, value, holds):
    assert predicate(RowFilter("v", operator, wanted), kind, "t")(value) is holds


def test_batches_are_filtered_by_columns_that_are_not_kept():
    request = ReadRequest(
        "t",
        SyncMode.FULL,
        (),
        (),
        filters=(RowFilter("secret", "IN", (1, 3)),),
        selected=("id",),
        excluded=frozenset({"secret"}),
    )
    table = pa.table({"id": [1, 2, 3], "secret": [1, 2, 3], "other": [1, 2, 3]})
    columns = tuple(Column(name, "BIGINT") for name in table.column_names)
    reading = shaped(Reading(None, columns, lambda: None, batches=[table]), request, None)
    assert [column.name for column in reading.columns] == ["id"]
    assert [each.to_pydict() for each in reading.batches] == [{"id": [1, 3]}]
