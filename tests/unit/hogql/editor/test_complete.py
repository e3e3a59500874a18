"""What is offered at a cursor, marked `|`, in texts that parse and in texts that do not yet."""

from dataclasses import replace

import pytest

from pwh_assets.core.metric import Dimension, Grain, Measure, Metric, MetricInput, MetricKind
from pwh_assets.hogql.catalog import Catalog
from pwh_assets.hogql.editor import complete
from pwh_assets.hogql.editor.suggestion import Kind, fit
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.hogql.parser import parse
from pwh_assets.hogql.product import product_tables
from pwh_assets.hogql.types import FLOAT, STRING
from tests.unit.hogql.catalogs import CATALOG, CUSTOMER, INVOICE, JOIN, PAID, plan

TYPED = {"events": {"properties.$screen_width": FLOAT, "properties.odd name": STRING}}
KNOWN = Catalog(
    (*product_tables((JOIN,), property_types=TYPED), CUSTOMER, INVOICE, PAID),
    cohorts={"Power users": 3, "It's new": 4},
    actions={"Signed up": "event = 'sign up'", "7": "event = 'sign up'"},
)


def offered(marked, kind=None, **options):
    """(label, insert text) of everything offered."""
    offset = marked.index("|")
    found = complete(marked.replace("|", "", 1), offset, KNOWN, **options)
    return [one for one in found.suggestions if kind is None or one.kind is kind]


def labels(marked, kind=None, **options):
    return [one.label for one in offered(marked, kind, **options)]


def taken(marked, label):
    """The text once the suggestion is taken."""
    text = marked.replace("|", "", 1)
    one = next(one for one in offered(marked) if one.label == label)
    return text[: one.start] + one.insert_text + text[one.end :]


@pytest.mark.parametrize(
    ("marked", "first"),
    [
        ("|", "SELECT"),
        ("SELECT ev| FROM events", "event"),
        ("SELECT evt| FROM events", "event"),
        ("SELECT count( | FROM events", "uuid"),
        ("SELECT e.| FROM events e", "uuid"),
        ("SELECT e.person.proper| FROM events AS e", "properties"),
        ("SELECT events.session.$is| FROM events", "$is_bounce"),
        ("SELECT persons.stripe_customer.na| FROM persons", "name"),
        ("SELECT person.stripe_customer.em| FROM events", "email"),
        ("SELECT poe.prop| FROM events", "properties"),
        ("SELECT properties.$scr| FROM events", "$screen_width"),
        ("SELECT properties['| FROM events", "$screen_width"),
        ("SELECT stripe.invoice.amo| FROM stripe.invoice", "amount_paid"),
        ("SELECT * FROM str|", "stripe_customer"),
        ("SELECT * FROM stripe.inv|", "stripe.invoice"),
        ("SELECT * FROM events JOIN per|", "persons"),
        ("SELECT * FROM events WH|", "WHERE"),
        ("SELECT event F|", "FROM"),
        ("SELECT event FROM events GROUP |", "BY"),
        ("SELECT event FROM events LEFT |", "JOIN"),
        ("SELECT event FROM events ORDER BY event D|", "DESC"),
        ("SELECT event FROM events WHERE event |", "AND"),
        ("SELECT event FROM events JOIN persons p |", "ON"),
        ("SELECT toStartOfMo| FROM events", "toStartOfMonth"),
        ("SELECT sum(amount_paid) AS paid FROM stripe_invoice ORDER BY pai|", "paid"),
        ("SELECT arrayMap(word -> wor|, ['a'])", "word"),
        ("SELECT 1 FROM events WHERE person_id IN COHORT |", "It's new"),
        ("SELECT 1 FROM events WHERE person_id IN COHORT 'Pow|'", "Power users"),
        ("SELECT 1 FROM events WHERE matchesAction('Si|", "Signed up"),
        ("SELECT CAST(event AS Str| ) FROM events", "String"),
        ("SELECT 1 FROM events WHERE {v|}", "variables"),
        ("SELECT 1 FROM events WHERE timestamp > {filters.d|", "dateRange.from"),
        ("WITH days AS (SELECT toDate(timestamp) AS day FROM events) SELECT days.| FROM days", "day"),
        ("WITH days AS (SELECT 1 AS day) SELECT * FROM da|", "days"),
        ("SELECT q.| FROM (SELECT uuid AS u FROM events) AS q", "u"),
        ("SELECT q.| FROM (SELECT uuid AS u, FROM ) AS q", "u"),
        ("SELECT * FROM (SELECT ev| FROM events) AS q", "event"),
        ("SELECT email FROM stripe_customer c WHERE exists(SELECT 1 FROM paid WHERE paid.email = c.na|", "name"),
        ("SELECT a FROM events UNION ALL SELECT amo| FROM stripe_invoice", "amount_paid"),
        ("SELECT * FROM paid WHERE tot|", "total"),
        ("SELECT event::Str|", "String"),
        ("SELECT row_number() OVER (PART| ) FROM events", "PARTITION BY"),
        ("SELECT CASE WHEN event = 'a' TH| FROM events", "THEN"),
        ("SELECT `even| FROM events", "event"),
    ],
)  # fmt: skip
def test_the_likeliest_comes_first(marked, first):
    assert labels(marked)[0] == first


