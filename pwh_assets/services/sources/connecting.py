"""Connecting a source, showing it, following its schema, changing how its tables sync, and letting it go."""

import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields
from typing import Any

from pwh_assets.core.names import table_spellings
from pwh_assets.core.nested import divided, overlaid, value_at
from pwh_assets.core.options import AutoSync, TableOptions
from pwh_assets.core.source import DiscoveredTable, Source, SyncedTable, SyncMode, TableStatus
from pwh_assets.errors import BusyError, InvalidInputError, NotFoundError, PwhError, quoted
from pwh_assets.services.changes.care import drop_stream
from pwh_assets.services.changes.tuning import forget_tuning
from pwh_assets.services.platform import Platform
from pwh_assets.services.scrub import scrubbed
from pwh_assets.services.sources import webhooks
from pwh_assets.services.sources.body import (
    apply,
    auto_sync_of,
    best,
    check_fields,
    chosen,
    parse_body,
)
from pwh_assets.services.sources.egress import guarded, hosts_of
from pwh_assets.services.sources.options import stored_differently
from pwh_assets.services.sources.view import source_to_dict
from pwh_assets.services.sync.leftovers import clear_leftovers
from pwh_assets.services.views.managed import forget_source
from pwh_assets.sources.base import SourceType, secret_fields
from pwh_assets.sources.network.tunnel import pinned, with_new_bastion_unpinned
from pwh_assets.sources.registry import find
from pwh_assets.store import NewTable

log = logging.getLogger(__name__)

CHANGE_WAIT_S = 60.0
"""For the change before ours: of a source it may have to wait for the source's answer."""


def create_source(platform: Platform, project_id: int, body: Mapping[str, Any]) -> Source:
    """Connect a source: check the body, test the connection, discover the tables, keep it all or nothing.

    `body` is the API's create body. Without `schemas` every table syncs in its best mode; with them the
    named ones sync as said and the others are known but do not sync.

    Raises:
        InvalidInputError: a field is wrong (`attr` names it), or a host leads into our own network.
        NameClashError: a table's HogQL name is taken; both sides are named.
        SourceExistsError: a source of this type and prefix is connected.
        SourceAccessError, SourceUnavailableError: the source refused us or did not answer.
    """
    wanted = parse_body(body)
    auto_sync = auto_sync_of(body, AutoSync())
    source_type = find_type(platform, wanted.source_type)
    check_fields(source_type, wanted.payload)
    config, discovered = look(platform, source_type, wanted.payload)
    if wanted.schemas is None:
        tables = [best(table) for table in discovered]
    else:
        tables = chosen(wanted.schemas, discovered)
        named = {table.name for table in tables}
        others = [best(table, should_sync=False) for table in discovered if table.name not in named]
        tables += _without_clashes(
            platform, project_id, source_type.name, wanted.prefix, tables, others
        )
    shown, secrets = divided(config, secret_fields(source_type))
    source = platform.store.add_source(
        project_id,
        source_type.name,
        wanted.prefix,
        wanted.description,
        shown,
        {name: value for name, value in secrets.items() if value is not None},
        tables,
    )
    return platform.store.update_source(source.id, auto_sync=auto_sync) if auto_sync else source


def preview_source(
    platform: Platform, body: Mapping[str, Any], rows: int = 10
) -> dict[str, list[dict[str, Any]]]:
    """The first rows of each table a create body would connect; nothing is kept.

    Raises:
        InvalidInputError: a field is wrong, or this type of source has no preview.
        SourceAccessError, SourceUnavailableError: the source refused us or did not answer.
    """
    wanted = parse_body(body)
    source_type = find_type(platform, wanted.source_type)
    check_fields(source_type, wanted.payload)
    preview = getattr(source_type, "preview", None)
    if preview is None:
        raise InvalidInputError(
            "source_type",
            f"A source of type `{source_type.name}` has no preview. Connect it and sync a table.",
        )
    with scrubbed(source_type, wanted.payload):
        config = guarded(platform.settings, source_type.validate(wanted.payload))
        found: dict[str, list[dict[str, Any]]] = preview(config)
    return {name: each[:rows] for name, each in found.items()}


def list_sources(platform: Platform, project_id: int) -> list[dict[str, Any]]:
    """Every source with its tables, without credentials."""
    tables: dict[str, list[SyncedTable]] = {}
    for table in platform.store.tables(project_id):
        tables.setdefault(table.source.id, []).append(table)
    return [
        source_to_dict(source, platform.sources.get(source.source_type), tables.get(source.id, []))
        for source in platform.store.sources(project_id)
    ]


