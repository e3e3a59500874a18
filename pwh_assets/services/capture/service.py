"""Capture as a whole: whose key it is, what is kept of a request, and when it is safe to say so."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from pwh_assets.services.capture.bodies import Sending
from pwh_assets.services.capture.checking import Arrival, kept
from pwh_assets.services.capture.errors import BodyError, CaptureKeyError, EventRefusedError
from pwh_assets.services.capture.loader import Loader
from pwh_assets.services.capture.loading import payload_of
from pwh_assets.services.capture.log import Journal
from pwh_assets.services.metrics_registry import METRICS
from pwh_assets.services.platform import Platform

KEY_AGE_S = 5.0
"""How long a key is believed; one that another process revoked is refused after that."""
_MOST_KEYS = 10_000
_NOT_KEPT = frozenset(("$snapshot", "$snapshot_items", "$performance_event"))
"""Session recordings: accepted and dropped, so that an SDK that records does not fail."""

_accepted = METRICS.counter("pwh_capture_events_total", "Events acknowledged: they are on disk.")
_rejected = METRICS.counter("pwh_capture_rejected_total", "Events not kept.", ("reason",))
_dropped = METRICS.counter("pwh_capture_dropped_total", "Recordings, which are not kept.")


@dataclass(frozen=True, slots=True)
class Refused:
    """One event that was not kept, by its place in the request."""

    index: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was taken of a request. It is on disk when `done` is, and not before."""

    count: int
    refused: Sequence[Refused]
    done: "Future[None] | None"


class Capture:
    """Takes events of all projects. Threads may share it. `start` before, `stop` after use."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._keys: dict[str, tuple[float, int | None]] = {}
        self._keys_lock = threading.Lock()
        self.journal = Journal(platform.settings.home)
        self.loader = Loader(platform)

    def start(self) -> None:
        self.loader.start()

    def stop(self) -> None:
        """Everything acknowledged is on disk; what is not loaded yet waits there."""
        self.journal.close()
        self.loader.stop()

    # -- keys --------------------------------------------------------------------------------------

    def is_known(self, key: str | None) -> bool:
        """Whether `project_of` answers without asking the store."""
        entry = self._keys.get(key or "")
        return entry is not None and entry[0] > time.monotonic()

    def project_of(self, key: str | None) -> int:
        """The project a capture key sends to.

        Raises:
            CaptureKeyError: it is no capture key, or a revoked one.
        """
        if not key:
            raise CaptureKeyError
        entry = self._keys.get(key)
        if entry is None or entry[0] <= time.monotonic():
            entry = self._look_up(key)
        if entry[1] is None:
            raise CaptureKeyError(key[-4:] if len(key) > 20 else "")
        return entry[1]

    def _look_up(self, key: str) -> tuple[float, int | None]:
        from pwh_assets.store.keys import KeyKind

        found = self._platform.store.find_key(key)
        is_capture = found is not None and found.kind is KeyKind.CAPTURE
        entry = (
            time.monotonic() + KEY_AGE_S,
            found.project_id if found is not None and is_capture else None,
        )
        with self._keys_lock:
            if len(self._keys) >= _MOST_KEYS:
                self._keys.clear()
            self._keys[key] = entry
        return entry

    def forget_keys(self) -> None:
        """Look every key up anew: one was made or ended in this process."""
        with self._keys_lock:
            self._keys.clear()

    # -- events ------------------------------------------------------------------------------------

    def accept(self, sending: Sending, ip: str = "", project_id: int | None = None) -> Accepted:
        """Check the events and begin to write those that can be kept.

        Raises:
            CaptureKeyError: the request has no valid key.
            BodyError: there is no event, or none that can be kept.
            CaptureUnavailableError: the disk does not keep up.
        """
        project_id = self.project_of(sending.key) if project_id is None else project_id
        arrival = Arrival.of(sending.sent_at, ip)
        lines: list[tuple[bytes, bytes]] = []
        refused: list[Refused] = []
        dropped = 0
        for index, raw in enumerate(sending.events):
            if isinstance(raw, dict) and _is_recording(raw):
                dropped += 1
                continue
            try:
                lines.append(kept(raw, arrival, sending.key))
            except EventRefusedError as error:
                _rejected.add(1, error.reason)
                refused.append(Refused(index, error.reason, error.sentence))
        if dropped:
            _dropped.add(dropped)
        if refused and not lines and not dropped:
            raise _nothing_kept(refused)
        if not lines:
            return Accepted(0, refused, None)
        done = self.journal.append(project_id, payload_of(arrival.at_us, lines))
        done.add_done_callback(lambda ended: self._kept(ended, project_id, len(lines)))
        return Accepted(len(lines), refused, done)

    def _kept(self, ended: "Future[None]", project_id: int, count: int) -> None:
        if not ended.cancelled() and ended.exception() is None:
            _accepted.add(count)
            self.loader.wake(project_id, count)


def _is_recording(raw: dict[str, Any]) -> bool:
    name = raw.get("event")
    return isinstance(name, str) and name in _NOT_KEPT


def _nothing_kept(refused: Sequence[Refused]) -> BodyError:
    more = f" So are {len(refused) - 1} more." if len(refused) > 1 else ""
    return BodyError(f"Event {refused[0].index} is refused: {refused[0].detail}{more}")
