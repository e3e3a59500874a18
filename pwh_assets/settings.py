"""The environment, read once at the entry and passed down; no other module reads it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

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
    ("PWH_WAREHOUSE", "duckdb", "Engine queries run on by default: duckdb or clickhouse."),
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
        "60000/minute",
        "Requests per key: `posthog`, `off`, or for example 480/minute,4800/hour;query=2400/hour.",
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
        return cls(
            home=Path(value["PWH_HOME"]).expanduser().resolve(),
            database_url=value["PWH_DATABASE_URL"],
            lake_catalog_url=value["PWH_LAKE_CATALOG_URL"],
            lake_data_url=value["PWH_LAKE_DATA_URL"].rstrip("/"),
            warehouse=value["PWH_WAREHOUSE"],
            clickhouse_url=value["PWH_CLICKHOUSE_URL"],
            secret_keys=value["PWH_SECRET_KEYS"],
            allow_private_hosts=_is_on(value["PWH_ALLOW_PRIVATE_HOSTS"]),
            custom_sources=tuple(
                filter(None, map(str.strip, value["PWH_CUSTOM_SOURCES"].split(",")))
            ),
            dbt_project=value["PWH_DBT_PROJECT"],
            rate_limit=value["PWH_RATE_LIMIT"],
            object_storage=ObjectStorage(
                endpoint=value["PWH_S3_ENDPOINT"],
                key_id=value["PWH_S3_KEY_ID"],
                secret=value["PWH_S3_SECRET"],
                region=value["PWH_S3_REGION"],
                use_ssl=_is_on(value["PWH_S3_USE_SSL"]),
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


def _is_on(value: str) -> bool:
    return value.strip().lower() in {"1", "true", "yes", "on"}
