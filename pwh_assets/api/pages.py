"""Lists over HTTP: `{count, next, previous, results}`, a page at a time."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

from fastapi import Query, Request
from pydantic import BaseModel, Field

from pwh_assets.api.links import same_with
from pwh_assets.errors import InvalidInputError, quoted

S = TypeVar("S")
T = TypeVar("T")
_SIMPLE = (str, int, float, bool, datetime, type(None))


class Page(BaseModel, Generic[T]):
    """A part of a list."""

    count: int = Field(description="How many there are in all.")
    next: str | None = Field(description="Address of the following page.")
    previous: str | None = Field(description="Address of the page before.")
    results: list[T]


class Paging:
    """`limit`, `offset` and `ordering` of a request."""

    def __init__(
        self,
        request: Request,
        limit: int = Query(100, ge=1, le=1000, description="At most so many results."),
        offset: int = Query(0, ge=0, le=10_000_000, description="Results to leave out first."),
        ordering: str = Query(
            "",
            max_length=200,
            description="Fields of the results with commas between, as `-created_at,name`: `-` is downwards. Lists that "
            "are read newest first, such as logs, take none.",
        ),
    ) -> None:
        self.request, self.limit, self.offset = request, limit, offset
        self.ordering = [word.strip() for word in ordering.split(",") if word.strip()]

    def page(self, everything: Sequence[T]) -> Page[T]:
        """The asked part of a list that is wholly there. Raises InvalidInputError for an ordering by what is no field."""
        if self.ordering:
            everything = _ordered(everything, self.ordering)
        return self._of(everything[self.offset : self.offset + self.limit], len(everything))

    def shown(self, found: Sequence[S], show: Callable[[S], T]) -> Page[T]:
        """The same of what is shown: only the asked part is made, where nobody asks for an order."""
        if self.ordering:
            return self.page([show(one) for one in found])
        part = found[self.offset : self.offset + self.limit]
        return self._of([show(one) for one in part], len(found))

    def of(self, results: Sequence[T], count: int) -> Page[T]:
        """A part that was read as such, of `count` in all. Raises InvalidInputError when an ordering was asked for."""
        if self.ordering:
            raise InvalidInputError(
                "ordering", "This list has an order of its own. Leave `ordering` out."
            )
        return self._of(results, count)

    def _of(self, results: Sequence[T], count: int) -> Page[T]:
        end = self.offset + self.limit
        before = max(0, self.offset - self.limit)
        return Page[T](
            count=count,
            next=self._at(end) if end < count else None,
            previous=self._at(before) if self.offset else None,
            results=list(results),
        )

    def _at(self, offset: int) -> str:
        return same_with(self.request, limit=self.limit, offset=offset)


def _ordered(everything: Sequence[T], words: Sequence[str]) -> list[T]:
    """Sorted by fields of the results, the first of them first; what has no value comes last."""
    found = list(everything)
    for word in reversed(words):
        name, is_down = word.removeprefix("-"), word.startswith("-")
        values = [_field(one, name) for one in found]
        kinds = {_kind(value) for value in values if value is not None}
        if len(kinds) > 1:
            raise InvalidInputError("ordering", f"`{name}` has values of several kinds.")
        known = [place for place, value in enumerate(values) if value is not None]
        known.sort(key=lambda place: values[place], reverse=is_down)
        empty = [place for place, value in enumerate(values) if value is None]
        found = [found[place] for place in known + empty]
    return found


def _kind(value: Any) -> type:
    return next((kind for kind in (str, datetime) if isinstance(value, kind)), float)


def _field(one: Any, name: str) -> Any:
    """A text's letters count alike, large and small. Raises InvalidInputError."""
    fields = one if isinstance(one, dict) else dict(one)
    if name not in fields or not isinstance(fields[name], _SIMPLE):
        simple = sorted(key for key, value in fields.items() if isinstance(value, _SIMPLE))
        raise InvalidInputError(
            "ordering", f"Results cannot be ordered by `{name[:100]}`, but by {quoted(simple)}."
        )
    value = fields[name]
    return value.lower() if isinstance(value, str) else value
