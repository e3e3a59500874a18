"""The same of saved queries. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator, Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class ViewAnnotations(Group):
    """The same of saved queries."""

    def list(
        self,
        *,
        saved_query: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> models.ViewNotePage:
        """What is said of saved queries and their columns. By people."""
        found: models.ViewNotePage = self._transport.send(
            models.ViewNotePage,
            "GET",
            "/api/projects/{project_id}/saved_query_column_annotations/",
            {},
            {"saved_query": saved_query, "limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def each(
        self,
        *,
        saved_query: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> Iterator[models.ViewNote]:
        """As `list`, every one of them, page by page."""
        yield from self._transport.pages(
            models.ViewNotePage,
            "/api/projects/{project_id}/saved_query_column_annotations/",
            {},
            {"saved_query": saved_query, "limit": limit, "offset": offset, "ordering": ordering},
        )

    def create(self, body: models.ViewNoteSave | Mapping[str, Any]) -> models.ViewNote:
        """Describe a column of a view. Its text stays as it is."""
        found: models.ViewNote = self._transport.send(
            models.ViewNote,
            "POST",
            "/api/projects/{project_id}/saved_query_column_annotations/",
            {},
            {},
            body,
            {},
        )
        return found

    def show(self, annotation_id: str) -> models.ViewNote:
        """One annotation of a view. As in the list."""
        found: models.ViewNote = self._transport.send(
            models.ViewNote,
            "GET",
            "/api/projects/{project_id}/saved_query_column_annotations/{annotation_id}/",
            {"annotation_id": annotation_id},
            {},
            None,
            {},
        )
        return found

    def update(
        self, annotation_id: str, body: models.NoteUpdate | Mapping[str, Any]
    ) -> models.ViewNote:
        """Describe it otherwise. View and column stay."""
        found: models.ViewNote = self._transport.send(
            models.ViewNote,
            "PATCH",
            "/api/projects/{project_id}/saved_query_column_annotations/{annotation_id}/",
            {"annotation_id": annotation_id},
            {},
            body,
            {},
        )
        return found

    def remove(self, annotation_id: str) -> None:
        """Take it back. For good."""
        self._transport.send(
            None,
            "DELETE",
            "/api/projects/{project_id}/saved_query_column_annotations/{annotation_id}/",
            {"annotation_id": annotation_id},
            {},
            None,
            {},
        )
