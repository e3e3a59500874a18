"""What people keep around their queries, over HTTP: folders, drafts, tabs, annotations, statistics, fixes."""

import pytest

from pwh_assets.platform import open_platform
from pwh_assets.settings import Settings
from tests.e2e.api_home import seed
from tests.e2e.api_server import Served

VIEWS = "warehouse_saved_queries/"


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    home = {
        "PWH_HOME": str(tmp_path_factory.mktemp("home")),
        "PWH_ALLOW_PRIVATE_HOSTS": "1",  # self-managed tables lie in a folder here
    }
    platform = open_platform(Settings.from_env(home))
    with Served(platform) as served:
        served.ids = seed(served)
        yield served
    platform.lakes.close()
    platform.store.close()


def server_key(api, *scopes):
    made = api("POST", "project_secret_keys/", {"label": "server", "scopes": list(scopes)})
    return made.json()["value"]


def names(answer):
    return [each["name"] for each in answer.json()["results"]]


def test_folders_are_made_by_name_renamed_with_their_views_and_removed_without_them(api):
    folders = "warehouse_saved_query_folders/"
    made = api("POST", folders, {"name": " Growth "}).json()
    assert (made["name"], made["view_count"]) == ("Growth", 0)
    again = api("POST", folders, {"name": "Growth"})
    assert (again.status_code, again.json()["code"]) == (409, "folder_exists")
    path = f"{VIEWS}{api.ids.view_id}/"
    assert api("PATCH", path, {"folder": made["id"]}).json()["folder"] == "Growth"
    assert names(api("GET", f"{VIEWS}?folder=Growth")) == ["daily"]
    assert names(api("GET", f"{VIEWS}?folder={made['id']}")) == ["daily"]
    assert "daily" not in names(api("GET", f"{VIEWS}?folder="))
    assert api("PATCH", path, {"folder": "New"}).status_code == 200
    assert "New" in names(api("GET", folders))
    assert api("PATCH", path, {"folder": "Growth"}).status_code == 200
    renamed = api("PATCH", f"{folders}{made['id']}/", {"name": "Product"}).json()
    assert (renamed["id"], renamed["name"], renamed["view_count"]) == (made["id"], "Product", 1)
    assert api("PATCH", f"{folders}{made['id']}/", {"name": "New"}).status_code == 409
    assert api("GET", path).json()["folder"] == "Product"
    assert api("DELETE", f"{folders}{made['id']}/").status_code == 204
    assert api("GET", f"{folders}{made['id']}/").status_code == 404
    assert api("GET", path).json()["folder"] == ""


def test_a_draft_is_its_authors_alone_and_remembers_the_version_it_began_from(api):
    drafts = "warehouse_saved_query_drafts/"
    first = api("POST", drafts, {"query": "SELECT unfinished FROM"}).json()
    second = api("POST", drafts, {"query": "SELECT 1", "saved_query_id": api.ids.view_id}).json()
    assert (first["name"], second["name"]) == ("Untitled", "daily")
    assert (first["edited_history_id"], second["edited_history_id"]) == (None, 1)
    assert first["query"] == {"kind": "HogQLQuery", "query": "SELECT unfinished FROM"}
    changed = api("PATCH", f"{drafts}{first['id']}/", {"query": "SELECT 2", "name": "two"}).json()
    assert (changed["query"]["query"], changed["name"]) == ("SELECT 2", "two")
    assert names(api("GET", drafts)) == ["two", "daily"]
    other = server_key(api, "query:write")
    assert api("GET", drafts, key=other).json()["count"] == 0
    for method in ("GET", "DELETE"):
        assert api(method, f"{drafts}{first['id']}/", key=other).status_code == 404
    unknown = api("POST", drafts, {"query": "SELECT 1", "saved_query_id": "nothing"})
    assert unknown.status_code == 404
    assert api("DELETE", f"{drafts}{first['id']}/").status_code == 204
    assert names(api("GET", drafts)) == ["daily"]


