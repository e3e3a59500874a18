"""Building one model of an operator's project: the steps of a view's build, with dbt's own text instead of HogQL."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pwh_assets.errors import PwhError
from pwh_assets.services.dbt_project.description import DbtModel, DbtProject
from pwh_assets.services.dbt_project.running import opened
from pwh_assets.services.dbt_project.workspace import project_of
from pwh_assets.services.models import Replacement
from pwh_assets.services.models.runner import first_sentence

if TYPE_CHECKING:
    import duckdb

    from pwh_assets.services.view_builds import Build
    from pwh_assets.services.view_running import Watch

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
    with opened(
        build.platform, build.view.project_id, project, model.inputs, _Told(build.watch)
    ) as run:
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
            return
    raise DbtModelError(build.view.name, "dbt said it was built, but the lake has no such table.")


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

    def __init__(self, watch: "Watch") -> None:
        self._watch = watch

    def audit(self, connection: "duckdb.DuckDBPyConnection") -> None:
        self._watch.tell("audit")

    def publish(self, connection: "duckdb.DuckDBPyConnection", table: str) -> None:
        self._watch.tell("publish")
        super().publish(connection, table)
