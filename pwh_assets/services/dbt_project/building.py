"""Building one model of an operator's project: the steps of a view's build, with dbt's own text instead of HogQL."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pwh_assets.errors import PwhError
from pwh_assets.services.dbt_project.description import DbtModel, DbtProject
from pwh_assets.services.dbt_project.running import opened
from pwh_assets.services.dbt_project.workspace import project_of
from pwh_assets.services.models import STAGE, Replacement
from pwh_assets.services.models.runner import first_sentence

if TYPE_CHECKING:
    import duckdb

    from pwh_assets.services.views.builds import Build

_COMMANDS = {"model": "run", "seed": "seed", "snapshot": "snapshot"}
_BESIDE = ("table", "view")
"""Materializations that compute beside the table and take the lock themselves."""


class DbtModelError(PwhError):
    """A model could not be built; its old table is untouched."""

    code = "dbt_model_failed"
    status = 422

    def __init__(self, name: str, cause: str) -> None:
        self.name, self.cause = name, cause
        super().__init__(
            f"The dbt model `{name}` could not be built: {cause} Mend it in its project or mend its inputs; "
            "until then it keeps its last rows."
        )


def materialize(build: "Build") -> None:
    """Run the model.

    Raises:
        DbtModelError: it failed, in one sentence; or it is not in the project any more.
        LakeBusyError: others were writing the lake all the time.
    """
    project, model = _model(build)
    with opened(build.platform, build.view.project_id, project, model.inputs, _Told(build)) as run:
        build.watch.interrupt_with(run.session.interrupt)
        build.watch.tell("compute")
        if model.materialized not in _BESIDE or project.has_run_hooks:
            run.session.take_lock()
        result = run.dbt([_COMMANDS[model.kind], "--select", model.selector])
    if result.exception is not None:
        raise DbtModelError(build.view.name, first_sentence(str(result.exception)))
    results = list(result.result or ())
    failed = next((each for each in results if each.status != "success"), None)
    if failed is not None or not results:
        words = failed.message if failed else "dbt found no such model."
        raise DbtModelError(build.view.name, first_sentence(str(words)))


def find(build: "Build") -> None:
    """The table that came out of it."""
    schema, name = build.view.place
    for table in build.lake.tables():
        if table.schema == schema and table.name.lower() == name.lower():
            build.table = table
            _check_afterwards(build)
            return
    raise DbtModelError(build.view.name, "dbt said it was built, but the lake has no such table.")


def _check_afterwards(build: "Build") -> None:
    """Quality checks of a table that dbt changes in place: they could not look before readers did."""
    from pwh_assets.core.quality import CheckTrigger
    from pwh_assets.services.quality.run import run_checks

    view = build.view
    if _model(build)[1].materialized not in _BESIDE:
        checks = build.platform.store.quality_checks(view.project_id, view.id)
        run_checks(
            build.platform,
            view.project_id,
            checks,
            trigger=CheckTrigger.SYNC,
            run_id=build.watch.job.run_id,
        )


STEPS: "tuple[Callable[[Build], None], ...]" = (materialize, find)
"""After its inputs were looked at."""


def _model(build: "Build") -> tuple[DbtProject, DbtModel]:
    project = project_of(build.platform.settings, build.view.project_id)
    model = project.model(build.view.name) if project else None
    if project is None or model is None:
        raise DbtModelError(
            build.view.name, "it is not in the project any more; `pwh dbt refresh` looks again."
        )
    return project, model


class _Told(Replacement):
    """The whole answer in the place of the whole table, with the steps told."""

    def __init__(self, build: "Build") -> None:
        self._build, self._watch = build, build.watch

    def audit(self, connection: "duckdb.DuckDBPyConnection") -> None:
        from pwh_assets.services.quality.audit import audit

        self._watch.tell("audit")
        preview = f'SELECT * FROM "{STAGE}"'
        run_id = self._watch.job.run_id
        audit(self._build.platform, self._build.view, connection, preview, run_id)

    def publish(self, connection: "duckdb.DuckDBPyConnection", table: str) -> None:
        self._watch.tell("publish")
        super().publish(connection, table)
