"""Keeping Dagster's picture of the store fresh: the code location is reloaded after a change, at most every ten seconds."""

import logging
import threading
import time
from pathlib import Path

from pwh_assets.orchestration.names import LOCATION
from pwh_assets.orchestration.webserver import ask, webserver_url
from pwh_assets.services.freshness.project import cadence_mark
from pwh_assets.services.platform import Platform
from pwh_assets.settings import Settings

log = logging.getLogger(__name__)

APART_S = 10.0
LOOK_EVERY_S = 2.0
_turns: dict[Path, threading.Lock] = {}
_latest: dict[Path, tuple[float, bool]] = {}
"""When the latest reload of a home began, and whether it was done."""
_MUTATION = """
mutation Reload($name: String!) {
  reloadRepositoryLocation(repositoryLocationName: $name) {
    __typename
    ... on WorkspaceLocationEntry { locationOrLoadError { __typename ... on PythonError { message } } }
    ... on PythonError { message }
  }
}
"""


def reload_location(settings: Settings) -> bool:
    """Have the running webserver load the definitions anew; the daemon follows by itself. Of many who ask meanwhile, one
    has it done for all: a reload that began after they asked has what they changed.

    Returns:
        True when it did. False when Dagster is down (the next start loads everything) or refused, which is
        logged: a store change never fails because of Dagster.
    """
    asked_at = time.monotonic()
    with _turns.setdefault(settings.home, threading.Lock()):
        began_at, is_done = _latest.get(settings.home, (0.0, False))
        if began_at < asked_at:
            began_at = time.monotonic()
            is_done = _reload(settings)
            _latest[settings.home] = began_at, is_done
        return is_done


def _reload(settings: Settings) -> bool:
    url = webserver_url(settings)
    if url is None:
        return False
    try:
        answer = ask(f"{url}/graphql", _MUTATION, {"name": LOCATION})
    except (OSError, ValueError) as error:
        log.debug("dagster is not there to reload: %s", type(error).__name__)
        return False
    found = (answer.get("data") or {}).get("reloadRepositoryLocation") or {}
    loaded = found.get("locationOrLoadError") or {}
    if found.get("__typename") != "WorkspaceLocationEntry" or "message" in loaded:
        message = loaded.get("message") or found.get("message") or answer.get("errors")
        log.warning("dagster could not load the definitions: %s", str(message).splitlines()[:1])
        return False
    return True


class Reloader:
    """Watches the store and reloads the code location when sources, tables or views changed.

    It sees the changes of every process, since it compares the store's catalog versions, and cadences that changed
    because runs became longer or shorter; however many there are, reloads are at least `APART_S` apart and the last
    change is always followed by one.
    """

    def __init__(
        self,
        platform: Platform,
        apart_s: float = APART_S,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._platform = platform
        self._apart_s = apart_s
        self._look_every_s = look_every_s
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Watch in a thread until `stop`. What is in the store now counts as loaded."""
        loaded = self._versions()
        self._thread = threading.Thread(
            target=self._watch, args=(loaded,), name="dagster-reloader", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)

    def _watch(self, loaded: dict[int, str]) -> None:
        last = 0.0
        while not self._stop.wait(self._look_every_s):
            try:
                now = self._versions()
                if now == loaded or time.monotonic() - last < self._apart_s:
                    continue
                last = time.monotonic()
                if reload_location(self._platform.settings):
                    loaded = now
            except Exception as error:
                log.warning("looking for changed definitions failed: %s", type(error).__name__)

    def _versions(self) -> dict[int, str]:
        store = self._platform.store
        return {
            each: f"{store.catalog_version(each)} {cadence_mark(self._platform, each)}"
            for each in store.project_ids()
        }
