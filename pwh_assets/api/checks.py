"""`checks/`: what has to hold of tables and views, and whether it does."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from pwh_assets.api.context import Ask, asks
from pwh_assets.api.pages import Page, Paging
from pwh_assets.api.responses import ASKS, CHANGES
from pwh_assets.core.check import CheckResult
from pwh_assets.core.quality import CheckRun, QualityCheck
from pwh_assets.errors import NotFoundError
from pwh_assets.services import quality
from pwh_assets.services.lineage.graph import project_graph
from pwh_assets.services.policies.guarding import check_unbound
from pwh_assets.services.quality.declare import latest_results
from pwh_assets.services.quality.options import COMMON
from pwh_assets.services.quality.registry import kinds
from pwh_assets.services.sources.view import moment

router = APIRouter(tags=["checks"])

Read = Annotated[Ask, asks("data_quality:read")]
Write = Annotated[Ask, asks("data_quality:write")]


class CheckAnswer(BaseModel):
    """What a check found last."""

    state: str = Field(description="`passed`, `failed` or `broken`: it cannot be computed.")
    message: str = Field(description="What was found, as a sentence.")
    details: dict[str, Any] = Field(description="Numbers, and rows that fail it in `examples`.")
    at: str | None = Field(description="When.")


class Check(BaseModel):
    """What somebody declared about a table or view."""

    id: str
    table: str = Field(description="Table or view it is about.")
    name: str = Field(description="Its name among the table's checks.")
    kind: str = Field(description="One of `checks/kinds/`.")
    options: dict[str, Any] = Field(description="What the kind needs to know.")
    severity: str = Field(
        description="`error`: rows that fail it are not published. `warn`: nothing waits for it."
    )
    where: str = Field(description="HogQL condition; only rows that meet it are checked.")
    description: str
    every: str | None = Field(description="How often it also runs by itself.")
    at: str | None = Field(description="Time of day of that, `HH:MM`, UTC.")
    latest: CheckAnswer | None = Field(description="Null until it was asked.")


class CheckSave(BaseModel):
    """A check to declare."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"table": "events", "kind": "not_null", "options": {"columns": ["event"]}}]
        }
    )

    table: str = Field(description="A synced table, a view or a product table.", max_length=512)
    kind: str = Field(description="One of `checks/kinds/`.", max_length=100)
    options: dict[str, Any] = Field(
        default_factory=dict, description="What the kind needs to know."
    )
    name: str | None = Field(
        None, max_length=100, description="Kind and columns, where it is left out."
    )
    severity: str = Field("error", max_length=20, description="`error` or `warn`.")
    where: str = Field("", max_length=100_000, description="Check only rows that meet this.")
    description: str = Field("", max_length=10_000)
    every: str | None = Field(None, max_length=20, description="Also by itself: `1hour` to `7day`.")
    at: str | None = Field(None, max_length=5, description="Time of day for `every`, UTC.")


class CheckOption(BaseModel):
    """Something a kind needs to know."""

    name: str
    description: str = Field(description="What it is for.")
    is_required: bool = Field(description="Whether it has to be given.")
    default: Any = Field(description="What it is otherwise.")


class CheckKind(BaseModel):
    """A kind of check."""

    name: str
    description: str = Field(description="What holds when it passes.")
    takes_filter: bool = Field(description="Whether `where` can be given.")
    options: list[CheckOption] = Field(description="What it needs to know.")


class CheckKinds(BaseModel):
    """Every kind of check."""

    count: int = Field(description="How many there are.")
    results: list[CheckKind] = Field(description="Every kind.")


class CheckRunOut(BaseModel):
    """One answer of one check."""

    name: str = Field(description="The check's.")
    kind: str = Field(description="The check's.")
    state: str = Field(description="`passed`, `failed` or `broken`.")
    severity: str = Field(description="`error` or `warn`, as it was then.")
    message: str = Field(description="What was found, as a sentence.")
    failing_rows: int | None = Field(description="Rows that fail it, where it counts rows.")
    trigger: str = Field(description="`manual`, `sync`, `build` or `schedule`.")
    details: dict[str, Any] = Field(description="Numbers, and rows that fail it in `examples`.")
    run_id: str | None = Field(description="Dagster's run.")
    duration_s: float = Field(description="Seconds it took.")
    at: str | None = Field(description="When.")


class CheckRuns(BaseModel):
    """Answers of a check."""

    count: int = Field(description="How many are in `results`.")
    results: list[CheckRunOut] = Field(description="Newest first.")


