"""`cohorts/` and `actions/`: persons, and events, under a name."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from pwh_assets.api.context import Ask, asks
from pwh_assets.api.pages import Page, Paging
from pwh_assets.api.responses import ASKS, CHANGES
from pwh_assets.core.language import Action, Cohort
from pwh_assets.errors import NotFoundError
from pwh_assets.services.policies.guarding import check_unbound
from pwh_assets.services.product import actions, cohorts
from pwh_assets.services.sources.view import moment
from pwh_assets.store.language import step_to_json

router = APIRouter(tags=["cohorts"])
actions_router = APIRouter(tags=["actions"])

Read = Annotated[Ask, asks("cohort:read")]
Write = Annotated[Ask, asks("cohort:write")]
ReadActions = Annotated[Ask, asks("action:read")]
WriteActions = Annotated[Ask, asks("action:write")]


class CohortOut(BaseModel):
    """A cohort."""

    id: int
    name: str
    description: str
    is_static: bool = Field(description="Its members were given, not asked for.")
    query: str | None = Field(description="The HogQL that gives its members.")
    count: int | None = Field(description="Persons in it; null before the first calculation.")
    last_calculation: str | None = Field(description="When its members were last asked for.")
    latest_error: str | None


class CohortSave(BaseModel):
    """A cohort to make; one of the same name gets this query."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "lookers", "query": "SELECT DISTINCT person_id FROM events"}]
        }
    )

    name: str = Field(description="What `IN COHORT` finds it by.", max_length=400)
    query: str | None = Field(
        None,
        max_length=262_144,
        description="HogQL that gives `person_id`; none makes a static cohort.",
    )
    description: str = Field("", description="For people.", max_length=10_000)


class Members(BaseModel):
    """Persons to add."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"persons": ["a"]}]})

    persons: list[str] = Field(description="Their ids, or distinct ids.", max_length=100_000)


class MembersAdded(BaseModel):
    """What became of the ids."""

    cohort: CohortOut = Field(description="As it is now.")
    unknown: list[str] = Field(description="Ids nobody has.")


class EventStep(BaseModel):
    """One way an event may match; all that is given has to hold."""

    model_config = ConfigDict(extra="allow")

    event: str | None = Field(None, description="Name of the event.")
    url: str | None = Field(None, description="What its URL holds.")
    url_matching: str | None = Field(None, description="`contains`, `exact` or `regex`.")
    text: str | None = Field(None, description="What the element says.")
    text_matching: str | None = Field(None, description="`exact`, `contains` or `regex`.")
    href: str | None = Field(None, description="Where the element links to.")
    href_matching: str | None = Field(None, description="`exact`, `contains` or `regex`.")
    tag_name: str | None = Field(None, description="The element's tag.")
    selector: str | None = Field(None, description="CSS the element meets.")
    properties: list[dict[str, Any]] | None = Field(
        None, description="`{key, value, operator, type}`, as PostHog writes filters."
    )


class ActionOut(BaseModel):
    """An action."""

    id: int
    name: str
    description: str
    steps: list[EventStep] = Field(description="An event that meets any of them matches.")
    hogql: str = Field(description="The condition it stands for.")


class ActionSave(BaseModel):
    """An action to make; one of the same name gets these steps."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "seen", "steps": [{"event": "seen"}]}]}
    )

    name: str = Field(description="What `matchesAction` finds it by.", max_length=400)
    steps: list[EventStep] = Field(description="At least one.", min_length=1, max_length=100)
    description: str = Field("", description="For people.", max_length=10_000)


@router.get("/", summary="List cohorts")
def list_cohorts(ask: Read, paging: Annotated[Paging, Depends()]) -> Page[CohortOut]:
    """By number."""
    return paging.page([_cohort(each) for each in ask.platform.store.cohorts(ask.project_id)])


