"""Change sensors: one per kind of source. New tables sync at once, changed ones within minutes."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import dagster as dg

from pwh_assets.core.names import slug
from pwh_assets.core.source import SyncedTable, TableStatus
from pwh_assets.errors import PwhError
from pwh_assets.orchestration.asking import ask_all
from pwh_assets.orchestration.inventory import Inventory, by_source
from pwh_assets.orchestration.jobs import table_key
from pwh_assets.orchestration.names import queue_tags, sync_job_name
from pwh_assets.orchestration.processes import fail_dead_runs
from pwh_assets.orchestration.schedules import UNDERWAY
from pwh_assets.orchestration.specs import is_scheduled
from pwh_assets.resources.secrets import SourceSecrets
from pwh_assets.services.platform import Platform
from pwh_assets.services.scrub import scrub, secret_values
from pwh_assets.sources.base import ReadRequest, SourceType

if TYPE_CHECKING:
    from pwh_assets.orchestration.jobs import AssetJob

EVERY_S = 60
QUIET = timedelta(minutes=5)
"""A table that changes all the time is synced this often, not with every tick."""
PROBE_S = 40.0
"""What has not answered by then is asked again next time (Dagster ends a tick after 60 s)."""


@dataclass(frozen=True, slots=True)
class Start:
    """How a table's sync is asked for."""

    job_name: str
    key: dg.AssetKey


@dataclass(frozen=True, slots=True)
class Probed:
    """What one source said: a text per table, or why it said nothing."""

    values: Mapping[str, str]
    """Table id -> text that differs when the table may have changed."""
    error: str = ""


def sensors_of(
    inventories: Iterable[Inventory], jobs: "Mapping[str, AssetJob]"
) -> list[dg.SensorDefinition]:
    """One sensor per source type in use, over all projects. `jobs` are all jobs by name."""
    started: dict[str, dict[str, AssetJob]] = {}
    starts: dict[str, Start] = {}
    for inventory in inventories:
        for source_slug, (source, tables) in inventory.sources.items():
            name = sync_job_name(inventory, source_slug)
            started.setdefault(source.source_type, {})[name] = jobs[name]
            for table in tables:
                starts[table.id] = Start(name, table_key(inventory.graph, table))
    known = KnownTables([inventory.project_id for inventory in inventories])
    return [
        _sensor(kind, list(each.values()), starts, known) for kind, each in sorted(started.items())
    ]


class KnownTables:
    """The tables that sync by themselves, as they are now. What they are is read again when a catalog changed, else only
    how far their syncs came.
    """

    def __init__(self, project_ids: Sequence[int]) -> None:
        self._project_ids = project_ids
        self._kept: tuple[list[str], list[SyncedTable]] | None = None

    def now(self, platform: Platform, source_type: str) -> list[SyncedTable]:
        """Those of sources of this type."""
        store = platform.store
        versions = [store.catalog_version(project_id) for project_id in self._project_ids]
        if self._kept is None or self._kept[0] != versions:
            known = set(self._project_ids)
            tables = [each for each in store.tables() if each.project_id in known]
            self._kept = versions, [each for each in tables if is_scheduled(each)]
        tables = [each for each in self._kept[1] if each.source.source_type == source_type]
        progress = store.sync_progress()
        found = []
        for table in tables:
            if (state := progress.get(table.id)) is not None:
                status, watermark, synced_at = state
                found.append(
                    replace(table, status=status, watermark=watermark, last_synced_at=synced_at)
                )
        return found


def _sensor(
    source_type: str,
    jobs: "Sequence[AssetJob]",
    starts: Mapping[str, Start],
    known: KnownTables,
) -> dg.SensorDefinition:
    @dg.sensor(
        name=f"changes_in_{slug(source_type)}",
        jobs=jobs,
        minimum_interval_seconds=EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Syncs new {source_type} tables at once, and tables that changed at the source "
        f"within {QUIET.seconds // 60} minutes.",
    )
    def evaluate(
        context: dg.SensorEvaluationContext,
        platform: dg.ResourceParam[Platform],
        secrets: dg.ResourceParam[SourceSecrets],
    ) -> dg.SensorResult:
        fail_dead_runs(context.instance, platform)
        tables = [each for each in known.now(platform, source_type) if each.id in starts]
        probed = probe_all(platform, secrets, tables)
        for error in sorted({each.error for each in probed if each.error}):
            context.log.warning("A source could not be asked for changes. %s", error)
        before: dict[str, str] = json.loads(context.cursor or "{}")
        seen = {table_id: text for each in probed for table_id, text in each.values.items()}
        due, after = decide(tables, before, seen, datetime.now(UTC), _asked(context, starts))
        requests = list(_requests(due, starts, after))
        return dg.SensorResult(
            run_requests=requests,
            cursor=json.dumps(after, sort_keys=True),
            skip_reason=None if requests else f"Nothing new in {len(tables)} tables.",
        )

    return evaluate


