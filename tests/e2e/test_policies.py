"""Policies over HTTP and on the command line: a viewer never learns what they hide; personal data; being forgotten."""

import json

import pytest

from pwh_assets.cli.entry import run
from pwh_assets.core.access import Role
from pwh_assets.core.options import Mask, MaskKind, TableOptions
from pwh_assets.core.source import Column
from pwh_assets.errors import PwhError
from pwh_assets.platform import open_platform
from pwh_assets.services.hogql.query import run_query
from pwh_assets.services.policies import forgetting, managing, pii
from pwh_assets.services.views.builds import build_view
from pwh_assets.services.views.saved import materialize_view, save_view
from pwh_assets.settings import Settings
from pwh_assets.store import NewTable
from tests.e2e.api_server import Served

ANN = "11111111-1111-4111-8111-111111111111"
BEN = "22222222-2222-4222-8222-222222222222"
MAIL = "ann.example@example.org"
POLICIES = (
    {
        "name": "people",
        "table": "persons",
        "to": ["viewer"],
        "deny": ["properties.salary"],
        "mask": {"properties.email": "hash"},
    },
    {
        "name": "customers",
        "table": "stripe.customer",
        "to": ["viewer", "editor"],
        "deny": ["phone"],
        "mask": {"email": "partial:2"},
        "rows": "region = {user.attributes.region}",
    },
)


@pytest.fixture
def platform(tmp_path, monkeypatch):
    monkeypatch.setenv("PWH_HOME", str(tmp_path))
    opened = open_platform(Settings.from_env({"PWH_HOME": str(tmp_path)}))
    columns = tuple(Column(name, "VARCHAR") for name in ("id", "email", "phone", "region", "card"))
    opened.store.add_source(
        1,
        "stripe",
        "",
        "made up",
        {},
        {"api_key": "sk_test_1"},
        [NewTable("customer", columns, ("id",))],
    )
    people = [(ANN, MAIL, "eu", 10), (BEN, "ben@example.org", "us", 20)]
    with opened.lakes.of(1).write() as connection:
        connection.execute("CREATE SCHEMA lake.stripe")
        connection.execute(
            "CREATE TABLE lake.stripe.customer (id VARCHAR, email VARCHAR, phone VARCHAR, region VARCHAR, card VARCHAR)"
        )
        for place, (person, mail, region, salary) in enumerate(people):
            properties = json.dumps({"email": mail, "salary": salary, "plan": "pro"})
            connection.execute(
                "INSERT INTO lake.product.persons VALUES (?, ?, TIMESTAMP '2026-01-01', true)",
                [person, properties],
            )
            connection.execute(
                "INSERT INTO lake.product.person_distinct_ids VALUES (?, ?, 0)",
                [f"d{place}", person],
            )
            connection.execute("INSERT INTO lake.product.cohort_people VALUES (?, 1)", [person])
            connection.execute(
                "INSERT INTO lake.product.events (uuid, event, distinct_id, person_id, timestamp, properties) "
                "SELECT uuid(), 'seen', ?, ?, TIMESTAMP '2026-01-02', ? FROM range(20)",
                [f"d{place}", person, json.dumps({"$set": {"email": mail}})],
            )
            connection.execute(
                "INSERT INTO lake.stripe.customer VALUES (?, ?, '+49 30 1234567', ?, '4242424242424242')",
                [f"cus_{place}", mail.upper() if place == 0 else mail, region],
            )
    yield opened
    opened.lakes.close()
    opened.store.close()


def apply(platform):
    for one in POLICIES:
        managing.save_policy(platform, 1, managing.read_policy(one), "test")


