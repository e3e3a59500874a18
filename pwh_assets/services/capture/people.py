"""Who is who and what is known of them: events in their order change persons, the same however they are batched.

A property told by `$set` carries the time of its event, so that an event which arrives late does not undo a newer
one; `$set_once` keeps the earliest told and gives way to any `$set`. The times are kept beside the properties.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

_NAMESPACE = uuid.UUID("8d4a6d0e-3c67-5f0b-9d5e-0c1f6f2f9a11")
_ILLEGAL = frozenset(
    (
        "anonymous",
        "guest",
        "distinctid",
        "distinct_id",
        "id",
        "not_authenticated",
        "email",
        "undefined",
        "true",
        "false",
        "null",
        "none",
        "nan",
        "0",
        "[object object]",
        "",
    )
)
"""What programs send for somebody they do not know: merging by these would join strangers. As at PostHog."""
_MOST_GROUP_TYPES = 5
UPGRADED_AFTER_US = 60_000_000
"""As at PostHog: events that were on their way when their person was made are not meant by `is_upgraded`."""


@dataclass(frozen=True, slots=True)
class Event:
    """What is kept of one accepted event, apart from its properties. Times are microseconds since 1970, UTC."""

    uuid: str
    name: str
    distinct_id: str
    timestamp: int
    session_id: str | None
    window_id: str | None
    elements_chain: str
    groups: dict[str, str] | None
    has_person: bool
    """False when the SDK asked for no person (`$process_person_profile`)."""
    part: dict[str, Any] | None
    """`$set`, `$set_once`, `$unset`, `merge` and `group`."""

    @classmethod
    def read(cls, head: bytes) -> "Event":
        return cls(*orjson.loads(head))


@dataclass(slots=True)
class Told:
    """Properties, and when each was told: negative for `$set_once`; a name without a value was unset then."""

    values: dict[str, Any] = field(default_factory=dict)
    at: dict[str, int] = field(default_factory=dict)

    def tell(self, part: Mapping[str, Any], at: int) -> bool:
        """Take what an event of that time says. True when a value changed; times may change without."""
        changed = False
        at = max(at, 1)
        for name, value in part.get("$set_once", {}).items():
            known = self.at.get(name)
            if name in self.values:
                is_news = known is not None and known < 0 and at < -known
            else:
                is_news = known is None or at > known
            if is_news:
                self.values[name], self.at[name] = value, -at
                changed = True
        for name, value in part.get("$set", {}).items():
            if at >= self.at.get(name, 0):
                changed = changed or name not in self.values or self.values[name] != value
                self.values[name], self.at[name] = value, at
        for name in part.get("$unset", ()):
            if at >= abs(self.at.get(name, 0)):
                changed = changed or name in self.values
                self.values.pop(name, None)
                self.at[name] = at
        return changed

    def add(self, other: "Told") -> None:
        """What is known of another who turns out to be the same; our own words win."""
        for name, value in other.values.items():
            if name not in self.values:
                self.values[name] = value
                if name in other.at:
                    self.at[name] = other.at[name]


@dataclass(slots=True)
class Person:
    id: str
    created_at: int
    is_identified: bool = False
    told: Told = field(default_factory=Told)


@dataclass(slots=True)
class Group:
    index: int
    key: str
    created_at: int
    updated_at: int
    told: Told = field(default_factory=Told)


def person_id_of(project_id: int, distinct_id: str) -> str:
    """The id of the person that this distinct id makes when it is nobody's yet."""
    return str(uuid.uuid5(_NAMESPACE, f"{project_id}:{distinct_id}"))


def is_mergeable(distinct_id: str) -> bool:
    """False for `null`, `undefined`, `anonymous` and the like."""
    return distinct_id.strip().strip("'\"").lower() not in _ILLEGAL