@pytest.mark.parametrize(
    "marked",
    [
        "SELECT 'ev|' FROM events",
        "SELECT event -- ev|",
        "SELECT event /* ev| */ FROM events",
        "SELECT event AS ev| FROM events",
        "SELECT 12| FROM events",
        "SELECT lower(event).| FROM events",
        "SELECT nobody.| FROM events",
        "SELECT * FROM events LIMIT |",
    ],
)
def test_nothing_is_offered_where_no_name_can_stand(marked):
    assert labels(marked) == []


def test_variables_are_those_given():
    text = "SELECT 1 FROM events WHERE event = {variables.|}"
    assert labels(text, variables={"name": "a"}) == ["name"]
    assert labels(text) == []


def test_aggregates_are_not_offered_in_where():
    assert "countIf" in labels("SELECT countI| FROM events")
    assert "countIf" not in labels("SELECT 1 FROM events WHERE countI|")


def test_the_tables_being_typed_are_not_in_reach_of_themselves():
    assert "events" in labels("SELECT 1 FROM eve|", Kind.TABLE)


def test_what_needs_quotes_gets_them():
    assert taken("SELECT properties.od| FROM events", "odd name") == (
        "SELECT properties.`odd name` FROM events"
    )
    assert taken("SELECT 1 FROM events WHERE person_id IN COHORT |", "It's new") == (
        "SELECT 1 FROM events WHERE person_id IN COHORT 'It\\'s new'"
    )


def test_a_word_is_replaced_as_a_whole():
    assert taken("SELECT tim|estmp FROM events", "timestamp") == "SELECT timestamp FROM events"
    assert taken("SELECT * FROM stripe.inv|", "stripe.invoice") == "SELECT * FROM stripe.invoice"


def test_functions_come_with_signature_and_doc():
    (one,) = [s for s in offered("SELECT toStartOfMonth|") if s.label == "toStartOfMonth"]
    assert one.kind is Kind.FUNCTION
    assert one.detail.startswith("toStartOfMonth(a")
    assert one.documentation
    assert one.insert_text == "toStartOfMonth("


def test_a_cut_list_says_so():
    found = complete("SELECT  FROM events", 7, KNOWN, most=5)
    assert (len(found.suggestions), found.is_incomplete) == (5, True)
    assert found.as_dict()["incomplete_list"] is True
    assert not complete("SELECT  FROM events", 7, KNOWN, most=5000).is_incomplete


@pytest.mark.parametrize("offset", [-5, 0, 10_000])
def test_a_cursor_outside_the_text_is_brought_into_it(offset):
    assert complete("SELECT 1 ", offset, KNOWN).suggestions


PIECES = [
    "SELECT |",
    "SELECT event |",
    "SELECT event, count() FROM events |",
    "SELECT event FROM events e |",
    "SELECT event FROM events JOIN persons p |",
    "SELECT event FROM events WHERE event = 'a' |",
    "SELECT event FROM events WHERE |",
    "SELECT event FROM events WHERE event IS |",
    "SELECT event FROM events WHERE event NOT |",
    "SELECT event FROM events GROUP BY event |",
    "SELECT event FROM events GROUP BY event HAVING count() > 1 |",
    "SELECT event FROM events ORDER BY event |",
    "SELECT event FROM events ORDER BY event DESC NULLS |",
    "SELECT event FROM events LIMIT 3 |",
    "SELECT 1 UNION |",
    "SELECT 1 UNION ALL |",
    "SELECT if(event |",
    "SELECT count() OVER (|",
    "SELECT CASE |",
    "SELECT event AS e |",
    "SELECT CASE WHEN event = 'a' |",
    "SELECT CASE WHEN event = 'a' THEN 1 |",
    "SELECT CASE WHEN event = 'a' THEN 1 ELSE CASE WHEN 1 THEN 2 END |",
    "SELECT event FROM events e JOIN (SELECT 1) |",
    "SELECT event FROM events e ARRAY JOIN [1] AS x |",
    "WITH a AS (SELECT 1) |",
]


