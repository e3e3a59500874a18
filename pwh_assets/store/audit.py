"""The audit log in the store: entries are linked in the transaction that writes them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pwh_assets.core.audit import (
    GENESIS,
    AuditEntry,
    AuditFilter,
    Head,
    KeptEntry,
    Phase,
    link,
)
from pwh_assets.store import models
from pwh_assets.store.part import StorePart

UNFINISHED_PHASE = Phase.START.value


class Audit(StorePart):
    def append_audit(self, entries: Sequence[AuditEntry]) -> None:
        """Put entries at the ends of their chains, all or none, in their order. Processes take turns."""
        by_chain: dict[int, list[AuditEntry]] = {}
        for entry in entries:
            by_chain.setdefault(entry.project_id, []).append(entry)
        with self._db.write() as connection:
            for project_id in sorted(by_chain):  # one order of locks for every process
                self._append(connection, project_id, by_chain[project_id])

    def audit_head(self, project_id: int) -> Head | None:
        """Where the chain ends; None before its first entry."""
        with self._db.read() as connection:
            return _head(connection, project_id)

    def audit_page(
        self, project_id: int, which: AuditFilter, limit: int = 100, offset: int = 0
    ) -> tuple[list[KeptEntry], int]:
        """Entries, newest first, and how many there are in all."""
        entries = models.audit_entries
        wanted = _wanted(project_id, which)
        counted = sa.select(sa.func.count()).select_from(entries).where(*wanted)
        query = (
            sa.select(entries, _unfinished().label("is_unfinished"))
            .where(*wanted)
            .order_by(entries.c.seq.desc())
            .limit(limit)
            .offset(offset)
        )
        with self._db.read() as connection:
            count = int(connection.execute(counted).scalar() or 0)
            rows = connection.execute(query).all()
        return [_kept(row) for row in rows], count

    @contextmanager
    def audit_chain(self, project_id: int) -> Iterator[tuple[Head | None, Iterator[sa.Row[Any]]]]:
        """The head and every row in its order, as of one moment; rows are read as they are taken."""
        entries = models.audit_entries
        query = sa.select(entries).filter_by(project_id=project_id).order_by(entries.c.seq)
        with self._db.read() as connection:
            if not self._db.is_sqlite:
                connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            head = _head(connection, project_id)
            rows = connection.execution_options(yield_per=1000).execute(query)
            try:
                yield head, iter(rows)
            finally:
                rows.close()

    def is_audit_head_ours(self, head: Head) -> bool:
        """Whether the head's signature was made with one of this home's keys."""
        return self._open_box().is_signed(head.signed_text, head.signature)

    def sign_audit(self, text: str) -> str:
        return self._open_box().sign(text)

    def is_audit_signed(self, text: str, signature: str) -> bool:
        return self._open_box().is_signed(text, signature)

    def last_audit_before(self, project_id: int, before: datetime) -> int:
        """Number of the last entry of the unbroken run from the beginning that is older; 0 when there is none."""
        entries = models.audit_entries
        young = (
            sa.select(sa.func.min(entries.c.seq))
            .filter_by(project_id=project_id)
            .where(entries.c.at >= before)
        )
        with self._db.read() as connection:
            first = connection.execute(young).scalar()
            if first is not None:
                return int(first) - 1
            head = _head(connection, project_id)
        return head.seq if head else 0

    def prune_audit(self, project_id: int, seq: int, hash_: str) -> int:
        """Let go of entries up to `seq`, whose hash becomes what the rest follows; how many went."""
        entries, heads = models.audit_entries, models.audit_heads
        with self._db.write() as connection:
            head = _head(connection, project_id, lock=True)
            assert head is not None
            moved = Head(project_id, head.seq, head.hash, seq, hash_, "")
            connection.execute(
                sa.update(heads)
                .filter_by(project_id=project_id)
                .values(
                    anchor_seq=seq,
                    anchor_hash=hash_,
                    signature=self._open_box().sign(moved.signed_text),
                )
            )
            gone = connection.execute(
                sa.delete(entries).filter_by(project_id=project_id).where(entries.c.seq <= seq)
            )
        return gone.rowcount

    def _append(
        self, connection: sa.Connection, project_id: int, entries: Sequence[AuditEntry]
    ) -> None:
        box = self._open_box()
        head = _head(connection, project_id, lock=True)
        if head is None:
            self._begin_chain(connection, project_id)
            head = _head(connection, project_id, lock=True)
            assert head is not None
        seq, last = head.seq, head.hash
        rows = []
        for entry in entries:
            body, seq = entry.body(), seq + 1
            current = link(project_id, seq, last, body)
            rows.append({**columns_of(entry), "seq": seq, "body": body, "previous": last})
            rows[-1]["hash"] = last = current
        moved = Head(project_id, seq, last, head.anchor_seq, head.anchor_hash, "")
        connection.execute(models.audit_entries.insert(), rows)
        connection.execute(
            sa.update(models.audit_heads)
            .filter_by(project_id=project_id)
            .values(seq=seq, hash=last, signature=box.sign(moved.signed_text))
        )

    def _begin_chain(self, connection: sa.Connection, project_id: int) -> None:
        if not self._db.is_sqlite:
            connection.execute(sa.text("LOCK TABLE audit_heads IN SHARE ROW EXCLUSIVE MODE"))
            if _head(connection, project_id) is not None:
                return
        values = {"project_id": project_id, "seq": 0, "hash": GENESIS}
        anchor = {"anchor_seq": 0, "anchor_hash": GENESIS, "signature": ""}
        connection.execute(models.audit_heads.insert().values(**values, **anchor))


def columns_of(entry: AuditEntry) -> dict[str, Any]:
    """The columns an entry is searched by, as they follow from its body."""
    return {
        "project_id": entry.project_id,
        "at": entry.at,
        "operation": entry.operation,
        "phase": entry.phase.value,
        "outcome": entry.outcome.value,
        "actor": _storable(entry.actor),
        "action": _storable(entry.action),
        "tables": _storable("|" + "|".join(entry.tables) + "|" if entry.tables else ""),
    }


def _storable(text: str) -> str:
    """Without what a database refuses as text."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _head(connection: sa.Connection, project_id: int, lock: bool = False) -> Head | None:
    query = sa.select(models.audit_heads).filter_by(project_id=project_id)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return Head(**row._mapping) if row is not None else None


