"""Cohorts, actions, property definitions, person modes and rates: kept with the project, meant alike on both engines."""

import json

import pytest

from pwh_assets.core.language import PropertyKind, PropertyType
from pwh_assets.errors import ConflictError, InvalidInputError, NotFoundError
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.services.hogql.catalog import build_catalog
from pwh_assets.services.hogql.editor import complete, functions, metadata, schema
from pwh_assets.services.product.actions import find_action, remove_action, save_action
from pwh_assets.services.product.cohorts import (
    add_members,
    refresh_cohort,
    remove_cohort,
    save_cohort,
)
from pwh_assets.services.product.loading import import_distinct_ids, import_events, import_persons
from pwh_assets.services.product.properties import forget_property, learn_properties, set_property
from pwh_assets.services.product.rates import load_rates
from pwh_assets.services.project import change_settings, settings_of
from pwh_assets.services.views.saved import save_view
from tests.e2e.homes import Warehouse, people

ENGINES = ["duckdb", "clickhouse"]
PERSONS = [f"00000000-0000-0000-0000-00000000000{i}" for i in range(4)]
CLICK = (
    'a.btn.btn-primary:attr__data-q="1"attr_id="buy"href="/pay"nth-child="2"text="Buy now";'
    'div.box:nth-child="1";form:attr_id="f";body:nth-child="1"'
)
EVENTS = [
    ("$pageview", 0, {"$current_url": "https://x.com/pay?a=1", "price": 12.5, "on": True}, ""),
    ("$pageview", 1, {"$current_url": "https://x.com/p_y", "price": 3, "on": False}, ""),
    ("$autocapture", 1, {"price": 100, "when": "2026-03-01T10:00:00Z", "mixed": 1}, CLICK),
    ("paid", 2, {"price": 9, "when": "2026-02-01", "mixed": "x", "plan": "pro"}, ""),
    ("paid", 3, {"price": None, "plan": "free"}, ""),
]


def write(path, rows):
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    home = tmp_path_factory.mktemp("language")
    found = Warehouse(home)
    found.write("users", people())
    platform = found.platform
    import_persons(
        platform, 1,
        write(home / "p.jsonl", [{"id": p, "properties": {"email": f"p{i}@x.com", "age": 30 + i}} for i, p in enumerate(PERSONS)]),
    )  # fmt: skip
    import_distinct_ids(
        platform, 1,
        write(home / "d.jsonl", [{"distinct_id": f"d{i}", "person_id": p, "version": 0} for i, p in enumerate(PERSONS[:3])]),
    )  # fmt: skip
    import_events(
        platform, 1,
        write(home / "e.jsonl", [
            {"event": event, "distinct_id": f"d{i}", "person_id": PERSONS[i], "properties": properties,
             "timestamp": f"2026-01-0{n + 1}T00:00:00Z", "elements_chain": chain}
            for n, (event, i, properties, chain) in enumerate(EVENTS)
        ]),
    )  # fmt: skip
    # Person 2's distinct id was merged into person 0 after its event had come.
    merged = {"distinct_id": "d2", "person_id": PERSONS[0], "version": 1}
    import_distinct_ids(platform, 1, write(home / "m.jsonl", [merged]))
    yield found
    for engine in platform.engines.values():
        engine.close()
    found.close()


@pytest.fixture
def ask(warehouse):
    def both(sql):
        answers = [warehouse.ask(sql, engine=engine) for engine in ENGINES]
        assert answers[0] == answers[1]
        return answers[0]

    return both


# Cohorts


def test_a_query_cohort_has_the_persons_of_its_last_refresh(warehouse, ask):
    platform = warehouse.platform
    cohort = save_cohort(
        platform, 1, "Payers", "SELECT DISTINCT person_id FROM events WHERE event = 'paid'"
    )
    asked = "SELECT count() FROM events WHERE person_id IN COHORT 'Payers'"
    assert ask(asked) == [(0,)]
    assert refresh_cohort(platform, 1, "Payers").count == 2
    assert ask(asked) == [(2,)]
    assert ask(f"SELECT count() FROM persons WHERE id NOT IN COHORT {cohort.id}") == [(2,)]
    save_cohort(platform, 1, "Payers", "SELECT id FROM persons WHERE properties.age = '30'")
    assert refresh_cohort(platform, 1, str(cohort.id)).count == 1
    assert ask(asked) == [(1,)]
    assert ask("SELECT person.properties.email FROM cohort_people") == [("p0@x.com",)]
    remove_cohort(platform, 1, "Payers")
    assert ask("SELECT count() FROM cohort_people") == [(0,)]
    with pytest.raises(HogQLError, match="There is no cohort 'Payers'"):
        ask(asked)


