"""Lists over HTTP: `{count, next, previous, results}`, a page at a time."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from fastapi import Query, Request
from pydantic import BaseModel, Field

from pwh_assets.api.links import same_with

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """A part of a list."""

    count: int = Field(description="How many there are in all.")
    next: str | None = Field(description="Address of the following page.")
    previous: str | None = Field(description="Address of the page before.")
    results: list[T]


class Paging:
    """`limit` and `offset` of a request."""

    def __init__(
        self,
        request: Request,
        limit: int = Query(100, ge=1, le=1000, description="At most so many results."),
        offset: int = Query(0, ge=0, le=10_000_000, description="Results to leave out first."),
    ) -> None:
        self.request, self.limit, self.offset = request, limit, offset

    def page(self, everything: Sequence[T]) -> Page[T]:
        """The asked part of a list that is wholly there."""
        return self.of(everything[self.offset : self.offset + self.limit], len(everything))

    def of(self, results: Sequence[T], count: int) -> Page[T]:
        """A part that was read as such, of `count` in all."""
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
