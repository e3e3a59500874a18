"""`pwh source`: connect sources, look at them, change them, let them go."""

import argparse
from typing import Any

from pwh_assets.cli.arguments import Groups, command, group, open_project
from pwh_assets.cli.console import count, facts, note, print_json, say, table, when
from pwh_assets.cli.inputs import read_json
from pwh_assets.cli.source_cdc import register_cdc
from pwh_assets.cli.source_tables import options_in_words, register_tables, show_table
from pwh_assets.cli.subjects import find_source
from pwh_assets.errors import InvalidInputError, SourceError


def register(groups: Groups) -> None:
    nouns = group(groups, "source", "connected sources and their tables")
    add = command(nouns, "add", "connect a source; prints its id", _add)
    add.add_argument(
        "file", metavar="FILE", help="JSON with the API's create body, or - for standard input"
    )
    preview = command(
        nouns, "preview", "the first rows a source would bring; keeps nothing", _preview
    )
    preview.add_argument("file", metavar="FILE", help="as for add")
    preview.add_argument("--rows", metavar="N", type=int, default=10, help="rows of each table")
    command(nouns, "list", "all sources with their tables", _list)
    show = command(
        nouns, "show", "one source with its tables, or one table with its options", _show
    )
    show.add_argument("id", metavar="ID|TABLE")
    refresh = command(nouns, "refresh", "look again what tables the source has", _refresh)
    refresh.add_argument("id", metavar="ID")
    remove = command(
        nouns, "remove", "disconnect a source and drop its rows from the lake", _remove
    )
    remove.add_argument("id", metavar="ID")
    update = command(
        nouns, "update", "change fields or credentials, or how one table syncs", _update
    )
    update.add_argument("id", metavar="ID")
    update.add_argument(
        "file", metavar="FILE", nargs="?", help="JSON with description and payload, or -"
    )
    update.add_argument("--table", metavar="NAME", help="the table the following options are about")
    update.add_argument("--sync", choices=("on", "off"), help="whether the table syncs")
    update.add_argument("--mode", metavar="MODE", help="full, incremental or append")
    update.add_argument("--cursor", metavar="COLUMN", help="the column a sync goes by")
    update.add_argument(
        "--primary-key", metavar="COLUMN[,COLUMN]", help="the columns rows are merged by"
    )
    update.add_argument("--every", metavar="FREQUENCY", help="how often it syncs, such as 6hour")
    update.add_argument("--at", metavar="HH:MM", help="time of day in UTC, over an hour")
    register_cdc(nouns)
    register_tables(nouns)


def _add(args: argparse.Namespace) -> int:
    from pwh_assets.services.sources.connecting import create_source, show_source

    body = read_json(args.file)
    platform = open_project(args)
    with _entered():
        source = create_source(platform, args.project, body)
    if args.json:
        print_json(show_source(platform, args.project, source.id))
        return 0
    tables = platform.store.tables(args.project, source.id)
    syncing = [t for t in tables if t.should_sync]
    say(source.id)
    note(
        f"Connected `{source.slug}`: {count(len(tables), 'table')}, {len(syncing)} of them will sync. Next: `pwh sync {source.slug}`."
    )
    return 0


def _preview(args: argparse.Namespace) -> int:
    from pwh_assets.services.sources.connecting import preview_source

    body = read_json(args.file)
    platform = open_project(args)
    with _entered():
        found = preview_source(platform, body, args.rows)
    if args.json:
        print_json(found)
        return 0
    for name, rows in found.items():
        say(f"{name}: {count(len(rows), 'row')}")
        names = list(dict.fromkeys(column for row in rows for column in row))
        say(table(names, [[_cell(row.get(column)) for column in names] for row in rows]))
        say()
    return 0


