"""Sealed exports: entries in a file with the hashes that tie them, and letting go of what was exported."""

import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pwh_assets.core.audit import AuditEntry, Outcome, Phase
from pwh_assets.errors import InvalidInputError, PwhError
from pwh_assets.services.audit.chain import ChainBreak, ChainReport, Walk, verify_chain
from pwh_assets.services.audit.origin import Origin, origin
from pwh_assets.services.platform import Platform

FORMAT = "pwh-audit-1"


class ChainBrokenError(PwhError):
    """Entries are not let go of, and no seal is set, while the chain does not hold."""

    code = "audit_chain_broken"

    def __init__(self, problem: ChainBreak) -> None:
        self.problem = problem
        super().__init__(
            f"{problem.sentence} A chain that does not hold is not sealed; keep a copy of the store as it is."
        )


@dataclass(frozen=True, slots=True)
class Exported:
    path: Path
    entries: int
    first_seq: int
    seq: int
    hash: str
    sha256: str
    """Of the file."""
    pruned: int = 0


def export_chain(
    platform: Platform,
    project_id: int,
    path: Path,
    before: datetime | None = None,
    prune: bool = False,
) -> Exported:
    """Write entries (those older than `before`, or all) to a new file with a seal; with `prune` they leave the store.

    The chain goes on from an anchor: the hash of the last entry that went. Letting go is an entry itself.

    Raises:
        ChainBrokenError.
        InvalidInputError: the file exists or cannot be written.
    """
    report = verify_chain(platform, project_id)
    if report.problem:
        raise ChainBrokenError(report.problem)
    last = report.seq if before is None else platform.store.last_audit_before(project_id, before)
    digest = hashlib.sha256()
    try:
        with path.open("xb") as out:
            for line in _lines(platform, project_id, min(last, report.seq)):
                digest.update(line)
                out.write(line)
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        reason = "it exists already" if isinstance(error, FileExistsError) else error.strerror
        raise InvalidInputError(
            "file", f"`{path}` cannot be written: {reason}. Name a new file."
        ) from None
    checked = verify_file(platform, path)
    if checked.problem:
        raise ChainBrokenError(checked.problem)
    done = Exported(
        path, checked.entries, checked.first_seq, checked.seq, checked.hash, digest.hexdigest()
    )
    if not prune or not done.entries:
        return done
    gone = platform.store.prune_audit(project_id, done.seq, done.hash)
    _tell(platform, project_id, done)
    return Exported(path, done.entries, done.first_seq, done.seq, done.hash, done.sha256, gone)


def verify_file(platform: Platform, path: Path) -> ChainReport:
    """Read an export and say where it breaks first.

    Raises:
        InvalidInputError: the file is no export.
    """
    try:
        with path.open("rb") as source:
            lines = (json.loads(line) for line in source)
            opening = next(lines)
            project_id, seq, hash_ = opening["project_id"], opening["seq"], opening["hash"]
            walk = Walk(int(project_id), int(seq), str(hash_))
            seal: dict[str, Any] = {}
            problem = walk.over(_entries(lines, seal))
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        raise InvalidInputError(
            "file", f"`{path}` is not an export of an audit log, or is cut off in a line."
        ) from None
    text = _seal_text(project_id, seq, walk.seq, walk.hash)
    signature = str(seal.get("signature", ""))
    if problem is None and not platform.store.is_audit_signed(text, signature):
        problem = ChainBreak(
            walk.seq, "rebuilt", f"The seal after entry {walk.seq} is not this home's."
        )
    return ChainReport(project_id, walk.entries, seq + 1, walk.seq, walk.hash, problem)


def _entries(lines: Iterator[dict[str, Any]], seal: dict[str, Any]) -> Iterator[Any]:
    for line in lines:
        if "signature" in line:
            seal.update(line)
            return
        yield SimpleNamespace(**line)


def _lines(platform: Platform, project_id: int, last: int) -> Iterator[bytes]:
    with platform.store.audit_chain(project_id) as (head, rows):
        first, hash_ = (head.anchor_seq, head.anchor_hash) if head else (0, "")
        seq = first
        opening = {"format": FORMAT, "project_id": project_id, "seq": first, "hash": hash_}
        yield _line(opening)
        for row in rows:
            if row.seq > last:
                break
            seq, hash_ = row.seq, row.hash
            yield _line({"seq": seq, "previous": row.previous, "hash": hash_, "body": row.body})
    text = _seal_text(project_id, first, seq, hash_)
    at = datetime.now(UTC).isoformat()
    yield _line({"seq": seq, "hash": hash_, "at": at, "signature": platform.store.sign_audit(text)})


def _seal_text(project_id: int, first: int, seq: int, hash_: str) -> str:
    return f"export:{project_id}:{first}:{seq}:{hash_}"


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"


def _tell(platform: Platform, project_id: int, done: Exported) -> None:
    who = origin.get() or Origin()
    platform.store.append_audit(
        [
            AuditEntry(
                project_id=project_id,
                action="audit:prune",
                phase=Phase.WHOLE,
                outcome=Outcome.DONE,
                operation=str(uuid.uuid4()),
                at=datetime.now(UTC),
                rows=done.entries,
                item=f"{done.first_seq}-{done.seq}, SHA-256 {done.sha256}",
                **who.facts(),
            )
        ]
    )
