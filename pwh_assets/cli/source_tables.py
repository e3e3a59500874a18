"""`pwh source set`, `resync`, `cancel`, …: how one table syncs, and what a person does to it."""

import argparse
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from pwh_assets.cli.arguments import Groups, command, number, open_project
from pwh_assets.cli.console import count, facts, note, print_json, say, table, when
from pwh_assets.cli.subjects import tables_of
from pwh_assets.errors import InvalidInputError, NotFoundError

_FILTER = re.compile(
    r"\s*(?P<column>.+?)\s*(?P<operator>>=|<=|!=|>|<|=|\bnot\s+in\b|\bin\b)\s*(?P<value>.*)",
    re.I | re.S,
)


def register_tables(nouns: Groups) -> None:
    set_ = command(nouns, "set", "change how tables sync", _set)
    set_.add_argument("what", metavar="TABLE", nargs="+")
    set_.add_argument("--sync", choices=("on", "off"), help="whether it syncs by itself")
    set_.add_argument("--mode", help="full, incremental, append")
    set_.add_argument("--cursor", metavar="COLUMN", help="the column a sync goes by")
    set_.add_argument("--primary-key", metavar="COLUMN[,…]", help="the columns rows are merged by")
    set_.add_argument("--frequency", "--every", metavar="F", help="never, 5min … 30day")
    set_.add_argument("--at", metavar="HH:MM", help="time of day in UTC, over an hour")
    set_.add_argument(
        "--columns", metavar="COLUMN[,…]", help="read only these (key and cursor always); all"
    )
    set_.add_argument(
        "--filter",
        metavar="CONDITION",
        action="append",
        help="keep rows such as 'status = paid', 'plan in a,b'; again for more; none",
    )
    set_.add_argument(
        "--mask",
        metavar="COLUMN=MASK",
        action="append",
        help="drop, hash, truncate[:N] or null; again for more; none",
    )
    set_.add_argument("--lookback", metavar="SECONDS", type=int, help="read so far back again")
    set_.add_argument("--refresh-days", metavar="DAYS", help="read all anew so often; never")
    set_.add_argument(
        "--deletes", choices=("on", "off"), help="look for rows deleted at the source"
    )
    for name, about, run in (
        ("resync", "read a table anew and replace it; readers see the old one until then", _resync),
        ("cancel", "stop a running sync, wherever it runs", _cancel),
        ("pause", "take tables off their schedule", _pause),
        ("resume", "put paused tables back on their schedule", _resume),
    ):
        one = command(nouns, name, about, run)
        one.add_argument("what", metavar="ID|TABLE", nargs="+")
    wipe = command(nouns, "delete-data", "drop a table's rows from the lake and pause it", _delete)
    wipe.add_argument("table", metavar="TABLE")
    drift = command(nouns, "drift", "how the shape of tables changed", _drift)
    drift.add_argument("what", metavar="ID|TABLE", nargs="*")
    drift.add_argument("--accept", action="store_true", help="these changes are right")
    command(
        nouns,
        "expire-history",
        "forget old states of the lake now, so that replaced rows are gone from the disk",
        _expire,
    )


def _set(args: argparse.Namespace) -> int:
    from pwh_assets.services.sources.connecting import find_table, update_table
    from pwh_assets.services.sources.view import table_to_dict

    changes = _changes(args)
    if not changes:
        raise InvalidInputError(
            "table", "Say what changes, such as `--frequency 1hour` or `--mask email=hash`."
        )
    platform = open_project(args)
    chosen = [find_table(platform, args.project, word) for word in args.what]
    shown = []
    for one in chosen:
        changed = update_table(platform, args.project, one.id, changes)
        shown.append(table_to_dict(changed, with_columns=True))
        if not args.json:
            _say_changed(changed)
    if args.json:
        print_json(shown[0] if len(shown) == 1 else {"results": shown, "count": len(shown)})
    return 0


def _say_changed(changed: Any) -> None:
    from pwh_assets.services.sources.view import table_to_dict

    shown = table_to_dict(changed)
    say(f"Changed `{changed.table_name}`.")
    for line in options_in_words(shown):
        say(f"  {line}")
    if changed.resync_reason:
        note(
            f"Its next sync reads everything and makes the table anew: {changed.resync_reason} "
            f"Now: `pwh source resync {changed.table_name}`."
        )
    if changed.resync_reason and "masks" in changed.resync_reason:
        note(
            "Until then it shows the rows as they were. After it, `pwh source expire-history` removes older states of "
            "the lake from the disk, and materialized views that read it have to be built again."
        )