def show_source(platform: Platform, project_id: int, source_id: str) -> dict[str, Any]:
    """One source with its tables and their columns, without credentials. Raises NotFoundError."""
    source = platform.store.source(source_id, project_id)
    tables = platform.store.tables(project_id, source.id)
    return source_to_dict(
        source, platform.sources.get(source.source_type), tables, with_columns=True
    )


def refresh_source(platform: Platform, project_id: int, source_id: str) -> dict[str, int]:
    """Look again what tables the source has.

    New tables are added and do not sync until told to, unless the source's `auto_sync_new_schemas` says so. A table that is gone is marked missing, and
    forgotten when it never was synced.

    Returns:
        `added`, `auto_enabled` of them, `deleted`, `returned` (missing before, there again), `changed` (other
        columns or keys) and `total_tables_seen`.

    Raises:
        NotFoundError, SourceAccessError, SourceUnavailableError.
    """
    store = platform.store
    source = store.source(source_id, project_id)
    source_type = find_type(platform, source.source_type)
    _, discovered = look(platform, source_type, store.source_config(source.id))
    known = {table.name: table for table in store.tables(project_id, source.id)}
    seen = {table.name: table for table in discovered}
    counts = {"added": 0, "deleted": 0, "returned": 0, "changed": 0, "total_tables_seen": len(seen)}
    new = [
        best(table, should_sync=source.auto_sync.matches(name))
        for name, table in seen.items()
        if name not in known
    ]
    new = _without_clashes(platform, project_id, source.source_type, source.prefix, [], new)
    store.add_tables(source.id, new)
    counts["added"] = len(new)
    counts["auto_enabled"] = sum(table.should_sync for table in new)
    for name, table in known.items():
        if name not in seen:
            if not table.is_missing:
                counts["deleted"] += 1
                _forget(platform, table)
            continue
        changes = _changes(table, seen[name])
        if changes:
            counts["returned" if table.is_missing else "changed"] += 1
            store.update_table(table.id, **changes)
    return counts


def remove_source(platform: Platform, project_id: int, source_id: str) -> dict[str, Any]:
    """Soft delete the source with its tables and managed views, wipe its credentials and drop its rows from the lake.

    Returns:
        `tables`: how many went; `views`: names of people's views that read one of them and cannot run any more;
        `left_behind`: why something we set up at the source (a slot, a webhook) may still be there, or None.

    Raises:
        NotFoundError: no such source.
        BusyError: one of its tables is being synced or its managed views built; the source is still there.
    """
    store = platform.store
    source = store.source(source_id, project_id)
    tables = store.tables(project_id, source.id)
    spelled = {
        name for t in tables for name in table_spellings(source.source_type, source.prefix, t.name)
    }
    _wait_for_syncs(platform, tables, timeout_s=0)
    spelled |= {name.lower() for name in forget_source(platform, source)}
    views = [
        view.name
        for view in store.views(project_id)
        if spelled & {name.lower() for name in view.inputs}
    ]
    left_behind = _teardown(platform, source)
    store.remove_source(source.id)
    _wait_for_syncs(
        platform, tables, timeout_s=600
    )  # one may have begun in between; none begins now
    platform.lakes.of(project_id).drop_schema(source.slug)
    webhooks.forget(platform, source.id)
    forget_tuning(platform, source)
    for table in tables:
        store.remove_quality_checks_of(table.id)
    clear_leftovers(platform, project_id)
    return {"tables": len(tables), "views": views, "left_behind": left_behind}


def _teardown(platform: Platform, source: Source) -> str | None:
    """Let the source undo what it set up at its place (slots, webhooks); why it could not, or None."""
    source_type = platform.sources.get(source.source_type)
    teardown = getattr(source_type, "teardown", None)
    try:
        drop_stream(platform, source)
        if source_type is None or teardown is None:
            return None
        config = platform.store.source_config(source.id)
        with scrubbed(source_type, config):
            teardown(guarded(platform.settings, config))
    except PwhError as error:  # a source that is gone must not keep us from letting it go
        log.warning("%s: teardown failed: %s", source.slug, error.sentence)
        return error.sentence
    return None


def update_source(
    platform: Platform, project_id: int, source_id: str, body: Mapping[str, Any]
) -> Source:
    """Change description, fields or credentials; the connection is tested before anything is kept.

    Secrets that are left out stay as they are, unless a host changes: then they have to be entered again,
    so that nobody can have them sent to a place of their own. For the same reason a secret field of several
    parts, such as `auth` of a REST source, is replaced as a whole.

    Raises:
        InvalidInputError, NotFoundError, SourceAccessError, SourceUnavailableError.
    """
    source = platform.store.source(source_id, project_id)
    with _changing(platform, source.id):
        return _changed_source(platform, source, body)


