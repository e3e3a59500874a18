"""Commands in the audit log: those that change something leave a start and an end."""

import argparse
import getpass
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pwh_assets.cli.console import note
from pwh_assets.core.audit import AuditEntry, Outcome, Phase

if TYPE_CHECKING:
    from pwh_assets.services.platform import Platform

READING = frozenset(
    {
        "list", "show", "status", "history", "diff", "describe", "impact", "runs", "verify", "deliveries", "kinds",
        "preview", "check", "check-incremental", "validate", "jobs", "usage", "health", "lineage", "doctor", "compile",
        "complete", "metadata", "format", "schema", "functions", "up", "demo",
    }
)  # fmt: skip
"""Last words of commands that only look; every other one is written down."""
NAMED = ("name", "id", "table", "noun_name", "source", "query", "what")

_begun: list[tuple["Platform", AuditEntry]] = []


def begin(args: argparse.Namespace, platform: "Platform") -> None:
    """Write the start of a command that has opened its project. Values of options are not kept; names are."""
    noun, verb = str(getattr(args, "noun", "")), str(getattr(args, "command", None) or "")
    if (verb or noun) in READING or _begun:
        return
    sql = getattr(args, "sql", None)
    items = [getattr(args, name, None) for name in NAMED]
    entry = AuditEntry(
        project_id=args.project,
        action=f"cli:{noun} {verb}".rstrip(),
        phase=Phase.START,
        outcome=Outcome.BEGUN,
        operation=str(uuid.uuid4()),
        at=datetime.now(UTC),
        actor=local_user(),
        item=next(filter(None, map(_words, items)), None),
        query=sql if isinstance(sql, str) and sql != "-" else None,
    )
    platform.store.append_audit([entry])
    _begun.append((platform, entry))


def _words(item: object) -> str | None:
    """A name, or the names of a command that takes several."""
    if isinstance(item, list):
        return ", ".join(map(str, item))[:200]
    return item if isinstance(item, str) else None


def end(status: int | None) -> None:
    """Write the end of the command that was begun, if one was."""
    while _begun:
        platform, entry = _begun.pop()
        now = datetime.now(UTC)
        finish = replace(
            entry,
            phase=Phase.FINISH,
            outcome=Outcome.DONE if status == 0 else Outcome.FAILED,
            at=now,
            ms=round((now - entry.at).total_seconds() * 1000, 3),
            status=status,
            query=None,
        )
        try:
            from pwh_assets.services.audit.witness import Witness

            platform.store.append_audit([finish])
            Witness(platform.settings.home, platform.store).moved([entry.project_id])
        except Exception as error:
            note(f"The end of this command is not in the audit log ({type(error).__name__}).")


def local_user() -> str:
    """The actor of commands: the machine's user."""
    return f"cli:{user_name() or 'unknown'}"


def user_name() -> str:
    """Who types; an edit's author. Empty where the system has no name for the process's user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
