"""Asset checks: the contract of every synced table, run where it was synced, blocking what reads it."""

from collections.abc import Collection

import dagster as dg

from pwh_assets.core.check import CheckResult
from pwh_assets.core.source import SyncedTable
from pwh_assets.core.view import SavedQuery
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
    context: dg.AssetExecutionContext, platform: Platform, lake: LakeReader, table: SyncedTable
) -> tuple[CheckResult, ...]:
    """Check a table that was synced this moment, and remember the results for health.

    A check that cannot be computed says so in the log and leaves the last result standing: the rows landed.
    """
    wanted = {key.name for key in context.selected_asset_check_keys} & contract_of(table).keys()
    try:
        with lake.connection(table.project_id) as connection:
            results = check_contract(connection, table)
    except Exception as error:
        context.log.warning(
            "%s: its contract could not be checked. %s", table.table_name, Trouble.of(error).text
        )
        return ()
    results = tuple(result for result in results if result.name in wanted)
    for result in results:
        platform.store.record_check(
            result.project_id,
            result.subject_id,
            result.name,
            result.passed,
            result.severity,
            result.details,
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