def _changed_source(platform: Platform, source: Source, body: Mapping[str, Any]) -> Source:
    store = platform.store
    wanted = parse_body({"source_type": source.source_type, **body})
    if find_type(platform, wanted.source_type).name != source.source_type:
        raise InvalidInputError(
            "source_type", "A source keeps its type. Connect another source for another type."
        )
    if "prefix" in body and wanted.prefix != source.prefix:
        raise InvalidInputError(
            "prefix",
            "A source keeps its prefix, because queries name its tables by it. Connect it again with another one.",
        )
    if wanted.schemas is not None:
        raise InvalidInputError(
            "schemas", "Change tables one by one: `pwh source update ID --table NAME`."
        )
    description = wanted.description if "description" in body else None
    auto_sync = auto_sync_of(body, source.auto_sync)
    if not wanted.payload:
        return store.update_source(source.id, description=description, auto_sync=auto_sync)
    source_type = find_type(platform, source.source_type)
    check_fields(source_type, wanted.payload)
    hidden = secret_fields(source_type)
    before = store.source_config(source.id)
    changed = overlaid(before, wanted.payload, hidden)
    after = with_new_bastion_unpinned(before, changed, wanted.payload)
    _insist_on_secrets(before, after, wanted.payload, hidden)
    config, _ = look(platform, source_type, after)
    shown, _ = divided(config, hidden)
    return store.update_source(
        source.id,
        description=description,
        auto_sync=auto_sync,
        config=shown,
        secrets={
            name: value_at(config, name)
            for name in hidden
            if value_at(wanted.payload, name) is not None
            or value_at(config, name) != value_at(before, name)
        },
    )


def update_table(
    platform: Platform, project_id: int, table: str, changes: Mapping[str, Any]
) -> SyncedTable:
    """Change how one table syncs, in the words of a `schemas` entry. `table` is its id or any spelling.

    Another mode, cursor or key begins anew: the watermark is forgotten, the next sync reads everything. So it
    does after other columns, filters or masks, because stored rows are wrong then: `resync_reason` says so, and
    the next sync makes the table anew.

    Raises:
        InvalidInputError, NotFoundError.
    """
    if "name" in changes:
        raise InvalidInputError("name", "A table keeps the name it has at the source.")
    table_id = find_table(platform, project_id, table).id
    with _changing(platform, table_id):
        return _changed_table(platform, project_id, table_id, changes)


def _changed_table(
    platform: Platform, project_id: int, table_id: str, changes: Mapping[str, Any]
) -> SyncedTable:
    found = find_table(platform, project_id, table_id)
    now = NewTable(**{field.name: getattr(found, field.name) for field in fields(NewTable)})
    wanted = apply(changes, now, modes_of(platform, found))
    values = {
        field.name: getattr(wanted, field.name)
        for field in fields(NewTable)
        if getattr(wanted, field.name) != getattr(now, field.name)
    }
    if values.keys() & {"mode", "cursor", "primary_key"}:
        platform.lakes.of(project_id).forget_state(found.id)
        values["watermark"] = None
    if "options" in values:
        values |= _resync_for(platform, found, values["options"])
    if "should_sync" in values:
        if not values["should_sync"]:
            values["status"] = TableStatus.PAUSED
        elif found.status is TableStatus.PAUSED:
            never = found.last_synced_at is None
            values["status"] = TableStatus.NEVER_RUN if never else TableStatus.COMPLETED
    return platform.store.update_table(found.id, **values) if values else found


@contextmanager
def _changing(platform: Platform, subject_id: str) -> Iterator[None]:
    """One change of a source or a table at a time: each begins with what the one before it left.

    Raises:
        BusyError: changes before it take longer than a minute.
    """
    from pwh_assets.lake.locks import hold

    with hold(platform.settings, f"change-{subject_id}", CHANGE_WAIT_S):
        yield


def _resync_for(platform: Platform, table: SyncedTable, options: TableOptions) -> dict[str, Any]:
    """What follows for the rows that are stored already."""
    changed = stored_differently(table.options, options)
    if not changed or (table.last_synced_at is None and table.row_count is None):
        return {}
    if "masks" in changed:
        from pwh_assets.lake.locks import hold

        # Rows an interrupted sync left on disk may show what is masked now.
        with suppress(BusyError), hold(platform.settings, f"sync-{table.id}"):
            shutil.rmtree(platform.settings.home / "pipelines" / table.id, ignore_errors=True)
    words = quoted(changed)
    return {"resync_reason": f"{words} changed after rows were stored."}


