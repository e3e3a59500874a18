"""`Client`: every group of operations, and what is asked most often in one word."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import httpx

from pwh_assets.client.groups import Groups
from pwh_assets.client.models import HogQLAnswer
from pwh_assets.client.transport import Transport

Format = Literal["jsonl", "csv", "arrow", "parquet"]
_QUERY = "/api/projects/{project_id}/query/"


class Client(Groups):
    """A project of a PWH, seen with one personal key.

    >>> client = Client("http://127.0.0.1:8000", "phx_…")
    >>> client.sources.each  # doctest: +ELLIPSIS
    <bound method Sources.each of ...>
    >>> client.close()
    """

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
        """`tries` counts the first: after 429 and 503 the same is sent again, when the server says so."""
        self._transport = Transport(
            url, key, project_id, timeout_s=timeout_s, tries=tries, http=http
        )
        super().__init__(self._transport)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End its connections."""
        self._transport.close()

    def sql(
        self, text: str, *, variables: Mapping[str, Any] | None = None, refresh: str | None = None
    ) -> HogQLAnswer:
        """Rows of a HogQL text, waited for. Raises ApiError."""
        query = {"kind": "HogQLQuery", "query": text, "variables": dict(variables or {})}
        body = {"query": query} | ({"refresh": refresh} if refresh else {})
        answer = self._transport.send(HogQLAnswer, "POST", _QUERY, body=body)
        assert isinstance(answer, HogQLAnswer)
        return answer

    @contextmanager
    def rows(
        self, text: str, form: Format = "arrow", *, variables: Mapping[str, Any] | None = None
    ) -> Iterator[Iterator[bytes]]:
        """All rows as a file's bytes while they come in; leaving early stops the query. Raises ApiError."""
        query = {"kind": "HogQLQuery", "query": text, "variables": dict(variables or {})}
        with self._transport.stream(
            "POST", _QUERY, query={"format": form}, body={"query": query}
        ) as answer:
            yield answer.iter_bytes()

    def download(
        self,
        text: str,
        path: Path | str,
        form: Format = "parquet",
        *,
        variables: Mapping[str, Any] | None = None,
    ) -> int:
        """Write all rows of a text into a file, a piece at a time. How many bytes."""
        size = 0
        with self.rows(text, form, variables=variables) as pieces, Path(path).open("wb") as file:
            for piece in pieces:
                size += file.write(piece)
        return size
