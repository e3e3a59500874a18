"""Row policies, property definitions, cohorts and samples."""

from dataclasses import replace

from pwh_assets.hogql.types import FLOAT
from tests.unit.hogql.catalogs import CATALOG, plan, problems, sql


def test_a_policy_is_inside_every_read_of_its_table():
    def policy(table):
        return "customer_email = 'a@b.c'" if table.name == "stripe_invoice" else None

    for text in (
        "SELECT * FROM stripe_invoice",
        "SELECT 1 FROM events, stripe_invoice i WHERE 1 OR 1",
        "SELECT * FROM paid",
    ):
        found = sql(text, policy=policy)
        assert found.count("a@b.c") == 1
        assert "(SELECT" in found


def test_a_policy_never_reaches_the_next_compilation():
    sql("SELECT * FROM paid", policy=lambda table: "FALSE")
    assert "FALSE" not in sql("SELECT email, total FROM paid")


def test_a_property_definition_gives_the_type():
    events = replace(CATALOG.by_name["events"], property_types={"properties.$screen_width": FLOAT})
    others = tuple(t for t in CATALOG.tables if t.name != "events")
    catalog = replace(CATALOG, tables=(events, *others), version="typed")
    assert [
        str(c.type)
        for c in plan("SELECT properties.$screen_width FROM events", catalog=catalog).columns
    ] == ["Float"]


def test_cohorts_go_by_number_or_by_a_known_name():
    catalog = replace(CATALOG, cohorts={"power users": 7}, version="cohorts")
    assert "= 7" in sql(
        "SELECT count() FROM events WHERE person_id IN COHORT 'power users'", catalog=catalog
    )
    (found,) = problems("SELECT count() FROM events WHERE person_id IN COHORT 'nobody'")
    assert found[:2] == ("unknown_table", "'nobody'")


def test_a_sample_is_a_share_of_keys():
    text = sql("SELECT count() FROM events SAMPLE 1/4 OFFSET 1/2")
    assert "md5_number_upper" in text
    assert ">= 0.5" in text
    assert "< 0.75" in text
