"""An operator's dbt project in Dagster: its models are view assets, its tests their checks; a sensor looks at its folder."""

from collections.abc import Collection, Iterable, Sequence

import dagster as dg

from pwh_assets.core.check import CheckResult
from pwh_assets.core.view import SavedQuery, ViewOrigin
from pwh_assets.errors import PwhError
from pwh_assets.orchestration.failures import log_unexpected
from pwh_assets.orchestration.inventory import Inventory
from pwh_assets.orchestration.watcher import Trouble
from pwh_assets.services.platform import Platform

EVERY_S = 60


def own_check_specs(
    inventory: Inventory, view: SavedQuery, taken: Collection[str]
) -> list[dg.AssetCheckSpec]:
    """A check per test of the model; none for any other view. Names that are taken are left to who has them."""
    if inventory.dbt is None or view.origin is not ViewOrigin.DBT:
        return []
    key = dg.AssetKey(inventory.graph.nodes[view.name].asset_key)
    tests = {test.check_name: test for test in inventory.dbt.tests_of(view.name)}
    return [
        dg.AssetCheckSpec(
            name,
            asset=key,
            description=test.description or f"The dbt test `{test.name}`.",
            blocking=test.severity == "error",
        )
        for name, test in tests.items()
        if name not in taken
    ]


def checked(
    context: dg.AssetExecutionContext,
    platform: Platform,
    view: SavedQuery,
    specs: Sequence[dg.AssetCheckSpec],
) -> tuple[CheckResult, ...]:
    """Run the tests of a model that was built this moment: a result for every check that was promised.

    The rows landed, so a test that could not be run is a warning and says so.
    """
    wanted = [spec.name for spec in specs if spec.key in context.selected_asset_check_keys]
    if not wanted:
        return ()
    from pwh_assets.services.dbt_project.testing import run_tests
    from pwh_assets.services.dbt_project.workspace import project_of

    project = project_of(platform.settings, view.project_id)
    tests = [t for t in project.tests_of(view.name) if t.check_name in wanted] if project else []
    found: dict[str, CheckResult] = {}
    reason = "It is not in the project any more."
    try:
        if project is not None:
            for outcome in run_tests(platform, view.project_id, project, tests):
                found[outcome.test.check_name] = outcome.as_check(view.project_id, view.id)
    except Exception as error:
        reason = f"It did not run. {Trouble.of(error).text}"
        log_unexpected(error, f"tests of {view.name}")
    return tuple(
        found.get(name)
        or CheckResult(view.project_id, view.id, name, False, "warn", {"message": reason})
        for name in wanted
    )


def dbt_sensors(inventories: Iterable[Inventory]) -> list[dg.SensorDefinition]:
    """One sensor that takes changed dbt projects over. It is there before any project is: that may come by environment."""
    project_ids = [inventory.project_id for inventory in inventories]

    @dg.sensor(
        name="dbt_projects",
        minimum_interval_seconds=EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks whether a dbt project changed in its folder, and takes over what it says now.",
    )
    def evaluate(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SkipReason:
        from pwh_assets.services.dbt_project.adopting import refresh_project, state_of

        changed = []
        for project_id in project_ids:
            if state_of(platform, project_id) is None:
                continue
            try:
                if refresh_project(platform, project_id) is not None:
                    changed.append(str(project_id))
            except PwhError as error:
                context.log.warning("%s", error.sentence)
        return dg.SkipReason(
            f"Taken over: {', '.join(changed)}." if changed else "No dbt project changed."
        )

    return [evaluate]
