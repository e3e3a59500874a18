"""Numbers of services as Dagster metadata: what a materialization shows and charts."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from pwh_assets.core.check import CheckResult
from pwh_assets.core.job import SyncResult
from pwh_assets.core.names import slug
from pwh_assets.core.source import SyncedTable
from pwh_assets.orchestration.specs import table_metadata
from pwh_assets.services.lineage.graph import Graph
from pwh_assets.services.sync.contracts import explain
from pwh_assets.services.sync.drift import in_words

if TYPE_CHECKING:
    from pwh_assets.hogql.plan import OutputColumn
    from pwh_assets.services.views.saved import ViewResult

MOST_LINEAGE_COLUMNS = 200
"""A wider table's column lineage would make every materialization heavy; `pwh lineage` has it anyway."""


def of_sync(
    table: SyncedTable, result: SyncResult, upstream: dg.AssetKey, translated: Mapping[str, Any]
) -> dict[str, Any]:
    """Metadata of one sync. Numbers that change from run to run become charts in Dagster's UI."""
    columns = [column.name for column in table.columns]
    return {
        **translated,
        **table_metadata(table.source.slug, slug(table.name), table.columns, table.primary_key),
        "dagster/row_count": result.row_count,
        **_lineage({name: [(upstream, name)] for name in columns}),
        "rows_synced": result.rows_synced,
        "bytes": result.bytes_staged,
        "duration_s": round(result.duration_s, 3),
        "mode": result.mode,
        "cursor_before": result.cursor_before or "none",
        "cursor_after": result.cursor_after or "none",
        "columns_added": _listed(result.columns_added),
        "columns_widened": _listed(result.columns_widened),
        "columns_missing": _listed(result.columns_missing),
        "rows_deleted": result.rows_deleted,
        "full": result.is_full,
        "recovered": result.was_recovered,
        **_drift(result),
        **_reconciled(result),
    }


def _drift(result: SyncResult) -> dict[str, Any]:
    if not result.changes:
        return {}
    lines = [f"- {in_words(change)}. {change.note}".rstrip() for change in result.changes]
    return {"schema_changes": dg.MetadataValue.md("\n".join(lines))}


def _reconciled(result: SyncResult) -> dict[str, Any]:
    found = result.reconciliation
    if found is None:
        return {}
    rows = {"source_rows": found.source_rows, "target_rows": found.target_rows}
    return {
        "reconciliation": f"{found.status.value} {found.cause}".strip(),
        **{name: count for name, count in rows.items() if count is not None},
    }


def observation(upstream: dg.AssetKey, result: SyncResult) -> dg.AssetObservation:
    """The table at its source was read just now."""
    return dg.AssetObservation(
        upstream,
        metadata={"rows_read": result.rows_synced, "cursor": result.cursor_after or "none"},
    )


def of_view(
    place: tuple[str, str], result: "ViewResult", columns: Sequence["OutputColumn"], graph: Graph
) -> dict[str, Any]:
    """Metadata of one view build, with the columns its columns are made of. `place` is its schema and table."""
    return {
        **table_metadata(*place, result.columns),
        "dagster/row_count": result.rows,
        **column_lineage(columns, graph),
        "bytes": result.size_bytes,
        "duration_s": round(result.duration_s, 3),
        "engine": result.engine,
        "build": result.reason or "The view is built as a whole.",
    }


def column_lineage(columns: Sequence["OutputColumn"], graph: Graph) -> dict[str, Any]:
    """Dagster's standard key for column lineage; empty when nothing is known."""
    made_of: dict[str, list[tuple[dg.AssetKey, str]]] = {}
    for column in columns:
        for table, of, _ in column.origins:
            node = graph.find(table)
            if node is not None:
                made_of.setdefault(column.name, []).append((dg.AssetKey(node.asset_key), of))
    return _lineage(made_of)


def check_result(key: dg.AssetKey, result: CheckResult, table_name: str) -> dg.AssetCheckResult:
    severity = (
        dg.AssetCheckSeverity.WARN if result.severity == "warn" else dg.AssetCheckSeverity.ERROR
    )
    words = result.details.get("message") if result.passed else explain(result, table_name)
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=result.name,
        passed=result.passed,
        severity=severity,
        description=words,
        metadata={
            name: _plain(value) for name, value in result.details.items() if name != "message"
        },
    )


def _lineage(made_of: Mapping[str, Sequence[tuple[dg.AssetKey, str]]]) -> dict[str, Any]:
    if not made_of or len(made_of) > MOST_LINEAGE_COLUMNS:
        return {}
    return {
        "dagster/column_lineage": dg.TableColumnLineage(
            {
                name: [
                    dg.TableColumnDep(asset_key=key, column_name=of)
                    for key, of in dict.fromkeys(origins)
                ]
                for name, origins in made_of.items()
            }
        )
    }


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple) and any(isinstance(each, dict) for each in value):
        return dg.MetadataValue.json(list(value))
    return _listed([str(each) for each in value]) if isinstance(value, list | tuple) else value
