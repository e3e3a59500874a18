"""Names: chains, aliases, lazy joins, what is wrong and where."""

import pytest

from pwh_assets.core.policy import TableRules
from pwh_assets.hogql.catalog import Catalog, TableDef
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.hogql.policy import restrict
from tests.unit.hogql.catalogs import INVOICE, plan, problems, sql, types


def test_a_property_is_read_as_text_from_its_table():
    assert "json_extract_string" in sql(
        "SELECT count() FROM events WHERE properties.$browser = 'Chrome'"
    )
    assert (
        types("SELECT properties.$browser, properties['a b'], properties.a.b[1].c FROM events")
        == ["String"] * 3
    )


def test_a_chain_over_a_lazy_join_joins_once():
    text = sql(
        "SELECT person.properties.email, person.properties.name, person.id FROM events WHERE person.id IS NOT NULL"
    )
    assert text.count("LEFT JOIN") == 1


def test_two_aliases_of_a_table_get_a_join_each():
    text = sql("SELECT a.person.id, b.person.id FROM events a JOIN events b ON a.uuid = b.uuid")
    assert text.count('LEFT JOIN "lake"."product"."persons"') == 2


def test_lazy_joins_follow_what_they_depend_on():
    text = sql("SELECT pdi.person.properties.email FROM events")
    assert text.index("person_distinct_ids") < text.index('"product"."persons"')


def test_a_chain_that_ends_on_a_table_is_its_id():
    assert types("SELECT person, session FROM events") == ["UUID", "String"]


def test_a_join_that_needs_its_own_lazy_join_is_packed():
    text = sql("SELECT count() FROM persons p LEFT JOIN events e ON e.person.id = p.id")
    assert "LEFT JOIN (SELECT" in text


def test_joins_between_persons_and_stripe_customers_are_there():
    text = sql("SELECT stripe_customer.name FROM persons")
    assert '"lake"."stripe"."customer"' in text


@pytest.mark.parametrize(
    "text",
    [
        "SELECT stripe.invoice.id FROM stripe.invoice",
        "SELECT stripe_invoice.id FROM stripe.invoice",
        "SELECT invoice.id FROM stripe.invoice",
        "SELECT stripe . invoice . id FROM stripe . invoice",
        "SELECT ID FROM STRIPE_INVOICE",
    ],
)
def test_tables_and_columns_go_by_every_spelling(text):
    assert plan(text).tables == ("stripe_invoice",)


def test_an_alias_beats_a_column_of_its_name():
    text = sql("SELECT toDate(timestamp) AS timestamp FROM events WHERE timestamp > '2026-01-01'")
    assert 'CAST("events"."timestamp" AS DATE) > ' in text


def test_an_alias_is_the_column_inside_its_own_definition():
    assert types("SELECT toDate(timestamp) AS timestamp, timestamp AS t FROM events") == [
        "Date",
        "Date",
    ]


def test_an_alias_of_an_aggregate_gives_way_where_none_may_stand():
    text = sql("SELECT max(timestamp) AS timestamp FROM events WHERE timestamp > '2026-01-01'")
    assert 'WHERE ("events"."timestamp" > ' in text


def test_an_alias_may_be_used_before_it_is_written():
    assert types("SELECT b + 1 AS a, 2.5 AS b") == ["Float", "Float"]


def test_an_alias_inside_an_expression_is_known_afterwards():
    assert types("SELECT (1 AS x) + 1, x") == ["Integer", "Integer"]


def test_a_qualified_name_is_the_table_even_if_an_alias_is_called_like_it():
    assert types("SELECT count() AS events, max(events.timestamp) FROM events") == [
        "Integer",
        "DateTime",
    ]


def test_named_queries_are_seen_in_every_branch_of_a_union():
    text = "WITH a AS (SELECT 1 AS x) SELECT x FROM a UNION ALL SELECT x + 1 FROM a"
    assert sql(text).count('"a" AS (') == 1


def test_a_named_expression_is_resolved_where_it_is_used():
    assert types("WITH toDate(timestamp) AS day SELECT day FROM events") == ["Date"]


def test_lambda_parameters_have_the_type_of_what_they_run_over():
    assert types("SELECT arrayMap(x -> x.2, [(1, 'a')]), arrayMap(x -> x + 1, [1])") == [
        "Array(String)",
        "Array(Integer)",
    ]


def test_a_star_shows_stored_columns_only():
    names = [column.name for column in plan("SELECT * FROM persons").columns]
    assert names == ["id", "properties", "created_at", "is_identified"]


