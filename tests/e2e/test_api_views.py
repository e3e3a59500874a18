"""Saved queries, joins, tables and lineage over HTTP."""

import pytest

from pwh_assets.platform import open_platform
from pwh_assets.services.views.builds import build_view
from pwh_assets.settings import Settings
from tests.e2e.api_server import Served

DAILY = "SELECT toStartOfDay(timestamp) AS day, count() AS n FROM events GROUP BY day"


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    platform = open_platform(Settings.from_env({"PWH_HOME": str(home)}))
    with platform.lakes.of(1).write() as connection:
        connection.execute(
            "INSERT INTO lake.product.events (uuid, event, distinct_id, timestamp, properties) "
            "SELECT uuid(), 'seen', 'a', TIMESTAMP '2026-01-01' + interval (i) hour, '{}' FROM range(48) t(i)"
        )
    with Served(platform) as served:
        yield served
    platform.lakes.close()
    platform.store.close()


def save(api, name, query, **more):
    return api("POST", "warehouse_saved_queries/", {"name": name, "query": query, **more})


@pytest.fixture(scope="module")
def daily(api):
    answer = save(api, "daily", DAILY, description="Events a day")
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_saving_again_is_a_new_version_and_crossing_edits_are_refused(api):
    first = save(api, "edited", "SELECT 1 AS a")
    again = save(
        api, "edited", {"kind": "HogQLQuery", "query": "SELECT 2 AS a"}, edited_history_id=1
    )
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["query"] == {"kind": "HogQLQuery", "query": "SELECT 2 AS a"}
    assert again.json()["latest_history_id"] == 2
    crossing = save(api, "edited", "SELECT 3 AS a", edited_history_id=1)
    assert crossing.status_code == 409
    path = f"warehouse_saved_queries/{first.json()['id']}/"
    stale = api("PATCH", path, {"query": "SELECT 4 AS a"}, headers={"If-Match": '"1"'})
    fresh = api(
        "PATCH", path, {"query": "SELECT 4 AS a"}, headers={"If-Match": again.headers["etag"]}
    )
    assert (stale.status_code, fresh.status_code, fresh.headers["etag"]) == (409, 200, '"3"')
    assert [each["version"] for each in api("GET", f"{path}activity/").json()] == [3, 2, 1]
    restored = api("POST", f"{path}restore/", {"version": 1}).json()
    assert restored["query"]["query"] == "SELECT 1 AS a"
    stale = api("DELETE", path, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["code"]) == (409, "edit_conflict")
    current = api("GET", path).headers["etag"]
    assert api("DELETE", path, headers={"If-Match": current}).status_code == 204
    assert api("GET", path).status_code == 404


def test_a_mistake_in_the_text_says_where_it_is(api):
    answer = save(api, "wrong", "SELECT nothing_like_it FROM events")
    assert answer.status_code == 400
    assert "nothing_like_it" in answer.json()["detail"]


def test_relatives_impact_and_lineage(api, daily):
    reader = save(api, "busy", "SELECT day FROM daily WHERE n > 10").json()
    path = f"warehouse_saved_queries/{daily['id']}"
    assert api("GET", f"{path}/dependencies/").json() == {
        "upstream_count": 1,
        "downstream_count": 1,
    }
    assert api("POST", f"{path}/descendants/").json()["descendants"] == [reader["id"]]
    above = api("POST", f"warehouse_saved_queries/{reader['id']}/ancestors/", {"level": 1}).json()
    assert above["ancestors"] == [daily["id"]]
    impact = api("POST", f"{path}/impact/", {"query": "SELECT 1 AS n"}).json()
    assert [each["view"] for each in impact["breaks"]] == ["busy"]
    assert api("PATCH", f"{path}/", {"query": "SELECT 1 AS n"}).status_code == 409
    assert api("DELETE", f"{path}/").status_code == 409
    found = api("GET", "lineage/?name=busy&columns=true").json()
    assert {(edge["source"], edge["source_column"]) for edge in found["columns"]} >= {
        ("daily", "day")
    }
    assert api("GET", "lineage/?name=nothing").status_code == 404