def test_nothing_a_viewer_can_ask_shows_what_is_hidden_from_them(platform):
    save_view(platform, 1, "addresses", "SELECT id, email, region FROM stripe.customer")
    save_view(
        platform, 1, "safe", "SELECT region, count() AS n FROM stripe.customer GROUP BY region"
    )
    materialize_view(platform, 1, "safe", None)
    build_view(platform, platform.store.find_view(1, "safe"))
    apply(platform)
    viewer = managing.somebody(platform, 1, "vera", Role.VIEWER, {"region": "eu"})

    def ask(sql, **more):
        return run_query(platform, 1, sql, reader=viewer, **more).rows

    assert ask("SELECT * FROM stripe.customer") == [("cus_0", "AN***", "eu", "4242424242424242")]
    assert ask("SELECT * FROM addresses") == [("cus_0", "AN***", "eu")]
    assert ask("SELECT count() FROM stripe.customer WHERE region = 'us' OR 1 = 1") == [(1,)]
    assert ask("SELECT count() FROM stripe.customer WHERE email = 'ANN.EXAMPLE@EXAMPLE.ORG'") == [
        (0,)
    ]
    assert sorted(ask("SELECT * FROM safe")) == [("eu", 1), ("us", 1)]
    hidden = (
        "SELECT properties, properties.email, properties.salary FROM persons ORDER BY id LIMIT 1"
    )
    for engine in ("duckdb", "clickhouse"):
        ((document, mail, salary),) = ask(hidden, engine=engine)
        assert json.loads(document) == {"plan": "pro", "email": mail}
        assert len(mail) == 64 and salary is None
    assert ask("SELECT person.properties.email FROM events WHERE distinct_id = 'd0' LIMIT 1") == [
        (mail,)
    ]
    assert ask("SELECT properties.$set FROM events LIMIT 1") == [(None,)]
    assert ask("SELECT id FROM persons WHERE properties.email = '" + MAIL + "'") == []
    for sql in (
        "SELECT phone FROM stripe.customer",
        "SELECT id FROM stripe.customer ORDER BY phone",
        "WITH c AS (SELECT * FROM stripe.customer) SELECT phone FROM c",
        "SELECT 1 FROM addresses AS a JOIN stripe.customer AS c ON c.phone = a.email",
    ):
        with pytest.raises(PwhError, match="phone"):
            ask(sql)
    nobody = managing.somebody(platform, 1, "nora", Role.VIEWER)
    assert run_query(platform, 1, "SELECT * FROM stripe.customer", reader=nobody).rows == []
    owner = managing.somebody(platform, 1, "owner", Role.OWNER)
    assert len(run_query(platform, 1, "SELECT phone FROM stripe.customer", reader=owner).rows) == 2
    key = run_query(platform, 1, hidden, reader=viewer).plan
    assert key.mask_token and key.mask_token in key.sql
    again = f"SELECT '{key.mask_token}', properties.email FROM persons ORDER BY id LIMIT 1"
    assert run_query(platform, 1, again, reader=viewer).rows == [(key.mask_token, mail)]


