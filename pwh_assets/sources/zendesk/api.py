"""Zendesk's API over HTTP: its credentials, its exports and its lists."""

import hashlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

from pwh_assets.errors import SourceAccessError, SourceError
from pwh_assets.sources.errors import UnreadableDataError
from pwh_assets.sources.http import Answer, Api, Limits
from pwh_assets.sources.zendesk.tables import Table, Way

PAGE, EXPORTED = 100, 1_000
PER_SECOND, EXPORTS_PER_SECOND = 5, 0.16
"""Zendesk allows 200 calls a minute and more by plan, and ten calls of exports a minute."""
EXPORT_BURST = 8
NOT_YET_S = 61
"""An export that would begin in the last minute is refused."""

Object = dict[str, Any]


class ZendeskApi:
    """One account with one token. Safe in several threads."""

    def __init__(self, config: Mapping[str, Any], attempts: int | None = None) -> None:
        base_url = config["base_url"]
        token = str(config.get("oauth_token") or config.get("api_token"))
        self.place = f"Zendesk at `{base_url}`"
        account = hashlib.sha256(token.encode()).hexdigest()

        def api(use: str, rate: float, burst: int) -> Api:
            return Api(
                self.place,
                base_url,
                config,
                headers={"Authorization": _authorization(config)},
                secrets=(token, _authorization(config).partition(" ")[2]),
                account=f"{use} {account}",
                limits=Limits(attempts, per_second=rate, burst=burst),
                refusal=self._refusal,
            )

        self._http = api("list", PER_SECOND, PER_SECOND)
        self._exporting = api("export", EXPORTS_PER_SECOND, EXPORT_BURST)

    def stop(self) -> None:
        self._http.stop()
        self._exporting.stop()

    def check(self) -> None:
        """Ask who we are. Zendesk says "nobody" to a wrong token only here and there, so we look who it is."""
        body = self._http.get("/api/v2/users/me.json")
        user = body.get("user") if isinstance(body, dict) else None
        if not isinstance(user, dict) or not user.get("id"):
            raise SourceAccessError(
                f"{self.place} does not know this agent. Check `email` and the token."
            )

    def pages(self, table: Table) -> Iterator[list[Object]]:
        """The whole list, by `links.next`, or by `next_page` where a list has no cursors."""
        path: str | None = f"/api/v2/{table.path}"
        params: Mapping[str, str] = {"page[size]": str(PAGE)}
        seen = set()
        while path:
            if path in seen:
                raise self._stuck(table)
            seen.add(path)
            body = self._http.get(path, params)
            yield self._rows(body, table)
            params = {}
            meta, links = body.get("meta"), body.get("links")
            if isinstance(meta, dict) and "has_more" in meta:
                path = (links or {}).get("next") if meta["has_more"] else None
            else:
                path = body.get("next_page")

    def exported(
        self, table: Table, start: int, cursor: str | None
    ) -> Iterator[tuple[list[Object], str | None, int]]:
        """Pages of an incremental export, with the cursor (or the time) that the next one goes on from."""
        path = f"/api/v2/{table.path}"
        while True:
            latest = int(time.time()) - NOT_YET_S
            params = {"cursor": cursor} if cursor else {"start_time": str(min(start, latest))}
            body = self._exporting.get(path, {**params, "per_page": str(EXPORTED)})
            rows = self._rows(body, table)
            before = (cursor, start)
            if table.way is Way.CURSOR:
                cursor = body.get("after_cursor") or cursor
            elif isinstance(body.get("end_time"), int):
                start = body["end_time"]
            yield rows, cursor, start
            if _is_end(body, len(rows)):
                return
            if (cursor, start) == before:
                raise self._stuck(table)

    def count(self, table: Table) -> str:
        """The number of rows, as far as Zendesk keeps it."""
        body = self._http.get(f"/api/v2/{table.name}/count.json")
        found = body.get("count") if isinstance(body, dict) else None
        return str((found or {}).get("value", "")) if isinstance(found, dict) else ""

    def _rows(self, body: Any, table: Table) -> list[Object]:
        found = body.get(table.noun) if isinstance(body, dict) else None
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise UnreadableDataError(
                self.place, f"the answer has no list `{table.noun}`.", "Check `base_url`."
            )
        return found

    def _stuck(self, table: Table) -> SourceError:
        return UnreadableDataError(
            self.place,
            f"the export of `{table.name}` goes on without moving on.",
            "Sync again later.",
        )

    def _refusal(self, answer: Answer, said: str) -> SourceError | None:
        if answer.status == 401:
            return SourceAccessError(
                f"{self.place} refused the token: {said} Check `email` and the token, and that token access is on."
            )
        if answer.status == 403:
            return SourceAccessError(
                f"{self.place} does not let this agent read that: {said} Exports need an administrator."
            )
        return None


def _is_end(body: Mapping[str, Any], rows: int) -> bool:
    if "end_of_stream" in body:
        return bool(body["end_of_stream"])
    return rows < EXPORTED or not body.get("next_page")


def _authorization(config: Mapping[str, Any]) -> str:
    import base64

    if config.get("oauth_token"):
        return f"Bearer {config['oauth_token'].strip()}"
    pair = f"{config['email']}/token:{config['api_token'].strip()}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
