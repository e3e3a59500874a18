"""Sources and their tables over HTTP, on a real PostgreSQL."""

import psycopg
import pytest

from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.platform import open_platform
from pwh_assets.services.sync.table import sync_table
from pwh_assets.settings import Settings
from tests.e2e.api_server import Served


@pytest.fixture(scope="module")
def shop():
    with PrivatePostgres() as server:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute(
                "CREATE TABLE users (id bigint PRIMARY KEY, email text, updated_at timestamptz DEFAULT now() - interval '1 h');"
                "INSERT INTO users SELECT i, 'u' || i FROM generate_series(1, 5) i;"
                "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric(10, 2))"
            )
        yield server


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    platform = open_platform(
        Settings.from_env({"PWH_HOME": str(home), "PWH_ALLOW_PRIVATE_HOSTS": "1"})
    )
    with Served(platform) as served:
        yield served
    platform.lakes.close()
    platform.store.close()


@pytest.fixture(scope="module")
def source(api, shop):
    body = {
        "source_type": "Postgres",
        "prefix": "shop_",
        "payload": {
            **shop.config,
            "schema": "public",
            "schemas": [
                {
                    "name": "users",
                    "should_sync": True,
                    "sync_type": "incremental",
                    "incremental_field": "updated_at",
                    "incremental_field_type": "timestamp",
                }
            ],
        },
    }
    answer = api("POST", "warehouse_sources/", body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_source_is_connected_listed_shown_and_changed(api, shop, source):
    assert source["source_type"] == "Postgres"
    assert shop.config["password"] not in str(source)
    assert {s["name"]: s["should_sync"] for s in source["schemas"]} == {
        "users": True,
        "orders": False,
    }
    page = api("GET", "external_data_sources/?search=shop").json()
    assert page["count"] == 1
    assert page["next"] is page["previous"] is None
    assert page["results"][0]["id"] == source["id"]
    assert api("GET", "warehouse_sources/?search=nothing").json()["count"] == 0
    changed = api("PATCH", f"warehouse_sources/{source['id']}/", {"description": "The shop"})
    assert changed.json()["description"] == "The shop"
    wrong = api("PATCH", f"warehouse_sources/{source['id']}/", {"payload": {"hots": "x"}})
    assert (wrong.status_code, wrong.json()["attr"]) == (400, "hots")
    legacy = api.client.get(
        "/api/environments/1/external_data_sources/", headers={"Authorization": f"Bearer {api.key}"}
    )
    assert legacy.json()["count"] == 1


def test_a_connection_is_looked_through_before_it_is_kept(api, shop):
    body = {"source_type": "Postgres", **shop.config, "schema": "public"}
    found = {
        table["table"]: table
        for table in api("POST", "warehouse_sources/database_schema/", body).json()
    }
    users = found["users"]
    assert users["detected_primary_keys"] == ["id"]
    assert {"field": "updated_at", "label": "updated_at", "type": "timestamp"} in users[
        "incremental_fields"
    ]
    assert users["incremental_available"] and users["cdc_available"]
    wrong = api("POST", "warehouse_sources/database_schema/", body | {"password": "wrong-one"})
    assert wrong.status_code == 502 and wrong.json()["code"] == "source_access"
    assert "wrong-one" not in wrong.text


def test_the_wizard_says_which_fields_are_secret(api):
    form = api("GET", "warehouse_sources/wizard/?source_type=Postgres,Stripe").json()
    assert set(form) == {"Postgres", "Stripe"}
    secret = {field["name"] for field in form["Postgres"]["fields"] if field["secret"]}
    assert "password" in secret


def test_a_table_is_changed_synced_and_emptied(api, source):
    users = next(s for s in source["schemas"] if s["name"] == "users")
    path = f"external_data_schemas/{users['id']}/"
    answer = api("PATCH", path, {"sync_frequency": "24hour", "sync_time_of_day": "02:00"}).json()
    assert (answer["sync_frequency"], answer["sync_time_of_day"]) == ("24hour", "02:00")
    wrong = api("PATCH", path, {"sync_frequency": "2hour"})
    assert (wrong.status_code, wrong.json()["attr"]) == (400, "sync_frequency")
    assert api("POST", "external_data_schemas/", {}).status_code == 405
    sync_table(api.platform, api.platform.store.table(users["id"]))
    shown = api("GET", path).json()
    assert (shown["status"], shown["row_count"]) == ("Completed", 5)
    jobs = api("GET", f"warehouse_sources/{source['id']}/jobs/?schemas=users").json()
    assert [(job["schema"], job["rows_synced"]) for job in jobs] == [("users", 5)]
    assert api("GET", f"{path}logs/").json() == [{**job, "level": "info"} for job in jobs]
    fields = api("POST", f"{path}incremental_fields/").json()
    assert fields["incremental_available"] is True
    assert api("POST", f"{path}cancel/").json() == {"asked": 0, "ended": 0}
    emptied = api("DELETE", f"{path}delete_data/").json()
    assert (emptied["status"], emptied["should_sync"]) == ("Paused", False)


def test_many_tables_are_changed_at_once_and_mistakes_are_told(api, source):
    entries = [
        {"name": "orders", "should_sync": True},
        {"name": "nothing"},
        {"name": "users", "sync_type": "daily"},
    ]
    answer = api(
        "PATCH", f"warehouse_sources/{source['id']}/bulk_update_schemas/", {"schemas": entries}
    )
    assert [one["name"] for one in answer.json()["updated"]] == ["orders"]
    assert [one["id"] for one in answer.json()["failed"]] == ["nothing", "users"]


def test_new_tables_are_found(api, shop, source):
    with psycopg.connect(shop.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE carts (id int PRIMARY KEY)")
    answer = api("POST", f"warehouse_sources/{source['id']}/refresh_schemas/").json()
    assert (answer["added"], answer["deleted"]) == (1, 0)


def test_without_dagster_nothing_is_started_and_the_answer_says_so(api, source):
    answer = api("POST", f"warehouse_sources/{source['id']}/reload/")
    assert (answer.status_code, answer.json()["code"]) == (503, "dagster_unavailable")


def test_what_is_not_there_and_what_is_not_theirs_look_the_same(api, source):
    unknown = api("GET", "warehouse_sources/00000000-0000-0000-0000-000000000000/")
    assert unknown.status_code == 404
    assert api("GET", "warehouse_sources/", project=2).status_code == 404
    assert api("GET", "warehouse_sources/", key="phx_wrong").status_code == 401
    assert api.client.get("/api/projects/1/warehouse_sources/").status_code == 401


def test_a_removed_source_is_gone(api, source):
    answer = api("DELETE", f"warehouse_sources/{source['id']}/")
    assert answer.status_code == 200, answer.text
    assert answer.json()["tables"] == 3
    assert api("GET", f"warehouse_sources/{source['id']}/").status_code == 404
    assert api("GET", "external_data_schemas/").json()["count"] == 0
