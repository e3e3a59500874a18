"""Asset checks: the contract of every synced table, run where it was synced, blocking what reads it."""

from collections.abc import Collection

import dagster as dg

from pwh_assets.core.check import CheckResult
from pwh_assets.core.job import SyncResult
from pwh_assets.core.source import SyncedTable
from pwh_assets.core.view import SavedQuery
from pwh_assets.orchestration.failures import log_unexpected
from pwh_assets.orchestration.watcher import Trouble
from pwh_assets.resources.lake import LakeReader
from pwh_assets.services.contracts import check_contract, contract_of, explain
from pwh_assets.services.graph import Graph, NodeKind, project_graph
from pwh_assets.services.platform import Platform


def check_specs(key: dg.AssetKey, table: SyncedTable) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(name, asset=key, description=says, blocking=True)
        for name, says in contract_of(table).items()
    ]


def check_synced(
    context: dg.AssetExecutionContext,
    platform: Platform,
    lake: LakeReader,
    table: SyncedTable,
    result: SyncResult,
) -> tuple[CheckResult, ...]:
    """Check a table that was synced this moment, and remember the results for health.

    A sync that changed nothing leaves a contract kept, so nothing is read again. A check that cannot be
    computed says so in the log and leaves the last result standing: the rows landed.
    """
    wanted = {key.name for key in context.selected_asset_check_keys} & contract_of(table).keys()
    if not result.rows_synced and not result.columns_added and not result.columns_widened:
        known = [
            each
            for each in platform.store.latest_checks(table.project_id)
            if each.subject_id == table.id and each.passed and each.name in wanted
        ]
        if len(known) == len(wanted):
            return tuple(known)
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


def blocked_by(platform: Platform, view: SavedQuery) -> dict[str, str]:
    """Tables a view reads (through plain views) whose contract is broken now: name -> sentence."""
    graph = project_graph(platform, view.project_id)
    ids = {graph.nodes[name].id: name for name in _stored_inputs(graph, view.name)}
    return {
        ids[result.subject_id]: explain(result, ids[result.subject_id])
        for result in platform.store.latest_checks(view.project_id)
        if result.subject_id in ids and not result.passed and result.severity == "error"
    }


def _stored_inputs(graph: Graph, name: str) -> Collection[str]:
    found: dict[str, None] = {}
    queue = list(graph.inputs.get(name, ()))
    for each in queue:
        if each not in found:
            found[each] = None
            if graph.nodes[each].kind is NodeKind.VIEW:
                queue += graph.inputs.get(each, ())
    return found