def test_columns_that_using_merged_are_shown_once():
    names = [
        c.name
        for c in plan("SELECT * FROM stripe_customer a JOIN stripe_invoice b USING (id)").columns
    ]
    assert names.count("id") == 1


def test_a_view_is_expanded_and_named_as_what_the_text_reads():
    found = plan("SELECT email FROM paid WHERE total > 10")
    assert found.tables == ("paid",)
    assert found.physical == (("stripe", "invoice"),)


def test_views_that_read_each_other_are_refused_by_name():
    from pwh_assets.hogql.catalog import Catalog, TableDef

    catalog = Catalog(
        (
            TableDef("a", (), view_sql="SELECT * FROM b"),
            TableDef("b", (), view_sql="SELECT * FROM a"),
        )
    )
    (found,) = problems("SELECT * FROM a", catalog=catalog)
    assert found[0] == "view_cycle"


def test_lineage_goes_through_views_joins_and_properties():
    found = plan("SELECT upper(person.properties.email) AS e, p.total FROM events, paid p")
    assert found.columns[0].origins == (("persons", "properties", ("email",)),)
    assert found.columns[1].origins == (("stripe_invoice", "amount_paid", ()),)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SELECT evnt FROM events", ("unknown_column", "evnt", "Did you mean `event`?")),
        ("SELECT e.evnt FROM events e", ("unknown_column", "evnt", "Did you mean `event`?")),
        ("SELECT 1 FROM event", ("unknown_table", "event", "Did you mean `events`?")),
        ("SELECT cout() FROM events", ("unknown_function", "cout", "Did you mean `count`?")),
        (
            "SELECT id FROM persons, groups, stripe_invoice i, stripe_customer c",
            ("ambiguous_name", "id", "Write `persons.id`."),
        ),
        ("SELECT persons.id FROM events", ("unknown_table", "persons", "Add `JOIN persons ON …`.")),
        ("SELECT lower() FROM events", ("wrong_argument_count", "lower()", None)),
        (
            "SELECT event FROM events WHERE count() > 1",
            ("wrong_type", "count()", "Use HAVING or a sub-query."),
        ),
        (
            "SELECT sum(count()) FROM events",
            ("wrong_type", "count()", "Aggregate in a sub-query first."),
        ),
        (
            "SELECT 1 UNION ALL SELECT 1, 2",
            (
                "wrong_type",
                "SELECT 1, 2",
                "Parts of a set operation need the same number of columns.",
            ),
        ),
        (
            "SELECT row_number() FROM events",
            ("wrong_type", "row_number()", "Write `row_number(…) OVER (…)`."),
        ),
        ("SELECT 1 FROM events ORDER BY 3", ("unknown_column", "3", None)),
        ("SELECT x.y FROM (SELECT 1 AS z) x", ("unknown_column", "y", None)),
        (
            "SELECT event FROM events WHERE uuid IN (SELECT 1, 2)",
            ("wrong_type", "(SELECT 1, 2)", None),
        ),
        (
            "SELECT {variables.none}",
            ("unsupported", "{variables.none}", "Pass a value for `variables.none`."),
        ),
        ("SELECT * FROM numbers(1, 2, 3)", ("wrong_argument_count", "numbers(1, 2, 3)", None)),
        (
            "SELECT event, count() FROM events",
            ("wrong_type", "event", "Add it to GROUP BY, or write `any(event)`."),
        ),
        (
            "SELECT count() AS c FROM events WHERE c > 1",
            ("wrong_type", "c", "Use HAVING or a sub-query."),
        ),
        (
            "SELECT count() AS c, sum(c) FROM events",
            ("wrong_type", "c", "Aggregate in a sub-query first."),
        ),
        ("SELECT person.nam FROM events", ("unknown_column", "nam", None)),
    ],
)
def test_a_mistake_has_a_code_a_place_and_the_nearest_name(text, found):
    assert problems(text)[0] == found


def test_independent_mistakes_are_all_told():
    codes = [
        code
        for code, _, _ in problems("SELECT a, b(1), count() FROM events WHERE c = 1 GROUP BY d")
    ]
    assert codes == ["unknown_column", "unknown_function", "unknown_column", "unknown_column"]


def test_placeholders_take_values_and_unset_filters_restrict_nothing():
    assert "'signup'" in sql(
        "SELECT count() FROM events WHERE event = {variables.name}", variables={"name": "signup"}
    )
    text = sql(
        "SELECT count() FROM events WHERE {filters} AND timestamp > {filters.dateRange.from}"
    )
    assert "WHERE" not in text.replace("WHERE TRUE", "")