def test_a_refresh_that_fails_leaves_the_members(warehouse, ask):
    platform = warehouse.platform
    save_view(platform, 1, "some_people", "SELECT id AS person_id FROM persons")
    save_cohort(platform, 1, "Some", "SELECT person_id FROM some_people")
    assert refresh_cohort(platform, 1, "Some").count == 4
    view = platform.store.view(1, "some_people")
    platform.store.remove_view(view.id)
    with pytest.raises(HogQLError):
        refresh_cohort(platform, 1, "Some")
    (kept,) = platform.store.cohorts(1)
    assert kept.count == 4 and "some_people" in kept.latest_error
    assert ask("SELECT count() FROM persons WHERE id IN COHORT 'Some'") == [(4,)]
    remove_cohort(platform, 1, "Some")


def test_a_static_cohort_takes_ids_and_distinct_ids(warehouse, ask):
    platform = warehouse.platform
    save_cohort(platform, 1, "It's us")
    cohort, unknown = add_members(platform, 1, "It's us", [PERSONS[3], "d1", "d1", " ", "nobody"])
    assert (cohort.count, unknown) == (2, ["nobody"])
    assert add_members(platform, 1, "It's us", [PERSONS[1]])[0].count == 2
    assert ask("SELECT count() FROM persons WHERE id IN COHORT 'It\\'s us'") == [(2,)]
    with pytest.raises(ConflictError):
        refresh_cohort(platform, 1, "It's us")
    remove_cohort(platform, 1, "It's us")


@pytest.mark.parametrize(
    ("name", "query", "error"),
    [
        ("", "SELECT id FROM persons", InvalidInputError),
        ("42", "SELECT id FROM persons", InvalidInputError),
        ("a", "SELECT nothing FROM persons", HogQLError),
        ("a", "SELECT created_at FROM persons", InvalidInputError),
        ("a", "SELECT event, uuid FROM events", InvalidInputError),
    ],
)
def test_a_cohort_that_cannot_be_is_refused(warehouse, name, query, error):
    with pytest.raises(error):
        save_cohort(warehouse.platform, 1, name, query)
    assert warehouse.store.cohorts(1) == []


# Actions


@pytest.mark.parametrize(
    ("steps", "matched"),
    [
        ([{"event": "paid"}], 2),
        ([{"event": "paid"}, {"event": "$autocapture"}], 3),
        ([{"event": "$pageview", "url": "/pay"}], 1),
        ([{"url": "/p_y"}], 1),
        ([{"url": "https://x.com/p_y", "url_matching": "exact"}], 1),
        ([{"url": "/p[_a]y", "url_matching": "regex"}], 2),
        ([{"event": "$autocapture", "selector": "a.btn"}], 1),
        ([{"selector": "form#f > div.box > a.btn-primary[data-q='1']"}], 1),
        ([{"selector": "form a:nth-child(2)"}], 1),
        ([{"selector": "body > a"}], 0),
        ([{"selector": "a.btn#other"}], 0),
        ([{"selector": "*#buy"}], 1),
        ([{"tag_name": "a"}], 1),
        ([{"tag_name": "b"}], 0),
        ([{"text": "Buy now"}], 1),
        ([{"text": "buy", "text_matching": "contains"}], 1),
        ([{"href": "/pay"}], 1),
        ([{"event": "paid", "properties": [{"key": "plan", "value": ["pro", "team"]}]}], 1),
        ([{"event": "paid", "properties": [{"key": "plan", "value": "pro", "operator": "is_not"}]}], 1),
        ([{"properties": [{"key": "plan", "operator": "is_set"}]}], 2),
        ([{"event": "paid", "properties": [{"key": "price", "operator": "gt", "value": 5}]}], 1),
        ([{"properties": [{"key": "plan", "operator": "not_regex", "value": "^p"}]}], 4),
        ([{"properties": [{"key": "email", "type": "person", "operator": "icontains", "value": "P1@"}]}], 2),
        ([{"properties": [{"key": "when", "operator": "is_date_after", "value": "2026-02-15"}]}], 1),
        ([{"properties": [{"key": "text", "type": "element", "value": "Buy now"}]}], 1),
        ([{"properties": [{"key": "event = 'paid'", "type": "hogql"}]}], 2),
    ],
)  # fmt: skip
def test_an_action_matches_its_events(warehouse, ask, steps, matched):
    save_action(warehouse.platform, 1, "Tried", steps)
    assert ask("SELECT countIf(matchesAction('Tried')) FROM events") == [(matched,)]


