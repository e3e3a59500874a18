"""The environment, read once at the entry and passed down; no other module reads it."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from pwh_assets.errors import InvalidInputError

VARIABLES: tuple[tuple[str, str, str], ...] = (
    ("PWH_HOME", ".pwh", "Folder that holds all state: store, lake, Dagster's own files, logs."),
    ("PWH_DATABASE_URL", "", "Store on Postgres: postgresql://… Default: SQLite in PWH_HOME."),
    (
        "PWH_LAKE_CATALOG_URL",
        "",
        "Lake catalog on Postgres: postgresql://… Default: SQLite per project.",
    ),
    (
        "PWH_LAKE_DATA_URL",
        "",
        "Lake data: s3://, gs://, az:// or r2:// prefix. Default: a folder in PWH_HOME.",
    ),
    ("PWH_WAREHOUSE", "duckdb", "Engine of queries and views: duckdb or clickhouse."),
    (
        "PWH_CLICKHOUSE_URL",
        "",
        "ClickHouse: http(s)://user:password@host:port/database. Default: in-process.",
    ),
    (
        "PWH_SECRET_KEYS",
        "",
        "id:key pairs, newest first, comma separated. Default: a key file in PWH_HOME.",
    ),
    ("PWH_ALLOW_PRIVATE_HOSTS", "", "1 lets sources live on private and loopback addresses."),
    (
        "PWH_CUSTOM_SOURCES",
        "",
        "Python packages whose dlt sources may be connected, comma separated.",
    ),
    (
        "PWH_RATE_LIMIT",
        "2400/minute;query=1200/minute;write=600/minute",
        "Requests per key: `posthog`, `off`, or for example 480/minute,4800/hour;query=2400/hour.",
    ),
    (
        "PWH_PUBLIC_URL",
        "",
        "Where others reach PWH, as https://pwh.example.com. Default: the address of each request.",
    ),
    ("PWH_DBT_PROJECT", "", "Folder of an own dbt project, for project 1. What is in it is run."),
)
"""Every variable: name, default, help. The docs page is tested against this."""

OBJECT_STORAGE_VARIABLES: tuple[tuple[str, str, str], ...] = (
    (
        "PWH_S3_ENDPOINT",
        "",
        "S3-compatible endpoint of the lake's data, for example 127.0.0.1:9000.",
    ),
    ("PWH_S3_KEY_ID", "", "Access key of the lake's data."),
    ("PWH_S3_SECRET", "", "Secret key of the lake's data."),
    ("PWH_S3_REGION", "us-east-1", "Region of the lake's data."),
    ("PWH_S3_USE_SSL", "1", "0 speaks plain HTTP to the endpoint."),
)


SCHEMES: dict[str, tuple[str, ...]] = {
    "PWH_DATABASE_URL": ("postgresql",),
    "PWH_LAKE_CATALOG_URL": ("postgresql", "postgres"),
    "PWH_LAKE_DATA_URL": ("s3", "gs", "gcs", "az", "azure", "r2"),
    "PWH_CLICKHOUSE_URL": ("http", "https"),
    "PWH_PUBLIC_URL": ("http", "https"),
}
"""How an address of each may begin."""
_HOST = re.compile(r"[a-z0-9.:_-]+", re.ASCII)
_SWITCHES = {"1": True, "true": True, "yes": True, "on": True}
_SWITCHES |= {"": False, "0": False, "false": False, "no": False, "off": False}


@dataclass(frozen=True, slots=True)
class ObjectStorage:
    """Where an `s3://`-like data path is reached and with which key. The secret never prints."""

    endpoint: str = ""
    key_id: str = ""
    secret: str = field(default="", repr=False)
    region: str = "us-east-1"
    use_ssl: bool = True


@dataclass(frozen=True, slots=True)
class Settings:
    """One home's configuration. URLs may hold passwords, so they never print."""

    home: Path
    database_url: str = field(default="", repr=False)
    lake_catalog_url: str = field(default="", repr=False)
    lake_data_url: str = ""
    warehouse: str = "duckdb"
    clickhouse_url: str = field(default="", repr=False)
    secret_keys: str = field(default="", repr=False)
    allow_private_hosts: bool = False
    custom_sources: tuple[str, ...] = ()
    dbt_project: str = ""
    rate_limit: str = ""
    public_url: str = ""
    """Scheme, host and port, without a slash at the end; empty when nobody said."""
    object_storage: ObjectStorage = ObjectStorage()

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Settings of this process's environment.

        Raises:
            InvalidInputError: a variable has a value that cannot be used.
        """
        env = os.environ if environ is None else environ
        value = {
            name: env.get(name) or default
            for name, default, _ in VARIABLES + OBJECT_STORAGE_VARIABLES
        }
        if value["PWH_WAREHOUSE"] not in ("duckdb", "clickhouse"):
            raise InvalidInputError(
                "PWH_WAREHOUSE",
                f"`PWH_WAREHOUSE` is `{value['PWH_WAREHOUSE']}`; it can be `duckdb` or `clickhouse`.",
            )
        for name, schemes in SCHEMES.items():
            _check_scheme(name, value[name], schemes)
        return cls(
            home=Path(value["PWH_HOME"]).expanduser().resolve(),
            database_url=value["PWH_DATABASE_URL"],
            lake_catalog_url=value["PWH_LAKE_CATALOG_URL"],
            lake_data_url=value["PWH_LAKE_DATA_URL"].rstrip("/"),
            warehouse=value["PWH_WAREHOUSE"],
            clickhouse_url=value["PWH_CLICKHOUSE_URL"],
            secret_keys=value["PWH_SECRET_KEYS"],
            allow_private_hosts=_is_on("PWH_ALLOW_PRIVATE_HOSTS", value),
            custom_sources=tuple(
                filter(None, map(str.strip, value["PWH_CUSTOM_SOURCES"].split(",")))
            ),
            dbt_project=value["PWH_DBT_PROJECT"],
            rate_limit=value["PWH_RATE_LIMIT"],
            public_url=_public_url(value["PWH_PUBLIC_URL"]),
            object_storage=ObjectStorage(
                endpoint=value["PWH_S3_ENDPOINT"],
                key_id=value["PWH_S3_KEY_ID"],
                secret=value["PWH_S3_SECRET"],
                region=value["PWH_S3_REGION"],
                use_ssl=_is_on("PWH_S3_USE_SSL", value),
            ),
        )

    @property
    def store_url(self) -> str:
        """SQLAlchemy address of the store."""
        if self.database_url:
            return self.database_url.replace("postgresql://", "postgresql+psycopg://", 1)
        return f"sqlite:///{self.home / 'store.sqlite'}"

    @property
    def dagster_home(self) -> Path:
        return self.home / "dagster"


def unknown_variables(environ: Mapping[str, str] | None = None) -> list[str]:
    """Variables that begin with `PWH_` and are no settings, such as a misspelt one."""
    env = os.environ if environ is None else environ
    known = {name for name, _, _ in VARIABLES + OBJECT_STORAGE_VARIABLES}
    return sorted(name for name in env if name.startswith("PWH_") and name not in known)


def _check_scheme(name: str, url: str, schemes: Sequence[str]) -> None:
    """The value is not shown: it may hold a password."""
    scheme, mark, _ = url.partition("://")
    if url and (not mark or scheme not in schemes):
        begins = " or ".join(f"`{each}://`" for each in schemes)
        found = f"begins with `{scheme}://`" if mark and scheme.isalnum() else "is no address"
        raise InvalidInputError(name, f"`{name}` {found}; it can begin with {begins}.")


def _public_url(text: str) -> str:
    """The address in its shortest spelling.

    >>> _public_url("https://PWH.example.com:443/"), _public_url("http://10.0.0.7:8000")
    ('https://pwh.example.com', 'http://10.0.0.7:8000')
    """
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    what = ""
    if not host or not _HOST.fullmatch(host):
        what = "names no host"
    elif parts.username is not None or parts.password is not None:
        what = "holds a name or a password"
    elif parts.path.strip("/") or "?" in text or "#" in text:
        what = "goes on after the host"
    if what:
        raise InvalidInputError(
            "PWH_PUBLIC_URL",
            f"`PWH_PUBLIC_URL` {what}; write scheme, host and port alone, as `https://pwh.example.com`. "
            "PWH lives at the root of its host.",
        )
    host = f"[{host}]" if ":" in host else host
    is_usual = port is None or port == {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" + ("" if is_usual else f":{port}")


def _is_on(name: str, values: Mapping[str, str]) -> bool:
    found = _SWITCHES.get(values[name].strip().lower())
    if found is None:
        raise InvalidInputError(
            name, f"`{name}` is `{values[name]}`; `1` switches it on and `0` off."
        )
    return found
