"""Asset checks: contracts and declared checks, run where their table was synced or their view built."""

from collections.abc import Collection, Sequence

import dagster as dg

from pwh_assets.core.check import TEXT_FITS, CheckResult
from pwh_assets.core.job import SyncResult
from pwh_assets.core.quality import CheckTrigger, QualityCheck
from pwh_assets.core.source import SyncedTable
from pwh_assets.core.view import SavedQuery
from pwh_assets.orchestration.failures import log_unexpected
from pwh_assets.orchestration.metadata import check_result
from pwh_assets.orchestration.watcher import Trouble
from pwh_assets.resources.lake import LakeReader
from pwh_assets.services.lineage.graph import project_graph
from pwh_assets.services.platform import Platform
from pwh_assets.services.sync.contracts import check_contract, contract_of, explain


def check_specs(
    key: dg.AssetKey, table: SyncedTable, declared: Sequence[QualityCheck] = ()
) -> list[dg.AssetCheckSpec]:
    """The contract of a synced table, and what was declared about it."""
    contract = [
        dg.AssetCheckSpec(name, asset=key, description=says, blocking=True)
        for name, says in contract_of(table).items()
    ]
    return [*contract, *declared_specs(key, declared)]


def declared_specs(key: dg.AssetKey, checks: Sequence[QualityCheck]) -> list[dg.AssetCheckSpec]:
    """What was declared; of severity `error` it blocks what reads the table."""
    return [
        dg.AssetCheckSpec(
            check.name,
            asset=key,
            description=_described(check),
            blocking=check.is_blocking,
            metadata={"kind": check.kind, "severity": check.severity.value},
        )
        for check in checks
    ]


def _described(check: QualityCheck) -> str:
    from pwh_assets.services.quality.registry import kinds

    kind = kinds().get(check.kind)
    about = check.description or (kind.about if kind else check.kind)
    return f"{about}\n\nOnly rows that meet `{check.where}`." if check.where else about


def check_synced(
    context: dg.AssetExecutionContext,
    platform: Platform,
    lake: LakeReader,
    table: SyncedTable,
    result: SyncResult,
) -> tuple[CheckResult, ...]:
    """Check a table that was synced this moment, and remember the results for health.

    A sync that changed nothing leaves kept what depends on the rows alone, so nothing is read again. A check
    that cannot be computed for now says so in the log and leaves the last result standing: the rows landed.
    """
    selected = {key.name for key in context.selected_asset_check_keys}
    is_same = not (result.rows_synced or result.columns_added or result.columns_widened)
    known = {
        each.name: each
        for each in platform.store.latest_checks(table.project_id)
        if is_same and each.subject_id == table.id and each.passed
    }
    contract = _contract(context, platform, lake, table, selected, known)
    return (*contract, *_declared(context, platform, table, known))


def _contract(
    context: dg.AssetExecutionContext,
    platform: Platform,
    lake: LakeReader,
    table: SyncedTable,
    selected: Collection[str],
    known: dict[str, CheckResult],
) -> tuple[CheckResult, ...]:
    wanted = contract_of(table).keys() & selected
    if wanted <= known.keys():
        return tuple(known[name] for name in wanted)
    try:
        results = check_contract(lake.connection(table.project_id), table)
    except Exception as error:
        context.log.warning(
            "%s: its contract could not be checked. %s", table.table_name, Trouble.of(error).text
        )
        log_unexpected(error, f"contract of {table.table_name}")
        return ()
    results = tuple(each for each in results if each.name in wanted)
    for each in results:
        platform.store.record_check(
            each.project_id, each.subject_id, each.name, each.passed, each.severity, each.details
        )
    return results


def _declared(
    context: dg.AssetExecutionContext,
    platform: Platform,
    table: SyncedTable,
    known: dict[str, CheckResult],
) -> tuple[CheckResult, ...]:
    """Checks as they are declared now; those this run was loaded without are asked and not reported to Dagster."""
    checks = platform.store.quality_checks(table.project_id, table.id)
    if not checks:
        return ()

    from pwh_assets.services.quality.run import PASSING, is_settled, run_checks

    kept, due = [], []
    for check in checks:
        last = known.get(check.name)
        if last is not None and is_settled(check) and _is_newer(last, check):
            kept.append(last)
        else:
            due.append(check)
    try:
        runs = run_checks(
            platform,
            table.project_id,
            due,
            trigger=CheckTrigger.SYNC,
            run_id=context.run.run_id,
        )
    except Exception as error:
        context.log.warning(
            "%s: its checks could not be run. %s", table.table_name, Trouble.of(error).text
        )
        log_unexpected(error, f"checks of {table.table_name}")
        return tuple(kept)
    for run in runs:
        if run.details.get(PASSING):
            context.log.warning("%s: check %s. %s", table.table_name, run.name, run.message)
    return (*kept, *(run.result for run in runs if not run.details.get(PASSING)))


def _is_newer(last: CheckResult, check: QualityCheck) -> bool:
    """Whether the answer is to what is declared now."""
    return last.at is not None and check.updated_at is not None and last.at >= check.updated_at


def reported(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    results: Sequence[CheckResult],
    name: str,
) -> list[dg.AssetCheckResult]:
    """Results as Dagster takes them: those of checks that were part of the step when it was loaded."""
    selected = {each.name for each in context.selected_asset_check_keys if each.asset_key == key}
    return [check_result(key, each, name) for each in results if each.name in selected]


def audited(
    context: dg.AssetExecutionContext, platform: Platform, view: SavedQuery
) -> list[dg.AssetCheckResult]:
    """What the audit of a view's latest build in this run found, the newest attempt's answers."""
    runs = platform.store.check_runs(
        view.project_id, subject_id=view.id, run_id=context.run.run_id, limit=1_000
    )
    latest = {run.name: run.result for run in reversed(runs)}
    (key,) = context.selected_asset_keys
    return reported(context, key, list(latest.values()), view.name)


def blocked_by(platform: Platform, view: SavedQuery) -> dict[str, str]:
    """What a view reads (through plain views) that breaks its contract or a check of severity `error` now:
    name -> sentence. A table that kept its last good rows instead blocks nobody.
    """
    graph = project_graph(platform, view.project_id)
    ids = {graph.nodes[name].id: name for name in graph.read_by(view.name)}
    found: dict[str, list[str]] = {}
    for subject_id, results in platform.store.failed_checks(view.project_id).items():
        for result in results:
            is_about_rows = result.details.get("trigger") != CheckTrigger.BUILD
            is_broken = result.severity == "error" and result.name != TEXT_FITS
            if subject_id in ids and is_broken and is_about_rows:
                name = ids[subject_id]
                found.setdefault(name, []).append(explain(result, name))
    return {name: " ".join(words) for name, words in found.items()}
