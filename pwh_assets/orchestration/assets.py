"""Synced tables as assets: one multi-asset per source, in which a table that fails fails alone."""

import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING

import dagster as dg

from pwh_assets.core.job import JobStatus, SyncResult
from pwh_assets.core.source import Source, SyncedTable, SyncMode
from pwh_assets.errors import NotFoundError, PwhError, SourceUnavailableError
from pwh_assets.orchestration.checks import check_specs, check_synced, reported
from pwh_assets.orchestration.failures import failure_of, log_unexpected
from pwh_assets.orchestration.inventory import Inventory, scoped
from pwh_assets.orchestration.metadata import observation, of_sync
from pwh_assets.orchestration.processes import sign_run
from pwh_assets.orchestration.retry import TRIES, tell_retry, with_retries
from pwh_assets.orchestration.skipping import began_by_itself
from pwh_assets.orchestration.specs import synced_spec
from pwh_assets.orchestration.watcher import Outcome, Trouble, Watcher
from pwh_assets.resources.lake import LakeReader
from pwh_assets.services.platform import Platform
from pwh_assets.services.sync.ahead import Ahead
from pwh_assets.services.sync.dlt_resource import write_disposition
from pwh_assets.services.sync.running import was_stopped

if TYPE_CHECKING:
    from pwh_assets.services.changes.stream import SharedStream


class SyncConfig(dg.Config):
    """What one may choose when starting a sync by hand."""

    full: bool = False
    """Read everything again and replace the tables, whatever their mode."""


def source_assets(
    inventory: Inventory, source: Source, tables: Sequence[SyncedTable]
) -> dg.AssetsDefinition:
    """All tables of a source; any subset of them runs in one step of one run."""
    specs = [synced_spec(inventory, table) for table in tables]
    ids = {spec.key: table.id for spec, table in zip(specs, tables, strict=True)}

    @dg.multi_asset(
        name=scoped(inventory.project_id, source.slug, "tables"),
        specs=specs,
        check_specs=[
            check
            for spec, table in zip(specs, tables, strict=True)
            for check in check_specs(spec.key, table, inventory.checks_of.get(table.id, ()))
        ],
        can_subset=True,
        op_tags={"pwh/source_type": source.source_type},
    )
    def sync(
        context: dg.AssetExecutionContext,
        config: SyncConfig,
        platform: dg.ResourceParam[Platform],
        lake: dg.ResourceParam[LakeReader],
        watcher: dg.ResourceParam[Watcher],
        ahead: dg.ResourceParam[Ahead],
    ) -> Iterator[dg.MaterializeResult[None]]:
        sign_run(context)
        troubles: dict[str, Trouble] = {}
        now = [_current(platform, ids[key]) for key in sorted(context.selected_asset_keys)]
        shared = cache(partial(_stream, platform, [table for table in now if table is not None]))
        first = ahead.table.id if ahead.table else None
        keys = sorted(context.selected_asset_keys, key=lambda key: (ids[key] != first, key))
        try:
            for key in keys:
                table = _current(platform, ids[key])
                if table is None:
                    context.log.info("%s was removed meanwhile.", key.to_user_string())
                    continue
                if _is_done(context, platform, table):
                    context.log.info("%s was synced while this run waited.", table.table_name)
                    continue
                # Once the source did not answer in all tries, its other tables get one each.
                is_down = any(
                    each.code == SourceUnavailableError.code for each in troubles.values()
                )
                tries = 1 if is_down else TRIES
                done = _sync(context, platform, watcher, ahead, shared, table, config.full, tries)
                if isinstance(done, Trouble):
                    troubles[table.table_name] = done
                    continue
                table = _current(platform, table.id) or table
                yield _landed(context, platform, lake, watcher, key, table, done)
        finally:
            lake.close()
        if troubles:
            raise failure_of(source.slug, "table", troubles, len(context.selected_asset_keys))

    return sync


