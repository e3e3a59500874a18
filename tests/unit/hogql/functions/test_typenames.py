"""Type names in casts and JSONExtract."""

import pytest

from pwh_assets.hogql.functions.typenames import parse_type


@pytest.mark.parametrize(
    ("text", "wanted", "nullable"),
    [
        ("Int64", "Integer", False),
        ("Nullable(String)", "String", True),
        ("LowCardinality(Nullable(String))", "String", True),
        ("Array(Tuple(String, Float64))", "Array(Tuple(String, Float))", False),
        ("Map(String, Array(UInt8))", "Map(String, Array(Integer))", False),
        ("Decimal(10, 2)", "Decimal(10, 2)", False),
        ("Decimal64(4)", "Decimal(18, 4)", False),
        ("DateTime64(6, 'Europe/Berlin')", "DateTime('Europe/Berlin')", False),
        ("double precision", "Float", False),
        ("varchar(20)", "String", False),
        ("bigint[]", "Array(Integer)", False),
        ("timestamp with time zone", "DateTime", False),
    ],
)
def test_types_are_known_by_every_spelling(text: str, wanted: str, nullable: bool) -> None:
    type_, is_nullable = parse_type(text)
    assert (str(type_), is_nullable) == (wanted, nullable)


def test_names_of_a_tuple_are_kept() -> None:
    assert parse_type("Tuple(a Int64, b String)")[0].fields == ("a", "b")


@pytest.mark.parametrize(
    "text", ["", "Nothing(", "Bogus", "Array(", "Array()", "Map(String)", "Tuple()"]
)
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_type(text)
