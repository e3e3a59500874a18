"""Write, audit, publish: a view's new rows are checked before anybody sees them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pwh_assets.core.quality import CheckRun, CheckTrigger
from pwh_assets.errors import PwhError
from pwh_assets.services.hogql.catalog import build_catalog
from pwh_assets.services.lineage.graph import NodeKind
from pwh_assets.services.quality.doors import StagedDoor
from pwh_assets.services.quality.run import PASSING, answer
from pwh_assets.services.quality.subjects import Subject

if TYPE_CHECKING:
    import duckdb

    from pwh_assets.core.view import SavedQuery
    from pwh_assets.services.platform import Platform


class QualityFailedError(PwhError):
    """A view's new rows do not pass its checks; they were thrown away and readers keep the last good ones."""

    code = "quality_failed"
    status = 422

    def __init__(self, view: str, runs: Sequence[CheckRun]) -> None:
        self.view, self.runs = view, tuple(runs)
        causes = " ".join(f"`{run.name}`: {run.message}" for run in runs[:3])
        more = f" And {len(runs) - 3} more." if len(runs) > 3 else ""
        super().__init__(
            f"The new rows of view `{view}` did not pass {'its checks' if len(runs) > 1 else 'its check'} and "
            f"were not published; it keeps the last good ones. {causes}{more} Mend the rows or the view, then run "
            f"`pwh view run {view}`."
        )


class AuditUnavailableError(PwhError):
    """A check could not be asked this time; another attempt may."""

    code = "audit_failed"
    status = 503
    retryable = True

    def __init__(self, view: str, run: CheckRun) -> None:
        super().__init__(
            f"The new rows of view `{view}` were not published, because `{run.name}` could not be asked. {run.message}"
        )


def audit(
    platform: "Platform",
    view: "SavedQuery",
    connection: "duckdb.DuckDBPyConnection",
    preview: str,
    run_id: str | None = None,
) -> list[CheckRun]:
    """Ask every check of a view of the rows it is about to show, and remember the answers.

    Args:
        connection: the one that builds, with the lake attached as `lake`.
        preview: a query (DuckDB) of the whole table as it will be once published.

    Raises:
        QualityFailedError: a check of severity `error` failed or cannot be computed, and the view lets its audit
            block (`audit_blocks`).
        AuditUnavailableError: one could not be asked this time.
        QueryCancelledError: somebody ended the build.
    """
    store = platform.store
    checks = store.quality_checks(view.project_id, view.id)
    if not checks:
        return []
    now = datetime.now(UTC)
    catalog = build_catalog(platform, view.project_id)
    door = StagedDoor(platform, view, catalog, connection, preview, now)
    try:
        subject = Subject(view.project_id, view.id, view.name, NodeKind.MATERIALIZED, door.table)
        runs = [
            answer(platform, check, door, lambda: subject, CheckTrigger.BUILD, now, run_id)
            for check in checks
        ]
    finally:
        door.close()
    store.record_check_runs([run for run in runs if not run.details.get(PASSING)])
    blocking = [run for run in runs if not run.passed and run.severity == "error"]
    if not view.audit_blocks:
        return runs
    for run in blocking:
        if run.details.get(PASSING):
            raise AuditUnavailableError(view.name, run)
    if blocking:
        raise QualityFailedError(view.name, blocking)
    return runs
