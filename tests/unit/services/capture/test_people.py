import copy
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwh_assets.services.capture.people import Event, People, Person, Told, person_id_of

IDS = ("a", "b", "c", "d", "null")


def event(name, who, at=1, has_person=True, groups=None, **part):
    part = {f"${key}" if "set" in key else key: value for key, value in part.items()}
    return Event("", name, who, at, None, None, "", groups, has_person, part or None)


def identify(who, anon, at=1, **part):
    return event("$identify", who, at, merge=["$identify", anon], **part)


class World:
    """What a lake would hold between batches."""

    def __init__(self):
        self.ids, self.persons, self.types, self.groups, self.events = {}, {}, [], {}, []

    def load(self, events):
        people = People(1, self.ids, copy.deepcopy(self.persons), self.types, self.groups)
        belongs = [people.take(one) for one in events]
        self.events = [people.survivor(one) for one in self.events + belongs]
        self.ids = {one: people.survivor(who) for one, who in people.ids.items()}
        self.persons, self.types, self.groups = people.persons, people.group_types, people.groups
        return self

    def person(self, who):
        return self.persons[self.ids[who]]


EVENTS = st.lists(
    st.one_of(
        st.builds(
            lambda who, at, key, value: event("e", who, at, set={key: value}),
            st.sampled_from(IDS),
            st.integers(1, 9),
            st.sampled_from("xy"),
            st.integers(0, 3),
        ),
        st.builds(
            lambda who, at, value: event("e", who, at, set_once={"x": value}, unset=["y"]),
            st.sampled_from(IDS),
            st.integers(1, 9),
            st.integers(0, 3),
        ),
        st.builds(lambda who, has: event("e", who, 1, has), st.sampled_from(IDS), st.booleans()),
        st.builds(
            lambda name, who, other, at: event(name, who, at, merge=[name, other]),
            st.sampled_from(("$identify", "$create_alias", "$merge_dangerously")),
            st.sampled_from(IDS),
            st.sampled_from(IDS),
            st.integers(1, 9),
        ),
    ),
    max_size=25,
)


@settings(max_examples=300, deadline=None)
@given(EVENTS, st.integers(0, 2**32))
def test_persons_are_the_same_however_events_are_batched(events, seed):
    whole = World().load(events)
    parts, choice, at = World(), random.Random(seed), 0
    while at < len(events):
        size = choice.randint(1, 6)
        parts.load(events[at : at + size])
        at += size
    assert (parts.ids, parts.persons, parts.events) == (whole.ids, whole.persons, whole.events)
    assert set(whole.ids.values()) == set(whole.persons)


@given(st.permutations([(1, "first"), (5, "second"), (9, "last")]), st.randoms())
def test_set_goes_by_time_and_set_once_keeps_the_earliest(order, choice):
    world = World()
    world.load([event("e", "a", at, set={"s": word}, set_once={"o": word}) for at, word in order])
    assert world.person("a").told.values == {"s": "last", "o": "first"}
    world.load([event("e", "a", 7, unset=["s"])])
    assert world.person("a").told.values["s"] == "last"
    world.load([event("e", "a", 12, unset=["s"]), event("e", "a", 10, set={"s": "late"})])
    assert "s" not in world.person("a").told.values


def test_identify_joins_the_anonymous_with_their_past_and_the_known_words_win():
    world = World().load([event("e", "anon", 3, set_once={"from": "ad"}, set={"x": 1})])
    before = world.ids["anon"]
    world.load([event("e", "user", 5, set={"x": 2}), identify("user", "anon", 6)])
    assert world.ids["anon"] == world.ids["user"] != before
    person = world.person("user")
    assert person.told.values == {"from": "ad", "x": 2} and person.created_at == 3
    assert person.is_identified and set(world.events) == {person.id}


def test_two_who_both_said_who_they_are_stay_two_unless_merged_dangerously():
    world = World().load([identify("ann", ""), identify("bob", "")])
    world.load([event("$create_alias", "ann", merge=["$create_alias", "bob"])])
    assert len(world.persons) == 2
    world.load([event("$merge_dangerously", "ann", merge=["$merge_dangerously", "bob"])])
    assert len(world.persons) == 1


@pytest.mark.parametrize(
    "who", ["null", "undefined", "Anonymous", "'null'", "[object Object]", "0"]
)
def test_ids_that_mean_nobody_join_no_strangers(who):
    world = World().load([event("e", who), identify("ann", who), identify(who, "bob")])
    assert world.ids["ann"] != world.ids[who] and "bob" not in world.ids


def test_events_without_a_person_make_none_and_join_later():
    world = World().load([event("e", "anon", has_person=False, set={"x": 1})])
    assert world.persons == {} and world.events == [person_id_of(1, "anon")]
    world.load([identify("user", "anon")])
    assert world.events == [world.ids["user"]] * 2


def test_a_person_known_from_elsewhere_keeps_what_is_not_told_anew():
    known = Person("p", 5, False, Told({"x": 1, "y": 1}))
    people = People(1, {"a": "p"}, {"p": known})
    people.take(event("e", "a", 2, set={"x": 2}, set_once={"y": 2, "z": 2}))
    assert known.told.values == {"x": 2, "y": 1, "z": 2} and people.changed == {"p"}
    people.changed.clear()
    people.take(event("e", "a", 3, set={"x": 2}))
    assert not people.changed and people.retold == {"p"}


def test_the_first_five_group_types_get_a_place():
    people = People(1, {}, {})
    assert [people.group_index(kind) for kind in "abcdefa"] == [0, 1, 2, 3, 4, None, 0]
    for at, size in ((5, 2), (3, 1)):
        people.take(event("$groupidentify", "u", at, group=["a", "acme", {"size": size}]))
    assert people.groups[0, "acme"].told.values == {"size": 2}
    assert (people.groups[0, "acme"].created_at, people.groups[0, "acme"].updated_at) == (3, 5)
