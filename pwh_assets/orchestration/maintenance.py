"""Looking after a lake as an asset: small files merged, old snapshots forgotten, the rest verified."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import dagster as dg

from pwh_assets.core.job import JobKind, JobStatus
from pwh_assets.core.names import asset_key
from pwh_assets.orchestration.failures import failure_of, log_unexpected
from pwh_assets.orchestration.inventory import scoped
from pwh_assets.orchestration.processes import forget_old_runs, sign_run
from pwh_assets.orchestration.specs import DEFAULT_OWNER, STORAGE
from pwh_assets.orchestration.watcher import Trouble
from pwh_assets.services.platform import Platform
from pwh_assets.services.sync.leftovers import clear_leftovers

KEEP_DAYS = 7.0
"""How far back a table can be read as it was."""
WHOLE = "lake_is_whole"


def maintenance_key(project_id: int) -> dg.AssetKey:
    return dg.AssetKey(asset_key(project_id, "lake", "maintenance"))


def maintenance_asset(project_id: int) -> dg.AssetsDefinition:
    key = maintenance_key(project_id)

    @dg.multi_asset(
        name=scoped(project_id, "lake_maintenance"),
        specs=[
            dg.AssetSpec(
                key,
                group_name=scoped(project_id, "lake"),
                kinds={STORAGE},
                owners=[DEFAULT_OWNER],
                description=f"Merges small files, forgets snapshots older than {KEEP_DAYS:g} days, deletes "
                "files nobody needs, then verifies the lake.",
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                WHOLE,
                asset=key,
                description="The catalog and the stored files agree, row by row counted.",
            )
        ],
    )
    def maintain(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.MaterializeResult[None]]:
        sign_run(context)
        started = time.monotonic()
        lake = platform.lakes.of(project_id)
        with _as_job(platform, project_id, context.run.run_id):
            leftovers = clear_leftovers(platform, project_id)
            done = lake.maintain(KEEP_DAYS)
            problems = lake.verify()
            forgotten = forget_old_runs(context.instance)
        tables = lake.tables()
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={
                **asdict(done),
                "runs_forgotten": forgotten,
                "leftovers_removed": leftovers,
                "tables": len(tables),
                "bytes": sum(table.size_bytes for table in tables),
                "duration_s": round(time.monotonic() - started, 3),
            },
            check_results=[
                dg.AssetCheckResult(
                    check_name=WHOLE,
                    passed=not problems,
                    description="\n".join(problems) or None,
                    metadata={"problems": len(problems)},
                )
            ],
        )

    return maintain


@contextmanager
def _as_job(platform: Platform, project_id: int, run_id: str) -> Iterator[None]:
    """Write down that it runs and how it ends, for `pwh jobs` and health. Raises Dagster's failure for any error."""
    store = platform.store
    job = store.start_job(project_id, JobKind.MAINTENANCE, "lake", "lake maintenance", run_id)
    try:
        yield
    except Exception as error:
        trouble = Trouble.of(error)
        store.finish_job(job.id, JobStatus.FAILED, error=trouble.text, error_code=trouble.code)
        log_unexpected(error, "lake maintenance")
        raise failure_of("lake", "maintenance", {"maintenance": trouble}, 1) from None
    except BaseException:
        store.finish_job(job.id, JobStatus.CANCELLED)
        raise
    store.finish_job(job.id, JobStatus.COMPLETED)
