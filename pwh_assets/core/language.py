"""What a project adds to the language: joins, cohorts, actions, property definitions, and how persons are read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class TableJoin:
    """`source_table.field_name` is the row of `joining_table` whose key equals the source's. Keys are HogQL."""

    source_table: str
    source_key: str
    joining_table: str
    joining_key: str
    field_name: str
    configuration: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""
    """Empty for one that was not kept yet; `auto:…` for one PWH makes by itself."""
    is_removed: bool = False
    """Somebody removed the automatic join of this place."""
    created_at: datetime | None = None

    @property
    def is_automatic(self) -> bool:
        return self.id.startswith("auto:")


@dataclass(frozen=True, slots=True)
class Cohort:
    """Persons under a name. Without `query` it is static: its members were given."""

    id: int
    project_id: int
    name: str
    description: str = ""
    query: str | None = None
    count: int | None = None
    refreshed_at: datetime | None = None
    latest_error: str | None = None
    created_at: datetime | None = None

    @property
    def is_static(self) -> bool:
        return self.query is None


class Matching(StrEnum):
    """How a text of an action's step is compared, in PostHog's words."""

    EXACT = "exact"
    CONTAINS = "contains"
    REGEX = "regex"


@dataclass(frozen=True, slots=True)
class ActionStep:
    """One way an event may match. What is None is not asked; all that is asked has to hold."""

    event: str | None = None
    url: str | None = None
    url_matching: Matching = Matching.CONTAINS
    text: str | None = None
    text_matching: Matching = Matching.EXACT
    href: str | None = None
    href_matching: Matching = Matching.EXACT
    tag_name: str | None = None
    selector: str | None = None
    properties: tuple[Mapping[str, Any], ...] = ()
    """`{key, value, operator, type}` as PostHog writes filters."""


@dataclass(frozen=True, slots=True)
class Action:
    """A name for events that match any of its steps."""

    id: int
    project_id: int
    name: str
    description: str = ""
    steps: tuple[ActionStep, ...] = ()
    created_at: datetime | None = None


class PropertyKind(StrEnum):
    """Whose property it is."""

    EVENT = "event"
    PERSON = "person"
    GROUP = "group"


class PropertyType(StrEnum):
    """What a property holds, in PostHog's words."""

    STRING = "String"
    NUMERIC = "Numeric"
    BOOLEAN = "Boolean"
    DATETIME = "DateTime"


@dataclass(frozen=True, slots=True)
class PropertyDefinition:
    kind: PropertyKind
    name: str
    type: PropertyType
    is_set: bool = False
    """Somebody said so; learning leaves it alone."""
    seen_at: datetime | None = None


class PersonMode(StrEnum):
    """Whom an event belongs to and where the person's properties come from, in PostHog's words."""

    DISABLED = "disabled"
    NO_OVERRIDE = "person_id_no_override_properties_on_events"
    OVERRIDE = "person_id_override_properties_on_events"
    OVERRIDE_JOINED = "person_id_override_properties_joined"
