"""Turning a source's stream of changes on, and from which lag on it is trouble."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pwh_assets.core.source import Source, SyncedTable, SyncMode
from pwh_assets.errors import InvalidInputError, UserError, quoted
from pwh_assets.services.changes.tables import spec_of
from pwh_assets.services.platform import Platform
from pwh_assets.services.scrub import scrubbed
from pwh_assets.services.sources.egress import guarded
from pwh_assets.sources.changes import Finding, StreamTable

DEFAULT_LAG_MB = 10 << 10
MOST_MB = 1 << 30


class PrerequisitesMissingError(UserError):
    """The source cannot be streamed as it is; nothing was changed."""

    code = "cdc_prerequisites_missing"

    def __init__(self, slug: str, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        problems = " ".join(finding.problem for finding in findings)
        statements = [each for finding in findings for each in finding.statements]
        run = f" Run there: `{'; '.join(statements)}`." if statements else ""
        super().__init__(f"`{slug}` cannot stream its changes yet: {problems}{run}")


@dataclass(frozen=True, slots=True)
class StreamTuning:
    """From which lag on a stream is an issue, in MiB of the source's log, and from which on it is pressing."""

    lag_warning_mb: int = DEFAULT_LAG_MB
    lag_critical_mb: int | None = None


DEFAULT = StreamTuning()


def check_connection(platform: Platform, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What keeps a source, before it is connected, from being streamed: all its tables, or those `schemas` names.

    Raises:
        InvalidInputError: a field is wrong, or its type has no stream.
        SourceAccessError, SourceUnavailableError: the source refused us or did not answer.
    """
    from pwh_assets.services.sources.body import check_fields, parse_body
    from pwh_assets.services.sources.connecting import find_type, look

    wanted = parse_body(body)
    source_type = find_type(platform, wanted.source_type)
    changes = getattr(source_type, "changes", None)
    if changes is None:
        raise InvalidInputError(
            "source_type", f"A {source_type.label} source has no stream of changes."
        )
    check_fields(source_type, wanted.payload)
    config, discovered = look(platform, source_type, wanted.payload)
    named = {str(each.get("name")) for each in wanted.schemas or ()}
    tables = [
        StreamTable(table.name, table.primary_key, table.columns)
        for table in discovered
        if not named or table.name in named
    ]
    with scrubbed(source_type, config):
        found = changes.check(guarded(platform.settings, config), spec_of("new", tables))
    return [
        {"table": one.table, "problem": one.problem, "statements": list(one.statements)}
        for one in found
    ]


def enable_stream(
    platform: Platform, project_id: int, source_id: str, names: Sequence[str] = ()
) -> dict[str, Any]:
    """Have tables of a source follow its stream: those named, by id or name at the source, or all that sync and have a
    primary key. The next sync makes the stream and reads them whole.

    Raises:
        NotFoundError, InvalidInputError: no such source or table, or its type has no stream.
        PrerequisitesMissingError: something is missing at the source; nothing was changed.
    """
    from pwh_assets.services.changes.care import stream_findings
    from pwh_assets.services.sources.connecting import update_table

    source = platform.store.source(source_id, project_id)
    tables = _chosen(platform, source, names)
    if found := stream_findings(platform, project_id, source_id, tables):
        raise PrerequisitesMissingError(source.slug, found)
    with platform.store.all_or_nothing(project_id):
        for table in tables:
            if table.mode is not SyncMode.CDC:
                update_table(platform, project_id, table.id, {"sync_type": "cdc"})
    return {"source": source.slug, "tables": [table.table_name for table in tables]}


def stream_tuning(platform: Platform, project_id: int, source_id: str) -> StreamTuning:
    """What a source's stream is set to."""
    kept = platform.store.project_settings(project_id).get(_setting(source_id))
    return StreamTuning(**json.loads(kept)) if kept else DEFAULT


def tune_stream(
    platform: Platform,
    project_id: int,
    source_id: str,
    *,
    lag_warning_mb: int | None = None,
    lag_critical_mb: int | None = None,
    drops_slot: bool | None = None,
) -> StreamTuning:
    """Set from which lag on the stream is an issue; None leaves a bound as it is.

    Args:
        drops_slot: true is refused: PWH never throws away changes on its own.

    Raises:
        NotFoundError, InvalidInputError.
    """
    from pwh_assets.services.changes.tables import change_source

    source = platform.store.source(source_id, project_id)
    if change_source(platform, source) is None:
        raise InvalidInputError(
            "id",
            f"`{source.slug}` is a {source.source_type} source, which has no stream of changes.",
        )
    if drops_slot:
        raise InvalidInputError(
            "cdc_auto_drop_slot",
            "PWH never drops a stream by itself: what was not read would be lost. It tells of the lag as a health "
            "issue; `disable_cdc` drops the stream.",
        )
    now = stream_tuning(platform, project_id, source_id)
    if lag_warning_mb is not None:
        now = replace(now, lag_warning_mb=lag_warning_mb)
    if lag_critical_mb is not None:
        now = replace(now, lag_critical_mb=lag_critical_mb)
    if now.lag_critical_mb is not None and now.lag_critical_mb < now.lag_warning_mb:
        raise InvalidInputError(
            "cdc_lag_critical_threshold_mb",
            f"The critical lag, {now.lag_critical_mb:,} MiB, is below the one that warns, {now.lag_warning_mb:,} MiB.",
        )
    value = None if now == DEFAULT else json.dumps(asdict(now))
    platform.store.set_project_settings(project_id, {_setting(source_id): value})
    return now


def forget_tuning(platform: Platform, source: Source) -> None:
    """The source goes."""
    platform.store.set_project_settings(source.project_id, {_setting(source.id): None})


def _chosen(platform: Platform, source: Source, names: Sequence[str]) -> list[SyncedTable]:
    tables = platform.store.tables(source.project_id, source.id)
    if not names:
        found = [
            each for each in tables if each.should_sync and not each.is_missing and each.primary_key
        ]
        if not found:
            raise InvalidInputError(
                "schemas", f"`{source.slug}` has no table that syncs and has a primary key."
            )
        return found
    known = {each.id: each for each in tables} | {each.name: each for each in tables}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InvalidInputError("schemas", f"`{source.slug}` has no table {quoted(unknown)}.")
    return list({known[name].id: known[name] for name in names}.values())


def _setting(source_id: str) -> str:
    return f"changes:{source_id}"