def _sync(
    context: dg.AssetExecutionContext,
    platform: Platform,
    watcher: Watcher,
    ahead: Ahead,
    shared: "Callable[[], SharedStream]",
    table: SyncedTable,
    full: bool,
    tries: int,
) -> SyncResult | Trouble:
    """Sync one table, again where that can help. Whatever goes wrong is this table's trouble alone."""
    attempts = itertools.count(1)

    def before_retry(error: PwhError, attempt: int, wait_s: float) -> None:
        for job in platform.store.jobs(table.project_id, 1, subject_id=table.id):
            platform.store.note_retry(job.id, datetime.now(UTC) + timedelta(seconds=wait_s))
        tell_retry(context, watcher, table, tries, error, attempt, wait_s)

    run_id = context.run.run_id
    watcher.started(table)
    try:
        return with_retries(
            lambda: (
                shared().sync if table.mode is SyncMode.CDC else partial(ahead.sync, platform)
            )(
                table,
                full=full,
                run_id=run_id,
                progress=lambda progress: watcher.progressed(table, progress),
                attempt=next(attempts),
            ),
            before_retry,
            tries=tries,
        )
    except Exception as error:
        if was_stopped(error):
            raise dg.DagsterExecutionInterruptedError from None
        trouble = Trouble.of(error)
        context.log.error("%s failed (%s): %s", table.table_name, trouble.code, trouble.text)
        log_unexpected(error, f"sync of {table.table_name}")
        watcher.ended(Outcome(table, run_id, trouble=trouble))
        return trouble


def _landed(
    context: dg.AssetExecutionContext,
    platform: Platform,
    lake: LakeReader,
    watcher: Watcher,
    key: dg.AssetKey,
    table: SyncedTable,
    done: SyncResult,
) -> dg.MaterializeResult[None]:
    """Check a table that was synced this moment, and say of it what Dagster is to show."""
    checks = check_synced(context, platform, lake, table, done)
    failed = tuple(check for check in checks if not check.passed)
    watcher.ended(Outcome(table, context.run.run_id, done, failed_checks=failed))
    upstream = dg.AssetKey(["external", *key.path])
    context.log_event(observation(upstream, done))
    return dg.MaterializeResult(
        asset_key=key,
        metadata=of_sync(table, done, upstream, _dlt_metadata(context, key, table)),
        check_results=reported(context, key, checks, table.table_name),
        data_version=_version(platform, table),
    )


def _stream(platform: Platform, tables: Sequence[SyncedTable]) -> "SharedStream":
    from pwh_assets.services.changes.stream import SharedStream

    return SharedStream(platform, tables)


def _current(platform: Platform, table_id: str) -> SyncedTable | None:
    """The table as it is configured now: definitions may be older than the last change."""
    with suppress(NotFoundError):
        return platform.store.table(table_id)
    return None


def _is_done(context: dg.AssetExecutionContext, platform: Platform, table: SyncedTable) -> bool:
    """Whether a sync that began after this run was asked for has read the table: a run that began by itself and waited
    for another (of the same source, or somebody's `pwh sync`) does not read it again.
    """
    if not began_by_itself(context.run):
        return False
    record = context.instance.get_run_record_by_id(context.run.run_id)
    newest = next(iter(platform.store.jobs(table.project_id, 1, subject_id=table.id)), None)
    return (
        record is not None
        and newest is not None
        and newest.status is JobStatus.COMPLETED
        and newest.created_at > record.create_timestamp
    )


def _version(platform: Platform, table: SyncedTable) -> dg.DataVersion | None:
    """The load that last changed the table: after a sync that moved nothing, its readers are as fresh as before."""
    state = platform.lakes.of(table.project_id).state(table.id)
    return dg.DataVersion(state.load_id) if state is not None else None


def _dlt_metadata(
    context: dg.AssetExecutionContext, key: dg.AssetKey, table: SyncedTable
) -> dict[str, object]:
    """The table in dlt's words, by dlt's translator where dlt moved the rows: for this alone it is not imported."""
    if "dlt" not in sys.modules:
        return {
            "dlt/resource": table.name,
            "dlt/write_disposition": write_disposition(table),
        }
    from pwh_assets.resources.translator import dlt_metadata

    spec = context.assets_def.specs_by_key[key]
    return dict(dlt_metadata(key, spec.group_name or "", table))
