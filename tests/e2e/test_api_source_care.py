"""What a source is given after it is connected, over HTTP: a stream of changes, destinations, logs, a webhook."""

import psycopg

from pwh_assets.core.job import JobKind, JobStatus
from pwh_assets.demo.stripe import StripeServer
from tests.e2e.test_api_sources import api, shop, source  # noqa: F401


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
