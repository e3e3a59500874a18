"""Saved queries as assets: plain ones are virtual, materialized ones are built by dbt."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import dagster as dg

from pwh_assets.core.names import slug
from pwh_assets.core.view import SavedQuery
from pwh_assets.errors import NotFoundError
from pwh_assets.orchestration.checks import audited, blocked_by, declared_specs, reported
from pwh_assets.orchestration.dbt_assets import checked, own_check_specs
from pwh_assets.orchestration.failures import failure_of, log_unexpected
from pwh_assets.orchestration.inventory import Inventory, scoped
from pwh_assets.orchestration.metadata import check_result, of_view
from pwh_assets.orchestration.names import ENGINE_TAG
from pwh_assets.orchestration.processes import sign_run
from pwh_assets.orchestration.retry import TRIES, tell_retry, with_retries
from pwh_assets.orchestration.skipping import BrokenInputError, check_due, note_skips, show_skip
from pwh_assets.orchestration.specs import view_spec
from pwh_assets.orchestration.watcher import Outcome, Trouble, Watcher
from pwh_assets.resources.dbt import DbtModels
from pwh_assets.resources.hogql import HogQLService
from pwh_assets.services.lineage.graph import project_graph
from pwh_assets.services.platform import Platform

if TYPE_CHECKING:
    from pwh_assets.services.views.saved import ViewResult


def materialized_asset(inventory: Inventory, view: SavedQuery) -> dg.AssetsDefinition:
    """A materialized view. Dagster runs those of one run in the order they read each other."""
    view_id, project_id, name = view.id, view.project_id, view.name
    spec = view_spec(inventory, view).replace_attributes(skippable=True)

    declared = declared_specs(spec.key, inventory.checks_of.get(view.id, ()))
    tests = own_check_specs(inventory, view, {each.name for each in declared})

    @dg.multi_asset(
        name=_op_name(inventory, view),
        specs=[spec],
        check_specs=[*declared, *tests],
        can_subset=True,
    )
    def build(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        dbt: dg.ResourceParam[DbtModels],
        hogql: dg.ResourceParam[HogQLService],
        watcher: dg.ResourceParam[Watcher],
    ) -> Iterator[dg.MaterializeResult[None]]:
        sign_run(context)
        try:
            current = platform.store.view(project_id, view_id)
        except NotFoundError:
            raise dg.Failure(f"View `{name}` was removed meanwhile.", allow_retries=False) from None
        if not context.selected_asset_keys:
            yield from cast(Any, _checked_alone(context, platform, current, spec.key, tests))
            return
        watcher.started(current)
        try:
            result = _built(context, platform, dbt, watcher, current)
        except Exception as error:
            trouble = Trouble.of(error)
            log_unexpected(error, f"build of view {name}")
            watcher.ended(Outcome(current, context.run.run_id, trouble=trouble))
            note_skips(context, platform, inventory, watcher, current, trouble)
            # Dagster takes them, and no annotation that names both.
            yield from cast(Any, audited(context, platform, current))
            if show_skip(context, spec.key, current, trouble):
                return
            raise failure_of("views", "view", {name: trouble}, 1) from None
        tested = checked(context, platform, current, tests)
        failed = tuple(each for each in tested if not each.passed and each.severity == "error")
        watcher.ended(Outcome(current, context.run.run_id, result, failed_checks=failed))
        graph = project_graph(platform, project_id)
        own = [check_result(spec.key, each, name) for each in tested]
        yield dg.MaterializeResult(
            asset_key=spec.key,
            metadata=of_view(current.place, result, hogql.origins(current), graph),
            check_results=[*audited(context, platform, current), *own],
        )

    return build


def _built(
    context: dg.AssetExecutionContext,
    platform: Platform,
    dbt: DbtModels,
    watcher: Watcher,
    view: SavedQuery,
) -> "ViewResult":
    """Build a view, again where that can help.

    Raises:
        BrokenInputError, SuspendedError, KeptBackError: it is not begun.
        PwhError: it failed.
    """
    snapshot = platform.lakes.of(view.project_id).snapshot_id()
    platform.store.update_view(view.id, attempted_snapshot=snapshot)
    if broken := blocked_by(platform, view):
        raise BrokenInputError(view.name, broken)
    check_due(context, platform, view)
    engine = context.run.tags.get(ENGINE_TAG)
    return with_retries(
        lambda: dbt.build(view, context.run.run_id, engine),
        partial(tell_retry, context, watcher, view, TRIES),
    )


def _checked_alone(
    context: dg.AssetExecutionContext,
    platform: Platform,
    view: SavedQuery,
    key: dg.AssetKey,
    tests: Sequence[dg.AssetCheckSpec],
) -> Iterator[dg.AssetCheckResult]:
    """Somebody asked for checks of a view and not for the view: they are asked of the rows there are."""
    from pwh_assets.services.quality.run import run_checks

    wanted = {each.name for each in context.selected_asset_check_keys}
    checks = [
        each
        for each in platform.store.quality_checks(view.project_id, view.id)
        if each.name in wanted
    ]
    runs = run_checks(platform, view.project_id, checks, run_id=context.run.run_id)
    yield from reported(context, key, [run.result for run in runs], view.name)
    yield from (
        check_result(key, each, view.name) for each in checked(context, platform, view, tests)
    )


def _op_name(inventory: Inventory, view: SavedQuery) -> str:
    """`view_<name>`; two names that Dagster could not tell apart (`a.b`, `a_b`) get their ids."""
    name = scoped(inventory.project_id, "view", view.name)
    is_shared = inventory.slugs_of_views[slug(view.name)] > 1
    return f"{name}_{slug(view.id[:8])}" if is_shared else name


def view_assets(inventory: Inventory) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Every view of a project."""
    return [view_asset(inventory, view) for view in inventory.views]


def view_asset(inventory: Inventory, view: SavedQuery) -> dg.AssetsDefinition | dg.AssetSpec:
    if view.is_materialized:
        return materialized_asset(inventory, view)
    return view_spec(inventory, view)
