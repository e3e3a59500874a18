"""What the environment may say, and what is refused before anything starts."""

import stat

import pytest

from pwh_assets.errors import InvalidInputError
from pwh_assets.platform import open_platform
from pwh_assets.services.doctor import doctor
from pwh_assets.settings import Settings


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PWH_DATABASE_URL", "mysql://me:planted@db/x", "begins with `mysql://`"),
        ("PWH_DATABASE_URL", "me:planted@db/x", "is no address"),
        ("PWH_LAKE_CATALOG_URL", "sqlite:///planted", "can begin with `postgresql://`"),
        ("PWH_LAKE_DATA_URL", "ftp://planted", "`s3://`"),
        ("PWH_CLICKHOUSE_URL", "clickhouse://planted", "`http://` or `https://`"),
        ("PWH_S3_USE_SSL", "perhaps", "`1` switches it on and `0` off"),
        ("PWH_ALLOW_PRIVATE_HOSTS", "maybe", "`1` switches it on and `0` off"),
        ("PWH_WAREHOUSE", "snowflake", "`duckdb` or `clickhouse`"),
        ("PWH_PUBLIC_URL", "planted.example.com", "`http://` or `https://`"),
        ("PWH_PUBLIC_URL", "https://me:planted@pwh.example.com", "holds a name or a password"),
        ("PWH_PUBLIC_URL", "https://pwh.example.com/planted", "goes on after the host"),
        ("PWH_PUBLIC_URL", "https://planted:99999", "names no host"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_by_name_and_shows_no_password(name, value, words):
    with pytest.raises(InvalidInputError) as refused:
        Settings.from_env({name: value})
    assert refused.value.attr == name
    assert name in str(refused.value) and words in str(refused.value)
    assert "planted" not in str(refused.value)


def test_addresses_and_switches_in_their_usual_spellings_are_taken():
    settings = Settings.from_env(
        {
            "PWH_DATABASE_URL": "postgresql://db/pwh",
            "PWH_LAKE_DATA_URL": "s3://lake/all/",
            "PWH_ALLOW_PRIVATE_HOSTS": "Yes",
            "PWH_S3_USE_SSL": "off",
            "PWH_PUBLIC_URL": "https://PWH.example.com:443/",
        }
    )
    assert settings.public_url == "https://pwh.example.com"
    assert settings.allow_private_hosts and not settings.object_storage.use_ssl
    assert settings.lake_data_url == "s3://lake/all"


def test_doctor_names_a_misspelt_variable_and_leaves_those_of_others_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("PWH_LAKE_URL", "s3://lake")
    monkeypatch.setenv("PWH_KILLS", "3")
    monkeypatch.setenv("PWH_PROJECT", "1")
    settings = Settings.from_env({"PWH_HOME": str(tmp_path)})
    (found,) = [each for each in doctor(settings) if each.name == "Settings"]
    assert not found.is_ok and "`PWH_LAKE_URL` (`PWH_LAKE_DATA_URL`?)" in found.detail
    assert "PWH_KILLS" not in found.detail and "PWH_PROJECT" not in found.detail


def test_doctor_says_that_a_home_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    settings = Settings.from_env({"PWH_HOME": str(tmp_path / "file" / "home")})
    (found,) = [each for each in doctor(settings) if each.name == "Home"]
    assert not found.is_ok and found.detail.endswith("cannot be written to: Not a directory")
    assert "PWH_HOME" in found.way_out


def test_a_new_home_is_its_owners_alone(tmp_path):
    home = tmp_path / "home"
    open_platform(Settings(home=home)).store.close()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
