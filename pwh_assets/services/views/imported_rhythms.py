"""How often an import would have views built: each cadence and target judged among all the import leaves behind."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from pwh_assets.core.frequency import Frequency
from pwh_assets.core.view import Refresh, SavedQuery
from pwh_assets.errors import UserError
from pwh_assets.services.freshness.plan import Plan
from pwh_assets.services.freshness.project import (
    CadenceError,
    check_cadence,
    check_target,
    plan_of_views,
)
from pwh_assets.services.platform import Platform
from pwh_assets.services.views.files import FileProblem, ViewFile
from pwh_assets.services.views.imported_texts import Text


def rhythm_of(file: ViewFile) -> Frequency | None:
    """How often the view is built; None for one that is plain or built otherwise.

    Raises:
        InvalidInputError: no such frequency, too short for a view, or one where none belongs.
    """
    from pwh_assets.services.views.saved import rhythm

    if file.refresh is None:
        return None
    return rhythm(file.every, file.at, file.refresh)


def kept_as(file: ViewFile) -> dict[str, Any]:
    """Fields of a SavedQuery that say whether it is kept as a table, and what has it built.

    Raises:
        InvalidInputError: as `rhythm_of`.
    """
    return {
        "is_materialized": file.refresh is not None,
        "refresh": file.refresh or Refresh.SCHEDULE,
        "frequency": rhythm_of(file),
    }


def as_view(
    file: ViewFile, view: SavedQuery | None, project_id: int, text: Text | None
) -> SavedQuery:
    """The view as the import would leave it, as far as freshness is concerned.

    Raises:
        InvalidInputError: as `rhythm_of`.
    """
    known = view or SavedQuery(file.name.lower(), project_id, file.name, file.sql)
    inputs = text.inputs if text is not None else known.inputs
    return replace(known, inputs=inputs, freshness_target=file.freshness_target, **kept_as(file))


def rhythm_problems(
    platform: Platform,
    project_id: int,
    files: Sequence[ViewFile],
    views: Collection[SavedQuery],
) -> Iterator[FileProblem]:
    """What is wrong with the cadences and targets of these files, were `views` all the project has."""
    if not any(_is_timed(file) or file.freshness_target for file in files):
        return
    plan = plan_of_views(platform, project_id, views)
    names = {view.name.lower(): view.name for view in views}
    for file in files:
        name = names[file.name.lower()]
        if file.freshness_target:
            try:
                check_target(plan, name, file.freshness_target)
            except UserError as error:
                yield file.problem(error.sentence, "freshness_target")
        if _is_timed(file):
            try:
                check_cadence(plan, name, plan.paces[name].own or Frequency("24hour"))
            except CadenceError as error:
                yield file.problem(f"{error.why} {_way_out(plan, error)}", "materialized")


def _is_timed(file: ViewFile) -> bool:
    return file.refresh is Refresh.SCHEDULE


def _way_out(plan: Plan, error: CadenceError) -> str:
    blocker = plan.paces[error.blocker]
    if blocker.target:
        return f"Loosen the `freshness_target` of `{error.blocker}`, or have this one built as often as it needs."
    pace = plan.cadences[error.blocker].name
    return f"Write `every: {pace}`, or have `{error.blocker}` run as often first."
