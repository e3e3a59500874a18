"""Two projects with equal names: with the other's key and ids nothing of a project is seen, not even that it is there."""

import json
import re
import threading
from dataclasses import asdict, dataclass
from functools import cache, partial

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pwh_assets.api.app import PREFIXES, ROUTERS, api_document
from pwh_assets.platform import open_platform
from pwh_assets.settings import Settings
from pwh_assets.store.keys import KeyKind
from tests.e2e.api_home import seed
from tests.e2e.api_server import Served

MARKS = {1: "the-mark-of-one", 2: "the-mark-of-two"}
NOWHERE = "5d1a7e0c-0000-4000-8000-00000000beef"
"""An id that nothing has."""
METHODS = ("get", "post", "put", "patch", "delete")
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
BY_NUMBER = {"cohort_id", "action_id"}


@dataclass(frozen=True)
class Tenants:
    """A server with two organisations, each with a person, a project and a key; the ids of both by project."""

    api: Served
    ids: dict[int, dict[str, str]]
    other_key: str
    """Of the owner of project 2; `api.key` is that of the owner of project 1."""
    reads: "Reads"


class Reads:
    """Statements the store ran for requests, by what they look at."""

    def __init__(self, store):
        self._seen = []
        sa.event.listen(store._db.engine, "before_cursor_execute", self._note)

    def _note(self, connection, cursor, statement, *more):
        # Who writes and loads in the background does so whatever is asked.
        if threading.current_thread().name not in ("pwh-audit", "capture-loader"):
            self._seen.append(" ".join(statement.split()[:200]))

    def of(self, ask):
        """The answer, and what was read for it in the order it was read."""
        self._seen.clear()
        answer = ask()
        return answer, list(self._seen)


