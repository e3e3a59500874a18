"""Planted credentials are looked for wherever something is written: files, both databases, Dagster, output, logs."""

import base64
import json
import logging
import os
import secrets
import sqlite3
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.demo.stripe import StripeServer
from pwh_assets.settings import Settings

CUSTOMERS = [
    {
        "id": f"cus_{i}",
        "object": "customer",
        "email": f"c{i}@example.com",
        "created": 1_700_000_000 + i,
    }
    for i in range(30)
]


@pytest.fixture(scope="module")
def planted() -> dict[str, str]:
    """Passwords that need quoting in URLs, connection strings and SQL, so that each spelling is looked for."""
    return {
        "postgres": f"pl4nted' /@{secrets.token_hex(8)}",
        "wrong": f"wr0ng {secrets.token_hex(8)}",
        "stripe": f"sk_test_{secrets.token_hex(16)}",
    }


@pytest.fixture(scope="module")
def written(
    planted: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[str]]:
    """A home on which everything was done once, well and badly, and all that was printed meanwhile."""
    home = tmp_path_factory.mktemp("secrets") / "home"
    printed: list[str] = []
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PWH_")},
        "PWH_HOME": str(home),
        "PWH_ALLOW_PRIVATE_HOSTS": "1",
        "PYTHONLOGLEVEL": "DEBUG",
    }

    def pwh(*argv: str, body: Any = None) -> int:
        run = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "pwh_assets.cli", *argv],
            input=json.dumps(body) if body is not None else "",
            capture_output=True,
            text=True,
            env=environment,
            timeout=240,
        )
        printed.append(f"$ {argv}\n{run.stdout}\n{run.stderr}")
        return run.returncode

    with (
        PrivatePostgres() as postgres,
        StripeServer({"customers": CUSTOMERS}, planted["stripe"]) as stripe,
    ):
        with psycopg.connect(postgres.dsn, autocommit=True) as connection:
            connection.execute(
                "CREATE TABLE users (id int PRIMARY KEY, updated_at timestamptz DEFAULT now())"
            )
            connection.execute("INSERT INTO users SELECT generate_series(1, 100)")
            connection.execute(
                psycopg.sql.SQL("CREATE ROLE reader LOGIN PASSWORD {}").format(
                    psycopg.sql.Literal(planted["postgres"])
                )
            )
            connection.execute("GRANT SELECT ON users TO reader")

        def body(password: str) -> dict[str, Any]:
            fields = {
                "host": "127.0.0.1",
                "port": postgres.port,
                "database": postgres.database,
                "user": "reader",
            }
            return {"source_type": "Postgres", "payload": {**fields, "password": password}}

        assert pwh("source", "add", "-", body=body(planted["wrong"])) == 2
        assert pwh("source", "add", "-", body=body(planted["postgres"])) == 0
        account = {
            "api_key": planted["stripe"],
            "base_url": stripe.base_url,
            "schemas": [{"name": "customer"}],
        }
        assert pwh("source", "add", "-", body={"source_type": "Stripe", "payload": account}) == 0
        assert pwh("sync") == 0
        with psycopg.connect(postgres.dsn, autocommit=True) as connection:
            connection.execute("REVOKE SELECT ON users FROM reader")
            stripe.keys_without_permission[planted["stripe"]] = {"customers"}
            assert pwh("sync") == 1
        for argv in (
            ("source", "list", "--json"),
            ("health", "--json"),
            ("doctor",),
            ("secrets", "rotate"),
        ):
            pwh(*argv)
        pwh("query", "SELECT * FROM stripe_customer LIMIT 3", "--explain")
    return home, printed


def spellings(secret: str) -> set[bytes]:
    raw = secret.encode()
    return {
        raw,
        quote(secret, safe="").encode(),
        secret.replace("'", "''").encode(),
        secret.replace("'", "\\'").encode(),
        json.dumps(secret)[1:-1].encode(),
        base64.b64encode(raw),
    }


def found_in(data: bytes, planted: dict[str, str]) -> list[str]:
    return [
        name for name, secret in planted.items() if any(text in data for text in spellings(secret))
    ]


def test_no_credential_is_printed(written: tuple[Path, list[str]], planted: dict[str, str]) -> None:
    for text in written[1]:
        assert not found_in(text.encode(), planted), text


def test_no_credential_is_in_any_file(
    written: tuple[Path, list[str]], planted: dict[str, str]
) -> None:
    files = [path for path in written[0].rglob("*") if path.is_file()]
    kinds = {path.suffix for path in files}
    assert {".sqlite", ".parquet"} <= kinds or {".db", ".parquet"} <= kinds, sorted(kinds)
    assert len(files) >= 20
    for path in files:
        assert not found_in(path.read_bytes(), planted), path


def test_no_credential_is_in_a_database_unpacked(
    written: tuple[Path, list[str]], planted: dict[str, str]
) -> None:
    """Dagster packs its snapshots, so cells are looked at as they are and unpacked."""
    cells = 0
    for path in written[0].rglob("*"):
        if not path.is_file() or path.read_bytes()[:15] != b"SQLite format 3":
            continue
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        for (table,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall():
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    data = value if isinstance(value, bytes) else str(value).encode()
                    cells += 1
                    assert not found_in(data, planted), (path.name, table)
                    try:
                        data = zlib.decompress(data)
                    except zlib.error:
                        continue
                    assert not found_in(data, planted), (path.name, table)
        connection.close()
    assert cells > 1_000


def test_no_credential_is_in_what_dagster_knows(
    written: tuple[Path, list[str]], planted: dict[str, str]
) -> None:
    import dagster as dg

    from pwh_assets.definitions import build_defs
    from pwh_assets.orchestration.instance import instance_for
    from pwh_assets.platform import open_platform

    settings = Settings.from_env({"PWH_HOME": str(written[0]), "PWH_ALLOW_PRIVATE_HOSTS": "1"})
    known: list[str] = []
    with instance_for(settings) as instance:
        runs = instance.get_run_records()
        assert len(runs) >= 3
        for record in runs:
            known += [
                json.dumps(record.dagster_run.run_config),
                json.dumps(dict(record.dagster_run.tags)),
            ]
            known += [
                dg.serialize_value(entry) for entry in instance.all_logs(record.dagster_run.run_id)
            ]
        definitions = build_defs(open_platform(settings))
        known += [repr(spec) for spec in definitions.resolve_all_asset_specs()]
        for name, resource in (definitions.resources or {}).items():
            known.append(f"{name} {resource!r}")
    assert not found_in("\n".join(known).encode(), planted)


def test_settings_do_not_print_their_passwords(caplog: pytest.LogCaptureFixture) -> None:
    password = secrets.token_hex(8)
    settings = Settings.from_env(
        {
            "PWH_DATABASE_URL": f"postgresql://pwh:{password}@db/pwh",
            "PWH_LAKE_CATALOG_URL": f"postgresql://pwh:{password}@db/lake",
            "PWH_CLICKHOUSE_URL": f"https://pwh:{password}@ch:8443/pwh",
            "PWH_SECRET_KEYS": f"one:{password}",
            "PWH_S3_SECRET": password,
        }
    )
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").info("%s %r", settings, settings.object_storage)
    assert password not in caplog.text + repr(settings) + str(settings)