def test_a_view_is_kept_as_a_table_and_made_plain_again(api, daily):
    path = f"warehouse_saved_queries/{daily['id']}"
    body = {
        "sync_frequency": "1hour",
        "incremental": {"key": "day", "unique_key": ["day"]},
        "engine": "duckdb",
        "run": False,
    }
    kept = api("POST", f"{path}/materialize/", body)
    assert kept.status_code == 202, kept.text
    assert kept.json()["view"]["incremental"]["key"] == "day"
    assert kept.json()["view"]["engine"] == "duckdb"
    build_view(api.platform, api.platform.store.view(1, "daily"))
    shown = api("GET", f"{path}/").json()
    assert (shown["status"], shown["row_count"], shown["sync_frequency"]) == (
        "Completed",
        2,
        "1hour",
    )
    assert {option["cadence"] for option in shown["sync_frequency_bounds"]["options"]} >= {"1hour"}
    (run,) = api("GET", f"{path}/run_history/").json()
    assert (run["status"], run["engine"], run["mode"]) == ("Completed", "duckdb", "full")
    assert shown["last_build"]["reason"] == run["reason"]
    assert api("POST", f"{path}/run/", {"engine": "postgres"}).status_code == 400
    tables = {table["name"] for table in api("GET", "warehouse_tables/").json()["results"]}
    assert {"daily", "events"} <= tables and "busy" not in tables
    wrong = api("PATCH", f"{path}/", {"is_materialized": True, "sync_frequency": "2min"})
    assert (wrong.status_code, wrong.json()["attr"]) == (400, "sync_frequency")
    assert api("POST", f"{path}/run/").json()["code"] == "dagster_unavailable"
    assert api("POST", f"{path}/cancel/").status_code == 409
    assert api("POST", f"{path}/resume/").json() == {"resumed": False}
    plain = api("POST", f"{path}/revert_materialization/").json()
    assert plain["is_materialized"] is False
    assert api("POST", f"{path}/run/").json()["attr"] == "is_materialized"


def test_whether_a_text_can_be_built_in_parts_is_told_in_sentences(api):
    path = "warehouse_saved_queries/check_incremental/"
    good = api("POST", path, {"query": DAILY}).json()
    assert good["eligible"] and "day" in good["key_candidates"]
    bad = api("POST", path, {"query": f"{DAILY} LIMIT 10"}).json()
    assert not bad["eligible"] and "LIMIT" in " ".join(bad["blockers"])


def test_joins_are_made_tried_changed_and_removed(api, daily):
    body = {
        "source_table_name": "events",
        "source_table_key": "toStartOfDay(timestamp)",
        "joining_table_name": "daily",
        "joining_table_key": "day",
        "field_name": "of_day",
    }
    probe = api("POST", "warehouse_view_links/validate/", body).json()
    assert probe["is_valid"], probe
    made = api("POST", "warehouse_view_link/", body)
    assert made.status_code == 201, made.text
    path = f"warehouse_view_links/{made.json()['id']}/"
    changed = api("PUT", path, {**body, "field_name": "whole_day"}).json()
    names = {join["field_name"] for join in api("GET", "warehouse_view_links/").json()["results"]}
    assert changed["field_name"] == "whole_day"
    assert "whole_day" in names and "of_day" not in names
    path = f"warehouse_view_links/{changed['id']}/"
    wrong = api("PATCH", path, {"joining_table_key": "nope"})
    assert wrong.status_code == 400 and api("GET", path).json() == changed
    again = api("PATCH", path, {"field_name": "that_day", "configuration": {"a": 1}}).json()
    assert (again["field_name"], again["joining_table_key"]) == ("that_day", "day")
    assert api("DELETE", f"warehouse_view_links/{again['id']}/").status_code == 204
    wrong = api("POST", "warehouse_view_links/validate/", {**body, "joining_table_key": "nope"})
    assert not wrong.json()["is_valid"]


def test_a_change_of_many_things_is_made_whole_or_not_at_all(api, daily):
    made = save(api, "whole", "SELECT 1 AS a", folder="Growth").json()
    path = f"warehouse_saved_queries/{made['id']}/"
    before = api("GET", path).json()
    refused = api(
        "PATCH",
        path,
        {
            "query": "SELECT 2 AS a",
            "description": "changed",
            "folder": "Elsewhere",
            "is_materialized": True,
            "freshness_target": "soon",
        },
    )
    assert refused.json()["attr"] == "freshness_target"
    assert api("GET", path).json() == before
    stale = api("PATCH", path, {"description": "x", "edited_history_id": 9})
    assert (stale.status_code, stale.json()["code"]) == (409, "edit_conflict")
    done = api(
        "PATCH",
        path,
        {"query": "SELECT 2 AS a", "folder": "", "is_materialized": True, "name": "whole"},
    ).json()
    assert (done["version"], done["folder"], done["is_materialized"]) == (2, "", True)
    refused = api("PATCH", path, {"is_materialized": False, "freshness_target": "soon"})
    assert refused.status_code == 400
    assert api("GET", path).json()["is_materialized"]
    plain = api("PATCH", path, {"is_materialized": False, "name": "whole_again"}).json()
    assert (plain["is_materialized"], plain["name"]) == (False, "whole_again")