def show_table(args: argparse.Namespace, platform: Any) -> int:
    """One table of a source: how it syncs, what was found, what went wrong."""
    from pwh_assets.services.sources.connecting import find_table
    from pwh_assets.services.sources.view import table_to_dict

    one = find_table(platform, args.project, args.id)
    shown = table_to_dict(one, with_columns=True)
    if args.json:
        print_json({**shown, "source": one.source.slug})
        return 0
    at = f" at {shown['sync_time_of_day']}" if shown["sync_time_of_day"] else ""
    for name, value in (
        ("table", one.table_name),
        ("source", f"{one.source.slug}, `{one.name}` there"),
        ("description", one.description),
        ("mode", shown["sync_type"] if one.should_sync else f"{shown['sync_type']}, off"),
        ("key", ", ".join(one.primary_key)),
        ("cursor", one.cursor),
        ("could go by", ", ".join(shown["incremental_fields"])),
        ("every", shown["sync_frequency"] + at),
        ("status", "missing at the source" if one.is_missing else shown["status"]),
        ("rows", None if one.row_count is None else f"{one.row_count:,}"),
        ("up to", one.watermark),
        ("last synced", f"{when(one.last_synced_at)} UTC" if one.last_synced_at else None),
        ("error", one.latest_error),
    ):
        if value:
            say(f"{name:12}  {value}")
    for line in options_in_words(shown):
        say(f"  {line.removeprefix(f'{one.table_name}: ')}")
    chosen = set(shown["enabled_columns"] or ()) | {*one.primary_key, one.cursor}
    columns = {each["name"]: each["type"] for each in shown["available_columns"]}
    columns |= {each["name"]: each["type"] for each in shown["columns"]}
    if shown["enabled_columns"] is None:
        say(facts(("column", "type"), list(columns.items())))
    else:
        rows = [(name, kind, "yes" if name in chosen else "no") for name, kind in columns.items()]
        say(facts(("column", "type", "read"), rows))
    return 0


def _changes(args: argparse.Namespace) -> dict[str, Any]:
    given: dict[str, Any] = {
        "should_sync": None if args.sync is None else args.sync == "on",
        "sync_type": args.mode,
        "incremental_field": args.cursor,
        "primary_key": _names(args.primary_key),
        "sync_frequency": args.frequency,
        "sync_time_of_day": args.at,
        "incremental_field_lookback_seconds": args.lookback,
        "detect_deletes": None if args.deletes is None else args.deletes == "on",
    }
    found = {name: value for name, value in given.items() if value is not None}
    if args.columns is not None:
        found["enabled_columns"] = None if args.columns == "all" else _names(args.columns)
    if args.filter is not None:
        found["row_filters"] = [] if args.filter == ["none"] else list(map(_filter, args.filter))
    if args.mask is not None:
        found["masks"] = [] if args.mask == ["none"] else list(map(_mask, args.mask))
    if args.refresh_days is not None:
        is_never = args.refresh_days == "never"
        days = None if is_never else number("full_refresh_interval_days", 1, 90)(args.refresh_days)
        found["full_refresh_interval_days"] = days
    return found


def _names(text: str | None) -> list[str] | None:
    return [word.strip() for word in text.split(",")] if text else None


def _filter(text: str) -> Mapping[str, Any]:
    """`status = paid`, `total >= 10`, `plan not in free,trial`; values may be JSON: `name = "a,b"`."""
    found = _FILTER.fullmatch(text)
    if not found:
        raise InvalidInputError(
            "row_filters",
            f"`{text}` is not a filter. Write for example `status = paid` or `plan in a,b`.",
        )
    operator = " ".join(found["operator"].upper().split())
    value: Any = found["value"].strip()
    if operator.endswith("IN"):
        inner = value.strip("()[]")
        values = _json(f"[{inner}]")
        value = values if isinstance(values, list) else [_value(each) for each in inner.split(",")]
    else:
        value = _value(value)
    return {"column": found["column"].strip().strip('"'), "operator": operator, "value": value}


def _value(text: str) -> Any:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1]
    parsed = _json(text)
    return text if parsed is None or isinstance(parsed, dict | list) else parsed


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _mask(text: str) -> Mapping[str, Any]:
    column, _, kind = text.rpartition("=")
    kind, _, keep = kind.partition(":")
    if not column or (keep and not keep.isdecimal()):
        raise InvalidInputError("masks", f"`{text}` is not a mask. Write for example `email=hash`.")
    return {"column": column, "mask": kind, **({"keep": int(keep)} if keep else {})}


def options_in_words(shown: Mapping[str, Any]) -> Iterator[str]:
    """A line per option of a table that is not the default."""
    name = shown["table"]
    if shown["enabled_columns"] is not None:
        yield f"{name}: columns {', '.join(shown['enabled_columns'])}"
    for one in shown["row_filters"]:
        yield f"{name}: only rows with {one['column']} {one['operator']} {json.dumps(one['value'], ensure_ascii=False)}"
    for one in shown["masks"]:
        keep = f" after {one['keep']}" if "keep" in one else ""
        yield f"{name}: {one['column']} masked with {one['mask']}{keep}"
    if shown["incremental_field_lookback_seconds"]:
        yield f"{name}: reads {shown['incremental_field_lookback_seconds']} s before its watermark again"
    if shown["full_refresh_interval_days"]:
        yield f"{name}: all read anew every {shown['full_refresh_interval_days']} days"
    if shown["detect_deletes"]:
        yield f"{name}: rows deleted at the source are removed"
    if shown["resync_reason"]:
        yield f"{name}: is made anew at its next sync: {shown['resync_reason']}"


