"""What a column's type becomes when values outgrow it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwh_assets.lake.staged import lake_names
from pwh_assets.lake.types import from_ducklake, stored, widened, widens_in_place

TYPES = [
    *(
        "BOOLEAN",
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "UINTEGER",
        "UBIGINT",
    ),
    *(
        "FLOAT",
        "DOUBLE",
        "DECIMAL(10,2)",
        "DECIMAL(38,10)",
        "DATE",
        "TIMESTAMP",
        "TIMESTAMP WITH TIME ZONE",
    ),
    *("VARCHAR", "JSON", "UUID", "BIGINT[]"),
]
types = st.sampled_from(TYPES)


@given(types, types)
def test_widening_does_not_care_which_side_is_old(a, b):
    assert widened(a, b) == widened(b, a)


@given(types)
def test_a_type_is_wide_enough_for_itself(kind):
    assert widened(kind, kind) == kind


@given(types, types)
def test_widening_again_changes_nothing(a, b):
    wide = widened(a, b)
    assert widened(wide, a) == wide and widened(wide, b) == wide


@given(types, types)
def test_what_widens_in_place_is_never_narrowed_back(a, b):
    assert not (widens_in_place(a, b) and widens_in_place(b, a))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("BIGINT", "UINTEGER", "BIGINT"),
        ("TINYINT", "UBIGINT", "HUGEINT"),
        ("DECIMAL(10,2)", "BIGINT", "DECIMAL(21,2)"),
        ("DECIMAL(38,2)", "DECIMAL(38,10)", "DOUBLE"),
        ("DATE", "TIMESTAMP", "TIMESTAMP"),
        ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE"),
        ("BOOLEAN", "BIGINT", "VARCHAR"),
        ("JSON", "VARCHAR", "VARCHAR"),
        ("BIGINT[]", "BIGINT", "VARCHAR"),
    ],
)
def test_the_narrowest_type_for_both(old, new, expected):
    assert widened(old, new) == expected


def test_types_the_lake_does_not_keep_have_a_stand_in():
    assert [
        stored(kind) for kind in ("ENUM('a')", "UNION(a INTEGER)", "TIMESTAMP_NS", "BIT", '"NULL"')
    ] == [
        "VARCHAR",
        "VARCHAR",
        "TIMESTAMP",
        "VARCHAR",
        "VARCHAR",
    ]


def test_nested_types_are_spelled_as_duckdb_spells_them():
    assert (
        from_ducklake("struct", [("a", "BIGINT"), ("B c", "DATE")])
        == 'STRUCT(a BIGINT, "B c" DATE)'
    )
    assert (
        from_ducklake("map", [("key", "VARCHAR"), ("value", "BIGINT[]")])
        == "MAP(VARCHAR, BIGINT[])"
    )


names = st.lists(st.text("aAbB_1", max_size=4), unique=True, max_size=8)


@given(names)
def test_lake_names_differ_without_regard_to_case(source):
    found = lake_names(source, [])
    assert list(found) == source
    assert len({name.lower() for name in found.values()}) == len(source)


@given(names)
def test_lake_names_stay_what_they_were_on_the_next_sync(source):
    first = lake_names(source, [])
    assert lake_names(source, list(first.values())) == first


@given(names, st.randoms())
def test_lake_names_do_not_depend_on_the_order_columns_come_in_later(source, random):
    first = lake_names(source, [])
    mixed = list(source)
    random.shuffle(mixed)
    again = lake_names(mixed, list(first.values()))
    spelled = [(name or "_").lower() for name in source]
    plain = [name for name in source if spelled.count((name or "_").lower()) == 1]
    assert {name: again[name] for name in plain} == {name: first[name] for name in plain}
