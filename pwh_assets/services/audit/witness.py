"""Heads of the chains beside the store: a store that was rolled back, or a chain that is gone with its head, is found."""

import contextlib
import json
import logging
import os
import time
from collections.abc import Iterable
from pathlib import Path

from pwh_assets.store import Store

log = logging.getLogger(__name__)

FILE = "audit-heads.json"
EVERY_S = 1.0


class Witness:
    """Notes the heads of chains in a file of the home. Several processes may: what is there only grows."""

    def __init__(self, home: Path, store: Store) -> None:
        self._file, self._store = home / FILE, store
        self._moved: set[int] = set()
        self._due = 0.0

    def moved(self, project_ids: Iterable[int]) -> None:
        """These chains have new entries; they are noted once a second."""
        self._moved.update(project_ids)
        if time.monotonic() >= self._due:
            self.note()

    def note(self) -> None:
        """Write the heads of the chains that moved. A file that cannot be written is no reason to stop."""
        self._due = time.monotonic() + EVERY_S
        if not self._moved or not self._file.parent.is_dir():
            return
        known = self._read()
        for project_id in self._moved:
            head = self._store.audit_head(project_id)
            if head is not None and head.seq >= known.get(project_id, (0, ""))[0]:
                known[project_id] = (head.seq, head.hash)
        part = self._file.with_suffix(f".{os.getpid()}.part")
        try:
            part.write_text(json.dumps({str(p): self._signed(p, *known[p]) for p in sorted(known)}))
            part.replace(self._file)
            self._moved.clear()
        except OSError as error:
            log.warning("heads of the audit log cannot be noted: %s", error.strerror)

    def of(self, project_id: int) -> tuple[int, str] | None:
        """Number and hash of the head that was noted last; None where none was, or not by this home."""
        return self._read().get(project_id)

    def _signed(self, project_id: int, seq: int, hash_: str) -> list[object]:
        return [seq, hash_, self._store.sign_audit(_text(project_id, seq, hash_))]

    def _read(self) -> dict[int, tuple[int, str]]:
        found: dict[int, tuple[int, str]] = {}
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
            for project, (seq, hash_, signature) in json.loads(self._file.read_text()).items():
                text = _text(int(project), int(seq), str(hash_))
                if self._store.is_audit_signed(text, str(signature)):
                    found[int(project)] = (int(seq), str(hash_))
        return found


def _text(project_id: int, seq: int, hash_: str) -> str:
    return f"witness:{project_id}:{seq}:{hash_}"
