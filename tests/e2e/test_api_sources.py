"""Sources and their tables over HTTP, on a real PostgreSQL."""

import psycopg
import pytest

from pwh_assets.core.job import JobKind, JobStatus
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.demo.stripe import StripeServer
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
    assert api("GET", f"{path}logs/").json() == jobs
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


def test_a_stream_of_changes_is_checked_enabled_and_tuned(api, shop, source):
    path = f"warehouse_sources/{source['id']}"
    with psycopg.connect(shop.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE keyless (v int)")
    probe = {"source_type": "Postgres", "payload": {**shop.config, "schema": "public"}}
    lacks = api("POST", "warehouse_sources/check_cdc_prerequisites/", probe).json()
    assert (lacks["valid"], [each["table"] for each in lacks["results"]]) == (False, ["keyless"])
    probe["payload"]["schemas"] = [{"name": "users"}]
    assert api("POST", "warehouse_sources/check_cdc_prerequisites/", probe).json()["valid"]
    api("POST", f"{path}/refresh_schemas/")
    refused = api("POST", f"{path}/enable_cdc/", {"schemas": ["users", "keyless"]})
    assert (refused.status_code, refused.json()["code"]) == (400, "cdc_prerequisites_missing")
    assert "primary key" in refused.json()["detail"]

    def modes():
        return {s["name"]: s["sync_type"] for s in api("GET", f"{path}/").json()["schemas"]}

    assert modes()["users"] == "incremental"
    assert api("POST", f"{path}/enable_cdc/").json()["tables"] == ["shop_users"]
    assert modes()["users"] == "cdc"
    unknown = api("POST", f"{path}/enable_cdc/", {"schemas": ["nothing"]})
    assert unknown.json()["attr"] == "schemas"
    tuned = api(
        "POST",
        f"{path}/update_cdc_settings/",
        {"cdc_lag_warning_threshold_mb": 100, "cdc_lag_critical_threshold_mb": 200},
    ).json()
    assert tuned["cdc_lag_critical_threshold_mb"] == 200
    for wrong in ({"cdc_lag_critical_threshold_mb": 5}, {"cdc_auto_drop_slot": True}):
        refused = api("POST", f"{path}/update_cdc_settings/", wrong)
        assert refused.json()["attr"] == next(iter(wrong))


def test_rows_go_where_the_operator_says_and_logs_are_narrowed(api, source):
    path = f"warehouse_sources/{source['id']}/destinations/"
    schema = next(each for each in source["schemas"] if each["name"] == "users")
    for one in (path, f"warehouse_schemas/{schema['id']}/destinations/"):
        assert api("GET", one).json()["destination_ids"] == ["lake"]
        assert api("PATCH", one, {"destination_ids": ["lake"]}).status_code == 200
        for wrong, code in ((["s3"], "unknown_destination"), ([], "destination_required")):
            refused = api("PATCH", one, {"destination_ids": wrong})
            assert (refused.status_code, refused.json()["code"]) == (400, code)
    store = api.platform.store
    for status, error in (("Completed", None), ("Failed", "The disk is full"), ("Cancelled", None)):
        job = store.start_job(1, JobKind.SYNC, schema["id"], "shop_users", run_id=f"run-{status}")
        store.finish_job(job.id, JobStatus(status), error=error)

    def logs(query):
        found = api("GET", f"warehouse_schemas/{schema['id']}/logs/?{query}").json()
        return [(each["status"], each["level"]) for each in found]

    assert logs("level=error&search=DISK") == [("Failed", "error")]
    assert logs("level=warning&level=error") == [("Cancelled", "warning"), ("Failed", "error")]
    assert logs("instance_id=run-Completed") == [("Completed", "info")]
    assert logs("limit=1") == [("Cancelled", "warning")]
    assert logs("after=2999-01-01T00:00:00Z") == []
    assert api("GET", f"warehouse_schemas/{schema['id']}/logs/?level=loud").status_code == 400
    orders = next(each for each in source["schemas"] if each["name"] == "orders")["id"]
    assert api("DELETE", f"warehouse_schemas/{orders}/").status_code == 204
    assert api("GET", f"warehouse_schemas/{orders}/").status_code == 404
    found = api("POST", f"warehouse_sources/{source['id']}/refresh_schemas/").json()
    assert found["added"] >= 1


def test_a_webhook_says_its_address_and_keeps_its_secret(api, source):
    with StripeServer({"customers": []}) as stripe:
        payload = {**stripe.config, "schemas": [{"name": "customer", "should_sync": True}]}
        made = api("POST", "warehouse_sources/", {"source_type": "Stripe", "payload": payload})
        assert made.status_code == 201, made.text
        path = f"warehouse_sources/{made.json()['id']}"
        before = api("GET", f"{path}/webhook_info/").json()
        assert (before["exists"], before["pending_inputs"]) == (False, ["webhook_secret"])
        begun = api("POST", f"{path}/create_webhook/").json()
        assert begun["success"] is False and "vendor" in begun["error"]
        assert begun["webhook_url"] == f"{api.url}/webhooks/{made.json()['id']}"
        wrong = api("POST", f"{path}/update_webhook_inputs/", {"inputs": {"api_key": "x"}})
        assert wrong.json()["attr"] == "inputs"
        secret = {"inputs": {"webhook_secret": "whsec_made_up"}}
        assert api("POST", f"{path}/update_webhook_inputs/", secret).json()["success"]
        after = api("GET", f"{path}/webhook_info/")
        assert after.json()["exists"] and "made_up" not in after.text
        table = {
            "sync_type": "webhook",
            "incremental_field": "created",
            "primary_key_columns": ["id"],
        }
        schema = made.json()["schemas"][0]["id"]
        listening = api("PATCH", f"warehouse_schemas/{schema}/", table)
        assert listening.json()["sync_type"] == "webhook", listening.text
        refused = api("POST", f"{path}/delete_webhook/")
        assert (refused.status_code, refused.json()["code"]) == (409, "webhook_in_use")
        api("PATCH", f"warehouse_schemas/{schema}/", {"should_sync": False})
        assert api("POST", f"{path}/delete_webhook/").json()["success"]
        assert not api("GET", f"{path}/webhook_info/").json()["exists"]
    no = f"warehouse_sources/{source['id']}"
    assert not api("GET", f"{no}/webhook_info/").json()["supports_webhooks"]
    assert api("POST", f"{no}/create_webhook/").json()["code"] == "no_webhooks"
