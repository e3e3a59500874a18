"""HubSpot's API over HTTP: its paces, lists, searches and batch reads."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pwh_assets.errors import SourceAccessError, SourceError
from pwh_assets.sources.errors import UnreadableDataError
from pwh_assets.sources.http import Answer, Api, Limits

PAGE = 100
CAP = 10_000
"""So many results one search gives; asking for more is refused."""
URL_LENGTH = 6_000
"""Properties beyond so many characters of a list's address are fetched by batch read."""
PER_SECOND, SEARCHES_PER_SECOND = 9, 4
"""Below what a private app may do: 100 calls in 10 seconds, 5 searches a second."""

Object = dict[str, Any]


class HubSpotApi:
    """One token at one address. Safe in several threads."""

    def __init__(self, config: Mapping[str, Any], attempts: int | None = None) -> None:
        token = str(config["access_token"])
        account = hashlib.sha256(token.encode()).hexdigest()
        self.place = f"HubSpot at `{config['base_url']}`"

        def api(use: str, rate: float) -> Api:
            return Api(
                self.place,
                config["base_url"],
                config,
                headers={"Authorization": f"Bearer {token}"},
                secrets=(token,),
                account=f"{use} {account}",
                limits=Limits(attempts, per_second=rate, burst=max(1, int(rate))),
                refusal=self._refusal,
            )

        self._http, self._searching = api("list", PER_SECOND), api("search", SEARCHES_PER_SECOND)

    def stop(self) -> None:
        self._http.stop()
        self._searching.stop()

    def check(self) -> None:
        """Any answer but 401 says that the token is one of ours."""
        try:
            self._http.get("/crm/v3/owners", {"limit": "1"})
        except ForbiddenError:
            return

    def properties(self, kind: str) -> list[Object]:
        """Definitions of the object's properties. Raises ForbiddenError without the scope."""
        return self._results(self._http.get(f"/crm/v3/properties/{kind}"), f"properties of {kind}")

    def schemas(self) -> list[Object]:
        """Custom objects; none when the account has none or the token may not know."""
        try:
            return self._results(self._http.get("/crm/v3/schemas"), "schemas")
        except SourceError as error:
            if error.retryable:
                raise
            return []

    def pages(self, path: str, params: Mapping[str, Any]) -> Iterator[list[Object]]:
        """A list, page by page, by `paging.next.after`."""
        asked, before = {"limit": str(PAGE), **params}, ""
        while True:
            body = self._http.get(path, asked)
            yield self._results(body, path)
            after = _after(body)
            if not after:
                return
            if after == before:
                raise UnreadableDataError(
                    self.place, f"the list `{path}` goes on without moving on.", "Sync again later."
                )
            asked["after"] = before = after

    def search(
        self,
        kind: str,
        filters: Sequence[Object],
        sort: str,
        properties: Sequence[str],
        limit: int = PAGE,
    ) -> Iterator[list[Object]]:
        """What the search finds, in order of a property; at most `CAP` objects."""
        body: Object = {
            "filterGroups": [{"filters": list(filters)}] if filters else [],
            "sorts": [{"propertyName": sort, "direction": "ASCENDING"}],
            "properties": list(properties),
            "limit": limit,
        }
        count = 0
        while True:
            answer = self._searching.post(f"/crm/v3/objects/{kind}/search", body)
            found = self._results(answer, f"search of {kind}")
            yield found
            count += len(found)
            after = _after(answer)
            if not after or count + limit > CAP:
                return
            body = {**body, "after": after}

    def newest(self, kind: str, by: str) -> Object | None:
        """The object that changed last."""
        body = {
            "filterGroups": [],
            "sorts": [{"propertyName": by, "direction": "DESCENDING"}],
            "properties": [by],
            "limit": 1,
        }
        answer = self._searching.post(f"/crm/v3/objects/{kind}/search", body)
        found = self._results(answer, f"search of {kind}")
        return found[0] if found else None

    def more_properties(
        self, kind: str, ids: Sequence[str], properties: Sequence[str]
    ) -> dict[str, Object]:
        """Properties of objects by id, for those a list's address has no room for."""
        body = {"inputs": [{"id": one} for one in ids], "properties": list(properties)}
        answer = self._http.post(f"/crm/v3/objects/{kind}/batch/read", body)
        found = self._results(answer, f"batch of {kind}")
        return {str(one["id"]): one.get("properties") or {} for one in found}

    def associated(self, kind: str, other: str, ids: Sequence[str]) -> dict[str, list[str]]:
        """Ids of the other objects that belong to each."""
        found: dict[str, list[str]] = {}
        inputs: list[Object] = [{"id": one} for one in ids]
        while inputs:
            answer = self._http.post(
                f"/crm/v4/associations/{kind}/{other}/batch/read", {"inputs": inputs}
            )
            inputs = []
            for one in self._results(answer, f"associations of {kind}"):
                key = str((one.get("from") or {}).get("id"))
                found.setdefault(key, []).extend(
                    str(to["toObjectId"]) for to in one.get("to") or []
                )
                if after := _after(one):
                    inputs.append({"id": key, "after": after})
        return found

    def _results(self, body: Any, what: str) -> list[Object]:
        found = body.get("results") if isinstance(body, dict) else None
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise UnreadableDataError(
                self.place, f"the answer for {what} has no list `results`.", "Check `base_url`."
            )
        return found

    def _refusal(self, answer: Answer, said: str) -> SourceError | None:
        if answer.status == 401:
            return SourceAccessError(
                f"{self.place} refused the token: {said} Enter one of a private app that is in use."
            )
        if answer.status == 403:
            return ForbiddenError(
                f"{self.place} does not let this token read that: {said} Give the private app the scope."
            )
        return None


class ForbiddenError(SourceAccessError):
    """The token is good but lacks a scope."""


def _after(body: Any) -> str:
    paging = body.get("paging") if isinstance(body, dict) else None
    following = paging.get("next") if isinstance(paging, dict) else None
    return str(following.get("after") or "") if isinstance(following, dict) else ""
