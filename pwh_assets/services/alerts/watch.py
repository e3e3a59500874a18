"""The watch: within the API's process, one thread looks at health and another carries alerts out."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pwh_assets.services.alerts.delivery import deliver, new_holder
from pwh_assets.services.health.memory import DEFAULT_RULES, Rules, evaluate
from pwh_assets.services.platform import Platform

log = logging.getLogger(__name__)

LOOK_EVERY_S = 30.0
DELIVER_EVERY_S = 5.0
_FORGET_EVERY = timedelta(days=1)


class HealthWatch:
    """Looks at every project's health twice a minute and has alerts sent.

    Of several processes with a watch on one store, one looks after each project and the others step in when it is
    gone; alerts are carried out by all of them, each by one.
    """

    def __init__(
        self,
        platform: Platform,
        rules: Rules = DEFAULT_RULES,
        look_every_s: float = LOOK_EVERY_S,
        deliver_every_s: float = DELIVER_EVERY_S,
    ) -> None:
        self._platform = platform
        self._rules = rules
        self._look_every_s = look_every_s
        self._deliver_every_s = deliver_every_s
        self._holder = new_holder()
        self._forgot_at = datetime.now(UTC)
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Watch in threads until `stop`."""
        loops = (
            ("health-watch", self._look, self._look_every_s),
            ("alert-sender", self._deliver, self._deliver_every_s),
        )
        for name, work, every_s in loops:
            thread = threading.Thread(
                target=self._repeat, args=(work, every_s), name=name, daemon=True
            )
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """End after what is going on; somebody else may take over at once."""
        self._stop.set()
        for thread in self._threads:
            thread.join(10)
        try:
            for project_id in self._platform.store.project_ids():
                self._platform.store.release_health(project_id, self._holder)
        except Exception as error:
            log.warning("the watch could not be handed over: %s", type(error).__name__)

    def _repeat(self, work: Callable[[], None], every_s: float) -> None:
        while not self._stop.wait(every_s):
            try:
                work()
            except Exception:
                log.exception("%s failed; it tries again", threading.current_thread().name)

    def _look(self) -> None:
        store = self._platform.store
        for project_id in store.project_ids():
            if self._stop.is_set():
                return
            if store.hold_health(project_id, self._holder, 3 * self._look_every_s):
                store.abandon_jobs(project_id)
                evaluate(self._platform, project_id, self._rules)
        if datetime.now(UTC) - self._forgot_at > _FORGET_EVERY:
            self._forgot_at = datetime.now(UTC)
            store.forget_health()

    def _deliver(self) -> None:
        deliver(self._platform)