def find_table(platform: Platform, project_id: int, name: str) -> SyncedTable:
    """The table a text means, by id or any spelling. Raises NotFoundError with the nearest name."""
    found = platform.store.find_table(project_id, name)
    if found is None:
        near = platform.store.nearest_table(project_id, name)
        hint = (
            f"Did you mean `{near}`?" if near else "`pwh source list` shows the tables there are."
        )
        raise NotFoundError("table", name, hint)
    return found


def find_type(platform: Platform, name: str) -> SourceType:
    """The source type by its name or label in any case. Raises InvalidInputError with the nearest one."""
    return find(platform.sources, _ALIASES.get(name.strip().lower(), name))


_ALIASES = {"postgresql": "postgres", "pg": "postgres"}


def look(
    platform: Platform, source_type: SourceType, payload: Mapping[str, Any]
) -> tuple[dict[str, Any], list[DiscoveredTable]]:
    """The checked config and the tables it leads to, after a test of the connection."""
    with scrubbed(source_type, payload):
        config = source_type.validate(payload)
        reached = pinned(guarded(platform.settings, config))
        source_type.test_connection(reached)
        found = source_type.tables(reached)
    return {name: reached[name] for name in config}, found


def modes_of(platform: Platform, table: SyncedTable) -> list[SyncMode]:
    """What the table's source could do: few push, tell what changed, or say which transaction wrote a row."""
    source_type = platform.sources.get(table.source.source_type)
    wants = {
        SyncMode.WEBHOOK: "receive",
        SyncMode.CDC: "changes",
        SyncMode.XMIN: "has_xmin",
        SyncMode.IN_PLACE: "place",
    }
    return [mode for mode in SyncMode if mode not in wants or hasattr(source_type, wants[mode])]


def _without_clashes(
    platform: Platform,
    project_id: int,
    source_type: str,
    prefix: str,
    chosen_tables: list[NewTable],
    others: list[NewTable],
) -> list[NewTable]:
    """Those of the others nobody asked for whose names are free; an unasked table must not refuse a source."""

    def spelled(name: str) -> set[str]:
        return set(table_spellings(source_type, prefix, name))

    taken = set(platform.store.names_in_use(project_id))
    for table in chosen_tables:
        taken |= spelled(table.name)
    free = []
    for table in others:
        if not spelled(table.name) & taken:
            taken |= spelled(table.name)
            free.append(table)
    return free


def _changes(table: SyncedTable, seen: DiscoveredTable) -> dict[str, Any]:
    wanted: dict[str, Any] = {"is_missing": False, "cursors": seen.cursors}
    if seen.columns:
        wanted["available"] = seen.columns
    if seen.columns and table.last_synced_at is None:
        wanted["columns"] = seen.columns  # later the sync itself follows the columns
    if not table.primary_key:
        wanted["primary_key"] = seen.primary_key
    if seen.description and not table.description:
        wanted["description"] = seen.description
    return {name: value for name, value in wanted.items() if getattr(table, name) != value}


def _wait_for_syncs(platform: Platform, tables: list[SyncedTable], timeout_s: float) -> None:
    from pwh_assets.lake.locks import hold

    for table in tables:
        try:
            with hold(platform.settings, f"sync-{table.id}", timeout_s):
                pass
        except BusyError:
            raise BusyError(
                f"`{table.table_name}` is being synced right now. Remove the source when that has ended."
            ) from None


def _forget(platform: Platform, table: SyncedTable) -> None:
    if table.last_synced_at is None and table.row_count is None and not table.should_sync:
        platform.store.remove_table(table.id)
    else:
        platform.store.update_table(table.id, is_missing=True)


def _insist_on_secrets(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    payload: Mapping[str, Any],
    hidden: frozenset[str],
) -> None:
    moved = _led_to(after) - _led_to(before)
    if not moved:
        return
    for name in sorted(hidden):
        if value_at(before, name) and not value_at(payload, name):
            raise InvalidInputError(
                name,
                f"`{next(iter(moved))[0]}` changes, so `{name}` has to be entered again. Put it into the payload too.",
            )


def _led_to(config: Mapping[str, Any]) -> set[tuple[str, str, bool]]:
    """Field and host of whatever gets credentials, from here or from behind a tunnel."""
    inner = {name: value for name, value in config.items() if name != "ssh_tunnel"}
    here = {(attr, host, True) for attr, host in hosts_of(config)}
    return here | {(attr, host, False) for attr, host in hosts_of(inner)}