@router.get("/", summary="List checks")
def list_checks(
    ask: Read,
    paging: Annotated[Paging, Depends()],
    table: Annotated[str, Query(description="Of this table or view.", max_length=512)] = "",
) -> Page[Check]:
    """With their latest answers."""
    shown = [each for each in _all(ask) if not table or table.lower() == each.table.lower()]
    return paging.page(shown)


@router.post("/", status_code=201, summary="Declare a check", responses=ASKS)
def create_check(ask: Write, body: CheckSave) -> Check:
    """What cannot work is refused now."""
    check_unbound(ask.platform, ask.project_id, ask.caller, "A check")
    made = quality.add_check(
        ask.platform,
        ask.project_id,
        body.table,
        body.kind,
        body.options,
        name=body.name,
        severity=body.severity,
        where=body.where,
        description=body.description,
        every=body.every,
        at=body.at,
    )
    return _shown(ask, made)


@router.get("/kinds/", summary="What can be checked")
def list_kinds(ask: Read) -> CheckKinds:
    """Each kind with its options."""
    found = [
        CheckKind(
            name=kind.name,
            description=kind.about,
            takes_filter=kind.takes_filter,
            options=[
                CheckOption(
                    name=option.name,
                    description=option.about,
                    is_required=option.is_required,
                    default=option.default,
                )
                for option in (*kind.options, *COMMON)
            ],
        )
        for kind in kinds().values()
    ]
    return CheckKinds(count=len(found), results=found)


@router.get("/{check_id}/", summary="One check")
def show_check(ask: Read, check_id: str) -> Check:
    """With its latest answer."""
    return _shown(ask, _found(ask, check_id))


@router.post("/{check_id}/run/", summary="Ask it now", responses=ASKS)
def run_check(ask: Write, check_id: str) -> CheckRunOut:
    """A check that cannot be computed is an answer too."""
    check_unbound(ask.platform, ask.project_id, ask.caller, "A check")
    (run,) = quality.run_checks(ask.platform, ask.project_id, [_found(ask, check_id)])
    return _run(run)


@router.get("/{check_id}/history/", summary="The answers it got")
def check_history(
    ask: Read,
    check_id: str,
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many.")] = 20,
) -> CheckRuns:
    """Newest first."""
    check = _found(ask, check_id)
    runs = ask.platform.store.check_runs(
        ask.project_id, subject_id=check.subject_id, name=check.name, limit=limit
    )
    return CheckRuns(count=len(runs), results=[_run(run) for run in runs])


@router.delete("/{check_id}/", status_code=204, summary="Forget a check", responses=CHANGES)
def remove_check(ask: Write, check_id: str) -> None:
    """The answers it got stay."""
    quality.remove_check(ask.platform, ask.project_id, _found(ask, check_id).id)


def _found(ask: Ask, check_id: str) -> QualityCheck:
    for each in ask.platform.store.quality_checks(ask.project_id):
        if each.id == check_id:
            return each
    raise NotFoundError("check", check_id)


def _all(ask: Ask) -> list[Check]:
    latest = latest_results(ask.platform, ask.project_id)
    graph = project_graph(ask.platform, ask.project_id)
    names = {node.id: node.name for node in graph.nodes.values()}
    return [
        _check(each, names.get(each.subject_id), latest.get((each.subject_id, each.name)))
        for each in ask.platform.store.quality_checks(ask.project_id)
    ]


def _shown(ask: Ask, check: QualityCheck) -> Check:
    latest = latest_results(ask.platform, ask.project_id)
    node = project_graph(ask.platform, ask.project_id).find(check.subject_id)
    name = node.name if node else None
    return _check(check, name, latest.get((check.subject_id, check.name)))


def _check(check: QualityCheck, table: str | None, result: CheckResult | None) -> Check:
    return Check(
        id=check.id,
        table=table or check.subject_id,
        name=check.name,
        kind=check.kind,
        options=dict(check.options),
        severity=check.severity.value,
        where=check.where,
        description=check.description,
        every=check.frequency.name if check.frequency else None,
        at=check.frequency.time_of_day if check.frequency else None,
        latest=_answer(result) if result else None,
    )


def _answer(result: CheckResult) -> CheckAnswer:
    state = "passed" if result.passed else str(result.details.get("state", "failed"))
    message = str(result.details.get("message", ""))
    return CheckAnswer(
        state=state, message=message, details=dict(result.details), at=moment(result.at)
    )


def _run(run: CheckRun) -> CheckRunOut:
    return CheckRunOut(
        name=run.name,
        kind=run.kind,
        state=run.state.value,
        severity=run.severity.value,
        message=run.message,
        failing_rows=run.failing_rows,
        trigger=run.trigger.value,
        details=dict(run.details),
        run_id=run.run_id,
        duration_s=run.duration_s,
        at=moment(run.at),
    )
