"""Page after page of one request: links, cursors, offsets and numbers, at once where the API allows it."""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any

from pwh_assets.errors import quoted
from pwh_assets.sources.errors import UnreadableDataError
from pwh_assets.sources.http import Answer, ahead, in_order
from pwh_assets.sources.rest.config import Paginator

Ask = Callable[[str, Mapping[str, Any]], Answer]
"""A path or link and parameters, to an answer with JSON."""

_LIST_NAMES = (
    "data",
    "results",
    "items",
    "records",
    "entries",
    "values",
    "rows",
    "content",
    "elements",
    "value",
)
_NEXT_LINKS = (
    "next",
    "next_url",
    "next_page_url",
    "next_page",
    "links.next",
    "_links.next.href",
    "links.next.href",
    "paging.next",
    "paging.next.link",
    "pagination.next",
    "pagination.next_url",
    "meta.next",
    "@odata.nextLink",
)


class Pages:
    """Reads all pages of requests that have this paginator."""

    def __init__(
        self, place: str, paginator: Paginator, selector: str | None, threads: int
    ) -> None:
        self._place, self._kind, self._options = place, paginator.kind, paginator.options
        self._selector, self._threads = selector, threads

    def __call__(
        self, ask: Ask, path: str, params: Mapping[str, Any]
    ) -> Iterator[list[dict[str, Any]]]:
        """Rows page by page.

        Raises:
            UnreadableDataError: the list goes on without moving on, or the selector finds no rows.
        """
        if self._kind in ("offset", "page_number"):
            yield from self._numbered(ask, path, params)
        else:
            yield from ahead(self._linked(ask, path, params))

    def first(self, ask: Ask, path: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of the first page."""
        if self._kind in ("offset", "page_number"):
            params = {**params, **self._place_of(0)}
        return self.rows(ask(path, params))

    def rows(self, answer: Answer) -> list[dict[str, Any]]:
        body = answer.json()
        found = selected(body, self._selector) if self._selector else _list_in(body)
        if found is None:
            names = quoted(list(body)) if isinstance(body, dict) else "no object"
            raise UnreadableDataError(
                self._place,
                f"`data_selector` `{self._selector}` finds nothing in an answer with {names}.",
                "Write where the rows are.",
            )
        return [one if isinstance(one, dict) else {"value": one} for one in found]

    def _linked(
        self, ask: Ask, path: str, params: Mapping[str, Any]
    ) -> Iterator[list[dict[str, Any]]]:
        seen = set()
        while True:
            answer = ask(path, params)
            rows = self.rows(answer)
            yield rows
            following = self._following(answer, path, params)
            if following is None:
                return
            mark = repr(following)
            if mark in seen:
                raise UnreadableDataError(
                    self._place, "the list goes on without moving on.", "Check the paginator."
                )
            seen.add(mark)
            path, params = following

    def _following(
        self, answer: Answer, path: str, params: Mapping[str, Any]
    ) -> tuple[str, Mapping[str, Any]] | None:
        options, body = self._options, answer.json()
        if self._kind == "cursor":
            cursor = value_at(body, options["cursor_path"])
            return (path, {**params, options["cursor_param"]: cursor}) if cursor else None
        link: Any = None
        if self._kind == "json_link":
            link = value_at(body, options["next_url_path"])
        elif self._kind in ("header_link", "auto"):
            link = header_link(
                answer.headers.get("Link", ""), options.get("links_next_key", "next")
            )
        if self._kind == "auto" and not link:
            links = (value_at(body, one) for one in _NEXT_LINKS)
            link = next((one for one in links if isinstance(one, str) and "/" in one), None)
        if not isinstance(link, str) or not link:
            return None
        if "://" not in link and not link.startswith("/"):
            return (f"{path.partition('?')[0]}{link}", {}) if link.startswith("?") else (link, {})
        return (_from_root(answer.url, link), {})

    def _numbered(
        self, ask: Ask, path: str, params: Mapping[str, Any]
    ) -> Iterator[list[dict[str, Any]]]:
        """The first page says how many there are; else pages are asked for until one is empty."""
        first = ask(path, {**params, **self._place_of(0)})
        rows = self.rows(first)
        yield rows
        total = self._pages_in(first, len(rows))
        if total == 1 or not rows:
            return
        numbers = range(1, total) if total is not None else count(1)
        if (more := self._options["has_more_path"]) is not None:
            yield from self._while_more(ask, path, params, more, first)
            return

        def get(number: int) -> list[dict[str, Any]]:
            return self.rows(ask(path, {**params, **self._place_of(number)}))

        pages = in_order(get, numbers, self._threads)
        try:
            for page in pages:
                if not page and total is None:
                    return
                yield page
        finally:
            pages.close()

    def _while_more(
        self, ask: Ask, path: str, params: Mapping[str, Any], more: str, answer: Answer
    ) -> Iterator[list[dict[str, Any]]]:
        for number in count(1):
            if not value_at(answer.json(), more):
                return
            answer = ask(path, {**params, **self._place_of(number)})
            rows = self.rows(answer)
            if not rows:
                return
            yield rows

    def _place_of(self, number: int) -> dict[str, Any]:
        options = self._options
        if self._kind == "offset":
            at = options["offset"] + number * options["limit"]
            return {options["offset_param"]: at, options["limit_param"]: options["limit"]}
        start = options["base_page"] if options["page"] is None else options["page"]
        return {options["page_param"]: start + number}

    def _pages_in(self, answer: Answer, rows: int) -> int | None:
        """How many pages there are, when the answer or the paginator says so. `total_path` counts rows for
        offsets and pages for page numbers, as dlt has it.
        """
        options = self._options
        told: list[int] = []
        total = value_at(answer.json(), options["total_path"]) if options["total_path"] else None
        if total is not None and str(total).isdecimal():
            if self._kind == "page_number":
                told.append(max(1, int(total)))
            else:
                told.append(max(1, -(-(int(total) - options["offset"]) // options["limit"])))
        if self._kind == "offset" and options["maximum_offset"] is not None:
            told.append(-(-(options["maximum_offset"] - options["offset"]) // options["limit"]))
        if self._kind == "page_number" and options["maximum_page"] is not None:
            start = options["base_page"] if options["page"] is None else options["page"]
            told.append(options["maximum_page"] - start)
        return max(1, min(told)) if told else None


def value_at(body: Any, path: str) -> Any:
    """What a dotted path leads to, or None.

    >>> value_at({"meta": {"next": "x"}}, "$.meta.next"), value_at([{"a": 1}], "[0].a"), value_at({}, "a.b")
    ('x', 1, None)
    """
    if path in getattr(body, "keys", list)():
        return body[path]
    for word in re.findall(r"\[\d+\]|[^.\[\]]+", path.removeprefix("$")):
        if word.startswith("["):
            i = int(word[1:-1])
            body = body[i] if isinstance(body, list) and i < len(body) else None
        elif isinstance(body, dict):
            body = body.get(word)
        else:
            return None
    return body


def selected(body: Any, selector: str) -> list[Any] | None:
    """Rows a JSONPath leads to; an object there is one row.

    >>> selected({"data": {"items": [1, 2]}}, "data.items"), selected({"a": [{"b": 1}]}, "a[*].b"), selected({}, "x")
    ([1, 2], [1], None)
    """
    if selector in ("$", "$[*]"):
        found: Any = body
    elif re.fullmatch(r"[$\w.\[\]]+", selector):
        found = value_at(body, selector)
    else:
        from dlt.common.jsonpath import find_values

        values = find_values(selector, body)
        if len(values) == 1 and isinstance(values[0], list):
            return list(values[0])
        return list(values) if values else None
    if found is None:
        return None
    return found if isinstance(found, list) else [found]


def _list_in(body: Any) -> list[Any]:
    """The rows of an answer nobody said anything about."""
    if isinstance(body, list):
        return body
    if not isinstance(body, dict):
        return []
    lists = {name: value for name, value in body.items() if isinstance(value, list)}
    for name in _LIST_NAMES:
        if name in lists:
            return list(lists[name])
        if isinstance(inner := body.get(name), dict) and (
            inside := [value for value in inner.values() if isinstance(value, list)]
        ):
            return list(inside[0])
    rows: list[list[Any]] = [v for v in lists.values() if not v or isinstance(v[0], dict)]
    return max(rows, key=lambda found: len(found)) if rows else [body]


def header_link(text: str, rel: str) -> str | None:
    """The address a `Link` header has for a relation.

    >>> header_link('<https://x/a?page=2>; rel="next", <https://x/a>; rel="first"', "next")
    'https://x/a?page=2'
    """
    for match in re.finditer(r"<([^>]*)>\s*;([^<]*)", text):
        if re.search(rf"rel\s*=\s*\"?{re.escape(rel)}\b", match[2]):
            return match[1]
    return None


def _from_root(url: str, link: str) -> str:
    from urllib.parse import urljoin

    return urljoin(url, link)