INVOICES = "SELECT id, amount_paid AS paid FROM stripe_invoice"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("SELECT stripe_invoice.id FROM {source}", "stripe.invoice"),
        ("SELECT s.id FROM {variables.source} AS s", "stripe_invoice"),
        ("SELECT s.id FROM {source} AS s WHERE s.paid > 1", INVOICES),
        ("SELECT id FROM ({source})", INVOICES),
        ("SELECT 'x' AS id, 1 AS paid UNION ALL {source}", INVOICES),
        ("SELECT id FROM {source}", "SELECT * FROM {inner}"),
        ("WITH recent AS (SELECT 1 AS id FROM stripe_invoice) SELECT id FROM {source}", "recent"),
    ],
)
def test_a_placeholder_for_a_table_takes_a_tables_name_or_a_query(text, value):
    made = plan(text, variables={"source": value, "inner": "stripe_invoice"})
    assert made.columns[0].name == "id"
    assert made.tables == ("stripe_invoice",)


@pytest.mark.parametrize(
    ("value", "code", "message"),
    [
        (None, "unsupported", "`{source}` has no value"),
        (3, "wrong_type", "`{source}` stands for a table, and its value is no text"),
        ("stripe_invoces", "unknown_table", "There is no table or view `stripe_invoces`"),
        ("paid WHERE 1", "unknown_table", "There is no table or view `paid WHERE 1`"),
        ("SELECT emial FROM paid", "unknown_column", "`paid` has no column `emial`"),
        ("SELECT 1 FROM {source}", "view_cycle", "`{source}` reads itself: source → source"),
        (
            "SELECT 1 SETTINGS a = 1",
            "syntax_error",
            "The value of `{source}` cannot be read: `SETTINGS` is not allowed; limits are set by the project",
        ),
    ],
)
def test_a_mistake_in_a_value_for_a_table_is_shown_at_the_placeholder(value, code, message):
    text = "SELECT 1 FROM {source}"
    with pytest.raises(HogQLError) as caught:
        plan(text, variables={"source": value})
    found = caught.value.problems[0]
    assert (found.code, found.message, text[found.start : found.end]) == (code, message, "{source}")


def test_values_that_multiply_are_refused():
    twice = {f"a{i}": f"SELECT 1 FROM {{a{i + 1}}} UNION ALL {{a{i + 1}}}" for i in range(40)}
    found = problems("SELECT 1 FROM {a0}", variables={**twice, "a40": "paid"})
    assert ("query_too_large", "{a0}", "Name the inner queries using WITH.") in found


def test_a_policy_holds_for_a_table_put_in_for_a_placeholder():
    text = sql(
        "SELECT id FROM {source}",
        variables={"source": "SELECT id FROM stripe_invoice"},
        policy=lambda table: "amount_paid > 7" if table.name == "stripe_invoice" else None,
    )
    assert "> 7" in text or "7 <" in text


def test_a_view_that_reads_a_filter_is_made_anew_for_each_value():
    view = TableDef(
        "chosen", (), view_sql="SELECT id FROM stripe_invoice WHERE {filters}", kind="view"
    )
    catalog = Catalog((INVOICE, view), version="filtered")
    for value in (True, False):
        text = sql("SELECT id FROM chosen", catalog=catalog, variables={"filters": value})
        assert ("FALSE" in text.upper()) is not value


def test_a_table_that_was_never_synced_is_told_apart_from_one_that_is_not_there():
    waiting = {"app_users": "app_users", "postgres.app.users": "app_users"}
    catalog = Catalog((INVOICE,), version="waiting", waiting=waiting)
    for text in ("SELECT 1 FROM App_Users", "SELECT 1 FROM postgres.app.users"):
        with pytest.raises(HogQLError) as caught:
            sql(text, catalog=catalog)
        (found,) = caught.value.problems
        name = text.removeprefix("SELECT 1 FROM ")
        assert found.code == "unknown_table"
        assert found.message == f"`{name}` has no rows here: no sync has brought any"
        assert found.hint == "Sync it first: `pwh sync app_users`."
    denied = restrict(catalog, {"app_users": TableRules(denied=frozenset("*"))})
    with pytest.raises(HogQLError, match="There is no table or view `app_users`"):
        sql("SELECT 1 FROM app_users", catalog=denied)