def test_an_action_asks_the_events_of_the_query(warehouse, ask):
    action = save_action(warehouse.platform, 1, "Paid", [{"event": "paid"}])
    joined = "FROM persons p JOIN events e ON e.person_id = p.id"
    assert ask(f"SELECT count() {joined} WHERE matchesAction({action.id})") == [(2,)]
    assert ask("SELECT 'x' AS event, count() FROM events WHERE matchesAction('Paid')") == [("x", 2)]
    assert ask(
        "SELECT count() FROM (SELECT event, properties FROM events) WHERE matchesAction('Paid')"
    ) == [(2,)]
    with pytest.raises(HogQLError, match="none are read here"):
        ask("SELECT count() FROM persons WHERE matchesAction('Paid')")
    save_action(warehouse.platform, 1, "Paid", [{"event": "$pageview"}])
    assert ask("SELECT count() FROM events WHERE matchesAction('Paid')") == [(2,)]
    assert ask("SELECT count() FROM events WHERE NOT matchesAction('Paid')") == [(3,)]
    itself = {"key": "matchesAction('Paid')", "type": "hogql"}
    save_action(warehouse.platform, 1, "Paid", [{"properties": [itself]}])
    with pytest.raises(HogQLError, match="asks for itself"):
        ask("SELECT count() FROM events WHERE matchesAction('Paid')")
    remove_action(warehouse.platform, 1, "Paid")
    with pytest.raises(HogQLError, match="There is no action 'Paid'"):
        ask("SELECT count() FROM events WHERE matchesAction('Paid')")
    with pytest.raises(NotFoundError):
        find_action(warehouse.platform, 1, "Paid")


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [{}],
        [{"event": 5}],
        [{"evnt": "a"}],
        ["event"],
        [{"url": "(", "url_matching": "regex"}],
        [{"url": "a", "url_matching": "like"}],
        [{"selector": "a ~ b"}],
        [{"selector": "> a"}],
        [{"properties": "x"}],
        [{"properties": [{"value": "a"}]}],
        [{"properties": [{"key": "a", "operator": "near", "value": 1}]}],
        [{"properties": [{"key": "a", "type": "moon", "value": 1}]}],
        [{"properties": [{"key": "a", "operator": "gt"}]}],
        [{"properties": [{"key": "sleep(5)", "type": "hogql"}]}],
    ],
)
def test_an_action_that_cannot_be_is_refused(warehouse, steps):
    with pytest.raises(InvalidInputError):
        save_action(warehouse.platform, 1, "Wrong", steps)
    assert "Wrong" not in {action.name for action in warehouse.store.actions(1)}


# Properties


def test_types_of_properties_are_learned_from_their_values(warehouse, ask):
    platform = warehouse.platform
    assert ask("SELECT properties.price FROM events ORDER BY timestamp LIMIT 1") == [("12.5",)]
    learned = learn_properties(platform, 1)
    assert learned.seen == learned.changed > 0
    known = {(one.kind, one.name): one.type for one in platform.store.property_definitions(1)}
    assert known[PropertyKind.EVENT, "price"] is PropertyType.NUMERIC
    assert known[PropertyKind.EVENT, "on"] is PropertyType.BOOLEAN
    assert known[PropertyKind.EVENT, "when"] is PropertyType.DATETIME
    assert known[PropertyKind.EVENT, "mixed"] is PropertyType.STRING
    assert known[PropertyKind.PERSON, "age"] is PropertyType.NUMERIC
    assert ask("SELECT max(properties.price), countIf(properties.on) FROM events") == [(100.0, 1)]
    assert ask("SELECT properties.when FROM events WHERE properties.when > '2026-02-10'") == [
        ("2026-03-01T10:00:00Z",)
    ]
    assert ask("SELECT max(person.properties.age) FROM events") == [(33.0,)]
    assert learn_properties(platform, 1).changed == 0

    set_property(platform, 1, "event", "price", "string")
    assert ask("SELECT max(properties.price) FROM events") == [("9",)]
    learn_properties(platform, 1)
    assert ask("SELECT max(properties.price) FROM events") == [("9",)]
    labels = complete(platform, 1, "SELECT properties. FROM events", 18).suggestions
    assert {"price", "when", "plan"} <= {one.label for one in labels}
    for kind, name in known:
        forget_property(platform, 1, kind.value, name)
    with pytest.raises(NotFoundError):
        forget_property(platform, 1, "event", "price")