def decide(
    tables: Sequence[SyncedTable],
    before: Mapping[str, str],
    seen: Mapping[str, str],
    now: datetime,
    asked: Collection[str] = (),
) -> tuple[list[SyncedTable], dict[str, str]]:
    """Which tables to sync, and the cursor to keep. Pure.

    A table without a remembered probe is remembered, and synced only when it never was. One that changed
    within `QUIET` of its last sync, or that a run which has not ended will read (`asked`), keeps its old probe, so
    that it is looked at again afterwards. A source's first sync may take hours: it is asked for once.
    """
    due, after = [], {}
    for table in tables:
        new, old = seen.get(table.id), before.get(table.id)
        is_new = table.status is TableStatus.NEVER_RUN
        if table.id in asked:
            if (kept := old or new) is not None:
                after[table.id] = kept
            continue
        if new is None:
            if old is not None:
                after[table.id] = old
        elif old is None or old == new or is_new:
            after[table.id] = new
        elif table.last_synced_at is not None and now - table.last_synced_at < QUIET:
            after[table.id] = old
            continue
        else:
            after[table.id] = new
            due.append(table)
            continue
        if is_new:
            due.append(table)
    return due, after


def probe_all(
    platform: Platform, secrets: SourceSecrets, tables: Sequence[SyncedTable]
) -> list[Probed]:
    """Ask every source of these tables at the same time, each once, within `PROBE_S` in all."""
    return ask_all(partial(_probe, platform, secrets), by_source(tables), PROBE_S)


def _probe(platform: Platform, secrets: SourceSecrets, tables: Sequence[SyncedTable]) -> Probed:
    """Ask the one source of these tables."""
    source = tables[0].source
    kind: SourceType | None = platform.sources.get(source.source_type)
    if kind is None or not hasattr(kind, "probe"):
        return Probed({})
    ids = {table.name: table.id for table in tables}
    requests = [
        ReadRequest(
            table.name,
            table.mode,
            table.columns,
            table.primary_key,
            cursor=table.cursor,
            since=table.watermark,
        )
        for table in tables
    ]
    try:
        config = secrets.config(source)
    except PwhError as error:
        return Probed({}, f"`{source.slug}`: {error.sentence}")
    try:
        found = kind.probe(config, requests)
    except Exception as error:
        words = scrub(str(error), secret_values(kind, config)).strip().splitlines() or ["no reason"]
        return Probed({}, f"`{source.slug}`: {words[0]}")
    return Probed({ids[name]: text for name, text in found.items() if text and name in ids})


def _asked(context: dg.SensorEvaluationContext, starts: Mapping[str, Start]) -> set[str]:
    """Ids of the tables that are in a run which waits or runs."""
    runs = context.instance.get_runs(filters=dg.RunsFilter(statuses=UNDERWAY))
    chosen = {(run.job_name, key) for run in runs for key in run.asset_selection or ()}
    whole = {run.job_name for run in runs if run.asset_selection is None}
    return {
        table_id
        for table_id, start in starts.items()
        if start.job_name in whole or (start.job_name, start.key) in chosen
    }


def _requests(
    due: Sequence[SyncedTable], starts: Mapping[str, Start], seen: Mapping[str, str]
) -> Iterable[dg.RunRequest]:
    """One run per source. Its key is made of what was seen and synced, so that one change is taken up once."""
    for tables in by_source(due):
        source = tables[0].source
        facts = [
            [table.id, seen.get(table.id, "new"), str(table.last_synced_at)] for table in tables
        ]
        yield dg.RunRequest(
            run_key=hashlib.sha256(json.dumps(sorted(facts)).encode()).hexdigest()[:32],
            job_name=starts[tables[0].id].job_name,
            asset_selection=[starts[table.id].key for table in tables],
            tags=queue_tags(source.project_id, "sync", source.slug),
        )
