"""How a request is sent: the key, another try after a wait, errors, pages."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx

from pwh_assets.client.reading import read, write
from pwh_assets.errors import PwhError

WAITS_FOR = frozenset({429, 503})
"""Statuses that say: the same again later. Nothing was begun."""
LONGEST_WAIT_S = 60.0


class ApiError(PwhError):
    """The server refused. `status`, `api_code`, `attr` and `extra` are those of its answer."""

    code = "api_refused"

    def __init__(self, status: int, body: Any) -> None:
        told: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
        self.http_status = status
        self.api_code = str(told.get("code", "http_error"))
        self.attr = told.get("attr")
        self.extra = told.get("extra")
        super().__init__(str(told.get("detail") or f"The server answered with status {status}."))


class Transport:
    """Sends requests of one project with one key. Close it, or use it in a `with`."""

    def __init__(
        self,
        url: str,
        key: str,
        project_id: int = 1,
        *,
        timeout_s: float = 120.0,
        tries: int = 5,
        http: httpx.Client | None = None,
    ) -> None:
        self.project_id, self._tries = project_id, tries
        self._http = http or httpx.Client(timeout=timeout_s, trust_env=False)
        self._url, self._key = url.rstrip("/"), key

    def close(self) -> None:
        self._http.close()

    def send(
        self,
        kind: Any,
        method: str,
        path: str,
        places: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, Any] | None = None,
    ) -> Any:
        """The answer as `kind`.

        Raises:
            ApiError: the server refused, or did not get ready in time.
            httpx.TransportError: there was no answer.
        """
        with self.stream(method, path, places, query, body, headers) as answer:
            text = answer.read()
        if kind is None or not text:
            return None
        return read(kind, answer.json())

    @contextmanager
    def stream(
        self,
        method: str,
        path: str,
        places: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, Any] | None = None,
    ) -> Iterator[httpx.Response]:
        """The answer while it comes in. Raises as `send`."""
        known = {"project_id": self.project_id, **(places or {})}
        filled = path.format(**{name: quote(str(each), safe="") for name, each in known.items()})
        sent = {"Authorization": f"Bearer {self._key}"}
        sent |= {name: str(value) for name, value in (headers or {}).items() if value is not None}
        params = {name: _word(each) for name, each in (query or {}).items() if each is not None}
        for left in reversed(range(self._tries)):
            request = self._http.build_request(
                method,
                f"{self._url}{filled}",
                params=params,
                json=None if body is None else write(body),
                headers=sent,
            )
            answer = self._http.send(request, stream=True)
            try:
                if answer.status_code in WAITS_FOR and left:
                    wait_s = _wait_s(answer)
                elif answer.is_success:
                    yield answer
                    return
                else:
                    answer.read()
                    raise ApiError(answer.status_code, _json(answer))
            finally:
                answer.close()
            time.sleep(wait_s)

    def pages(self, kind: Any, path: str, places: Any, query: Mapping[str, Any]) -> Iterator[Any]:
        """Every result of a list, page by page, as it is used up."""
        offset = int(query.get("offset") or 0)
        while True:
            page = self.send(kind, "GET", path, places, {**query, "offset": offset})
            yield from page.results
            offset += len(page.results)
            if page.next is None or not page.results:
                return


class Group:
    """Operations of one noun."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport


def _word(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def _wait_s(answer: httpx.Response) -> float:
    told = answer.headers.get("retry-after", "")
    return min(LONGEST_WAIT_S, float(told)) if told.isdecimal() else 1.0


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
