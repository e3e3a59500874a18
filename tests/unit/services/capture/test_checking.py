import json
from datetime import UTC, datetime

import pytest

from pwh_assets.services.capture.checking import Arrival, kept, point_in_time
from pwh_assets.services.capture.errors import EventRefusedError
from pwh_assets.services.capture.people import Event

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
NOON_US = int(NOON.timestamp()) * 1_000_000
MINUTE = 60_000_000


def check(raw, sent_at=None, ip="", key=None):
    head, properties = kept(raw, Arrival.of(sent_at, ip, NOON_US), key)
    assert b"\n" not in head + properties
    return Event.read(head), json.loads(properties)


def event(**more):
    return {"event": "a", "distinct_id": "b", **more}


@pytest.mark.parametrize(
    ("raw", "sent_at", "minutes"),
    [
        (event(timestamp="2026-05-01T11:00:00Z"), None, -60),
        (event(timestamp="2026-05-01T13:00:00+02:00"), None, -60),
        (event(timestamp="2026-05-01 11:00:00"), None, -60),
        (event(timestamp=NOON_US // 1000 - 3_600_000), None, -60),
        (event(timestamp="Fri, 01 May 2026 11:00:00 GMT"), None, -60),
        (event(properties={"timestamp": "2026-05-01T11:00:00Z"}), None, -60),
        # The sender's clock is ten minutes slow.
        (event(timestamp="2026-05-01T11:00:00Z"), "2026-05-01T11:50:00Z", -50),
        (
            event(timestamp="2026-05-01T11:00:00Z", properties={"$ignore_sent_at": True}),
            "2026-05-01T11:50:00Z",
            -60,
        ),
        (event(offset=120_000), None, -2),
        (event(), None, 0),
        (event(timestamp="yesterday"), None, 0),
        (event(timestamp="2026-05-02T10:00:00Z"), None, 22 * 60),
        (event(timestamp="2027-01-01T00:00:00Z"), None, 0),
        (event(timestamp="9999-12-31T23:59:59Z"), "0001-01-01T00:00:00Z", 0),
        (event(timestamp=float("inf")), float("nan"), 0),
    ],
)
def test_an_event_is_dated_by_our_clock(raw, sent_at, minutes):
    assert check(raw, sent_at)[0].timestamp == NOON_US + minutes * MINUTE


def test_times_beyond_what_a_database_holds_are_bounded():
    assert (
        check(event(timestamp="0001-01-01T00:00:00+14:00"))[0].timestamp >= -62_135_596_800 * 10**6
    )
    assert point_in_time(True) is None and point_in_time([]) is None and point_in_time("") is None


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (5, "not_an_object"),
        ({"distinct_id": "b"}, "missing_event_name"),
        (event(event=" "), "missing_event_name"),
        (event(event={"a": 1}), "missing_event_name"),
        ({"event": "a"}, "missing_distinct_id"),
        (event(distinct_id=""), "missing_distinct_id"),
        (event(distinct_id=None), "missing_distinct_id"),
        (event(properties=[1]), "invalid_properties"),
        (event(uuid="x"), "invalid_uuid"),
        (event(uuid=5), "invalid_uuid"),
        (event(api_key="phc_other"), "other_key"),
        (event(properties={"a": "x" * 2**20}), "too_large"),
    ],
)
def test_an_event_that_cannot_be_kept_says_why(raw, reason):
    with pytest.raises(EventRefusedError) as caught:
        check(raw, key="phc_mine")
    assert caught.value.reason == reason


def test_deep_properties_refuse_one_event_and_end_no_process():
    deep = {}
    for _ in range(2000):
        deep = {"a": deep}
    with pytest.raises(EventRefusedError):
        check(event(properties=deep))


def test_ids_and_names_of_any_kind_become_text_of_bounded_length():
    made, _ = check(event(distinct_id=12, event="n\0" + "x" * 500))
    assert made.distinct_id == "12" and len(made.name) == 200 and "\0" not in made.name
    assert check({"event": "a", "properties": {"distinct_id": "inner"}})[0].distinct_id == "inner"
    one, two = check(event())[0].uuid, check(event())[0].uuid
    assert one != two and one[14] == "7" and one[19] in "89ab"
    given = "00000000-0000-0000-0000-00000000000A"
    assert check(event(uuid=given))[0].uuid == given.lower()


def test_the_address_is_kept_unless_the_sdk_says_otherwise():
    assert check(event(), ip="192.0.2.1")[1] == {"$ip": "192.0.2.1"}
    assert (
        check(event(properties={"$ip": "198.51.100.7"}), ip="192.0.2.1")[1]["$ip"] == "198.51.100.7"
    )
    assert check(event(properties={"$ip": None}), ip="192.0.2.1")[1] == {}


def test_what_is_said_of_the_person_stands_in_the_event_or_in_its_properties():
    made, properties = check(
        event(**{"$set": {"a": 1}, "properties": {"$set": {"b": 2}, "$unset": ["c"], "token": "k"}})
    )
    assert made.part == {"$set": {"a": 1, "b": 2}, "$unset": ["c"]}
    assert properties == {"$set": {"a": 1, "b": 2}, "$unset": ["c"]}
    assert check({"$set": {"a": 1}, "$distinct_id": "b"})[0].name == "$set"
    assert check(event(properties={"$set": 3, "$unset": "x"}))[0].part is None