@pytest.mark.parametrize(
    "words", [("moon", "a", "String"), ("event", "a", "Text"), ("event", "", "String")]
)
def test_a_definition_that_cannot_be_is_refused(warehouse, words):
    with pytest.raises(InvalidInputError):
        set_property(warehouse.platform, 1, *words)


# Settings


def test_the_person_mode_decides_whom_an_event_belongs_to(warehouse, ask):
    platform = warehouse.platform
    sql = "SELECT toString(person_id), person.properties.email FROM events WHERE event = 'paid' ORDER BY timestamp"
    as_they_came = [(PERSONS[2], "p2@x.com"), (PERSONS[3], "p3@x.com")]
    assert ask(sql) == as_they_came
    change_settings(platform, 1, {"person_mode": "disabled"})
    assert ask(sql) == [(PERSONS[0], "p0@x.com"), (None, None)]
    for mode in ("person_id_override_properties_on_events", "person_id_override_properties_joined"):
        change_settings(platform, 1, {"person_mode": mode})
        assert ask(sql) == [(PERSONS[0], "p0@x.com"), (PERSONS[3], "p3@x.com")]
        assert len(ask("SELECT * FROM events WHERE event = 'paid' ORDER BY timestamp")) == 2
        assert ask("SELECT uniq(person_id) FROM events") == [(3,)]
    change_settings(platform, 1, {"person_mode": "default"})
    assert ask(sql) == as_they_came


def test_the_week_begins_as_the_project_says(warehouse, ask):
    sql = "SELECT toStartOfWeek(toDate('2026-11-20'))"
    assert ask(sql) == [("2026-11-15",)]
    change_settings(warehouse.platform, 1, {"week_start": "monday"})
    assert ask(sql) == [("2026-11-16",)]
    assert settings_of(warehouse.platform, 1)["week_start"] == "monday"
    change_settings(warehouse.platform, 1, {"week_start": "sunday"})
    assert ask(sql) == [("2026-11-15",)]


@pytest.mark.parametrize("changes", [{"moon": "a"}, {"week_start": "friday"}, {"person_mode": ""}])
def test_a_setting_that_cannot_be_is_refused(warehouse, changes):
    before = settings_of(warehouse.platform, 1)
    with pytest.raises(InvalidInputError):
        change_settings(warehouse.platform, 1, {"week_start": "monday", **changes})
    assert settings_of(warehouse.platform, 1) == before


# Rates