class People:
    """Everybody a batch of events mentions, as they were before it; `take` each event, then read what changed."""

    def __init__(
        self,
        project_id: int,
        ids: Mapping[str, str],
        persons: Mapping[str, Person],
        group_types: Sequence[str] = (),
        groups: Mapping[tuple[int, str], Group] | None = None,
        created: Mapping[str, int] | None = None,
    ) -> None:
        """`created` says when persons that are not in `persons` were made."""
        self._project_id = project_id
        self._created = created or {}
        self.ids = dict(ids)
        """Person by distinct id."""
        self._ids_of: dict[str, list[str]] = {}
        for distinct_id, person_id in self.ids.items():
            self._ids_of.setdefault(person_id, []).append(distinct_id)
        self.persons = dict(persons)
        self.group_types = list(group_types)
        self.groups = dict(groups or {})
        self.new_ids: set[str] = set()
        self.changed: set[str] = set()
        self.retold: set[str] = set()
        """Persons of whom at least the times of what is known changed."""
        self.changed_groups: set[tuple[int, str]] = set()
        self.moved: dict[str, str] = {}
        """Persons that are somebody else now, also those that only events without a person bear."""
        self.merged: set[str] = set()
        """Of these, the ones that were persons."""

    def take(self, event: Event) -> str:
        """The person the event belongs to, as far as is known now; ask `survivor` at the end of the batch."""
        part = event.part
        if part is not None and "group" in part:
            self._tell_group(part["group"], event.timestamp)
        if not event.has_person:
            found = self.ids.get(event.distinct_id)
            return found or person_id_of(self._project_id, event.distinct_id)
        if part is None:
            return self.ids.get(event.distinct_id) or self._meet(event).id
        if "merge" in part:
            self._merge(event, *part["merge"])
        person = self._meet(event)
        if person.told.tell(part, event.timestamp):
            self.changed.add(person.id)
        self.retold.add(person.id)
        return person.id

    def is_upgraded(self, event: Event) -> bool:
        """Whether an event that asks for no person is one of somebody who is a person for longer than a minute: its sender
        is probably set up wrongly. Ask before `take`.
        """
        if event.has_person:
            return False
        person_id = self.ids.get(event.distinct_id, "")
        person = self.persons.get(person_id)
        created_at = person.created_at if person else self._created.get(person_id)
        return created_at is not None and event.timestamp > created_at + UPGRADED_AFTER_US

    def survivor(self, person_id: str) -> str:
        while person_id in self.moved:
            person_id = self.moved[person_id]
        return person_id

    def group_index(self, kind: str) -> int | None:
        """Which of the five group types it is; the first five names that come get one."""
        if kind in self.group_types:
            return self.group_types.index(kind)
        if len(self.group_types) == _MOST_GROUP_TYPES:
            return None
        self.group_types.append(kind)
        return len(self.group_types) - 1

    def _meet(self, event: Event) -> Person:
        person_id = self.ids.get(event.distinct_id)
        if person_id is None:
            person_id = person_id_of(self._project_id, event.distinct_id)
            self._give(event.distinct_id, person_id)
        return self._person(person_id, event.timestamp)

    def _person(self, person_id: str, at: int) -> Person:
        person = self.persons.get(person_id)
        if person is None:
            person = self.persons[person_id] = Person(person_id, at)
            self.moved.pop(person_id, None)  # so that following `moved` always ends at a person
            self.changed.add(person_id)
        return person

    def _give(self, distinct_id: str, person_id: str) -> None:
        self.ids[distinct_id] = person_id
        self._ids_of.setdefault(person_id, []).append(distinct_id)
        self.new_ids.add(distinct_id)
        self.moved.pop(person_id, None)
        alone = person_id_of(self._project_id, distinct_id)
        if alone != person_id and alone not in self.persons:
            self.moved[alone] = person_id  # events it had without a person

    def _merge(self, event: Event, name: str, other: str) -> None:
        """`other` is the person of the event from now on."""
        if not is_mergeable(event.distinct_id):
            return
        mine = self.ids.get(event.distinct_id)
        if other and other != event.distinct_id and is_mergeable(other):
            theirs = self.ids.get(other)
            if mine is None and theirs is None:
                self._give(other, self._meet(event).id)
            elif theirs is None and mine is not None:
                self._give(other, mine)
            elif mine is None and theirs is not None:
                self._give(event.distinct_id, theirs)
            elif mine is not None and theirs is not None and mine != theirs:
                self._join(mine, theirs, event.timestamp, name)
        elif name != "$identify":
            return
        person = self._meet(event)
        if not person.is_identified:
            person.is_identified = True
            self.changed.add(person.id)

    def _join(self, mine: str, theirs: str, at: int, name: str) -> None:
        stays, goes = self._person(mine, at), self._person(theirs, at)
        if goes.is_identified and name != "$merge_dangerously":
            return  # two people who both said who they are
        stays.told.add(goes.told)
        stays.created_at = min(stays.created_at, goes.created_at)
        self.moved[theirs] = mine
        self.merged.add(theirs)
        self.moved.pop(mine, None)
        theirs_ids = self._ids_of.pop(theirs, [])
        self.ids.update(dict.fromkeys(theirs_ids, mine))
        self._ids_of.setdefault(mine, []).extend(theirs_ids)
        del self.persons[theirs]
        for some in (self.changed, self.retold):
            some.discard(theirs)
            some.add(mine)

    def _tell_group(self, group: Sequence[Any], at: int) -> None:
        kind, key, told = group
        index = self.group_index(kind)
        if index is None:
            return
        found = self.groups.get((index, key))
        if found is None:
            found = self.groups[index, key] = Group(index, key, at, at)
        found.told.tell({"$set": told}, at)
        found.created_at, found.updated_at = min(found.created_at, at), max(found.updated_at, at)
        self.changed_groups.add((index, key))
