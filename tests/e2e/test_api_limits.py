"""How often a key may ask, each kind of request by its own numbers."""

from pwh_assets.platform import open_platform
from pwh_assets.services.people.throttle import limits_for
from pwh_assets.settings import Settings
from pwh_assets.store.keys import KeyKind
from tests.e2e.api_server import Served


def test_queries_writes_reads_and_events_are_limited_apart(tmp_path):
    limits = "2/hour;query=1/hour;write=1/minute;capture=2/minute;7:write=off"
    platform = open_platform(
        Settings.from_env({"PWH_HOME": str(tmp_path / "home"), "PWH_RATE_LIMIT": limits})
    )
    with Served(platform) as api:
        view = {"name": "one", "query": "SELECT 1 AS a"}
        asked = {
            "query": lambda: api(
                "POST", "query/", {"query": {"kind": "HogQLQuery", "query": "SELECT 1"}}
            ),
            "write": lambda: api("POST", "warehouse_saved_queries/", view),
            "read": lambda: api("GET", "warehouse_tables/"),
            "event": lambda: api.client.post(
                "/i/v0/e/",
                json={"api_key": api.capture_key, "event": "e", "distinct_id": "d"},
                headers={"X-Forwarded-For": "203.0.113.9"},
            ),
        }
        taken = {name: [ask() for _ in range(3)] for name, ask in asked.items()}
        statuses = {name: [one.status_code for one in found] for name, found in taken.items()}
        assert statuses == {
            "query": [200, 429, 429],
            "write": [201, 429, 429],
            "read": [200, 200, 429],
            "event": [200, 200, 429],
        }
        waits = {name: int(found[-1].headers["retry-after"]) for name, found in taken.items()}
        assert waits["query"] > 3000 and waits["write"] <= 60 and waits["event"] <= 30
        assert taken["event"][-1].json()["code"] == "throttled"
        assert api("GET", "warehouse_tables/", key="phx_other").status_code == 401  # its own bucket
        told = api("GET", "rate_limits/", key=platform.store.add_key(1, KeyKind.PERSONAL, "two"))
        assert {one["kind"]: (one["count"], one["period"]) for one in told.json()["results"]} == {
            "query": (1, "hour"),
            "write": (1, "minute"),
            "capture": (2, "minute"),
            "other": (2, "hour"),
        }
        free = limits_for(limits, "7")
        assert free["write"] == () and free["query"] == limits_for(limits, "1")["query"]
    platform.lakes.close()
    platform.store.close()