HIDDEN = ("1234567", "ann.example@", "ben@example", "cus_1", "salary-of-ann")
"""What the viewer below may not learn, by any of these."""
ATTACKS = """
SELECT * FROM phones
SELECT * FROM phones_again
SELECT COLUMNS('.*') FROM stripe.customer
SELECT COLUMNS('ph.*') FROM stripe.customer
SELECT * EXCLUDE (email) FROM stripe.customer
SELECT * REPLACE (phone AS email) FROM stripe.customer
SELECT toString(tuple(*)) FROM stripe.customer
SELECT c FROM stripe.customer c
SELECT arrayMap(x -> phone, [1]) FROM stripe.customer
SELECT arrayMap(x -> x, groupArray(email)) FROM stripe.customer
SELECT groupArray(tuple(id, email)) FROM stripe.customer
SELECT p FROM stripe.customer ARRAY JOIN [email] AS p
SELECT a.id FROM stripe.customer a JOIN phones b USING (phone)
SELECT max(email) FROM (SELECT email FROM stripe.customer WHERE region = 'us' UNION ALL SELECT 'x')
SELECT * FROM stripe.customer WHERE region = 'us' OR 1
SELECT id FROM stripe.customer QUALIFY max(phone) OVER () != ''
SELECT id FROM stripe.customer LIMIT 1 BY phone
WITH (SELECT max(phone) FROM stripe.customer) AS m SELECT m
SELECT properties FROM persons
SELECT properties['salary'], properties.`salary` FROM persons
SELECT JSONExtractString(properties, 'salary'), JSONExtractRaw(properties, 'email') FROM persons
SELECT JSONExtractKeysAndValues(properties, 'String') FROM persons
SELECT JSON_VALUE(properties, '$.salary') FROM persons
SELECT extract(toString(properties), 'sal.*') FROM persons
SELECT person.properties, person.properties.salary FROM events
SELECT poe.properties FROM events
SELECT pdi.person.properties.email FROM events
SELECT properties, properties.$set.email FROM events
SELECT JSONExtractString(properties, '$set', 'email') FROM events
SELECT * FROM everybody
SELECT JSONExtractString(properties, 'salary') FROM everybody
SELECT toInt(email), toDateTime(email), CAST(email AS Int64) FROM stripe.customer
SELECT throwIf(1, email) FROM stripe.customer
SELECT match('x', concat('(', email)) FROM stripe.customer
SELECT repeat(email, 100000000000) FROM stripe.customer
SELECT * FROM system.columns
SELECT * FROM information_schema.columns
SELECT * FROM _pwh.capture_told
SELECT * FROM lake.stripe.customer
SELECT * FROM stripe_customer_cdc
SELECT * FROM __ducklake_metadata_lake.ducklake_table_column_stats
SELECT * FROM ducklake_snapshots('lake')
SELECT getvariable('pwh_mask_key')
EXPLAIN SELECT * FROM phones
DESCRIBE stripe.customer
""".strip().splitlines()


def test_no_shape_of_a_query_and_no_error_shows_what_is_hidden(platform):
    with platform.lakes.of(1).write() as connection:
        connection.execute(
            "UPDATE lake.product.persons SET properties = "
            """json_merge_patch(properties, '{"salary": "salary-of-ann"}')"""
        )
    save_view(platform, 1, "phones", "SELECT id, phone, email FROM stripe.customer")
    save_view(platform, 1, "phones_again", "SELECT * FROM phones")
    save_view(platform, 1, "everybody", "SELECT id, properties FROM persons")
    apply(platform)
    viewer = managing.somebody(platform, 1, "vera", Role.VIEWER, {"region": "eu"})
    answered = 0
    for sql in ATTACKS:
        try:
            told = repr(run_query(platform, 1, sql, reader=viewer).rows)
            answered += 1
        except PwhError as error:
            told = f"{error} {error.__cause__} {error.__context__}"
        assert not [word for word in HIDDEN if word in told.lower()], (sql, told)
    assert 15 < answered < len(ATTACKS)  # they are refused for what they ask, not for how
    owner = managing.somebody(platform, 1, "owner", Role.OWNER)
    shown = repr([run_query(platform, 1, sql, reader=owner).rows for sql in ATTACKS[:2]])
    assert "1234567" in shown