def _unfinished() -> sa.ColumnElement[bool]:
    entries = models.audit_entries
    ends = entries.alias("ends")
    ended = sa.exists().where(
        ends.c.project_id == entries.c.project_id,
        ends.c.operation == entries.c.operation,
        ends.c.phase == Phase.FINISH.value,
    )
    return sa.and_(entries.c.phase == UNFINISHED_PHASE, ~ended)


def _wanted(project_id: int, which: AuditFilter) -> list[sa.ColumnElement[bool]]:
    entries = models.audit_entries
    wanted: list[sa.ColumnElement[bool]] = [entries.c.project_id == project_id]
    if which.actor:
        wanted.append(entries.c.actor == which.actor)
    if which.action:
        begins = entries.c.action.startswith(f"{which.action}:", autoescape=True)
        wanted.append(sa.or_(entries.c.action == which.action, begins))
    if which.outcome is not None:
        wanted.append(entries.c.outcome == which.outcome.value)
    if which.table:
        wanted.append(entries.c.tables.contains(f"|{which.table}|", autoescape=True))
    if which.since is not None:
        wanted.append(entries.c.at >= which.since)
    if which.until is not None:
        wanted.append(entries.c.at < which.until)
    if which.unfinished:
        wanted.append(_unfinished())
    return wanted


def _kept(row: sa.Row[Any]) -> KeptEntry:
    entry = AuditEntry.of(row.body)
    return KeptEntry(row.seq, row.previous, row.hash, entry, bool(row.is_unfinished))