@router.post("/", status_code=201, summary="Make a cohort", responses=ASKS)
def create_cohort(ask: Write, body: CohortSave) -> CohortOut:
    """Its query runs at once."""
    check_unbound(ask.platform, ask.project_id, ask.caller, "A cohort")
    made = cohorts.save_cohort(
        ask.platform, ask.project_id, body.name, body.query, body.description
    )
    if body.query is not None:
        made = cohorts.refresh_cohort(ask.platform, ask.project_id, str(made.id))
    return _cohort(made)


@router.get("/{cohort_id}/", summary="One cohort")
def show_cohort(ask: Read, cohort_id: str) -> CohortOut:
    """As in the list."""
    return _cohort(_found(ask, cohort_id))


@router.post("/{cohort_id}/refresh/", summary="Ask for its members again", responses=ASKS)
def refresh_cohort(ask: Write, cohort_id: str) -> CohortOut:
    """They change at once or not at all."""
    check_unbound(ask.platform, ask.project_id, ask.caller, "A cohort")
    found = _found(ask, cohort_id)
    return _cohort(cohorts.refresh_cohort(ask.platform, ask.project_id, str(found.id)))


@router.post("/{cohort_id}/add_persons/", summary="Add members", responses=CHANGES)
def add_persons(ask: Write, cohort_id: str, body: Members) -> MembersAdded:
    """To a static cohort."""
    found = _found(ask, cohort_id)
    made, unknown = cohorts.add_members(ask.platform, ask.project_id, str(found.id), body.persons)
    return MembersAdded(cohort=_cohort(made), unknown=unknown)


@router.delete("/{cohort_id}/", status_code=204, summary="Remove a cohort", responses=CHANGES)
def remove_cohort(ask: Write, cohort_id: str) -> None:
    """With its members."""
    cohorts.remove_cohort(ask.platform, ask.project_id, str(_found(ask, cohort_id).id))


@actions_router.get("/", summary="List actions")
def list_actions(ask: ReadActions, paging: Annotated[Paging, Depends()]) -> Page[ActionOut]:
    """By number."""
    return paging.page([_action(each) for each in ask.platform.store.actions(ask.project_id)])


@actions_router.post("/", status_code=201, summary="Make an action", responses=CHANGES)
def create_action(ask: WriteActions, body: ActionSave) -> ActionOut:
    """Steps are written as in PostHog's API."""
    steps = [step.model_dump(exclude_none=True) for step in body.steps]
    made = actions.save_action(ask.platform, ask.project_id, body.name, steps, body.description)
    return _action(made)


@actions_router.get("/{action_id}/", summary="One action")
def show_action(ask: ReadActions, action_id: str) -> ActionOut:
    """As in the list."""
    return _action(_found_action(ask, action_id))


@actions_router.delete(
    "/{action_id}/", status_code=204, summary="Remove an action", responses=CHANGES
)
def remove_action(ask: WriteActions, action_id: str) -> None:
    """Texts that match it cannot run any more."""
    actions.remove_action(ask.platform, ask.project_id, str(_found_action(ask, action_id).id))


def _found(ask: Ask, wanted: str) -> Cohort:
    for each in ask.platform.store.cohorts(ask.project_id):
        if str(each.id) == wanted:
            return each
    raise NotFoundError("cohort", wanted)


def _found_action(ask: Ask, wanted: str) -> Action:
    for each in ask.platform.store.actions(ask.project_id):
        if str(each.id) == wanted:
            return each
    raise NotFoundError("action", wanted)


def _cohort(cohort: Cohort) -> CohortOut:
    return CohortOut(
        id=cohort.id,
        name=cohort.name,
        description=cohort.description,
        is_static=cohort.is_static,
        query=cohort.query,
        count=cohort.count,
        last_calculation=moment(cohort.refreshed_at),
        latest_error=cohort.latest_error,
    )


def _action(action: Action) -> ActionOut:
    steps = [EventStep.model_validate(step_to_json(step)) for step in action.steps]
    return ActionOut(
        id=action.id,
        name=action.name,
        description=action.description,
        steps=steps,
        hogql=actions.action_text(action),
    )