def _resync(args: argparse.Namespace) -> int:
    from pwh_assets.cli.sync import sync_now
    from pwh_assets.services.sources.tables import request_resync

    platform = open_project(args)
    chosen = [
        request_resync(platform, args.project, one.id)
        for one in tables_of(args, platform, args.what)
    ]
    return sync_now(platform, chosen, as_json=args.json)


def _cancel(args: argparse.Namespace) -> int:
    from pwh_assets.services.sources.tables import cancel_sync
    from pwh_assets.services.sources.view import job_to_dict

    platform = open_project(args)
    chosen = tables_of(args, platform, args.what)
    done = [(one, cancel_sync(platform, args.project, one.id, wait_s=30)) for one in chosen]
    if args.json:
        results = [
            {
                "table": one.table_name,
                "was_stuck": each.was_stuck,
                "jobs": [job_to_dict(job) for job in each.ended or each.asked],
            }
            for one, each in done
        ]
        print_json({"results": results, "count": sum(len(each.asked) for _, each in done)})
        return 0
    for one, each in done:
        if each.was_stuck:
            say(f"`{one.table_name}` said it was running and was not; it says so no more.")
        for job in each.ended:
            say(f"`{one.table_name}`: {job.status.value}.")
        if len(each.ended) < len(each.asked):
            note(
                f"`{one.table_name}` was asked to stop and has not ended yet. `pwh status` shows it."
            )
    if not any(each.asked or each.was_stuck for _, each in done):
        say("None of them is being synced.")
    return 0


def _pause(args: argparse.Namespace) -> int:
    from pwh_assets.services.sources.tables import pause

    platform = open_project(args)
    return _told(
        args, "Paused", pause(platform, args.project, tables_of(args, platform, args.what))
    )


def _resume(args: argparse.Namespace) -> int:
    from pwh_assets.services.sources.tables import resume

    platform = open_project(args)
    return _told(
        args, "Resumed", resume(platform, args.project, tables_of(args, platform, args.what))
    )


def _told(args: argparse.Namespace, verb: str, changed: list[Any]) -> int:
    names = [one.table_name for one in changed]
    if args.json:
        print_json({"tables": names, "count": len(names)})
    else:
        say(f"{verb} {count(len(names), 'table')}{': ' + ', '.join(names) if names else ''}.")
    return 0


def _delete(args: argparse.Namespace) -> int:
    from pwh_assets.services.sources.tables import delete_data
    from pwh_assets.services.sources.view import table_to_dict

    wiped = delete_data(open_project(args), args.project, args.table)
    if args.json:
        print_json(table_to_dict(wiped))
    else:
        say(f"`{wiped.table_name}` has no rows in the lake any more and is paused.")
        note(
            f"`pwh source resume {wiped.table_name}` brings them back from the source; "
            "`pwh source expire-history` removes older states of the lake from the disk."
        )
    return 0


def _drift(args: argparse.Namespace) -> int:
    from pwh_assets.services.sync.drift import in_words

    platform = open_project(args)
    chosen = {one.id: one for one in tables_of(args, platform, args.what)}
    if args.accept:
        if not chosen:
            raise NotFoundError(
                "table", "", "Say whose changes are right: `pwh source drift TABLE --accept`."
            )
        for table_id in chosen:
            platform.store.resolve_changes(table_id)
    known = chosen or {one.id: one for one in platform.store.tables(args.project)}
    found = [
        (known[table_id], change)
        for table_id, change in platform.store.schema_changes(args.project, limit=500)
        if table_id in known
    ]
    if args.json:
        results = [{"table": one.table_name, **asdict(change)} for one, change in found]
        print_json({"results": results, "count": len(results)})
    elif not found:
        say("No change of a table's shape is known.")
    else:
        rows = [
            (f"{change.at:%Y-%m-%d %H:%M}", one.table_name, in_words(change), change.note)
            for one, change in found
        ]
        say(table(("at (UTC)", "table", "change", "what follows"), rows))
    return 0


def _expire(args: argparse.Namespace) -> int:
    from pwh_assets.services.sources.tables import expire_history

    done = expire_history(open_project(args), args.project)
    if args.json:
        print_json(done)
    else:
        say(
            f"Forgot {count(done['snapshots'], 'older state')}, deleted {count(done['files'], 'file')}."
        )
    return 0