@pytest.fixture(scope="module")
def tenants(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    platform = open_platform(Settings.from_env({"PWH_HOME": str(home)}))
    with Served(platform) as served:
        store = platform.store
        other = store.add_user("other", "other@example.org")
        organization = store.add_organization("Default", other.id)
        assert store.add_project("Default", organization.id) == 2
        key = store.add_key(2, KeyKind.PERSONAL, "owner", "other")
        ids = {number: asdict(seed(served, number, mark)) for number, mark in MARKS.items()}
        for number, person in ((1, served.key), (2, key)):
            ids[number] |= outside_ids(served, person)
        yield Tenants(served, ids, key, Reads(store))
    platform.lakes.close()
    platform.store.close()


def outside_ids(served, key):
    """What a person has outside projects."""

    def ask(method, path, **more):
        headers = {"Authorization": f"Bearer {key}"}
        answer = served.client.request(method, path, headers=headers, **more)
        assert answer.status_code < 300, answer.text
        return answer.json()

    organization = ask("GET", "/api/organizations/@current/")["id"]
    invited = {"email": "somebody@example.org", "role": "viewer"}
    members = ask("GET", f"/api/organizations/{organization}/members/")["results"]
    return {
        "organization_id": organization,
        "invite_id": ask("POST", f"/api/organizations/{organization}/invites/", json=invited)["id"],
        "user_id": members[0]["id"],
        "key_id": ask("POST", "/api/personal_api_keys/", json={"label": "more"})["id"],
    }


@pytest.fixture(scope="module")
def two(tenants):
    return tenants.api, tenants.ids


@cache
def document():
    return api_document()


def operations():
    """Method, path under the project and whether it needs a body, of every operation there is."""
    start = f"{PREFIXES[0]}/"
    for path, each in document()["paths"].items():
        if path.startswith(start):
            for method in METHODS:
                if method in each:
                    yield method.upper(), path[len(start) :], each[method]


def bodies(operation):
    """An example of the body, so that what is refused is not the body."""
    schema = (operation.get("requestBody", {}).get("content", {}).get("application/json", {})).get(
        "schema", {}
    )
    for part in (schema, *schema.get("anyOf", ())):
        name = part.get("$ref", "").rpartition("/")[2]
        for example in document()["components"]["schemas"].get(name, {}).get("examples", ()):
            return example
    return {} if schema else None


def query_of(operation):
    """Values of the parameters that have to be given."""
    found = {}
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query" and parameter.get("required"):
            found[parameter["name"]] = parameter["schema"].get("enum", ["daily"])[0]
    return found


def told(answer, *ids):
    """An answer without the id that was asked for, and without the moment."""
    text = answer.text
    for one in ids:
        text = text.replace(f"`{one}`", "`…`")
    return answer.status_code, text, sorted(name for name in answer.headers if name != "date")


def same_work(tenants, known, unknown):
    """Both answers, given for the same reads of the store: who measures how long a refusal takes learns nothing."""
    for _ in range(3):  # a key's use is noted once a minute, whoever asks
        first, read = tenants.reads.of(known)
        second, read_too = tenants.reads.of(unknown)
        if read == read_too:
            break
    assert read == read_too, first.url
    return first, second


def test_a_project_of_others_is_no_project(tenants):
    api, ids = tenants.api, tenants.ids
    for method, path, operation in operations():
        asked = {"json": bodies(operation), "params": query_of(operation)}
        path = path.format(**ids[2] | _other_places(path, ids[2]))
        there, nowhere = same_work(
            tenants,
            partial(api, method, path, project=2, **asked),
            partial(api, method, path, project=777, **asked),
        )
        assert told(there, 2) == told(nowhere, 777), (method, path)
        assert there.status_code == 404, (method, path, there.text)
        assert MARKS[2] not in there.text


def test_the_others_organisation_people_and_keys_are_none(tenants):
    api, ids = tenants.api, tenants.ids
    tried = 0
    for path, each in document()["paths"].items():
        places = re.findall(r"\{(\w+)\}", path)
        if not path.startswith("/api/") or not places:
            continue
        if "project_id" in places:
            pairs = [({"project_id": 2}, {"project_id": 777})] if len(places) == 1 else []
        else:
            theirs = {place: ids[2].get(place, NOWHERE) for place in places}
            pairs = [(theirs, dict.fromkeys(places, NOWHERE))]
            if "organization_id" in places and len(places) > 1:
                own = {"organization_id": ids[1]["organization_id"]}
                pairs.append((theirs | own, dict.fromkeys(places, NOWHERE) | own))
        for method in (one for one in METHODS if one in each):
            for known, unknown in pairs:
                answers = [
                    api.client.request(
                        method,
                        path.format(**one),
                        headers={"Authorization": f"Bearer {api.key}"},
                        json=bodies(each[method]) or {"role": "viewer"},
                    )
                    for one in (known, unknown)
                ]
                assert told(answers[0], *map(str, known.values())) == told(
                    answers[1], *map(str, unknown.values())
                ), (method, path)
                assert answers[0].status_code == 404, (method, path, answers[0].text)
                tried += 1
    assert tried > 10
    # The other person does have all of it.
    mine = {"Authorization": f"Bearer {tenants.other_key}"}
    path = f"/api/organizations/{ids[2]['organization_id']}/"
    assert api.client.get(path, headers=mine).status_code == 200
    assert api("GET", "warehouse_sources/", key=tenants.other_key, project=2).json()["count"] == 1
    assert api("GET", "warehouse_sources/", key=tenants.other_key).status_code == 404


def test_an_id_of_others_is_no_id(tenants):
    api, ids = tenants.api, tenants.ids
    tried = 0
    for method, path, operation in operations():
        places = re.findall(r"\{(\w+)\}", path)
        wanted = [place for place in places if place in ids[2] and place != "table_id"]
        if not wanted:
            continue
        asked = {"json": bodies(operation), "params": query_of(operation)}
        nowhere = {place: "987654" if place in BY_NUMBER else NOWHERE for place in wanted}
        theirs = {place: ids[2][place] for place in wanted}
        others = _other_places(path, ids[1])
        known, unknown = same_work(
            tenants,
            partial(api, method, path.format(**others | theirs), **asked),
            partial(api, method, path.format(**others | nowhere), **asked),
        )
        expected = told(unknown, *nowhere.values())
        assert told(known, *theirs.values()) == expected, (method, path)
        assert known.status_code == 404, (method, path, known.text)
        tried += 1
    assert tried > 40


def test_ids_in_queries_and_bodies_are_looked_for_in_the_project_too(two):
    api, ids = two
    theirs, own = ids[2], ids[1]
    assert api("GET", f"warehouse_schemas/?source_id={theirs['source_id']}").json()["count"] == 0
    for path, known in (
        ("data_modeling_jobs/?saved_query_id={}", theirs["view_id"]),
        ("alerts/deliveries/?channel_id={}", theirs["channel_id"]),
        ("lineage/?name={}", theirs["view_id"]),
        ("freshness/{}/", theirs["view_id"]),
    ):
        found, unknown = api("GET", path.format(known)), api("GET", path.format(NOWHERE))
        assert told(found, known) == told(unknown, NOWHERE), path
        assert found.status_code == 404
    answer = api(
        "POST", "warehouse_saved_queries/resume_schedules/", {"view_ids": [theirs["view_id"]]}
    )
    assert (answer.status_code, answer.json()) == (202, {"view_ids": []})
    answer = api(
        "PATCH",
        f"warehouse_sources/{own['source_id']}/bulk_update_schemas/",
        {"schemas": [{"id": theirs["schema_id"], "should_sync": False}]},
    )
    assert answer.json()["updated"] == [] and len(answer.json()["failed"]) == 1
    assert api.platform.store.find_table(2, theirs["schema_id"]).should_sync


def test_nothing_of_the_others_is_in_any_answer(two):
    api, ids = two
    theirs = {value for value in ids[2].values() if ID.fullmatch(value)}
    for method, path, operation in operations():
        if method == "GET":
            answer = api(
                method,
                path.format(**ids[1] | _other_places(path, ids[1])),
                params=query_of(operation),
            )
            assert MARKS[2] not in answer.text, path
            # Its log tells what somebody of this project asked for, also in vain.
            if path.startswith("activity_log/"):
                continue
            assert theirs.isdisjoint(ID.findall(answer.text)), path


WORDS = st.sampled_from(
    ["events", "daily", "weekly", "kept", "stripe_customer", "stripe.customer", "cohort_people"]
)
SHAPES = st.sampled_from(
    [
        "SELECT * FROM {}",
        "SELECT count() FROM {}",
        "SELECT toString(properties) FROM {}",
        "SELECT * FROM (SELECT * FROM {}) AS x",
        "WITH x AS (SELECT * FROM {}) SELECT * FROM x",
        "SELECT * FROM {} UNION ALL SELECT * FROM {}",
        "SELECT a.* FROM {} AS a LEFT JOIN events AS b ON 1 = 1",
        "SELECT of_week.most FROM {}",
        "SELECT count() FROM events WHERE person_id IN COHORT 'people' AND '{}' != ''",
        "SELECT count() FROM events WHERE matchesAction('look') AND '{}' != ''",
        "SELECT * FROM project_2.{}",
        "SELECT * FROM lake.{}",
        "SELECT * FROM main.{} LIMIT 1",
    ]
)
KINDS = st.sampled_from(["HogQLQuery", "HogQLMetadata", "HogQLAutocomplete"])


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(shape=SHAPES, word=WORDS, kind=KINDS)
def test_no_query_reads_the_others_rows(two, shape, word, kind):
    api, _ = two
    body = {"query": {"kind": kind, "query": shape.replace("{}", word)}, "refresh": True}
    answer = api("POST", "query/", body)
    assert answer.status_code < 500, answer.text
    assert MARKS[2] not in answer.text
    if kind == "HogQLQuery" and word == "events" and shape == "SELECT count() FROM {}":
        assert answer.json()["results"] == [[48]]
    refused = api("POST", "query/", body, project=2)
    assert told(refused, 2) == told(api("POST", "query/", body, project=777), 777)


def test_a_query_of_others_can_be_neither_polled_nor_cancelled(two):
    api, _ = two
    queries = api.app.state.queries
    from pwh_assets.services.queries import Ask, Refresh

    queries.begin(Ask(2, "SELECT 1", "their-own-id"), Refresh.FORCE_ASYNC)
    for method in ("GET", "DELETE"):
        theirs = api(method, "query/their-own-id/")
        assert theirs.status_code == 404
        assert told(theirs, "their-own-id") == told(api(method, "query/no-id/"), "no-id")
    assert json.loads(api("GET", "query/their-own-id/").text)["code"] == "not_found"


def test_every_router_asks_for_the_project_first():
    """The one door: a route without it would read a project without looking who asks."""
    for router, nouns in ROUTERS:
        for route in router.routes:
            names = [each.call.__qualname__ for each in route.dependant.dependencies]
            assert any(name.startswith("asks.") for name in names), (nouns, route.path)


def _other_places(path, ids):
    """What stands in the places of a path that are not ids of the seeded things."""
    words = {"name": "daily", "query_id": "some-query", "delivery_id": NOWHERE}
    found = {place: words.get(place, NOWHERE) for place in re.findall(r"\{(\w+)\}", path)}
    return found | {place: value for place, value in ids.items() if place in found}
