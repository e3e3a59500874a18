"""`{filters}` of a query: every operator and kind of property, dates of every spelling, on both engines and over HTTP."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from pwh_assets.hogql.errors import HogQLError
from pwh_assets.platform import open_platform
from pwh_assets.services.hogql.filters import filter_values
from pwh_assets.services.hogql.query import run_query
from pwh_assets.services.project import change_settings
from pwh_assets.settings import Settings
from tests.e2e.api_server import Served

NOW = datetime(2026, 3, 18, 15, 30)  # a Wednesday
PERSONS = ("a", "b", "c", "d")
EVENTS = (
    ("a", "2026-03-18 15:00:00", {"plan": "pro", "n": 5, "since": "2026-01-01"}, "s1"),
    ("b", "2026-03-18 02:00:00", {"plan": "Pro trial", "n": 10, "since": "2026-02-01"}, "s2"),
    ("c", "2026-03-12 00:00:00", {"plan": "free", "n": 20}, "s3"),
    ("d", "2026-02-27 23:59:59", {}, None),
)
IDS = dict(
    zip(PERSONS, (f"00000000-0000-0000-0000-00000000000{n}" for n in range(1, 5)), strict=True)
)


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    home = tmp_path_factory.mktemp("filters") / "home"
    platform = open_platform(Settings.from_env({"PWH_HOME": str(home)}))
    with platform.lakes.of(1).write() as connection:
        for who, at, properties, session in EVENTS:
            connection.execute(
                "INSERT INTO lake.product.persons (id, properties, created_at, is_identified) VALUES (?, ?, ?, true)",
                [
                    IDS[who],
                    json.dumps({"email": f"{who}@{'us' if who == 'a' else 'them'}.com"}),
                    at,
                ],
            )
            connection.execute(
                'INSERT INTO lake.product.events (uuid, event, distinct_id, person_id, timestamp, properties, "$session_id") '
                "VALUES (uuid(), 'seen', ?, ?, ?, ?, ?)",
                [who, IDS[who], at, json.dumps(properties), session],
            )
    with Served(platform) as served:
        yield served
    for engine in platform.engines.values():
        engine.close()
    platform.lakes.close()
    platform.store.close()


def one(key="plan", **more):
    return {"properties": [{"key": key, **more}]}


def dates(start=None, end=None):
    return {"dateRange": {"date_from": start, "date_to": end}}


EVENT_FILTERS = [
    ({}, "abcd"),
    ({"properties": []}, "abcd"),
    (one(value="pro"), "a"),
    (one(value=["pro", "free"], operator="exact"), "ac"),
    (one(value="pro", operator="is_not"), "bcd"),
    (one(value=["pro", "free"], operator="is_not"), "bd"),
    (one(value="PRO", operator="icontains"), "ab"),
    (one(value="pro", operator="not_icontains"), "cd"),
    (one(value="^[Pp]ro", operator="regex"), "ab"),
    (one(value="^[Pp]ro", operator="not_regex"), "cd"),
    (one(operator="is_set"), "abc"),
    (one(operator="is_not_set"), "d"),
    (one("n", value=5, operator="gt"), "bc"),
    (one("n", value="5", operator="gte"), "abc"),
    (one("n", value=10, operator="lt"), "a"),
    (one("n", value=10, operator="lte"), "ab"),
    (one("n", value=[5, 10], operator="between"), "ab"),
    (one("n", value=[5, 10], operator="not_between"), "c"),
    (one("since", value="2026-01-15", operator="is_date_before"), "a"),
    (one("since", value="2026-01-15", operator="is_date_after"), "b"),
    (one("since", value="2026-02-01", operator="is_date_exact"), "b"),
    (one("email", type="person", operator="icontains", value="@them"), "bcd"),
    (one("$entry_current_url", type="session", operator="is_not_set"), "abcd"),
    (one("properties.n = 20 OR event = 'no'", type="hogql"), "c"),
    (
        {
            "properties": [
                {"key": "plan", "value": "pro"},
                {"key": "n", "value": 9, "operator": "gt"},
            ]
        },
        "",
    ),
    (dates("-1d"), "ab"),
    (dates("dStart"), "ab"),
    (dates("-1h"), "a"),
    (dates("-6d"), "abc"),
    (dates("wStart"), "ab"),
    (dates("mStart"), "abc"),
    (dates("-1mStart", "-1mEnd"), "d"),
    (dates("-1m", "-6d"), "cd"),
    (dates("all"), "abcd"),
    (dates(None, "2026-03-12"), "cd"),
    (dates("2026-03-12", "2026-03-18T02:00:00"), "bc"),
    (dates("2026-03-18T01:00:00+02:00"), "ab"),
    ({**dates("-6d"), **one(value="pro", operator="is_not")}, "bc"),
    ({"filterTestAccounts": True}, "bcd"),
    ({"filterTestAccounts": True, **one(value="free")}, "c"),
]


def who(platform, sql, filters, engine):
    variables = filter_values(platform, 1, filters)
    rows = run_query(platform, 1, sql, engine=engine, variables=variables, now=NOW).rows
    return "".join(sorted(row[0] for row in rows))


@pytest.mark.parametrize("engine", ["duckdb", "clickhouse"])
def test_filters_hold_over_events_sessions_persons_and_named_columns(api, engine):
    platform = api.platform
    ours = [{"key": "email", "type": "person", "operator": "not_icontains", "value": "@us."}]
    change_settings(platform, 1, {"test_account_filters": json.dumps(ours)})
    seen = {}
    for filters, expected in EVENT_FILTERS:
        found = who(
            platform, "SELECT distinct_id FROM events AS e WHERE {filters}", filters, engine
        )
        seen[json.dumps(filters)] = (found, expected)
    assert {name: pair for name, pair in seen.items() if pair[0] != pair[1]} == {}
    about = [
        ("SELECT session_id FROM sessions WHERE {filters}", dates("-6d", "2026-03-17"), "s3"),
        (
            "SELECT substring(properties.email, 1, 1) FROM persons WHERE {filters}",
            dates("-1d"),
            "ab",
        ),
        (
            "SELECT substring(properties.email, 1, 1) FROM persons WHERE {filters}",
            one("email", type="person", value="c@them.com"),
            "c",
        ),
        (
            "SELECT name FROM (SELECT distinct_id AS name, toDate(timestamp) AS day, properties.plan AS kind FROM events) "
            "WHERE {filters(day AS timestamp, kind AS plan, null AS n)}",
            {
                **dates("-6d"),
                "properties": [
                    {"key": "plan", "value": "pro", "operator": "is_not"},
                    {"key": "n", "value": 1},
                ],
            },
            "bc",
        ),
        (
            "SELECT distinct_id FROM events WHERE timestamp >= {filters.dateRange.from}",
            dates("-1d"),
            "ab",
        ),
        (
            "SELECT distinct_id FROM events WHERE timestamp >= {filters.dateRange.from}",
            dates("all"),
            "abcd",
        ),
        (
            "SELECT distinct_id FROM events WHERE timestamp <= {filters.dateRange.to}",
            dates(None, "-6d"),
            "cd",
        ),
    ]
    for sql, filters, expected in about:
        assert who(platform, sql, filters, engine) == expected, (sql, filters)


@pytest.mark.parametrize(
    ("sql", "filters", "words"),
    [
        ("SELECT 1 FROM numbers(3) WHERE {filters}", dates("-1d"), "Name the columns"),
        (
            "SELECT 1 FROM events WHERE {filters(timestamp AS timestamp)}",
            one(value=1),
            "`plan` is filtered and not bound",
        ),
        ("SELECT 1 FROM persons WHERE {filters}", one(value=1), "no properties of type `event`"),
        ("SELECT 1 FROM events WHERE {filters}", one(value=1, operator="like"), "no operator"),
        ("SELECT 1 FROM events WHERE {filters}", one("nope =", type="hogql"), "HogQL is wrong"),
        ("SELECT 1 FROM events WHERE {filters}", dates("yesterday"), "no date"),
    ],
)
def test_a_filter_that_has_no_place_is_a_mistake_where_it_stands(api, sql, filters, words):
    with pytest.raises(HogQLError, match=words) as caught:
        who(api.platform, sql, filters, "duckdb")
    problem = caught.value.problems[0]
    assert sql[problem.start : problem.end].startswith("{filters")


def test_filters_come_with_a_query_over_http_and_values_are_offered(api):
    def ask(sql, filters, **more):
        body = {"query": {"kind": "HogQLQuery", "query": sql, "filters": filters}, **more}
        return api("POST", "query/", body)

    count = "SELECT count() FROM events WHERE {filters}"
    assert ask(count, one(value="pro")).json()["results"] == [[1]]
    again = ask(count, one(value="free")).json()
    assert again["results"] == [[1]] and not again["is_cached"] and again["warnings"] == []
    assert ask(count, one(value="pro"), filters_override={}).json()["results"] == [[4]]
    assert "change nothing" in ask("SELECT 1", one(value="pro")).json()["warnings"][0]["message"]
    refused = ask(count, one(value=1, operator="like"))
    assert refused.status_code == 400 and refused.json()["code"] == "hogql_error"
    recent = datetime.now(UTC) - timedelta(days=1)
    assert ask(count, dates(recent.isoformat())).json()["results"] == [[0]]
    told = api("PATCH", "settings/", {"settings": {"test_account_filters": "[{}]"}})
    assert told.status_code == 400 and told.json()["attr"] == "test_account_filters"
    values = api(
        "GET", "warehouse/property_values/", params={"table_name": "events", "key": "plan"}
    )
    assert values.status_code == 200, values.text
    assert [row["name"] for row in values.json()] == ["Pro trial", "free", "pro"]
    holding = {"table_name": "persons", "key": "email", "value": "US."}
    found = api("GET", "warehouse/property_values/", params=holding)
    assert found.json() == [{"name": "a@us.com"}], found.text