def test_open_tabs_are_remembered_as_the_editor_wrote_them(api):
    tabs = "query_tab_state/"
    assert api("GET", f"{tabs}user/").json() is None
    made = api("POST", tabs, {"state": {"tabs": [1, {"a": None}]}}).json()
    assert api("GET", f"{tabs}{made['id']}/").json()["state"] == {"tabs": [1, {"a": None}]}
    api("PATCH", f"{tabs}{made['id']}/", {"state": {}})
    assert api("GET", f"{tabs}user/").json() == {**made, "state": {}} | {
        "updated_at": api("GET", f"{tabs}{made['id']}/").json()["updated_at"]
    }
    large = api("POST", tabs, {"state": {"text": "x" * (1 << 20)}})
    assert (large.status_code, large.json()["attr"]) == (400, "state")
    assert api("DELETE", f"{tabs}{made['id']}/").status_code == 204


def test_what_people_say_of_columns_is_shown_where_they_are_described(api):
    notes, view_notes = "warehouse_column_annotations/", "saved_query_column_annotations/"
    said = {"table": "events", "column_name": "EVENT", "description": "What happened"}
    made = api("POST", notes, said).json()
    assert (made["column_name"], made["table"]) == ("event", "events")
    twice = api("POST", notes, said)
    assert (twice.status_code, twice.json()["code"]) == (409, "annotation_exists")
    whole = api(
        "POST", view_notes, {"saved_query": api.ids.view_id, "description": "A row a day"}
    ).json()
    tables = api("POST", "query/", {"query": {"kind": "DatabaseSchemaQuery"}}).json()["tables"]
    assert tables["events"]["fields"]["event"]["description"] == "What happened"
    assert tables["daily"]["description"] == "A row a day"
    text = "SELECT  FROM events"
    completed = api(
        "POST",
        "query/",
        {
            "query": {
                "kind": "HogQLAutocomplete",
                "query": text,
                "startPosition": 7,
                "endPosition": 7,
            }
        },
    )
    assert "What happened" in completed.text
    for body, status in (
        ({**said, "column_name": "nothing"}, 400),
        ({**said, "table": "nothing"}, 404),
        ({**said, "table": api.ids.view_id}, 404),
        ({**said, "column_name": "uuid", "description": " "}, 400),
    ):
        assert api("POST", notes, body).status_code == status, body
    assert api("GET", f"{notes}?table=events").json()["count"] == 1
    assert api("GET", f"{view_notes}{made['id']}/").status_code == 404
    changed = api("PATCH", f"{notes}{made['id']}/", {"description": "Its name"}).json()
    assert changed["description"] == "Its name"
    policy = {"name": "no names", "table": "events", "to": ["*"], "deny": ["event"]}
    policy["except"] = ["owner"]
    answer = api("POST", "access_policies/", policy)
    assert answer.status_code in (200, 201), answer.text
    viewer = server_key(api, "warehouse_table:read")
    assert api("GET", notes, key=viewer).json()["count"] == 0
    statistics = "warehouse_column_statistics/?table=events"
    refused = api("GET", statistics, key=viewer)
    assert (refused.status_code, refused.json()["code"]) == (403, "policy_bound")
    found = {each["column_name"]: each for each in api("GET", statistics).json()["results"]}
    assert (found["event"]["min_value"], found["event"]["max_value"]) == ("seen", "seen")
    assert (found["event"]["row_count"], found["event"]["null_fraction"]) == (48, 0.0)
    plain = api("GET", f"warehouse_column_statistics/?table={api.ids.view_id}")
    assert (plain.status_code, plain.json()["attr"]) == (400, "table")
    assert api("DELETE", f"{notes}{made['id']}/").status_code == 204
    assert api("DELETE", f"{view_notes}{whole['id']}/").status_code == 204


