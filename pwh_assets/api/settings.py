"""`settings/`, `usage_limit/` and `property_definitions/`: what a project is set to."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from pwh_assets.api.context import Ask, asks
from pwh_assets.api.pages import Page, Paging
from pwh_assets.api.responses import CHANGES
from pwh_assets.core.language import PropertyDefinition
from pwh_assets.services import project
from pwh_assets.services.people.throttle import limits_for
from pwh_assets.services.product import properties
from pwh_assets.services.sources.view import moment
from pwh_assets.services.sync import limits

router = APIRouter(tags=["settings"])
limit_router = APIRouter(tags=["settings"])
rates_router = APIRouter(tags=["settings"])
properties_router = APIRouter(tags=["property definitions"])

Read = Annotated[Ask, asks("project:read")]
Write = Annotated[Ask, asks("project:write")]
ReadProperties = Annotated[Ask, asks("property_definition:read")]
WriteProperties = Annotated[Ask, asks("property_definition:write")]
Kind = Literal["event", "person", "group"]


class Setting(BaseModel):
    """One setting."""

    name: str
    value: str = Field(description="What it is set to.")
    default: str = Field(description="What it is where nobody set it.")
    values: list[str] = Field(description="What it can be.")
    description: str = Field(description="What it changes.")


class Settings(BaseModel):
    """Every setting."""

    count: int = Field(description="How many there are.")
    results: list[Setting] = Field(description="Every setting.")


class SettingsUpdate(BaseModel):
    """What changes."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"settings": {"week_start": "monday"}}]}
    )

    settings: dict[str, str] = Field(
        description="By name; `default` sets one back. All of them change, or none."
    )


class UsageLimit(BaseModel):
    """Rows that may be synced in a calendar month (UTC)."""

    row_limit: int | None = Field(description="Rows a month; null for any number.")
    total_rows: int = Field(description="Rows synced in this month.")
    rows_left: int | None = Field(description="Rows that may still be synced; null without limit.")


class UsageLimitUpdate(BaseModel):
    """The limit from now on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"row_limit": 1_000_000}]})

    row_limit: int | None = Field(ge=0, le=2**62, description="Rows a month; null for any number.")


class Rate(BaseModel):
    """How often one key may ask."""

    kind: str = Field(
        description="`query`: below `query/`; `write`: what else is no GET; `capture`: events, by address; `other`: all else."
    )
    count: int | None = Field(description="Requests in a period; null for any number.")
    period: str | None = Field(description="`second`, `minute` or `hour`; null without a limit.")


class Rates(BaseModel):
    """Every limit. All of them hold; the operator sets them."""

    count: int = Field(description="How many there are.")
    results: list[Rate] = Field(description="By kind.")


class Property(BaseModel):
    """What a property holds."""

    kind: str = Field(description="Whose it is: `event`, `person` or `group`.")
    name: str
    type: str = Field(description="`String`, `Numeric`, `Boolean` or `DateTime`.")
    is_set: bool = Field(description="Somebody said so; learning leaves it alone.")
    seen_at: str | None = Field(description="When learning last met it.")


class PropertySave(BaseModel):
    """What a property holds from now on."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "event", "name": "amount", "type": "Numeric"}]}
    )

    kind: Kind = Field(description="Whose property it is.")
    name: str = Field(min_length=1, max_length=400)
    type: Literal["String", "Numeric", "Boolean", "DateTime"] = Field(description="What it holds.")


class Learned(BaseModel):
    """What learning came to."""

    seen: int = Field(description="Properties that were met.")
    changed: int = Field(description="Those that are known otherwise now.")


@router.get("/", summary="Settings of the project")
def list_settings(ask: Read) -> Settings:
    """Each with what it can be."""
    return _settings(project.settings_of(ask.platform, ask.project_id))


@router.patch("/", summary="Change settings", responses=CHANGES)
def update_settings(ask: Write, body: SettingsUpdate) -> Settings:
    """Queries mean something else from now on."""
    return _settings(project.change_settings(ask.platform, ask.project_id, body.settings))


@limit_router.get("/", summary="The limit of rows a month")
def show_limit(ask: Read) -> UsageLimit:
    """With what is used of it. `warehouse/total_rows_stats/` tells it by source."""
    return UsageLimit.model_validate(limits.usage_of(ask.platform, ask.project_id))


@limit_router.patch("/", summary="Set the limit of rows a month", responses=CHANGES)
def update_limit(ask: Write, body: UsageLimitUpdate) -> UsageLimit:
    """Syncs that would pass it are not begun, and end at it."""
    limits.set_row_limit(ask.platform, ask.project_id, body.row_limit)
    return UsageLimit.model_validate(limits.usage_of(ask.platform, ask.project_id))


@rates_router.get("/", summary="How often one key may ask")
def list_rates(ask: Read) -> Rates:
    """In this project, in each process of the API. The operator sets them, with `PWH_RATE_LIMIT`."""
    found = limits_for(ask.platform.settings.rate_limit, str(ask.project_id))
    rates = [
        Rate(kind=kind or "other", count=limit.count, period=limit.period)
        for kind, limits in found.items()
        for limit in limits
    ]
    free = [
        Rate(kind=kind or "other", count=None, period=None) for kind in found if not found[kind]
    ]
    return Rates(count=len(rates) + len(free), results=rates + free)


@properties_router.get("/", summary="List property definitions")
def list_properties(
    ask: ReadProperties,
    paging: Annotated[Paging, Depends()],
    kind: Annotated[Kind | None, Query(description="Of these only.")] = None,
    search: Annotated[str, Query(description="In the name.", max_length=400)] = "",
) -> Page[Property]:
    """Learned ones, and those somebody set."""
    word = search.strip().lower()
    return paging.page(
        [
            _property(each)
            for each in ask.platform.store.property_definitions(ask.project_id)
            if kind in (None, each.kind.value) and word in each.name.lower()
        ]
    )


@properties_router.post("/", summary="Say what a property holds", responses=CHANGES)
def set_property(ask: WriteProperties, body: PropertySave) -> Property:
    """Learning leaves it alone from then on."""
    return _property(
        properties.set_property(ask.platform, ask.project_id, body.kind, body.name, body.type)
    )


@properties_router.post("/learn/", summary="Look at the newest rows", responses=CHANGES)
def learn_properties(ask: WriteProperties) -> Learned:
    """What somebody set stays."""
    found = properties.learn_properties(ask.platform, ask.project_id)
    return Learned(seen=found.seen, changed=found.changed)


@properties_router.delete(
    "/", status_code=204, summary="A property is text again", responses=CHANGES
)
def forget_property(
    ask: WriteProperties,
    kind: Annotated[Kind, Query(description="Whose property it is.")],
    name: Annotated[str, Query(description="Its name.", min_length=1, max_length=400)],
) -> None:
    """Until it is learned anew."""
    properties.forget_property(ask.platform, ask.project_id, kind, name)


def _settings(values: dict[str, str]) -> Settings:
    found = [
        Setting(
            name=one.name,
            value=values[one.name],
            default=one.default,
            values=list(one.values),
            description=one.doc,
        )
        for one in project.SETTINGS
    ]
    return Settings(count=len(found), results=found)


def _property(found: PropertyDefinition) -> Property:
    return Property(
        kind=found.kind.value,
        name=found.name,
        type=found.type.value,
        is_set=found.is_set,
        seen_at=moment(found.seen_at),
    )
