"""The CLI as a user types it, on a fresh home with a real PostgreSQL and a Stripe-compatible server."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pwh_assets.cli import main
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.lake.locks import hold
from pwh_assets.settings import Settings

PLANTED = "planted-wrong-password"
SCHEMA = """
CREATE TABLE users (id bigint PRIMARY KEY, email text, updated_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE plans (name text, price numeric(10, 2));
CREATE TABLE log (at timestamptz NOT NULL DEFAULT now(), line text);
INSERT INTO users SELECT i, 'u' || i || '@example.com', now() - interval '1 day' FROM generate_series(1, 500) i;
INSERT INTO plans VALUES ('free', 0), ('pro', 19.90);
INSERT INTO log SELECT now() - interval '1 hour', 'line ' || i FROM generate_series(1, 20) i;
"""


@dataclass
class Said:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def refused(self, *words: str) -> None:
        """One sentence on stderr that holds these words, nothing on stdout, status 2, no traceback."""
        assert self.status == 2, self
        assert self.out == "" and self.err.count("\n") == 1, self
        assert "Traceback" not in self.err
        for word in words:
            assert word in self.err, self


Pwh = Callable[..., Said]


@pytest.fixture(scope="module")
def postgres() -> Iterator[PrivatePostgres]:
    with PrivatePostgres() as server:
        yield server


@pytest.fixture
def database(postgres: PrivatePostgres) -> Iterator[psycopg.Connection[Any]]:
    """The server's database with three small tables, made afresh."""
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        connection.execute(SCHEMA)
        yield connection


@pytest.fixture
def pwh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Pwh:
    """Run a command on this test's own home."""
    for name in list(os.environ):
        if name.startswith("PWH_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PWH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PWH_ALLOW_PRIVATE_HOSTS", "1")
    capsys.readouterr()

    def run(*argv: str, stdin: str | bytes = "") -> Said:
        raw = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        status = main(list(argv))
        return Said(status, *capsys.readouterr())

    return run


@pytest.fixture
def body(postgres: PrivatePostgres) -> dict[str, Any]:
    return {
        "source_type": "Postgres",
        "prefix": "app_",
        "payload": {**postgres.config, "schema": "public"},
    }


@pytest.fixture
def source(pwh: Pwh, body: dict[str, Any], database: object) -> str:
    """The id of the connected database."""
    said = pwh("source", "add", "-", stdin=json.dumps(body))
    assert said.status == 0, said
    return said.out.strip()


@pytest.fixture(scope="module")
def users(postgres: PrivatePostgres, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with `app_users`, for commands that change nothing."""
    home = tmp_path_factory.mktemp("users") / "home"
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        connection.execute(SCHEMA)
    payload = {**postgres.config, "schema": "public"}
    body = {"source_type": "Postgres", "prefix": "app_", "payload": payload}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PWH_HOME", str(home))
        patch.setenv("PWH_ALLOW_PRIVATE_HOSTS", "1")
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(body).encode())))
        assert main(["source", "add", "-"]) == 0
        assert main(["sync", "app_users"]) == 0
    return home


def test_add_prints_the_id_and_nothing_else_on_stdout(pwh: Pwh, source: str) -> None:
    shown = pwh("source", "show", source, "--json").json
    assert shown["id"] == source and shown["source_type"] == "Postgres"
    assert shown["job_inputs"]["password"] == "***"
    modes = {t["table"]: (t["sync_type"], t["incremental_field"]) for t in shown["schemas"]}
    assert modes == {
        "app_users": ("incremental", "updated_at"),
        "app_plans": ("full", None),
        "app_log": ("append", "at"),
    }


def test_the_whole_way_from_source_to_health(
    pwh: Pwh, source: str, database: psycopg.Connection[Any]
) -> None:
    said = pwh("sync")
    assert said.status == 0 and "3 of 3 landed" in said.out, said
    database.execute("INSERT INTO users VALUES (501, 'new@example.com', now())")
    (result,) = pwh("sync", "app_users", "--json").json["results"]
    assert (result["name"], result["ok"], result["result"]["rows_synced"]) == ("app_users", True, 1)
    assert pwh("health").status == 0
    assert pwh("health", "--json").json == {"results": [], "count": 0}
    assert pwh("verify").status == 0
    assert "app_users" in pwh("lineage", "app_users").out
    assert pwh("lineage", "postgres.app.users", "--columns", "--json").json["name"] == "app_users"
    (listed,) = pwh("source", "list", "--json").json["results"]
    assert {t["table"]: t["row_count"] for t in listed["schemas"]} == {
        "app_users": 501,
        "app_plans": 2,
        "app_log": 20,
    }


def test_a_failed_sync_exits_1_fails_alone_and_shows_in_health(
    pwh: Pwh, source: str, database: psycopg.Connection[Any]
) -> None:
    database.execute("DROP TABLE plans")
    said = pwh("sync", "--json")
    assert said.status == 1
    results = {r["name"]: r["ok"] for r in said.json["results"]}
    assert results == {"app_users": True, "app_plans": False, "app_log": True}
    said = pwh("health", "--json")
    assert said.status == 1 and said.json["count"] == 1
    (issue,) = said.json["results"]
    assert (issue["name"], issue["kind"]) == ("app_plans", "failed")
    assert "app_plans" in pwh("health").out


def test_refresh_says_added_and_deleted(
    pwh: Pwh, source: str, database: psycopg.Connection[Any]
) -> None:
    database.execute(
        "CREATE TABLE extra (id int PRIMARY KEY); DROP TABLE plans; ALTER TABLE users ADD COLUMN age int"
    )
    counts = pwh("source", "refresh", source, "--json").json
    assert (counts["added"], counts["deleted"], counts["total_tables_seen"]) == (1, 1, 3)
    assert pwh("source", "refresh", "postgres_app", "--json").json["added"] == 0
    shown = {t["table"]: t for t in pwh("source", "show", source, "--json").json["schemas"]}
    assert shown["app_extra"]["should_sync"] is False
    assert shown["app_plans"]["is_missing"] is True
    said = pwh(
        "source", "update", source, "--table", "extra", "--sync", "on", "--every", "1hour", "--json"
    )
    assert said.json["should_sync"] is True and said.json["sync_frequency"] == "1hour"
    database.execute("CREATE TABLE plans (name text)")
    assert pwh("source", "refresh", source, "--json").json["returned"] == 1


def test_remove_frees_the_names_and_drops_the_rows(
    pwh: Pwh, source: str, body: dict[str, Any]
) -> None:
    assert pwh("sync").status == 0
    said = pwh("source", "remove", source)
    assert said.status == 0 and "3 tables" in said.out
    assert pwh("source", "list", "--json").json["count"] == 0
    assert pwh("verify", "--json").json["problems"] == []
    pwh("source", "show", source).refused(source)
    assert pwh("source", "add", "-", stdin=json.dumps(body)).status == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"source_type": "Postgre"}, ("`Postgre`", "`postgres`")),
        ({"source_type": "Oracle 12"}, ("`Oracle 12`",)),
        ({"prefix": "9_"}, ("`9_`", "prefix")),
        ({"payload": {"password": PLANTED}}, ("password authentication failed",)),
        ({"payload": {"port": "abc"}}, ("`port`", "`abc`", "number")),
        ({"payload": {"port": 1}}, ("127.0.0.1:1",)),
        ({"payload": {"database": "nope"}}, ("nope", "does not exist")),
        ({"payload": {"schema": "nope"}}, ("`nope`",)),
        ({"payload": {"host": None}}, ("`host`",)),
        ({"payload": {"pasword": "x"}}, ("`pasword`", "Did you mean `password`")),
        ({"payload": {"schemas": [{"name": "userz"}]}}, ("`userz`", "Did you mean `users`")),
        (
            {"payload": {"schemas": [{"name": "log", "sync_type": "incremental"}]}},
            ("`log`", "no primary key", "`append`"),
        ),
        (
            {"payload": {"schemas": [{"name": "users", "incremental_field": "emial"}]}},
            ("`emial`", "Did you mean `email`"),
        ),
        (
            {"payload": {"schemas": [{"name": "users", "sync_frequency": "2hour"}]}},
            ("`2hour`", "5min"),
        ),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else "",
)
def test_a_mistake_in_a_source_is_one_sentence(
    pwh: Pwh, body: dict[str, Any], database: object, change: dict[str, Any], words: tuple[str, ...]
) -> None:
    wrong = {**body, **change, "payload": {**body["payload"], **change.get("payload", {})}}
    said = pwh("source", "add", "-", stdin=json.dumps(wrong))
    said.refused(*words)
    assert PLANTED not in said.err
    assert pwh("source", "list", "--json").json["count"] == 0


def test_clashes_name_both_sides(pwh: Pwh, source: str, body: dict[str, Any]) -> None:
    pwh("source", "add", "-", stdin=json.dumps(body)).refused("`postgres_app`", "another `prefix`")


@pytest.mark.parametrize(
    ("stdin", "words"),
    [
        ("{", ("not JSON", "line 1, column 2")),
        ("", ("not JSON",)),
        ("[]", ("JSON object",)),
        ("5", ("JSON object",)),
        ("[" * 100_000, ("nested too deeply",)),
        (b"\xff\xfe", ("UTF-8",)),
        ("{}", ("`source_type`",)),
    ],
)
def test_what_is_no_body_is_one_sentence(
    pwh: Pwh, stdin: str | bytes, words: tuple[str, ...]
) -> None:
    pwh("source", "add", "-", stdin=stdin).refused(*words)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ((), ("COMMAND", "--help")),
        (("sorce",), ("`sorce`", "Did you mean `source`")),
        (("source",), ("COMMAND",)),
        (("source", "ad"), ("`ad`", "Did you mean `add`")),
        (("source", "add"), ("FILE",)),
        (("source", "add", "/no/such/file"), ("/no/such/file", "no such file")),
        (("source", "add", "/"), ("directory",)),
        (("source", "show", "nope"), ("`nope`", "pwh source list")),
        (("source", "refresh", "nope"), ("`nope`",)),
        (("source", "remove", "nope"), ("`nope`",)),
        (("source", "update", "nope"), ("--table",)),
        (("source", "update", "nope", "--table", "x"), ("--sync",)),
        (("source", "update", "nope", "--sync", "on"), ("--table",)),
        (("source", "update", "nope", "--table", "x", "--sync", "maybe"), ("`maybe`", "`on`")),
        (("source", "list", "--project", "x"), ("`x`", "whole number")),
        (("source", "list", "--project", "0"), ("`0`",)),
        (("source", "list", "--project", "99999999999"), ("no project",)),
        (("source", "list", "--prject", "1"), ("--prject",)),
        (("sync", "nope"), ("`nope`",)),
        (("view", "create", "x"), ("SQL",)),
        (("view", "create", "x", ""), ("no SQL",)),
        (("view", "run", "nope"), ("`nope`", "pwh view list")),
        (("view", "remove", "nope"), ("`nope`",)),
        (("view", "history", "nope"), ("`nope`",)),
        (("view", "revert", "nope"), ("`nope`",)),
        (("view", "restore", "nope", "one"), ("`one`", "version")),
        (("view", "materialize", "nope"), ("`nope`",)),
        (("view", "materialize", "nope", "--every", "often"), ("often",)),
        (("lineage", "nope"), ("`nope`",)),
        (("query",), ("no SQL",)),
        (("query", " "), ("no SQL",)),
        (("query", "SELECT 1", "--format", "xml"), ("`xml`", "`csv`")),
        (("query", "SELECT 1", "--engine", "oracle"), ("`oracle`", "`duckdb`")),
        (("query", "SELECT 1", "--limit", "many"), ("`many`",)),
        (("query", "SELECT 1", "--limit", "50001"), ("50000",)),
        (("query", "SELECT 1", "--batch"), ("--batch",)),
        (("events", "import", "/no/such/file"), ("/no/such/file",)),
        (("persons", "import", "/no/such/file"), ("/no/such/file",)),
        (("up", "--port", "abc"), ("`abc`", "1 to 65535")),
        (("up", "--port", "70000"), ("`70000`",)),
        (("up", "--port", "8000", "--dagster-port", "8000"), ("8000", "Choose two")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_on_the_command_line_is_one_sentence(
    pwh: Pwh, argv: tuple[str, ...], words: tuple[str, ...]
) -> None:
    pwh(*argv).refused(*words)


def test_with_json_a_refusal_is_an_object_too(pwh: Pwh) -> None:
    said = pwh("source", "show", "nope", "--json")
    assert said.status == 2 and said.err.count("\n") == 1
    assert said.json["error"]["code"] == "not_found"
    assert set(said.json["error"]) == {"type", "code", "detail", "attr"}


def test_private_hosts_are_refused_unless_allowed(
    pwh: Pwh, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PWH_ALLOW_PRIVATE_HOSTS")
    pwh("source", "add", "-", stdin=json.dumps(body)).refused(
        "PWH_ALLOW_PRIVATE_HOSTS=1", "127.0.0.1"
    )


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PWH_WAREHOUSE", "oracle", ("PWH_WAREHOUSE", "`oracle`")),
        ("PWH_SECRET_KEYS", "junk", ("PWH_SECRET_KEYS",)),
        ("PWH_HOME", "/proc/nowhere", ("/proc/nowhere", "PWH_HOME")),
    ],
)
def test_a_wrong_environment_is_one_sentence(
    pwh: Pwh, monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv(name, value)
    pwh("source", "list").refused(*words)


def test_an_unreachable_store_is_one_sentence_without_its_password(
    pwh: Pwh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PWH_DATABASE_URL", f"postgresql://me:{PLANTED}@127.0.0.1:1/db")
    said = pwh("source", "list")
    assert said.status == 1 and said.err.count("\n") == 1 and "127.0.0.1:1/db" in said.err
    assert PLANTED not in said.err


def test_a_host_can_only_change_together_with_its_secret(
    pwh: Pwh, source: str, body: dict[str, Any]
) -> None:
    change = {"payload": {"host": "localhost"}}
    pwh("source", "update", source, "-", stdin=json.dumps(change)).refused(
        "`password`", "entered again"
    )
    change["payload"]["password"] = body["payload"]["password"]
    assert pwh("source", "update", source, "-", stdin=json.dumps(change)).status == 0
    assert pwh("source", "show", source, "--json").json["job_inputs"]["host"] == "localhost"
    change["payload"]["password"] = PLANTED
    said = pwh("source", "update", source, "-", stdin=json.dumps(change))
    said.refused("password authentication failed")
    assert pwh("sync", "app_plans").status == 0


def test_a_source_keeps_its_type_and_prefix(pwh: Pwh, source: str) -> None:
    for change, word in (({"prefix": "x_"}, "prefix"), ({"source_type": "Stripe"}, "type")):
        pwh("source", "update", source, "-", stdin=json.dumps(change)).refused(word)


def test_switching_a_tables_mode_reads_it_anew_without_doubling(
    pwh: Pwh, source: str, database: psycopg.Connection[Any]
) -> None:
    assert pwh("sync", "app_log").status == 0
    for mode in ("full", "append"):
        said = pwh("source", "update", source, "--table", "app_log", "--mode", mode, "--json")
        assert said.json["sync_type"] == mode
        (result,) = pwh("sync", "app_log", "--json").json["results"]
        assert result["result"]["row_count"] == 20


def test_rotation_keeps_sources_working(pwh: Pwh, source: str, tmp_path: Path) -> None:
    before = (tmp_path / "home" / "secret.keys").read_text()
    rotated = pwh("secrets", "rotate", "--json").json
    assert rotated["credentials"] == 1
    after = (tmp_path / "home" / "secret.keys").read_text()
    assert after.endswith(before) and after.startswith(rotated["key_id"])
    assert pwh("sync", "app_plans").status == 0


def test_no_credential_is_left_anywhere_in_the_home(
    pwh: Pwh,
    source: str,
    postgres: PrivatePostgres,
    database: psycopg.Connection[Any],
    tmp_path: Path,
) -> None:
    assert pwh("sync").status == 0
    database.execute("DROP TABLE plans")
    assert pwh("sync").status == 1
    pwh("health")
    needle = postgres.password.encode()
    for file in (tmp_path / "home").rglob("*"):
        if file.is_file() and not file.is_socket():
            assert needle not in file.read_bytes(), file


def test_doctor_looks_at_everything(pwh: Pwh, tmp_path: Path) -> None:
    said = pwh("doctor", "--json")
    names = [finding["name"] for finding in said.json["results"]]
    assert {"Python", "Packages", "Home", "Keys", "Store", "DuckDB extensions", "Lake"} <= set(
        names
    )
    assert said.status == 0, said.out
    (tmp_path / "home" / "secret.keys").chmod(0o644)
    said = pwh("doctor")
    assert said.status == 1 and "chmod 600" in said.out


def test_verify_finds_a_lost_file(pwh: Pwh, source: str, tmp_path: Path) -> None:
    assert pwh("sync").status == 0
    files = sorted((tmp_path / "home" / "lake").rglob("*.parquet"), key=lambda f: f.stat().st_size)
    files[-1].unlink()
    said = pwh("verify", "--json")
    assert said.status == 1 and said.json["problems"]


def test_two_homes_do_not_see_each_other(
    pwh: Pwh, source: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PWH_HOME", str(tmp_path / "other"))
    assert pwh("source", "list", "--json").json["count"] == 0


def test_a_source_that_is_being_synced_is_not_removed(
    pwh: Pwh, source: str, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path / "home")
    table = pwh("source", "show", source, "--json").json["schemas"][0]
    with hold(settings, f"sync-{table['id']}"):
        said = pwh("source", "remove", source)
        assert said.status == 1 and "is being synced right now" in said.err
    assert pwh("source", "list", "--json").json["count"] == 1
    assert pwh("source", "remove", source).status == 0


@pytest.mark.parametrize("after_s", [0.5, 2.0, 4.0])
def test_ctrl_c_ends_a_command_with_one_word(pwh: Pwh, source: str, after_s: float) -> None:
    endless = "SELECT count() FROM numbers(1000000000000) WHERE number % 7 = 3"
    running = subprocess.Popen(
        [sys.executable, "-m", "pwh_assets.cli", "query", endless],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    time.sleep(after_s)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err.strip()) == (130, "", "Stopped.")


def test_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    command = f"{sys.executable} -m pwh_assets.cli --help | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.startswith("usage") and "Traceback" not in done.stderr


def test_importing_the_cli_loads_nothing_heavy() -> None:
    code = "import sys, pwh_assets.cli; print([m for m in ('dagster','dlt','dbt','duckdb','sqlalchemy','sqlglot','fastapi','pyarrow','pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done


def test_tables_are_set_together_and_shown_one_by_one(pwh: Pwh, source: str) -> None:
    assert pwh("query", "SELECT id FROM app_log").err.count("`pwh sync app_log`") == 1
    said = pwh("source", "set", "app_log", "app_users", "--every", "24hour", "--at", "02:30")
    assert said.status == 0 and said.out.split("\n")[:2] == [
        "Changed `app_log`.",
        "Changed `app_users`.",
    ]
    pwh("source", "set", "app_users", "--columns", "id,updated_at", "--filter", "id > 1")
    shown = pwh("source", "show", "app_users")
    assert "every         24hour at 02:30\n" in shown.out
    assert "  only rows with id > 1\n" in shown.out and re.search(
        r"email +VARCHAR +no\n", shown.out
    )
    assert pwh("source", "show", "app_users", "--json").json["source"] == "postgres_app"
    pwh("source", "set", "app_log", "no_such_table", "--sync", "off").refused("no_such_table")
    pwh("source", "set", "app_log", "--colums", "id").refused("Did you mean `--columns`?")


def test_every_format_prints_the_same_rows(pwh: Pwh, source: str) -> None:
    assert pwh("sync").status == 0
    sql = "SELECT name, price FROM app_plans ORDER BY price"
    answer = pwh("query", sql, "--format", "json").json
    assert answer["columns"] == ["name", "price"]
    assert answer["rows"] == [["free", 0.0], ["pro", 19.9]]
    assert pwh("query", sql, "--json").json["rows"] == answer["rows"]
    lines = [json.loads(line) for line in pwh("query", sql, "--format", "jsonl").out.splitlines()]
    assert lines == [{"name": "free", "price": 0.0}, {"name": "pro", "price": 19.9}]
    assert pwh("query", sql, "--format", "csv").out == "name,price\nfree,0.0\npro,19.9\n"
    said = pwh("query", sql)
    assert "pro" in said.out and "2 rows" in said.err
    assert pwh("query", "-", stdin=sql).out == said.out


def test_parquet_holds_every_row(pwh: Pwh, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    asked = [sys.executable, "-m", "pwh_assets.cli", "query", "--format", "parquet"]
    sql = "SELECT number AS n, toString(number) AS t FROM numbers(300)"
    with (tmp_path / "rows.parquet").open("wb") as out:
        subprocess.run([*asked, sql], stdout=out, check=True, timeout=120)
    rows = pq.read_table(tmp_path / "rows.parquet")
    assert rows.num_rows == 300 and rows.slice(299).to_pylist() == [{"n": 299, "t": "299"}]


def test_arrow_goes_to_a_file(pwh: Pwh, source: str, tmp_path: Path) -> None:
    import pyarrow as pa

    assert pwh("sync", "app_users").status == 0
    command = [
        sys.executable,
        "-m",
        "pwh_assets.cli",
        "query",
        "SELECT id FROM app_users",
        "--format",
        "arrow",
    ]
    done = subprocess.run(command, capture_output=True, timeout=120)
    assert pa.ipc.open_stream(done.stdout).read_all().num_rows == 500


def test_a_question_without_limit_gives_100_rows_and_an_export_all(pwh: Pwh, source: str) -> None:
    assert pwh("sync", "app_users").status == 0
    said = pwh("query", "SELECT id FROM app_users")
    assert "the first 100 rows" in said.err
    assert len(pwh("query", "SELECT id FROM app_users", "--json", "--limit", "7").json["rows"]) == 7
    assert pwh("query", "SELECT id FROM app_users", "--format", "csv").out.count("\n") == 501


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELEC 1", ("line 1, column 1",)),
        ("SELECT emial FROM app_users", ("`emial`", "`email`", "line 1, column 8")),
        ("SELECT 1 FROM app_userz", ("`app_userz`", "`app_users`")),
        ("SELECT 1; SELECT 2", ("line 1",)),
        ("DROP TABLE app_users", ("line 1",)),
        ("SELECT lenght(email) FROM app_users", ("`lenght`",)),
        ("SELECT '", ("line 1",)),
    ],
)
def test_broken_sql_is_one_sentence_with_its_place(
    pwh: Pwh, users: Path, monkeypatch: pytest.MonkeyPatch, sql: str, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("PWH_HOME", str(users))
    pwh("query", sql).refused(*words)
    pwh("view", "create", "v", sql).refused(*words)


def test_batches_answer_every_line_in_one_process(pwh: Pwh, source: str) -> None:
    assert pwh("sync", "app_plans").status == 0
    lines = [
        '{"id": 1, "sql": "SELECT 1 AS a"}',
        "junk",
        '{"id": 2}',
        "",
        "[1]",
        '{"id": "x", "sql": "SELECT nope FROM app_plans"}',
    ]
    said = pwh("query", "--batch", stdin="\n".join(lines).encode() + b"\n\xff\n")
    answers = [json.loads(line) for line in said.out.splitlines()]
    assert said.status == 0
    assert [(a["id"], a["ok"]) for a in answers] == [
        (1, True),
        (None, False),
        (2, False),
        (None, False),
        ("x", False),
        (None, False),
    ]
    assert (answers[0]["columns"], answers[0]["rows"]) == (["a"], [[1]]) and answers[0]["ms"] > 0
    error = answers[4]["error"]
    assert (error["code"], error["start"], error["end"]) == ("unknown_column", 7, 11)
    compiled = pwh("hogql", "compile", "--engine", "clickhouse", stdin="\n".join(lines))
    answers = [json.loads(line) for line in compiled.out.splitlines()]
    assert answers[0]["ok"] and "SELECT" in answers[0]["sql"]
    assert set(answers[4]["error"]) == {"code", "message", "start", "end", "hint"}


def test_a_views_whole_life(pwh: Pwh, source: str) -> None:
    assert pwh("sync").status == 0
    assert pwh("view", "create", "cheap", "SELECT name FROM app_plans WHERE price < 5").status == 0
    pwh("view", "run", "cheap").refused("plain", "materialize")
    every = ("view", "materialize", "cheap", "--every", "1hour")
    pwh(*every).refused("`app_plans` runs every `6hour`", "--lower-inputs")
    assert pwh(*every, "--lower-inputs", "--json").json["sync_frequency"] == "1hour"
    said = pwh("view", "run", "cheap", "--json")
    assert said.status == 0 and said.json["results"][0]["result"]["rows"] == 1
    assert pwh("query", "SELECT * FROM cheap", "--json").json["rows"] == [["free"]]
    assert pwh("view", "create", "cheap", "SELECT name FROM app_plans").status == 0
    assert [v["version"] for v in pwh("view", "history", "cheap", "--json").json["results"]] == [
        1,
        2,
    ]
    assert pwh("view", "restore", "cheap", "1", "--json").json["version"] == 3
    pwh("view", "create", "cheap", "SELECT * FROM cheap").refused("cheap -> cheap")
    pwh("view", "create", "app_plans", "SELECT 1 AS a").refused("`app_plans`")
    assert "app_plans" in pwh("lineage", "cheap").out
    said = pwh("source", "remove", source)
    assert said.status == 0 and "cheap" in said.err
    assert pwh("health").status == 1
    assert pwh("view", "revert", "cheap").status == 0
    assert pwh("view", "remove", "cheap").status == 0
    assert pwh("view", "list", "--json").json["count"] == 0


def test_events_and_persons_come_from_files(pwh: Pwh, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    events.write_text(
        '{"event": "seen", "distinct_id": "d1", "timestamp": "2026-01-01T00:00:00Z", "properties": {"n": 1}}\n'
    )
    persons = tmp_path / "persons.jsonl"
    person = "0190f2f0-0000-7000-8000-000000000001"
    persons.write_text(
        json.dumps(
            {
                "id": person,
                "properties": {"email": "a@example.com"},
                "created_at": "2026-01-01T00:00:00Z",
            }
        )
    )
    ids = tmp_path / "ids.jsonl"
    ids.write_text(json.dumps({"distinct_id": "d1", "person_id": person}))
    (result,) = pwh("events", "import", str(events), "--json").json["results"]
    assert (result["rows"], result["rows_new"]) == (1, 1)
    assert pwh("events", "import", str(events), "--json").json["results"][0]["rows_new"] == 0
    said = pwh("persons", "import", str(persons), "--distinct-ids", str(ids), "--json")
    assert [r["table"] for r in said.json["results"]] == ["persons", "person_distinct_ids"]
    rows = pwh("query", "SELECT event, person.properties.email FROM events", "--json").json["rows"]
    assert rows == [["seen", "a@example.com"]]
    events.write_text("junk\n")
    pwh("events", "import", str(events)).refused("events.jsonl")
