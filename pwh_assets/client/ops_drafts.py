"""Texts you work on; nobody else sees them. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator, Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class Drafts(Group):
    """Texts you work on; nobody else sees them."""

    def list(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> models.DraftOutPage:
        """List your drafts. Last changed first. Nobody sees those of others."""
        found: models.DraftOutPage = self._transport.send(
            models.DraftOutPage,
            "GET",
            "/api/projects/{project_id}/warehouse_saved_query_drafts/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def each(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> Iterator[models.DraftOut]:
        """As `list`, every one of them, page by page."""
        yield from self._transport.pages(
            models.DraftOutPage,
            "/api/projects/{project_id}/warehouse_saved_query_drafts/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
        )

    def create(self, body: models.DraftSave | Mapping[str, Any]) -> models.DraftOut:
        """Keep a draft. It need not be right. Saving it as a view is `warehouse_saved_queries/`, with its
        `edited_history_id`.
        """
        found: models.DraftOut = self._transport.send(
            models.DraftOut,
            "POST",
            "/api/projects/{project_id}/warehouse_saved_query_drafts/",
            {},
            {},
            body,
            {},
        )
        return found

    def show(self, draft_id: str) -> models.DraftOut:
        """One draft. Of yours."""
        found: models.DraftOut = self._transport.send(
            models.DraftOut,
            "GET",
            "/api/projects/{project_id}/warehouse_saved_query_drafts/{draft_id}/",
            {"draft_id": draft_id},
            {},
            None,
            {},
        )
        return found

    def update(
        self, draft_id: str, body: models.DraftUpdate | Mapping[str, Any]
    ) -> models.DraftOut:
        """Change a draft. What is left out stays."""
        found: models.DraftOut = self._transport.send(
            models.DraftOut,
            "PATCH",
            "/api/projects/{project_id}/warehouse_saved_query_drafts/{draft_id}/",
            {"draft_id": draft_id},
            {},
            body,
            {},
        )
        return found

    def remove(self, draft_id: str) -> None:
        """Remove a draft. For good."""
        self._transport.send(
            None,
            "DELETE",
            "/api/projects/{project_id}/warehouse_saved_query_drafts/{draft_id}/",
            {"draft_id": draft_id},
            {},
            None,
            {},
        )
