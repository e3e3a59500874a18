"""Mistakes with places and fixes, types, and what keeps a text from being a view."""

import pytest

from pwh_assets.hogql.editor import examine
from tests.unit.hogql.catalogs import CATALOG


def errors(text):
    found = examine(text, CATALOG)
    return [(text[e.start : e.end], e.fix) for e in found.errors]


def mended(text):
    """The text after every fix, last first."""
    for notice in sorted(examine(text, CATALOG).errors, key=lambda n: -n.start):
        if notice.fix is not None:
            text = text[: notice.start] + notice.fix + text[notice.end :]
    return text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT evnt, cout() FROM events WHERE distnct_id = 1",
         [("evnt", "event"), ("cout", "count"), ("distnct_id", "distinct_id")]),
        ("SELECT * FROM evens", [("evens", "events")]),
        ("SELECT event FROM events whre 1", [("whre", "WHERE")]),
        ("SELECT evnt, (1 + ) FROM events WHERE tmestamp > 1",
         [("evnt", "event"), (")", None), ("tmestamp", "timestamp")]),
        ("SELECT timestamp FROM events e JOIN events f ON 1 = 1", [("timestamp", "e.timestamp")]),
        ("SELECT lower(event), FROM events LIMIT", [("", None)]),
        ("", [("", None)]),
        ("DROP TABLE events", [("DROP", None)]),
        ("SELECT person.properteis FROM events", [("properteis", "properties")]),
    ],
)  # fmt: skip
def test_independent_mistakes_come_together_with_fixes(text, expected):
    assert errors(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "SELECT evnt, cout() FROM events WHERE distnct_id = '1' GROUP BY evnt",
        "SELECT event FROM evens",
        "SELECT event FROM events whre event = 'a'",
        "SELECT timestamp FROM events e JOIN events f ON e.uuid = f.uuid",
    ],
)
def test_a_text_is_right_once_its_fixes_are_taken(text):
    assert not examine(text, CATALOG).is_valid
    assert examine(mended(text), CATALOG).is_valid


def test_a_view_needs_a_name_for_every_column():
    found = examine("SELECT event, count() FROM events GROUP BY event", CATALOG)
    assert found.is_valid and not found.is_valid_view
    assert "count()" in found.view_blockers[0]
    assert examine("SELECT event, count() AS n FROM events GROUP BY 1", CATALOG).is_valid_view
    assert not examine("SELECT 1 AS a, 2 AS A", CATALOG).is_valid_view


def test_columns_say_their_type_where_they_stand():
    text = "SELECT person.properties.email, timestamp FROM events"
    found = examine(text, CATALOG)
    said = [(text[n.start : n.end], n.message.rsplit(" ", 1)[1]) for n in found.notices]
    assert said == [("person.properties.email", "String"), ("timestamp", "DateTime")]
    assert found.table_names == ("events", "persons")


def test_the_answer_has_posthogs_names():
    found = examine("select event from events", CATALOG).as_dict()
    assert found["isValid"] is True and found["isValidView"] is True
    assert found["formatted"] == "SELECT event\nFROM events\n"
    assert found["columns"] == [{"name": "event", "type": "String"}]
    wrong = examine("SELECT evnt FROM events", CATALOG).as_dict()
    assert wrong["errors"][0]["fix"] == "event"
    assert (wrong["errors"][0]["start"], wrong["errors"][0]["end"]) == (7, 11)


def test_any_piece_of_a_text_is_answered():
    text = "WITH a AS (SELECT event, (1 + 2) FROM events) SELECT `x`.1, f'{a}', [1, 2][1] FROM a JOIN b USING (c)"
    for offset in range(len(text)):
        examine(text[:offset], CATALOG)
        examine(text[offset:], CATALOG)
