"""Reading one Stripe table: what is new, what changed, and older history piece by piece."""

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pwh_assets.core.source import SyncMode
from pwh_assets.errors import SourceError, SourceUnavailableError
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.errors import UnreadableDataError
from pwh_assets.sources.http import RowBuilder, ahead, in_order
from pwh_assets.sources.stripe.api import CONNECTIONS, Object, StripeApi
from pwh_assets.sources.stripe.objects import BY_NAME, StripeObject
from pwh_assets.sources.stripe.position import Position

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

BATCH = 5_000
DAY_S = 86_400
APPEND_DELAY_S = 60
"""Appending leaves the last minute alone: an object of the same second could still come."""
EVENTS_KEPT_S = 29 * DAY_S
"""Stripe keeps events 30 days. A table that was not synced for longer is listed whole."""
QUIET_S = 7 * DAY_S
"""How often the position moves on in an account without events."""
EVENTS_OVERLAP_S = 300
"""Events may appear a little out of order: so much of what was read is looked at again."""
HISTORY_S = 30 * 60
"""One sync reads history for so long; the next goes on where it stopped."""
WORTH_KEEPING = 1_000
"""A history that breaks off after so many objects is kept; the next sync goes on."""


class Reader:
    """Reads one table once. `watermark` is right after the last table was taken."""

    def __init__(self, config: Mapping[str, Any], request: ReadRequest, kind: StripeObject) -> None:
        self._config, self._request, self._kind = config, request, kind
        self._listed = BY_NAME[kind.parent] if kind.parent else kind
        self._api = StripeApi(config)
        known = {one.name: one.type for one in request.columns if one.name not in kind.types}
        self._builder = RowBuilder(f"Stripe's {kind.name}", {**kind.types, **known})
        self._waiting: list[Object] = []
        self._position = Position()
        self.watermark: str | None = None

    def batches(self) -> Iterator["pa.Table"]:
        """Arrow tables of at most a few thousand rows."""
        try:
            yield from self._batches()
        finally:
            self._api.http.stop()

    def _batches(self) -> Iterator["pa.Table"]:
        mode = self._request.mode
        if mode is SyncMode.FULL:
            yield from self._take(ahead(self._pages({})))
        elif mode is SyncMode.APPEND:
            self._position = Position.parse(self._request.since)
            yield from self._append()
        else:
            self._position = Position.parse(self._request.since)
            yield from self._merge()
        yield from self._rest()
        if mode is not SyncMode.FULL and self._position.newest is not None:
            self.watermark = str(self._position)

    def _merge(self) -> Iterator["pa.Table"]:
        """New objects, then changed ones, then history."""
        before, events_at = self._position, self._events_at()
        has_gap = events_at is not None and (
            before.events is None or time.time() - before.events > EVENTS_KEPT_S
        )
        if before.newest is None or has_gap:
            self._position = Position(before.newest, None, events_at)
            yield from self._take(self._fetched(self._delivered(), set()))
            yield from self._history({})
            return
        seen: set[str] = set()
        back_s = self._request.lookback_s
        if events_at is None:
            back_s = max(back_s, DAY_S * self._config["lookback_days"])
        lower = {"created[gte]": str(max(0, before.newest - back_s))}
        yield from self._take(self._noted(self._pages(lower), seen))
        if events_at is not None and before.events is not None:
            yield from self._take(self._changed(before.events - EVENTS_OVERLAP_S, seen))
            self._position = replace(self._position, events=max(before.events, events_at))
        else:
            yield from self._take(self._fetched(self._delivered(), seen))
            self._position = replace(self._position, events=None)
        if before.history is not None:
            yield from self._history({"created[lte]": str(before.history)})

    def _append(self) -> Iterator["pa.Table"]:
        upper = int(datetime.now(UTC).timestamp()) - APPEND_DELAY_S
        newest, history = self._position.newest, self._position.history
        if newest is None:
            yield from self._history({"created[lte]": str(upper)})
            return
        yield from self._take(self._pages({"created[lte]": str(upper), "created[gt]": str(newest)}))
        if history is not None:
            yield from self._history({"created[lt]": str(history)})

    def _history(self, params: Mapping[str, str]) -> Iterator["pa.Table"]:
        """Everything the parameters leave, newest first, until the time is up or Stripe fails us half way."""
        may_stop = self._request.may_be_partial or self._request.since is not None
        ends, count, earliest = time.monotonic() + HISTORY_S, 0, None
        held: list[Object] = []
        pages = ahead(self._pages(params))
        try:
            for page in pages:
                count += len(page)
                whole, held = self._split(held + page)
                if whole:
                    earliest = _created(whole[-1])
                    yield from self._take([whole])
                if may_stop and time.monotonic() > ends and earliest is not None:
                    self._position = replace(self._position, history=earliest)
                    return
        except SourceUnavailableError as error:
            if not may_stop or count < WORTH_KEEPING or earliest is None:
                raise
            log.warning("%s: history goes on with the next sync: %s", self._kind.name, error)
            self._position = replace(self._position, history=earliest)
            return
        finally:
            pages.close()
        yield from self._take([held])
        self._position = replace(self._position, history=None)

    def _split(self, page: list[Object]) -> tuple[list[Object], list[Object]]:
        """For appending, hold back the last second: were we to stop here, the rest of it would be lost."""
        if self._request.mode is not SyncMode.APPEND or not page:
            return page, []
        last = _created(page[-1])
        whole = [one for one in page if _created(one) != last]
        return whole, [one for one in page if _created(one) == last]

    def _events_at(self) -> int | None:
        """The time of the newest event; None when this table's changes are not told, or the key may not know."""
        if not self._listed.events:
            return None
        try:
            newest = self._api.newest(BY_NAME["event"])
        except SourceError as error:
            if error.retryable:
                raise
            return None
        if newest is not None:
            return _created(newest)
        # Nothing happened for a month: what is known stays known, until that would look like a gap.
        known, safe = self._position.events, int(time.time()) - DAY_S
        return known if known is not None and safe - known < QUIET_S else safe

    def _changed(self, since: int, seen: set[str]) -> Iterator[list[Object]]:
        """Objects that events or deliveries tell of, as they are now."""
        told = self._delivered()
        for event in self._api.events(self._listed.events, since):
            subject = _subject(event)
            if subject.get("object") == self._listed.noun and isinstance(subject.get("id"), str):
                told.setdefault(subject["id"], subject)
        yield from self._fetched(told, seen)

    def _delivered(self) -> dict[str, Object]:
        """What webhooks told, newest first."""
        deliveries = sorted(self._request.deliveries, key=lambda one: one.at, reverse=True)
        found: dict[str, Object] = {}
        for delivery in deliveries:
            found.setdefault(delivery.key, dict(delivery.data))
        return found

    def _fetched(self, told: Mapping[str, Object], seen: set[str]) -> Iterator[list[Object]]:
        """Always read anew, so that the order of what was told does not matter and the version is ours."""

        def fetch(key: str) -> Object:
            one = self._api.one(self._listed, key)
            if one is None or one.get("deleted") is True:
                return self._fitting({**told[key], **(one or {}), "id": key, "deleted": True})
            return one

        keys = [key for key in told if key not in seen]
        found = in_order(fetch, keys, CONNECTIONS)
        page: list[Object] = []
        for one in found:
            page.append(one)
            if len(page) >= BATCH:
                yield page
                page = []
        yield page

    def _fitting(self, one: Object) -> Object:
        """What can be read of an object that only an event still shows, in whatever version that was."""

        def fits(name: str) -> bool:
            try:
                RowBuilder("", {name: self._listed.types[name]}).table([one])
            except UnreadableDataError:
                return False
            return True

        return {name: v for name, v in one.items() if name in self._listed.types and fits(name)}

    def _pages(self, params: Mapping[str, str]) -> Iterator[list[Object]]:
        for page in self._api.pages(self._listed, params):
            for one in page:
                newest = max(self._position.newest or 0, _created(one))
                self._position = replace(self._position, newest=newest or None)
            yield page

    def _noted(self, pages: Iterator[list[Object]], seen: set[str]) -> Iterator[list[Object]]:
        for page in pages:
            seen.update(str(one.get("id")) for one in page)
            yield page

    def _take(self, pages: "Iterator[list[Object]] | list[list[Object]]") -> Iterator["pa.Table"]:
        for page in pages:
            whole = list(in_order(self._api.completed, page, CONNECTIONS)) if page else []
            self._waiting += self._children(whole) if self._kind.parent else whole
            while len(self._waiting) >= BATCH:
                yield self._builder.table(self._waiting[:BATCH])
                self._waiting = self._waiting[BATCH:]

    def _children(self, parents: list[Object]) -> list[Object]:
        """What the parents' lists hold, with the parent's id and time."""
        found = []
        for parent in parents:
            inside = (parent.get(self._kind.nested) or {}).get("data") or []
            link = {self._kind.parent: parent.get("id"), self._kind.cursor: parent.get("created")}
            found += [{**one, **link} for one in inside]
        return found

    def _rest(self) -> Iterator["pa.Table"]:
        if self._waiting:
            yield self._builder.table(self._waiting)
            self._waiting = []


def _created(one: Mapping[str, Any]) -> int:
    found = one.get("created")
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def _subject(event: Mapping[str, Any]) -> Object:
    data = event.get("data")
    found = data.get("object") if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}