def test_money_is_converted_by_the_rate_of_its_day(warehouse, ask, tmp_path):
    platform = warehouse.platform
    assert ask("SELECT convertCurrency('USD', 'EUR', 1), convertCurrency('EUR', 'EUR', 2)") == [
        (None, 2.0)
    ]
    file = tmp_path / "rates.csv"
    file.write_text(
        "date,currency,rate\n2026-01-01,EUR,0.5\n2026-01-03,EUR,0.8\n2026-01-02,gbp,0.25\n"
    )
    loaded = load_rates(platform, 1, file)
    assert (loaded.currencies, str(loaded.first_day), str(loaded.last_day)) == (
        3, "2026-01-01", "2026-01-03",
    )  # fmt: skip
    assert ask(
        "SELECT convertCurrency('USD', 'EUR', 10, '2026-01-01'), convertCurrency('USD', 'EUR', 10, '2026-01-02'), "
        "convertCurrency('EUR', 'GBP', 10, toDate('2026-01-02')), convertCurrency('EUR', 'USD', 8)"
    ) == [(5.0, 5.0, 5.0, 10.0)]
    assert ask(
        "SELECT convertCurrency('USD', 'GBP', 1, '2026-01-01'), convertCurrency('USD', 'EUR', 1, '2025-12-31'), "
        "convertCurrency('USD', 'XXX', 1), convertCurrency(NULL, 'USD', 1), convertCurrency('USD', 'EUR', NULL), "
        "convertCurrency('USD', 'EUR', 1, NULL::Date)"
    ) == [(None,) * 6]
    assert ask(
        "SELECT if(event = 'paid', 'EUR', 'USD') AS currency, convertCurrency(currency, 'USD', sum(toFloat(properties.price))) "
        "FROM events GROUP BY currency ORDER BY currency"
    ) == [("EUR", 11.25), ("USD", 115.5)]
    assert ask(
        "SELECT sum(convertCurrency('USD', 'EUR', 10, timestamp)) FROM events WHERE event = '$pageview'"
    ) == [(10.0,)]
    file.write_text('[{"date": "2026-01-03", "currency": "EUR", "rate": 1}]')
    assert load_rates(platform, 1, file).rows_new == 0
    assert ask("SELECT convertCurrency('USD', 'EUR', 10)") == [(10.0,)]
    assert ask("SELECT count() FROM exchange_rates WHERE currency = 'EUR'") == [(2,)]
    with pytest.raises(HogQLError, match="lambda"):
        ask("SELECT arrayMap(x -> convertCurrency('USD', 'EUR', x), [1])")


def test_rates_for_one_of_another_currency_are_turned_into_dollars(warehouse, ask, tmp_path):
    file = tmp_path / "rates.jsonl"
    rows = [("USD", 2), ("JPY", 300)]
    write(file, [{"date": "2026-02-01", "currency": c, "rate": r} for c, r in rows])
    load_rates(warehouse.platform, 1, file, base="EUR")
    assert ask(
        "SELECT convertCurrency('EUR', 'USD', 1, '2026-02-01'), convertCurrency('USD', 'JPY', 1, '2026-02-01')"
    ) == [(2.0, 150.0)]


@pytest.mark.parametrize(
    "text",
    [
        "", "date,rate\n", "date,currency,rate\nx,EUR,1\n", "date,currency,rate\n2026-01-01,EURO,1\n",
        "date,currency,rate\n2026-01-01,EUR,0\n", "date,currency,rate\n2026-01-01,EUR,\n", "[1]", "[", "{",
        "date,currency,rate\n2026-01-01,EUR,nan\n", "date,currency,rate\n",
    ],
)  # fmt: skip
def test_rates_that_are_wrong_are_refused_whole(warehouse, tmp_path, text):
    file = tmp_path / "rates.csv"
    file.write_text(text)
    before = build_catalog(warehouse.platform, 1).version
    with pytest.raises(InvalidInputError):
        load_rates(warehouse.platform, 1, file)
    assert build_catalog(warehouse.platform, 1).version == before


# What an editor sees


def test_the_schema_tells_of_every_table(warehouse):
    found = schema(warehouse.platform, 1)
    users = found["tables"]["app_users"]
    assert (users["type"], users["row_count"], users["status"]) == (
        "data_warehouse",
        10,
        "Completed",
    )
    assert users["fields"]["email"]["description"] == "Where to write"
    assert found["tables"]["events"]["fields"]["person"]["table"] == "persons"
    assert "exchange_rate_index" not in found["tables"]
    json.dumps(found)


def test_a_failed_table_warns_also_behind_a_view(warehouse):
    platform = warehouse.platform
    table = warehouse.table("app_users")
    save_view(platform, 1, "mails", "SELECT email FROM app_users")
    assert metadata(platform, 1, "SELECT email FROM mails").warnings == ()
    platform.store.update_table(table.id, status="Failed", latest_error="no route to host.")
    try:
        text = "SELECT email FROM mails"
        (warning,) = metadata(platform, 1, text).warnings
        assert "`app_users`" in warning.message and "no route to host" in warning.message
        assert text[warning.start : warning.end] == "mails"
    finally:
        platform.store.update_table(table.id, status="Completed", latest_error=None)
    explained = metadata(platform, 1, "SELECT email FROM mails", explain=True).explain
    assert explained["reads"] == ["postgres_app.users"]


def test_every_function_is_listed_once():
    found = functions()
    assert len({one["name"] for one in found}) == len(found) > 500
    json.dumps(found)
