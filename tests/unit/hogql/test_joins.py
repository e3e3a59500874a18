"""Keys of joins: one field or functions of one, with or without the table's own name."""

import pytest

from pwh_assets.hogql.joins import join_key

NAMES = ["prod_users", "postgres.prod.users"]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("email", ("this.email", "email")),
        ("prod_users.email", ("this.email", "email")),
        ("postgres.prod.users.properties.email", ("this.properties.email", "properties")),
        ("properties.$x['a b'].1", ("this.properties.$x['a b'].1", "properties")),
        ("lower(trim(PROD_USERS.email))", ("lower(trim(this.email))", "email")),
        ("`odd name`", ("this.`odd name`", "odd name")),
        ("concat('a', email)", ("concat('a', this.email)", "email")),
        ("email || 'x'", ("(this.email || 'x')", "email")),
        ("toInt(id) + 1", ("(toInt(this.id) + 1)", "id")),
    ],
)
def test_a_key_speaks_of_its_side(key, expected):
    assert join_key(key, NAMES, "this") == expected


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("", "cannot be read"),
        ("a +", "cannot be read"),
        ("'a'", "no field"),
        ("concat(a, b)", "2 fields"),
        ("(SELECT a FROM b)", "has to be a field"),
        ("{variables.a}", "has to be a field"),
        ("arrayMap(x -> x, a)", "has to be a field"),
        ("a; DROP TABLE b", "cannot be read"),
    ],
)
def test_what_is_no_key_is_refused(key, why):
    with pytest.raises(ValueError, match=why):
        join_key(key, NAMES, "this")
