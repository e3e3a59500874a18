"""Proving a chain whole: every entry is what was written, in its place, and none is missing."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pwh_assets.core.audit import AuditEntry, Head, link
from pwh_assets.services.audit.witness import Witness
from pwh_assets.services.platform import Platform
from pwh_assets.store.audit import columns_of


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """The first place where a chain is not what was written."""

    seq: int
    kind: str
    """`changed`, `removed`, `moved`, `inserted`, `rebuilt`, or `shortened` against a head that was noted before."""
    sentence: str


@dataclass(frozen=True, slots=True)
class ChainReport:
    project_id: int
    entries: int
    first_seq: int
    """The first entry that is here; those before it were let go by a sealed export."""
    seq: int
    hash: str
    """Number and hash of the last entry. Noted elsewhere, they prove later that nothing was rolled back."""
    problem: ChainBreak | None


def verify_chain(
    platform: Platform, project_id: int, noted: tuple[int, str] | None = None
) -> ChainReport:
    """Read every entry of a chain and say where it breaks first; `noted` is number and hash of an earlier head.

    The head that the home noted beside the store is looked for too.
    """
    store = platform.store
    seen = Witness(platform.settings.home, store).of(project_id)
    heads = [one for one in (noted, seen) if one is not None]
    with store.audit_chain(project_id) as (head, rows):
        if head is None:
            first = next(rows, None)
            problem = None
            if first is not None:
                problem = ChainBreak(
                    first.seq, "removed", "The head of the chain is gone, its entries are there."
                )
            elif heads:
                problem = _shortened(max(heads), 0)
            return ChainReport(project_id, 0, 0, 0, "", problem)
        walk = Walk(project_id, head.anchor_seq, head.anchor_hash, heads)
        problem = walk.over(rows) or walk.end(head)
    if problem is None and not store.is_audit_head_ours(head):
        problem = ChainBreak(
            head.seq,
            "rebuilt",
            f"The head at entry {head.seq} is not signed by this home: the chain was computed anew by somebody else, "
            "or the home's secret key was lost.",
        )
    return ChainReport(project_id, walk.entries, head.anchor_seq + 1, head.seq, head.hash, problem)


class Walk:
    """One pass over entries in their order."""

    def __init__(
        self, project_id: int, seq: int, hash_: str, noted: Iterable[tuple[int, str]] = ()
    ) -> None:
        self.entries = 0
        self.seq, self.hash = seq, hash_
        self._project_id = project_id
        self._noted = sorted(noted)

    def over(self, rows: Iterable[Any]) -> ChainBreak | None:
        """The first break; each row has `seq`, `previous`, `hash`, `body`, and the columns of the store if it has any."""
        for row in rows:
            if problem := self._step(row):
                return problem
        return None

    def end(self, head: Head) -> ChainBreak | None:
        """Whether the last entry is the one the head knows."""
        if self.seq < head.seq:
            return ChainBreak(
                self.seq + 1,
                "removed",
                f"Entry {self.seq + 1} is missing: the chain has {head.seq}, and ends at {self.seq}.",
            )
        if self.seq > head.seq:
            return ChainBreak(
                head.seq + 1, "inserted", f"Entry {head.seq + 1} is beyond the end of the chain."
            )
        if self.hash != head.hash:
            return ChainBreak(
                head.seq, "rebuilt", f"Entry {head.seq} is not the one the head of the chain knows."
            )
        if self._noted and self._noted[-1][0] > head.seq:
            return _shortened(self._noted[-1], head.seq)
        return None

    def _step(self, row: Any) -> ChainBreak | None:
        expected = self.seq + 1
        if row.seq != expected:
            return ChainBreak(
                expected, "removed", f"Entry {expected} is missing: {row.seq} comes next."
            )
        if link(self._project_id, row.seq, row.previous, row.body) != row.hash:
            return ChainBreak(
                row.seq, "changed", f"Entry {row.seq} is not what was written: its hash differs."
            )
        if row.previous != self.hash:
            return ChainBreak(
                row.seq,
                "moved",
                f"Entry {row.seq} does not follow the one before it: it was moved, inserted or written anew.",
            )
        if not _is_indexed(row):
            return ChainBreak(
                row.seq, "changed", f"Entry {row.seq} is filed under something it does not say."
            )
        if any(seq == row.seq and hash_ != row.hash for seq, hash_ in self._noted):
            return ChainBreak(
                row.seq, "rebuilt", f"Entry {row.seq} is not the one that was noted earlier."
            )
        self.entries += 1
        self.seq, self.hash = row.seq, row.hash
        return None


def _is_indexed(row: Any) -> bool:
    """Whether the columns entries are found by say what the body says."""
    if not hasattr(row, "operation"):
        return True
    try:
        columns = columns_of(AuditEntry.of(row.body))
    except (ValueError, KeyError, TypeError):
        return False
    return all(getattr(row, name) == value for name, value in columns.items())


def _shortened(noted: tuple[int, str], seq: int) -> ChainBreak:
    return ChainBreak(
        seq + 1,
        "shortened",
        f"Entry {noted[0]} was noted earlier, and the chain ends at {seq}: its end was cut off.",
    )