@pytest.mark.parametrize("piece", PIECES)
def test_every_word_offered_is_taken_by_the_grammar(piece):
    """With the word in place the first thing missing is what follows it, not the word."""
    head = piece.replace("|", "")
    for word in labels(piece, Kind.KEYWORD):
        text = f"{head}{word}"
        problems = [p for p in parse(text).problems if "lose" not in p.message]
        assert all(p.start >= len(text) - len(word.split()[-1]) for p in problems), (text, problems)
        for problem in problems:
            assert not problem.message.endswith(f"found `{word.split()[0]}`"), (text, problems)


@pytest.mark.parametrize(
    "marked",
    [
        "SELECT | FROM events",
        "SELECT e.person.| FROM events e",
        "SELECT session.| FROM events",
        "SELECT poe.| FROM events",
        "SELECT c.| FROM stripe.customer AS c",
        "SELECT count() FROM persons p WHERE p.| IS NULL",
    ],
)
def test_every_field_offered_compiles(marked):
    for one in offered(marked):
        if one.kind in (Kind.COLUMN, Kind.JOIN, Kind.PROPERTY):
            text = taken(marked, one.label)
            try:
                plan(text, catalog=KNOWN)
            except HogQLError as error:
                pytest.fail(f"{text}: {error}")


def test_any_cut_of_any_text_is_answered():
    text = (
        "WITH a AS (SELECT event AS e, properties.$x['b'].1 FROM events WHERE {filters} AND `odd` IN ('x', f'{1}') "
        "LIMIT 3 BY e) SELECT a.e -- c\n, arrayMap((x, y) -> x + y, [1], [2]), e?.f FROM a LEFT JOIN (SELECT 1) b ON a.e = b.`1`"
    )
    for offset in range(len(text) + 1):
        complete(text, offset, KNOWN)
        complete(text[:offset], offset, KNOWN)
        complete(text[offset:], 0, KNOWN)


def test_names_fit_by_beginning_word_part_and_letters():
    assert [fit("per", name) for name in ("person", "is_person", "properer", "power", "x")] == [
        0, 1, 2, 3, None,
    ]  # fmt: skip


def test_the_catalog_of_other_tests_is_answered_too():
    assert complete("SELECT  FROM paid", 7, CATALOG).suggestions[0].label == "email"


PAID_AMOUNT = Metric(
    "Paid Amount",
    source="stripe_invoice",
    measure=Measure.SUM,
    expression="amount_paid",
    dimensions=(
        Dimension("mail", "lower(customer_email)", "Who paid"),
        Dimension("plan", "'free'"),
    ),
    time="created",
    grain=Grain.MONTH,
    description="What came in",
)
INVOICES = Metric("invoices", source="stripe_invoice", dimensions=(Dimension("plan", "'free'"),))
EACH = Metric(
    "each",
    MetricKind.RATIO,
    inputs=(MetricInput("a", "paid_amount"), MetricInput("b", "invoices")),
)
METRICS = {metric.key: metric for metric in (PAID_AMOUNT, INVOICES, EACH)}


def test_metrics_are_offered_by_name_and_then_what_each_can_be_asked_by():
    known = replace(KNOWN, metrics=METRICS)

    def asked(marked):
        found = complete(marked.replace("|", "", 1), marked.index("|"), known)
        return {one.label: one for one in found.suggestions}

    assert set(asked("SELECT value FROM metric('|")) == METRICS.keys()
    assert asked("SELECT metric(| FROM stripe_invoice")["paid_amount"].insert_text == (
        "'paid_amount'"
    )
    (paid,) = asked("SELECT value FROM metric('Paid|')").values()
    assert (paid.insert_text, paid.detail) == ("paid_amount", "Simple metric of stripe_invoice")
    assert paid.documentation == "What came in\n\nCalled Paid Amount."

    words = asked("SELECT value FROM metric('Paid Amount', '|')")
    assert next(iter(words)) == "month" and {"day", "year", "mail", "plan"} < words.keys()
    assert words["mail"].detail == "Dimension: lower(customer_email)"
    assert words["mail"].documentation == "Who paid"
    assert list(asked("FROM metric('paid_amount', 'month', 'mail', |")) == ["plan"]
    # A ratio has the dimensions both sides have, and no periods where one side has no time.
    assert list(asked("SELECT value FROM metric('each', |")) == ["plan"]
    assert asked("SELECT value FROM metric('nothing', '|')") == {}

    assert "metric" in asked("SELECT value FROM met|")
    assert "metric" not in labels("SELECT value FROM met|")
    shown = asked("SELECT m.| FROM metric('paid_amount', 'day', 'mail') AS m")
    assert list(shown) == ["time", "mail", "value"] and shown["time"].detail == "DateTime"
