"""Stripe's API over HTTP: key, version, lists page by page, single objects, and errors in our words."""

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pwh_assets.errors import SourceAccessError, SourceError, SourceUnavailableError
from pwh_assets.sources.errors import UnreadableDataError
from pwh_assets.sources.http import Answer, Api, Limits
from pwh_assets.sources.stripe.objects import API_VERSION, StripeObject

log = logging.getLogger(__name__)

PAGE = 100
CONNECTIONS = 6
LIVE_PER_SECOND, TEST_PER_SECOND = 80, 20
"""Below what Stripe allows an account: 100 calls a second, 25 in test mode."""
EVENT_TYPES = 20
"""So many types one question about events may name."""

Object = dict[str, Any]


class StripeApi:
    """One key at one address. Safe in several threads."""

    def __init__(self, config: Mapping[str, Any], attempts: int | None = None) -> None:
        key = str(config["api_key"])
        headers = {"Authorization": f"Bearer {key}", "Stripe-Version": API_VERSION}
        if config.get("account_id"):
            headers["Stripe-Account"] = config["account_id"]
        rate = TEST_PER_SECOND if "_test_" in key else LIVE_PER_SECOND
        self.place = f"Stripe at `{config['base_url']}`"
        self._has_warned = False
        self.http = Api(
            self.place,
            config["base_url"],
            config,
            headers=headers,
            secrets=(key,),
            account=hashlib.sha256(key.encode()).hexdigest(),
            limits=Limits(attempts, per_second=rate, burst=rate),
            connections=CONNECTIONS,
            refusal=self._refusal,
        )

    def check(self) -> None:
        """Ask who we are. A restricted key that may not know that is a good key all the same.

        Raises:
            SourceAccessError, SourceUnavailableError.
        """
        try:
            self.http.get("/v1/account")
        except ForbiddenError:
            return

    def newest(self, kind: StripeObject, params: Mapping[str, Any] | None = None) -> Object | None:
        """The object made last, or None. Raises as `pages` does."""
        found = self._page(kind.path, {**kind.params, **(params or {}), "limit": "1"}, kind.name)[0]
        return found[0] if found else None

    def pages(self, kind: StripeObject, params: Mapping[str, Any]) -> Iterator[list[Object]]:
        """Pages of objects, newest first. Objects made meanwhile appear before the first page: none is skipped
        or comes twice.

        Raises:
            SourceAccessError: the key is wrong, or may not read this.
            SourceUnavailableError: no good answer after the retries.
            SourceError: Stripe refuses the request.
        """
        return self._pages(kind.path, {**kind.params, **params, "limit": str(PAGE)}, kind.name)

    def events(self, types: Sequence[str], since: int) -> Iterator[Object]:
        """Events of these types made at or after a Unix time, newest first."""
        for i in range(0, len(types), EVENT_TYPES):
            some = types[i : i + EVENT_TYPES]
            asked: dict[str, Any] = {"type": some[0]} if len(some) == 1 else {"types[]": list(some)}
            params = {**asked, "created[gte]": str(since), "limit": str(PAGE)}
            for page in self._pages("/v1/events", params, "event"):
                yield from page

    def one(self, kind: StripeObject, key: str) -> Object | None:
        """The object as it is now; None when there is none."""
        try:
            found = self.http.get(f"{kind.path}/{key}")
        except MissingError:
            return None
        return found if isinstance(found, dict) else None

    def completed(self, one: Object) -> Object:
        """The object with the lists inside it whole: Stripe shows the first ten of a longer one."""
        for name, value in one.items():
            if isinstance(value, dict) and value.get("object") == "list" and value.get("has_more"):
                one = {**one, name: self._whole(name, value)}
        return one

    def _whole(self, name: str, shown: Mapping[str, Any]) -> Object:
        url = urlsplit(str(shown.get("url") or ""))
        found = list(shown.get("data") or [])
        params = {**dict(parse_qsl(url.query)), "limit": str(PAGE)}
        if found:
            params["starting_after"] = str(found[-1].get("id"))
        for page in self._pages(url.path, params, name):
            found += page
        return {**shown, "data": found, "has_more": False}

    def _pages(self, path: str, params: Mapping[str, Any], noun: str) -> Iterator[list[Object]]:
        asked, last = dict(params), ""
        while True:
            found, has_more = self._page(path, asked, noun)
            yield found
            if not has_more:
                return
            before, last = last, str(found[-1].get("id") or "") if found else ""
            if last in ("", before):
                raise UnreadableDataError(
                    self.place,
                    f"the list of {noun} objects goes on without moving on.",
                    "Sync again later.",
                )
            asked["starting_after"] = last

    def _page(self, path: str, params: Mapping[str, Any], noun: str) -> tuple[list[Object], bool]:
        answer = self.http.call("GET", path, params=params, is_json=True)
        self._notice_drift(answer)
        body = answer.json()
        found = body.get("data") if isinstance(body, dict) else None
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise UnreadableDataError(
                self.place, f"the answer for {noun} is not a list of objects.", "Check `base_url`."
            )
        return found, bool(body.get("has_more"))

    def _notice_drift(self, answer: Answer) -> None:
        version = answer.headers.get("Stripe-Version", API_VERSION)
        if version != API_VERSION and not self._has_warned:
            self._has_warned = True
            log.warning(
                "%s answers in version %s, not %s: columns may come as JSON",
                self.place,
                version,
                API_VERSION,
            )

    def _refusal(self, answer: Answer, said: str) -> SourceError | None:
        noun = urlsplit(answer.url).path.partition("/v1/")[2]
        if answer.status == 401:
            return SourceAccessError(
                f"{self.place} refused the key: {said} Enter a key that is in use, from Developers > API keys."
            )
        if answer.status == 403:
            return ForbiddenError(
                f"{self.place} does not let this key read `{noun}`: {said} "
                "Give the restricted key read permission for it, or do not sync it."
            )
        if answer.status == 404:
            return MissingError(
                f"{self.place} has no `{noun}`: {said} Check `base_url`, or do not sync it."
            )
        if answer.status >= 500:
            return SourceUnavailableError(f"{self.place} answered {answer.status}: {said}")
        return SourceError(
            f"{self.place} refused to list `{noun}` ({answer.status}): {said} Sync again."
        )


class ForbiddenError(SourceAccessError):
    """The key is good but may not read this."""


class MissingError(SourceError):
    """There is no such object or list."""
