import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwh_assets.errors import SourceAccessError, SourceError, SourceUnavailableError
from pwh_assets.services.sync import reconciliation
from pwh_assets.sources.postgres import reading, streaming, texts, types, xmin
from pwh_assets.sources.postgres.connection import raise_ours, scrubbed
from pwh_assets.sources.postgres.types import PgType, precision_and_scale, typed


@pytest.mark.parametrize(
    "module", [reading, streaming, texts, types, xmin, reconciliation], ids=lambda m: m.__name__
)
def test_the_examples_in_the_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0


NUMERIC = {1: PgType("numeric", True, "b")}


@given(st.integers(1, 1000), st.integers(-1000, 1000))
def test_precision_and_scale_are_read_back_from_the_modifier(precision, scale):
    assert precision_and_scale(((precision << 16) | (scale & 0x7FF)) + 4) == (precision, scale)


@given(st.integers(1, 1000), st.integers(-1000, 1000))
def test_every_numeric_gets_a_type_that_duckdb_has(precision, scale):
    lake = typed(NUMERIC, 1, ((precision << 16) | (scale & 0x7FF)) + 4).lake
    digits, after = (int(part) for part in lake.removeprefix("DECIMAL(").rstrip(")").split(","))
    assert 1 <= digits <= 38
    assert 0 <= after <= digits


def test_a_domain_of_a_domain_is_its_base_with_its_own_limits():
    types = {
        **NUMERIC,
        2: PgType("inner", False, "d", base=1, base_modifier=((10 << 16) | 2) + 4),
        3: PgType("outer", False, "d", base=2),
    }
    assert typed(types, 3, -1).lake == "DECIMAL(10,2)"


def test_a_type_that_shadows_a_builtin_name_is_text():
    assert typed({9: PgType("int4", False, "b")}, 9, -1).lake == "VARCHAR"
    assert typed({}, 123, -1).lake == "VARCHAR"


CONFIG = {"host": "db", "port": 5432, "user": "me", "password": "geheim", "schema": "public"}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('FATAL:  password authentication failed for user "me"', SourceAccessError),
        ('FATAL:  no pg_hba.conf entry for host "1.2.3.4"', SourceAccessError),
        ('FATAL:  database "x" does not exist', SourceAccessError),
        ("server does not support SSL, but SSL was required", SourceAccessError),
        ("permission denied for table t", SourceAccessError),
        ("connection to server failed: Connection refused", SourceUnavailableError),
        ("FATAL:  sorry, too many clients already", SourceUnavailableError),
        ("FATAL:  the database system is starting up", SourceUnavailableError),
        ("server closed the connection unexpectedly", SourceUnavailableError),
        ("connection timeout expired", SourceUnavailableError),
        ('ERROR:  relation "t" does not exist', SourceError),
        ("ERROR:  division by zero", SourceError),
    ],
)
def test_an_error_without_a_code_is_told_apart_by_its_words(text, kind):
    with pytest.raises(SourceError) as caught:
        raise_ours(CONFIG, Exception(f"{text} (password=geheim)"))
    assert type(caught.value) is kind
    assert "geheim" not in str(caught.value)


def test_a_password_is_taken_out_of_any_text():
    assert scrubbed(CONFIG, "host=db password=geheim") == "host=db password=***"