def _cell(value: Any) -> str:
    from pwh_assets.sources.http.jsons import dumps

    text = "" if value is None else value if isinstance(value, str) else dumps(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _list(args: argparse.Namespace) -> int:
    from pwh_assets.services.sources.connecting import list_sources

    sources = list_sources(open_project(args), args.project)
    if args.json:
        print_json({"results": sources, "count": len(sources)})
    elif not sources:
        say("No source is connected. `pwh source add FILE` connects one.")
    else:
        for source in sources:
            say(f"{source['slug']}  {source['source_type']}  {source['status']}  {source['id']}")
            say(_tables(source["schemas"]))
            say()
    return 0


def _show(args: argparse.Namespace) -> int:
    from pwh_assets.services.sources.connecting import show_source

    platform = open_project(args)
    source_id = find_source(args, platform, args.id)
    known = {source.id for source in platform.store.sources(args.project)}
    if source_id not in known and platform.store.find_table(args.project, args.id) is not None:
        return show_table(args, platform)
    source = show_source(platform, args.project, source_id)
    if args.json:
        print_json(source)
        return 0
    for name in (
        "id",
        "source_type",
        "slug",
        "prefix",
        "description",
        "status",
        "created_at",
        "last_run_at",
    ):
        if source[name]:
            say(f"{name:12}  {source[name]}")
    for name, value in source["job_inputs"].items():
        if value is not None:
            say(f"  {name:20}  {value}")
    say()
    say(_tables(source["schemas"]))
    for line in (line for each in source["schemas"] for line in options_in_words(each)):
        say(f"  {line}")
    for each in source["schemas"]:
        columns = ", ".join(f"{c['name']} {c['type']}" for c in each["columns"])
        say(f"\n{each['table']}: {columns}")
        if each["latest_error"]:
            say(f"  {each['latest_error']}")
    return 0


def _refresh(args: argparse.Namespace) -> int:
    from pwh_assets.services.sources.connecting import refresh_source

    platform = open_project(args)
    source_id = find_source(args, platform, args.id)
    before = {each.id: each for each in platform.store.tables(args.project, source_id)}
    with _entered():
        counts = refresh_source(platform, args.project, source_id)
    if args.json:
        print_json(counts)
        return 0
    say(", ".join(f"{name.replace('_', ' ')}: {number}" for name, number in counts.items()))
    after = platform.store.tables(args.project, source_id)
    new = [each.table_name for each in after if each.id not in before]
    gone = [
        each.table_name
        for each in after
        if each.is_missing and not (each.id in before and before[each.id].is_missing)
    ]
    if new:
        say(f"new: {', '.join(new)}")
    if gone:
        say(f"missing at the source: {', '.join(gone)}")
    if waiting := [
        each.table_name for each in after if each.id not in before and not each.should_sync
    ]:
        note(f"New tables do not sync yet. `pwh source set {waiting[0]} --sync on` starts one.")
    return 0


def _remove(args: argparse.Namespace) -> int:
    from pwh_assets.services.sources.connecting import remove_source

    platform = open_project(args)
    source_id = find_source(args, platform, args.id)
    removed = remove_source(platform, args.project, source_id)
    if args.json:
        print_json({"id": source_id, **removed})
        return 0
    say(f"Removed `{args.id}` and its {count(removed['tables'], 'table')}.")
    if removed["views"]:
        note(f"These views read them and cannot run any more: {', '.join(removed['views'])}.")
    return 0


def _update(args: argparse.Namespace) -> int:
    from pwh_assets.services.sources.connecting import show_source, update_source, update_table
    from pwh_assets.services.sources.view import table_to_dict

    changes = _table_changes(args)
    if args.table is None and changes:
        raise InvalidInputError(
            "table", "Say which table these options are about: add `--table NAME`."
        )
    if args.table is not None and not changes:
        raise InvalidInputError(
            "table",
            "Say what changes: `--sync`, `--mode`, `--cursor`, `--primary-key`, `--every` or `--at`.",
        )
    if args.table is None and args.file is None:
        raise InvalidInputError(
            "file", "Say what changes: a FILE with `payload`, or `--table NAME` with an option."
        )
    platform = open_project(args)
    source_id = find_source(args, platform, args.id)
    if args.file is not None:
        with _entered():
            update_source(platform, args.project, source_id, _mapping(read_json(args.file)))
    shown: Any = None
    if args.table is not None:
        known = platform.store.tables(
            args.project, platform.store.source(source_id, args.project).id
        )
        named = [t.id for t in known if args.table in (t.id, t.name, t.table_name)]
        changed = update_table(platform, args.project, named[0] if named else args.table, changes)
        shown = table_to_dict(changed)
    if args.json:
        print_json(shown or show_source(platform, args.project, source_id))
    else:
        say(_tables([shown]) if shown else f"Changed `{args.id}`; the connection was tested.")
    return 0


def _table_changes(args: argparse.Namespace) -> dict[str, Any]:
    keys = args.primary_key.split(",") if args.primary_key else None
    given = {
        "should_sync": None if args.sync is None else args.sync == "on",
        "sync_type": args.mode,
        "incremental_field": args.cursor,
        "primary_key": [key.strip() for key in keys] if keys else None,
        "sync_frequency": args.every,
        "sync_time_of_day": args.at,
    }
    return {name: value for name, value in given.items() if value is not None}


def _mapping(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise InvalidInputError(
            "body", "The file must hold a JSON object with `description` or `payload`."
        )
    return body


def _tables(schemas: list[dict[str, Any]]) -> str:
    if not schemas:
        return "  no tables"
    rows = [
        (
            each["table"],
            each["sync_type"] if each["should_sync"] else "off",
            each["incremental_field"] or "",
            each["sync_frequency"]
            + (f" at {each['sync_time_of_day']}" if each["sync_time_of_day"] else ""),
            "missing at the source" if each["is_missing"] else each["status"],
            each["row_count"],
            when(each["last_synced_at"]),
        )
        for each in schemas
    ]
    return facts(("table", "mode", "cursor", "every", "status", "rows", "last synced (UTC)"), rows)


class _entered:  # noqa: N801  reads as a word: with _entered(): ...
    """What a user just typed leads to no source: that is theirs to mend, so the status is 2."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, SourceError):
            error.exit_status = 2  # type: ignore[misc]
