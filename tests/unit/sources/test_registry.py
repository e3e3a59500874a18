import subprocess
import sys

import pytest

from pwh_assets.errors import InvalidInputError
from pwh_assets.sources.base import Field
from pwh_assets.sources.form import checked
from pwh_assets.sources.registry import UnknownSourceTypeError, discover, find


def test_every_source_is_found_under_its_files_name():
    found = discover()
    assert list(found) == sorted(found)
    assert {"postgres", "stripe", "files"} <= set(found)
    assert all(source.name == name for name, source in found.items())


@pytest.mark.parametrize("name", ["postgres", "Postgres", "POSTGRES", " PostgreSQL "])
def test_a_source_type_is_found_in_any_case_and_by_its_label(name):
    assert find(discover(), name).name == "postgres"


def test_an_unknown_source_type_names_the_nearest():
    with pytest.raises(
        UnknownSourceTypeError, match=r"`Postgrs` is not a source type. Did you mean `postgres`?"
    ):
        find(discover(), "Postgrs")
    with pytest.raises(UnknownSourceTypeError, match=r"There are .*`files`"):
        find(discover(), "zzz")


@pytest.mark.parametrize(
    ("code", "kept_out"),
    [
        ("list(discover().values())", ("dlt", "duckdb", "psycopg", "pyarrow", "requests")),
        ("discover()['postgres']", ("pwh_assets.sources.stripe", "pwh_assets.sources.mysql")),
    ],
)
def test_finding_sources_loads_no_driver_and_finding_one_no_other(code, kept_out):
    looks = (
        f"import sys; from pwh_assets.sources.registry import discover; {code}; "
        f"print([name for name in {kept_out} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", looks], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_other_files_of_the_folder_are_no_sources():
    found = discover()
    assert "registry" not in found
    assert found.get("base") is None
    assert len(found) == len(list(found))


FIELDS = (
    Field("host", "Host"),
    Field("port", "Port", kind="number", default=5432),
    Field("tls", "TLS", kind="boolean", default=False),
    Field("mode", "Mode", kind="select", default="a", options=("a", "b")),
    Field("password", "Password", kind="password", required=False, secret=True),
)


def test_a_form_fills_defaults_and_types():
    assert checked(
        "X", FIELDS, {"host": " db ", "port": "99", "tls": "yes", "password": " p "}
    ) == {
        "host": "db",
        "port": 99,
        "tls": True,
        "mode": "a",
        "password": " p ",
    }


@pytest.mark.parametrize(
    ("changes", "attr"),
    [
        ({"host": "  "}, "host"),
        ({"host": 5}, "host"),
        ({"host": "a\x00b"}, "host"),
        ({"port": "many"}, "port"),
        ({"port": True}, "port"),
        ({"port": 5.5}, "port"),
        ({"tls": "perhaps"}, "tls"),
        ({"mode": "c"}, "mode"),
        ({"password": ["x"]}, "password"),
    ],
)
def test_a_wrong_value_is_refused_naming_its_field(changes, attr):
    with pytest.raises(InvalidInputError) as caught:
        checked("X", FIELDS, {"host": "db", **changes})
    assert caught.value.attr == attr
    assert attr in str(caught.value)


@pytest.mark.parametrize("port", [0, -1, 65536, "5432a"])
def test_a_port_that_is_none_is_refused(port):
    with pytest.raises(InvalidInputError) as caught:
        discover()["postgres"].validate({"host": "h", "database": "d", "user": "u", "port": port})
    assert caught.value.attr == "port"
