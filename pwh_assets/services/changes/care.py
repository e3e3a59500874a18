"""Looking after a source's stream of changes: what is missing, how it stands, beginning anew, ending it."""

import contextlib
import logging
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from pwh_assets.core.health import HealthIssue, IssueKind
from pwh_assets.core.source import Source, SyncedTable, SyncMode
from pwh_assets.errors import BusyError, InvalidInputError, PwhError
from pwh_assets.services.changes.stream import StreamBusyHereError
from pwh_assets.services.changes.tables import change_source, facts_of, spec_of, stream_id
from pwh_assets.services.changes.tuning import DEFAULT, StreamTuning, stream_tuning
from pwh_assets.services.platform import Platform
from pwh_assets.services.scrub import scrubbed
from pwh_assets.services.sources.egress import guarded
from pwh_assets.sources.changes import ChangeSource, Finding, StreamTable

log = logging.getLogger(__name__)

ROOM_BYTES = 1 << 30
"""A source that will throw away what we have not read after this many bytes more is one too."""


def check_stream(platform: Platform, project_id: int, source_id: str) -> list[dict[str, Any]]:
    """What keeps the source, or its tables in mode `cdc`, from being streamed; all its tables when none is yet.

    Returns problems with `problem`, `statements` to run at the source, and `table` (None for the source as a whole).

    Raises:
        NotFoundError, InvalidInputError: no such source, or its type has no stream.
    """
    tables = platform.store.tables(project_id, platform.store.source(source_id, project_id).id)
    streamed = [table for table in tables if table.mode is SyncMode.CDC] or [
        table for table in tables if not table.is_missing
    ]
    findings = stream_findings(platform, project_id, source_id, streamed)
    return [
        {
            "table": finding.table,
            "problem": finding.problem,
            "statements": list(finding.statements),
        }
        for finding in findings
    ]


def stream_findings(
    platform: Platform, project_id: int, source_id: str, tables: list[SyncedTable]
) -> list[Finding]:
    """What keeps these tables of a source from being streamed. Raises as `check_stream`."""
    source, changes = _of(platform, project_id, source_id)
    with _config(platform, source) as config:
        return changes.check(config, spec_of(source.id, _told(tables)))


def stream_status(platform: Platform, project_id: int, source_id: str) -> dict[str, Any]:
    """How the stream stands at the source now and how far the lake is; also written down for `pwh health`."""
    source, changes = _of(platform, project_id, source_id)
    tables = _streamed(platform, source)
    with _config(platform, source) as config:
        status = changes.status(config, spec_of(source.id, _told(tables)))
    facts = facts_of(status)
    known = platform.store.stream(source.id)
    if known is not None:
        platform.store.note_stream(project_id, source.id, facts=facts)
    lake = platform.lakes.of(project_id)
    state = lake.state(stream_id(source.id))
    return {
        "source": source.slug,
        **facts,
        "position": state.watermark if state else None,
        "tables": [
            {
                "table": table.table_name,
                "is_in_stream": _is_joined(lake.state(table.id)),
                "table_mode": table.options.cdc_table_mode,
            }
            for table in tables
        ],
    }


def repair_stream(platform: Platform, project_id: int, source_id: str) -> dict[str, Any]:
    """Let go of the stream at the source and of its position here: the next sync makes a new one and reads every
    table whole. Rows stay in the lake until then.

    Raises:
        BusyError: it is being read.
        SourceAccessError, SourceUnavailableError: the old one could not be dropped; nothing was changed.
    """
    source, changes = _of(platform, project_id, source_id)
    tables = _streamed(platform, source)
    with _alone(platform, source, tables):
        with _config(platform, source) as config:
            changes.drop(config, spec_of(source.id, _told(tables)))
        _forget(platform, source, tables)
    return {"source": source.slug, "tables": [table.table_name for table in tables]}


def disable_stream(platform: Platform, project_id: int, source_id: str) -> dict[str, Any]:
    """End the stream for good: drop it at the source; its tables are read whole from now on (`full`)."""
    done = repair_stream(platform, project_id, source_id)
    for table in platform.store.tables(project_id, source_id):
        if table.mode is SyncMode.CDC:
            platform.store.update_table(table.id, mode=SyncMode.FULL, cursor=None, watermark=None)
    return done


def drop_stream(platform: Platform, source: Source) -> None:
    """Remove what streaming made at the source; nothing happens where it never streamed.

    Raises:
        SourceAccessError, SourceUnavailableError: something may still be there.
    """
    changes = change_source(platform, source)
    if changes is None or platform.store.stream(source.id) is None:
        return
    try:
        with _config(platform, source) as config:
            changes.drop(config, spec_of(source.id))
    except PwhError as error:
        error.args = (
            f"{error.sentence} The stream `{spec_of(source.id).name}` may still be at the source and make it keep its "
            "log: drop it there.",
        )
        raise
    finally:
        platform.store.forget_stream(source.id)