def test_policies_hold_over_http_and_the_cache_keeps_readers_apart(platform):
    apply(platform)
    store = platform.store
    with Served(platform) as api:
        user = store.add_user("vera", "vera@example.org")
        store.set_attributes(user.id, {"region": "eu"})
        store.set_project_role(1, user, Role.EDITOR)
        from pwh_assets.store.keys import KeyKind

        theirs = store.add_key(1, KeyKind.PERSONAL, "vera's", "vera")

        def rows(sql, key=None, **more):
            body = {"query": {"kind": "HogQLQuery", "query": sql}, **more}
            answer = api("POST", "query/", body, key)
            assert answer.status_code == 200, answer.text
            return answer.json()

        text = "SELECT id, email, now() > toDateTime('2026-01-01') FROM stripe.customer ORDER BY id"
        whole = rows(text, client_query_id="of-the-owner")
        assert len(whole["results"]) == 2
        part = rows(text, theirs)
        assert [row[:2] for row in part["results"]] == [["cus_0", "AN***"]]
        assert rows(text, theirs)["is_cached"] and rows(text)["results"] == whole["results"]
        for method in ("GET", "DELETE"):
            assert api(method, "query/of-the-owner/", key=theirs).status_code == 404
        plain = rows("SELECT count() FROM events")
        assert rows("SELECT count() FROM events", theirs)["cache_key"] == plain["cache_key"]
        schema = api("POST", "query/", {"query": {"kind": "DatabaseSchemaQuery"}}, theirs).json()
        assert "phone" not in schema["tables"]["stripe_customer"]["fields"]
        words = {
            "kind": "HogQLAutocomplete",
            "query": "SELECT  FROM stripe.customer",
            "endPosition": 7,
        }
        found = api("POST", "query/", {"query": {**words, "startPosition": 7}}, theirs).json()
        labels = {one["label"] for one in found["suggestions"]}
        assert "email" in labels and "phone" not in labels
        leaks = {
            "name": "leak",
            "query": {"kind": "HogQLQuery", "query": "SELECT email FROM stripe.customer"},
        }
        made = api("POST", "warehouse_saved_queries/", leaks, theirs)
        assert made.status_code == 201, made.text
        built = api("POST", f"warehouse_saved_queries/{made.json()['id']}/materialize/", {}, theirs)
        assert (built.status_code, built.json()["code"]) == (403, "policy_bound")
        assert api("GET", "access_policies/", key=theirs).status_code == 403
        listed = api("GET", "access_policies/").json()
        assert [one["name"] for one in listed["results"]] == ["customers", "people"]
        bad = api(
            "POST",
            "access_policies/",
            {"name": "x", "table": "events", "to": ["viewers"], "deny": ["x"]},
        )
        assert (bad.status_code, bad.json()["attr"]) == (400, "to")