def test_a_text_is_mended_by_its_fixes_and_by_nothing_else(api):
    fixed = api("POST", "fix_hogql/", {"query": "SELECT evnt, cont() FROM evnts GROUP BY event"})
    assert fixed.json()["query"] == "SELECT event, count() FROM events GROUP BY event"
    assert {"was": "evnts", "now": "events"} in fixed.json()["fixes"]
    assert fixed.json()["errors"] == []
    right = api("POST", "fix_hogql/", {"query": "SELECT 1 AS a"}).json()
    assert (right["query"], right["fixes"]) == ("SELECT 1 AS a", [])
    wrong = api("POST", "fix_hogql/", {"query": "SELECT zzzzzz FROM events"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "not_fixable")


def test_files_become_a_table_under_a_name_of_their_own(api, tmp_path):
    tables, folder = "warehouse_tables/", tmp_path / "orders"
    folder.mkdir()
    (folder / "1.csv").write_text("id,code\n1,007\n")
    body = {
        "name": "Orders",
        "format": "CSVWithNames",
        "url_pattern": f"{folder}/*.csv",
        "credential": {"access_key": "", "access_secret": ""},
    }
    made = api("POST", tables, body)
    assert made.status_code == 201, made.text
    table = made.json()
    assert (table["name"], table["hogql_name"], table["format"]) == (
        "orders",
        "orders",
        "CSVWithNames",
    )
    assert [c["name"] for c in table["columns"]] == ["id", "code", "_file_name"]
    path = f"{tables}{table['id']}/"

    def rows():
        query = {"kind": "HogQLQuery", "query": "SELECT code FROM orders ORDER BY id"}
        return api("POST", "query/", {"query": query, "refresh": "force_blocking"}).json()[
            "results"
        ]

    assert rows() == [["007"]]
    (folder / "2.csv").write_text("id,code,paid\n2,x,1.5\n")
    assert rows() == [["007"], ["x"]]
    seen = api("POST", f"{path}refresh_schema/").json()
    assert "paid" in [c["name"] for c in seen["columns"]]
    for wrong, attr in (
        ({**body, "name": "events"}, None),
        ({**body, "name": "1st"}, "name"),
        ({**body, "name": "b", "format": "Avro"}, "format"),
        ({**body, "name": "b", "options": {"nothing": "x"}}, "options"),
        ({**body, "name": "b", "url_pattern": "ftp://x/y"}, "url_pattern"),
        ({**body, "name": "b", "url_pattern": f"{folder}/*.parquet"}, "url_pattern"),
    ):
        refused = api("POST", tables, wrong)
        assert refused.status_code in (400, 409), refused.text
        assert attr is None or refused.json()["attr"] == attr, refused.text
    assert "b" not in names(api("GET", tables))
    assert api("POST", tables, body).status_code == 409
    (tmp_path / "other.jsonl").write_text('{"n": 5}\n')
    moved = api(
        "PATCH", path, {"url_pattern": f"{tmp_path}/*.jsonl", "format": "JSONEachRow"}
    ).json()
    assert (moved["format"], [c["name"] for c in moved["columns"]]) == (
        "JSONEachRow",
        ["n", "_file_name"],
    )
    assert api("PATCH", path, {"name": "other"}).json()["attr"] == "name"
    for other, code in ((api.ids.schema_id, "not_self_managed"), ("nothing", "not_found")):
        refused = api("DELETE", f"{tables}{other}/")
        assert refused.json()["code"] == code
    assert api("DELETE", path).status_code == 204
    assert api("GET", path).status_code == 404
    assert api("POST", tables, body).status_code == 201


def test_a_metric_is_declared_asked_under_policies_and_kept_from_breaking(api):
    made = api(
        "POST",
        "metrics/",
        {
            "name": "Looks a day",
            "source": "events",
            "measure": "count",
            "dimensions": ["distinct_id"],
            "time": "timestamp",
            "grain": "day",
        },
    )
    assert made.status_code == 201, made.text
    assert (made.json()["name"], made.json()["dimensions"]) == ("looks_a_day", ["distinct_id"])
    asked = {"from": "2026-01-01", "to": "2026-01-01", "by": ["distinct_id"]}
    answer = api("POST", "metrics/looks_a_day/query/", asked).json()
    assert answer["columns"] == ["time", "distinct_id", "value"]
    assert [row[1:] for row in answer["results"]] == [["a", 24]]
    wrong = api("POST", "metrics/looks_a_day/query/", {"grain": "fortnight"})
    assert (wrong.status_code, wrong.json()["attr"]) == (400, "grain")
    ratio = {"name": "share", "numerator": "looks a day", "denominator": "daily"}
    assert api("POST", "metrics/", ratio).status_code == 201
    refused = api("DELETE", "metrics/looks a day/")
    assert (refused.status_code, refused.json()["code"]) == (409, "metric_in_use")
    mistaken = api("POST", "metrics/", {"name": "b", "source": "events", "expression": "nothing"})
    assert (mistaken.status_code, mistaken.json()["code"]) == (400, "invalid_semantic_document")
    document = api("GET", "metrics/document/").json()["document"]
    same = api("POST", "metrics/document/", {"document": document, "prune": True}).json()
    assert (same["added"], same["changed"], same["removed"]) == ([], [], [])
    assert len(api("GET", "metrics/looks_a_day/history/").json()) == 1
    table = api("POST", "virtual_tables/", {"name": "Looks", "query": "SELECT event FROM events"})
    assert (table.status_code, table.json()["columns"][0]["name"]) == (201, "event")
    assert names(api("GET", "virtual_tables/")) == ["Looks"]
    policy = {"name": "none", "table": "events", "to": ["*"], "except": ["owner"]}
    answer = api("POST", "access_policies/", {**policy, "rows": "distinct_id = 'nobody'"})
    assert answer.status_code in (200, 201), answer.text
    bound = server_key(api, "query:read", "warehouse_view:write")
    seen = api("POST", "metrics/looks_a_day/query/", asked, key=bound).json()
    assert seen["results"] == []
    kept = api("POST", "metrics/", {"name": "mine", "source": "events"}, key=bound)
    assert (kept.status_code, kept.json()["code"]) == (403, "policy_bound")
    for one in ("metrics/share/", "metrics/looks_a_day/", "virtual_tables/looks/"):
        assert api("DELETE", one).status_code == 204
        assert api("GET", one).status_code == 404


def test_person_keys_sets_of_views_the_graph_and_the_overview(api):
    key = {"table": "stripe_customer", "column": "EMAIL", "holds": "email"}
    assert api("POST", "person_keys/", key).json()["column"] == "email"
    assert [each["table"] for each in api("GET", "person_keys/").json()["results"]] == [
        "stripe_customer"
    ]
    assert api("POST", "person_keys/", {**key, "column": "nothing"}).json()["attr"] == "column"
    assert api("DELETE", "person_keys/stripe_customer/").status_code == 204
    assert api("DELETE", "person_keys/stripe_customer/").status_code == 404
    sets = "managed_viewsets/revenue_analytics/"
    assert api("GET", sets).json()["sources"] == {api.ids.source_id: False}
    on = api("PUT", sets, {"enabled": True}).json()
    assert (on["enabled"], on["sources"]) == (True, {api.ids.source_id: True})
    assert not api("PUT", sets, {"enabled": False}).json()["enabled"]
    assert api("GET", "managed_viewsets/nothing/").status_code == 404
    dag = api("GET", "warehouse_dag/").json()
    ids = {node["name"]: node["id"] for node in dag["nodes"]}
    assert {"source": ids["events"], "target": ids["daily"]} in dag["edges"]
    paths = api("GET", f"warehouse_model_paths/?saved_query_id={ids['weekly']}").json()["results"]
    assert [each["path"] for each in paths] == [["events", "daily", "weekly"]]
    shown = api("GET", "warehouse/data_ops_dashboard/").json()
    assert shown["sources"] == api("GET", "warehouse_sources/").json()["count"]
    assert shown["materialized_views"] == 1
    assert shown["runs"]["failed"] >= 1
