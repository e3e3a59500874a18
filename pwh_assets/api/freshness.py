"""`freshness/`: how often things run, how old rows get at worst, and what was promised about it."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from pwh_assets.api.context import Ask, asks
from pwh_assets.api.responses import CHANGES
from pwh_assets.services.freshness import project

router = APIRouter(tags=["freshness"])

Read = Annotated[Ask, asks("warehouse_view:read")]
Write = Annotated[Ask, asks("warehouse_view:write")]


class Pace(BaseModel):
    """How one table or view runs."""

    name: str = Field(description="In HogQL.")
    kind: str = Field(description="`product`, `table`, `view` or `materialized`.")
    runs: str | None = Field(description="What makes it run, such as `clock` or `follows`.")
    sync_frequency: str | None = Field(description="Its own setting.")
    effective_frequency: str | None = Field(
        description="How often it has to run, for a promise above it."
    )
    because: str | None = Field(description="Whose promise makes it run more often.")
    freshness_target: str | None = Field(description="How old its rows may get.")
    is_kept: bool | None = Field(description="Whether that can hold; null without a promise.")
    worst_age_s: float | None = Field(
        description="Seconds: how old its rows get at worst; null where something never runs."
    )


class Paces(BaseModel):
    """Everything that runs, or promises something."""

    count: int = Field(description="How many.")
    results: list[Pace] = Field(description="By name.")


class AgeStep(BaseModel):
    """One step on the way from a source to the rows that are oldest."""

    name: str = Field(description="Table or view.")
    cadence: str | None = Field(description="How often it runs.")
    takes_s: float = Field(description="Seconds one run takes.")
    adds_s: float = Field(description="Seconds it adds to the age.")


class Freshness(Pace):
    """All about the freshness of one table or view."""

    id: str
    effective_time_of_day: str | None = Field(description="`HH:MM`, UTC.")
    worst_path: list[AgeStep] = Field(description="Where the worst age comes from.")
    never_run: list[str] = Field(description="What it reads that never runs by itself.")
    sync_frequency_bounds: dict[str, Any] = Field(
        description="Cadences it may have: `options` with `allowed` and `blocker`, `floor`, `ceiling`."
    )
    freshness_target_bounds: dict[str, Any] = Field(description="Promises it may make, likewise.")


class FreshnessUpdate(BaseModel):
    """What changes; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"sync_frequency": "12hour"}]})

    sync_frequency: str | None = Field(
        None, max_length=20, description="Its own cadence, `15min` … `30day`."
    )
    lower_inputs: bool = Field(
        False, description="With `sync_frequency`: what it reads runs as often."
    )
    freshness_target: str | None = Field(
        None,
        max_length=20,
        description="Of a view: how old its rows may get; `none` takes it back.",
    )


class Change(BaseModel):
    """A cadence that is another one now."""

    name: str = Field(description="Table or view.")
    before: str = Field(description="Cadence until now.")
    after: str = Field(description="Cadence from now on.")


class FreshnessChanged(Freshness):
    """As it is now."""

    changed: list[Change] = Field(description="What runs at another cadence from now on.")


@router.get("/", summary="How old everything gets")
def list_freshness(ask: Read) -> Paces:
    """Everything that runs, or promises something."""
    found = project.summary(project.project_plan(ask.platform, ask.project_id))
    return Paces(count=len(found), results=[Pace.model_validate(each) for each in found])


@router.get("/{name}/", summary="How old one gets")
def show_freshness(ask: Read, name: str) -> Freshness:
    """By any name of a table or view, or its id."""
    return Freshness.model_validate(_described(ask, name))


@router.patch("/{name}/", summary="Promise, or run more often", responses=CHANGES)
def update_freshness(ask: Write, name: str, body: FreshnessUpdate) -> FreshnessChanged:
    """What cannot be kept is refused, and who stands in the way is named."""
    changed: tuple[project.Follower, ...] = ()
    if body.sync_frequency is not None:
        changed += project.set_cadence(
            ask.platform,
            ask.project_id,
            name,
            body.sync_frequency,
            lower_inputs=body.lower_inputs,
        )
    if body.freshness_target is not None:
        target = None if body.freshness_target == "none" else body.freshness_target
        changed += project.set_target(ask.platform, ask.project_id, name, target)[1]
    return FreshnessChanged.model_validate(
        _described(ask, name)
        | {
            "changed": [
                Change(name=each.name, before=each.before, after=each.after) for each in changed
            ]
        }
    )


def _described(ask: Ask, name: str) -> dict[str, Any]:
    plan = project.project_plan(ask.platform, ask.project_id)
    return project.describe(plan, project.find_node(plan.graph, name).name)