def test_personal_data_is_found_proposed_and_masked(platform, capsys, tmp_path):
    assert run(["pii", "scan", "--json"]) == 0
    found = {(f["table"], f["column"]): f for f in json.loads(capsys.readouterr().out)["results"]}
    kinds = {name: one["kind"] for name, one in found.items()}
    assert kinds["stripe_customer", "email"] == "email"
    assert kinds["stripe_customer", "phone"] == "phone"
    assert kinds["stripe_customer", "card"] == "card"
    assert kinds["persons", "properties.email"] == "email"
    assert ("events", "uuid") not in kinds and ("stripe_customer", "region") not in kinds
    assert run(["pii", "accept", found["stripe_customer", "card"]["id"]]) == 0
    assert run(["pii", "reject", found["stripe_customer", "phone"]["id"]]) == 0
    assert run(["pii", "scan", "--json"]) == 0
    capsys.readouterr()
    file = tmp_path / "policy.yaml"
    file.write_text(json.dumps(POLICIES[1]))
    assert run(["policy", "apply", str(file)]) == 0
    words = ["policy", "test", "--as", "vera", "--role", "viewer", "--attribute", "region=us"]
    capsys.readouterr()
    assert run([*words, "SELECT * FROM stripe.customer", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["results"] == [["cus_1", "be***", "us", None]]
    assert run(["policy", "remove", "customers"]) == 0


def test_the_finder_looks_all_over_a_table_and_leaves_out_what_is_masked(platform):
    names = ("id", "contact", "email", "phone", "street", "address", "notes")
    options = TableOptions(masks=(Mask("phone", MaskKind.TRUNCATE, 2),))
    columns = tuple(Column(name, "VARCHAR") for name in names)
    new = NewTable("people", columns, ("id",), options=options)
    platform.store.add_source(1, "stripe", "big_", "made up", {}, {"api_key": "sk_made_up"}, [new])
    with platform.lakes.of(1).write() as connection:
        connection.execute("CREATE SCHEMA lake.stripe_big")
        made = (
            "SELECT range AS id, if(range > 50000, 'p' || range || '@example.com', NULL) AS contact, "
            "sha256(range::VARCHAR) AS email, '01***' AS phone, 'Way ' || range AS street, "
            "'' || range AS address, if(range % 3 = 0, 'Tel. +49 30 1234567', 'none') AS notes "
        )
        connection.execute(f"CREATE TABLE lake.stripe_big.people AS {made} FROM range(30000)")
        for start in (30_000, 60_000):
            connection.execute(
                f"INSERT INTO lake.stripe_big.people {made} FROM range({start}, {start + 30_000})"
            )
        connection.execute("DELETE FROM lake.stripe_big.people WHERE id % 7 = 0 OR id < 20000")

    def proposed(*policies):
        for one in policies:
            managing.save_policy(platform, 1, managing.read_policy(one), "test")
        found = pii.scan(platform, 1)
        return {
            one.column: one
            for one in found
            if one.table == "big_people" and one.status == "proposed"
        }

    first = proposed()
    assert {name: one.kind for name, one in first.items()} == {
        "contact": "email",
        "street": "name",
        "address": "name",
    }
    assert first["contact"].looked_at > 1_000 and first["street"].looked_at == 5_000
    hides = {"name": "hides", "table": "big_people", "to": ["viewer"], "mask": {"street": "null"}}
    assert "street" in proposed(hides)  # editors see it still
    all_of_it = {**hides, "name": "all", "to": ["editor"], "deny": ["*"]}
    assert set(proposed(all_of_it)) == {"contact", "address"}
    managing.remove_policy(platform, 1, "all")
    pii.accept(platform, 1, proposed()["contact"].id, "test")
    assert set(proposed()) == {"street", "address"}
    managing.remove_policy(platform, 1, "pii big_people")
    assert set(proposed()) == {"contact", "street", "address"}


def test_a_forgotten_person_is_in_no_table_view_or_file(platform, capsys, tmp_path, monkeypatch):
    save_view(
        platform, 1, "mails", "SELECT email, count() AS n FROM stripe.customer GROUP BY email"
    )
    materialize_view(platform, 1, "mails", None)
    build_view(platform, platform.store.find_view(1, "mails"))
    forgetting.set_person_key(platform, 1, "stripe.customer", "email")
    monkeypatch.setattr(forgetting, "_STEPS", [*forgetting._STEPS[:3], ("views", _fail)])
    steps = forgetting._STEPS
    asked = forgetting.request(platform, 1, "d0", "test")
    with pytest.raises(ForgettingStopped):
        forgetting.carry_out(platform, asked)
    assert platform.store.deletion(1, asked.id).status == "failed"
    monkeypatch.undo()
    monkeypatch.setenv("PWH_HOME", str(tmp_path))
    assert steps is not forgetting._STEPS
    assert run(["forget", "--resume", asked.id, "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert done["status"] == "completed" and done["report"]["views"] == ["mails"]
    assert done["report"]["rows"] == {
        "events": 20,
        "persons": 1,
        "person_distinct_ids": 1,
        "cohort_people": 1,
        "stripe_customer": 1,
    }
    assert platform.store.deletion(1, asked.id).person == {}
    for table, rows in (("events", 20), ("persons", 1), ("stripe.customer", 1), ("mails", 1)):
        assert run_query(platform, 1, f"SELECT count() FROM {table}").rows == [(rows,)]
    files = list((tmp_path / "lake").rglob("*.parquet"))
    assert files
    with platform.lakes.of(1).write() as connection:
        for file in files:
            texts = connection.execute("SELECT * FROM read_parquet(?)", [str(file)]).fetchall()
            assert MAIL not in repr(texts).lower() and "'d0'" not in repr(texts)
        connection.execute("INSERT INTO lake.stripe.customer (email) VALUES (?)", [MAIL])
    assert run(["forget", "--sweep", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"rows": {"stripe_customer": 1}}
    with pytest.raises(PwhError):
        forgetting.set_person_key(platform, 1, "stripe.customer", "nothing")


class ForgettingStopped(PwhError):
    """As when a view cannot be built."""

    code = "stopped"


def _fail(platform, asked, report):
    raise ForgettingStopped("The power went.")
