"""`pwh audit`: who did and asked what, and the proof that nobody changed it."""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pwh_assets.cli.arguments import Groups, command, group, number, open_project
from pwh_assets.cli.console import count, note, print_json, say, table
from pwh_assets.core.audit import AuditFilter, Outcome
from pwh_assets.errors import InvalidInputError

_OUTCOMES = tuple(outcome.value for outcome in Outcome)


def register(groups: Groups) -> None:
    audit = group(groups, "audit", "who did and asked what, and the proof that nobody changed it")
    listing = command(audit, "list", "entries, newest first", _list)
    listing.add_argument("--actor", default="", metavar="NAME", help="of one person or key")
    listing.add_argument(
        "--action", default="", metavar="ACTION", help="such as query, refused, warehouse_view, cli"
    )
    listing.add_argument("--outcome", choices=_OUTCOMES, help="that ended so")
    listing.add_argument("--table", default="", metavar="NAME", help="that read a table or view")
    listing.add_argument("--since", metavar="DATE", help="ISO 8601; UTC where it says no zone")
    listing.add_argument("--until", metavar="DATE", help="before this instant")
    listing.add_argument("--unfinished", action="store_true", help="begun and not ended")
    listing.add_argument("--limit", type=number("limit", 1, 10_000), default=50, metavar="N")
    _add_home(listing)
    verify = command(audit, "verify", "prove the log whole; status 1 when it is not", _verify)
    verify.add_argument(
        "--head", metavar="N:HASH", help="a head noted before: nothing was cut off or rolled back"
    )
    verify.add_argument("--file", metavar="FILE", help="check an export instead")
    _add_home(verify)
    export = command(audit, "export", "a sealed copy, as JSON lines", _export)
    export.add_argument("file", metavar="FILE", help="a new file")
    export.add_argument("--before", metavar="DATE", help="entries older than this only")
    export.add_argument(
        "--prune", action="store_true", help="and let go of them here; the chain keeps its anchor"
    )
    _add_home(export)


def _add_home(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--home", action="store_true", help="what belongs to no project: logins, unknown keys"
    )


def _chain(args: argparse.Namespace) -> int:
    project: int = args.project
    return 0 if args.home else project


def _list(args: argparse.Namespace) -> int:
    which = AuditFilter(
        args.actor,
        args.action,
        Outcome(args.outcome) if args.outcome else None,
        args.table,
        _moment("since", args.since),
        _moment("until", args.until),
        args.unfinished,
    )
    store = open_project(args).store
    entries, total = store.audit_page(_chain(args), which, args.limit)
    if args.json:
        facts = [_facts(one) for one in entries]
        print_json({"results": facts, "count": total})
    elif not entries:
        say("There is no such entry.")
    else:
        rows = [
            (
                one.seq,
                f"{one.entry.at:%Y-%m-%d %H:%M:%S}",
                one.entry.actor or "nobody known",
                one.entry.action,
                "unfinished" if one.is_unfinished else one.entry.outcome.value,
                one.entry.query or one.entry.item or one.entry.path or "",
            )
            for one in entries
        ]
        say(table(("entry", "at (UTC)", "who", "action", "outcome", "what"), rows))
        note(f"{len(entries):,} of {count(total, 'entry', 'entries')}.")
    return 0


def _facts(kept: Any) -> dict[str, Any]:
    from dataclasses import asdict

    facts = asdict(kept)
    inner: dict[str, Any] = facts.pop("entry")
    return inner | facts


def _verify(args: argparse.Namespace) -> int:
    from pwh_assets.services.audit import verify_chain, verify_file

    platform = open_project(args)
    if args.file:
        report = verify_file(platform, Path(args.file))
    else:
        report = verify_chain(platform, _chain(args), _head(args.head))
    if args.json:
        print_json(report)
    elif report.problem:
        say(f"✗ {report.problem.sentence}")
    else:
        say(f"{report.entries:,} checked: all is whole.")
        say(f"head {report.seq}:{report.hash}")
        note(
            "Keep the head elsewhere: `pwh audit verify --head` proves later that nothing is gone."
        )
    return 1 if report.problem else 0


def _export(args: argparse.Namespace) -> int:
    from pwh_assets.cli.auditing import local_user
    from pwh_assets.services.audit import Origin, export_chain, origin

    before = _moment("before", args.before)
    origin.set(Origin(actor=local_user()))
    path = Path(args.file)
    done = export_chain(open_project(args), _chain(args), path, before, args.prune)
    if args.json:
        print_json(done)
    else:
        say(f"{done.entries:,} written to `{path}`, SHA-256 {done.sha256}.")
        if args.prune:
            say(f"{done.pruned:,} let go of; the chain goes on after {done.seq}:{done.hash}.")
    return 0


def _head(given: str | None) -> tuple[int, str] | None:
    if given is None:
        return None
    seq, _, hash_ = given.partition(":")
    if not seq.isdigit() or len(hash_) != 64:
        raise InvalidInputError(
            "head", f"`{given}` is not a head. Write it as `pwh audit verify` prints it."
        )
    return int(seq), hash_


def _moment(attr: str, given: str | None) -> datetime | None:
    if given is None:
        return None
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        raise InvalidInputError(
            attr, f"`{given}` is not a date. Write it as 2026-01-31 or 2026-01-31T12:00:00Z."
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
