"""Builds that a run does not begin: because of what a view reads, because it is suspended, or because an input of it failed."""

import dagster as dg

from pwh_assets.core.view import SavedQuery
from pwh_assets.errors import ConflictError
from pwh_assets.orchestration.inventory import Inventory
from pwh_assets.orchestration.watcher import Outcome, Trouble, Watcher
from pwh_assets.services.platform import Platform
from pwh_assets.services.views.running import ViewCancelledError
from pwh_assets.services.views.skips import (
    SKIPPED,
    KeptBackError,
    SuspendedError,
    obstacles,
    skip_build,
    skip_readers,
)

_BEGUN_BY_ITSELF = frozenset(
    ("dagster/schedule_name", "dagster/sensor_name", "dagster/from_automation_condition")
)
"""Tags Dagster puts on runs that nobody asked for by hand."""
SKIPPED_TAG = "pwh/skipped"
"""Names of the views that a run left out, on the run."""


class BrokenInputError(ConflictError):
    """A table the view reads breaks its contract, so the view keeps the rows it has."""

    code = "broken_input"

    def __init__(self, name: str, causes: dict[str, str]) -> None:
        self.name, self.causes = name, causes
        super().__init__(
            f"View `{name}` was not rebuilt and keeps its rows: {' '.join(causes.values())} "
            "Mend the table at its source and sync it again."
        )


_NOT_BEGUN = (KeptBackError.code, SuspendedError.code, BrokenInputError.code)


def began_by_itself(run: dg.DagsterRun) -> bool:
    """Whether nobody asked for the run by hand."""
    return not _BEGUN_BY_ITSELF.isdisjoint(run.tags)


def check_due(context: dg.AssetExecutionContext, platform: Platform, view: SavedQuery) -> None:
    """Refuse a view that a run which began by itself should not build now. Whoever asks gets a build, also of a
    suspended view and of one whose inputs are old.

    Raises:
        SuspendedError: it failed too often.
        KeptBackError: something it reads is broken.
    """
    if not began_by_itself(context.run):
        return
    if view.is_suspended:
        raise SuspendedError(view)
    if causes := obstacles(platform, view):
        raise KeptBackError(view.name, causes)


def show_skip(
    context: dg.AssetExecutionContext, key: dg.AssetKey, view: SavedQuery, trouble: Trouble
) -> bool:
    """Have Dagster show a build that a run of its own accord did not begin as left out, with the cause, and not as
    failed: nothing is broken that was not before. False when it is to be a failure.
    """
    if trouble.code not in _NOT_BEGUN or not began_by_itself(context.run):
        return False
    context.log.warning("%s", trouble.text)
    context.log_event(
        dg.AssetObservation(
            key, description=trouble.text, metadata={"skipped": trouble.text, "code": trouble.code}
        )
    )
    run = context.instance.get_run_by_id(context.run.run_id)
    before = run.tags.get(SKIPPED_TAG) if run else None
    names = f"{before}, {view.name}" if before else view.name
    context.instance.add_run_tags(context.run.run_id, {SKIPPED_TAG: names})
    return True


def note_skips(
    context: dg.AssetExecutionContext,
    platform: Platform,
    inventory: Inventory,
    watcher: Watcher,
    view: SavedQuery,
    trouble: Trouble,
) -> None:
    """Write down what this view's trouble means for the runs: its own, when it was not begun, and those of the views
    of this run that read it, which Dagster leaves out. Views that do not read it go on.
    """
    run_id = context.run.run_id
    if trouble.code in _NOT_BEGUN:
        keeps_back = trouble.code != SuspendedError.code
        skip_build(platform, view, trouble.text, run_id, keeps_back=keeps_back)
    is_cancelled = trouble.code == ViewCancelledError.code
    words = "was cancelled." if is_cancelled else f"was not built: {trouble.text}"
    because = f"`{view.name}` {words}"
    skipped = skip_readers(
        platform, view, _of_run(context, inventory), run_id, because, keeps_back=not is_cancelled
    )
    for reader in skipped:
        watcher.ended(
            Outcome(reader, run_id, trouble=Trouble(f"It was skipped: {because}", SKIPPED))
        )


def _of_run(context: dg.AssetExecutionContext, inventory: Inventory) -> set[str]:
    """Names of the views this run builds."""
    selected = context.run.asset_selection
    return {
        view.name
        for view in inventory.materialized
        if selected is None or dg.AssetKey(inventory.graph.nodes[view.name].asset_key) in selected
    }