def stream_issues(platform: Platform, project_id: int) -> list[HealthIssue]:
    """Streams that make their source keep too much, or are about to lose what was not read."""
    found = []
    sources = {source.id: source for source in platform.store.sources(project_id)}
    for record in platform.store.streams(project_id):
        source = sources.get(record.source_id)
        if source is None or not _streamed(platform, source):
            continue
        trouble = _trouble(dict(record.facts), stream_tuning(platform, project_id, source.id))
        if trouble is not None:
            found.append(
                HealthIssue(
                    id=source.id,
                    name=source.slug,
                    type="external_data_sync",
                    kind=IssueKind.LAGGING,
                    error=trouble,
                    way_out=f"See that its tables sync (`pwh source cdc status {source.slug}`), or end the stream: "
                    f"`pwh source cdc disable {source.slug}`.",
                    since=record.checked_at,
                    source_type=source.source_type,
                    source=source.slug,
                )
            )
    return found


def _trouble(facts: dict[str, Any], tuning: StreamTuning = DEFAULT) -> str | None:
    """What is wrong with a stream that stands like this, in words.

    >>> _trouble({"lag_bytes": 12 << 30})
    'The source keeps 12.0 GiB of its log for changes that were not read yet.'
    >>> _trouble({"lag_bytes": 3 << 20}, StreamTuning(1, 2))
    'The source keeps 3.0 MiB of its log for changes that were not read yet, more than the critical 2 MiB.'
    >>> _trouble({"lag_bytes": 5, "wal_status": "unreserved"})
    'The source may throw away changes that were not read yet at any moment.'
    >>> _trouble({"lag_bytes": 5, "wal_status": "reserved"}) is None
    True
    """
    if facts.get("is_lost"):
        return facts.get("error") or "The source has thrown away changes that were not read."
    room = facts.get("safe_wal_size")
    if facts.get("wal_status") == "unreserved" or (room is not None and room <= 0):
        return "The source may throw away changes that were not read yet at any moment."
    lag = facts.get("lag_bytes") or 0
    if lag >= tuning.lag_warning_mb << 20:
        size = f"{lag / (1 << 30):.1f} GiB" if lag >= 1 << 30 else f"{lag / (1 << 20):.1f} MiB"
        critical = tuning.lag_critical_mb
        is_pressing = critical is not None and lag >= critical << 20
        more = f", more than the critical {critical:,} MiB" if is_pressing else ""
        return f"The source keeps {size} of its log for changes that were not read yet{more}."
    if room is not None and room < ROOM_BYTES and lag > room:
        return f"After {room / (1 << 20):.0f} MiB more the source throws away changes that were not read yet."
    return None


def _of(platform: Platform, project_id: int, source_id: str) -> tuple[Source, ChangeSource]:
    source = platform.store.source(source_id, project_id)
    changes = change_source(platform, source)
    if changes is None:
        raise InvalidInputError(
            "id",
            f"`{source.slug}` is a {source.source_type} source, which has no stream of changes.",
        )
    return source, changes


def _streamed(platform: Platform, source: Source) -> list[SyncedTable]:
    tables = platform.store.tables(source.project_id, source.id)
    return [table for table in tables if table.mode is SyncMode.CDC]


def _told(tables: list[SyncedTable]) -> list[StreamTable]:
    return [StreamTable(table.name, table.primary_key, table.columns) for table in tables]


def _is_joined(state: Any) -> bool:
    return state is not None and (state.cursor or "").startswith("changes ")


@contextmanager
def _config(platform: Platform, source: Source) -> Iterator[dict[str, Any]]:
    config = platform.store.source_config(source.id)
    with scrubbed(platform.sources[source.source_type], config):
        yield guarded(platform.settings, config)


@contextmanager
def _alone(platform: Platform, source: Source, tables: list[SyncedTable]) -> Iterator[None]:
    from pwh_assets.lake.locks import hold

    with ExitStack() as stack:
        try:
            for name in (f"changes-{source.id}", *(f"sync-{table.id}" for table in tables)):
                stack.enter_context(hold(platform.settings, name))
        except BusyError:
            raise StreamBusyHereError(source.slug) from None
        yield


def _forget(platform: Platform, source: Source, tables: list[SyncedTable]) -> None:
    lake = platform.lakes.of(source.project_id)
    for table_id in (stream_id(source.id), *(table.id for table in tables)):
        lake.forget_state(table_id)
    platform.store.forget_stream(source.id)
    for table in tables:
        folder = platform.settings.home / "pipelines" / table.id
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)
