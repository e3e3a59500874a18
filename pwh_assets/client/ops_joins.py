"""Joins between tables under a field's name. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator, Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class Joins(Group):
    """Joins between tables under a field's name. Also at PostHog's `warehouse_view_link/`."""

    def list(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> models.JoinPage:
        """List joins. Those that people made and those PWH makes by itself."""
        found: models.JoinPage = self._transport.send(
            models.JoinPage,
            "GET",
            "/api/projects/{project_id}/warehouse_view_links/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def each(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> Iterator[models.Join]:
        """As `list`, every one of them, page by page."""
        yield from self._transport.pages(
            models.JoinPage,
            "/api/projects/{project_id}/warehouse_view_links/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
        )

    def add(self, body: models.JoinSave | Mapping[str, Any]) -> models.Join:
        """Join two tables. One of the same table and field is replaced."""
        found: models.Join = self._transport.send(
            models.Join,
            "POST",
            "/api/projects/{project_id}/warehouse_view_links/",
            {},
            {},
            body,
            {},
        )
        return found

    def validate(self, body: models.JoinSave | Mapping[str, Any]) -> models.JoinProbe:
        """Try a join. On ten rows. What is wrong is the answer, not an error."""
        found: models.JoinProbe = self._transport.send(
            models.JoinProbe,
            "POST",
            "/api/projects/{project_id}/warehouse_view_links/validate/",
            {},
            {},
            body,
            {},
        )
        return found

    def show(self, join_id: str) -> models.Join:
        """One join. As in the list."""
        found: models.Join = self._transport.send(
            models.Join,
            "GET",
            "/api/projects/{project_id}/warehouse_view_links/{join_id}/",
            {"join_id": join_id},
            {},
            None,
            {},
        )
        return found

    def change(self, join_id: str, body: models.JoinSave | Mapping[str, Any]) -> models.Join:
        """Change a join. Checked before the old one goes."""
        found: models.Join = self._transport.send(
            models.Join,
            "PUT",
            "/api/projects/{project_id}/warehouse_view_links/{join_id}/",
            {"join_id": join_id},
            {},
            body,
            {},
        )
        return found

    def update(self, join_id: str, body: models.JoinUpdate | Mapping[str, Any]) -> models.Join:
        """Change a part of a join. What is left out stays. Checked before the old one goes."""
        found: models.Join = self._transport.send(
            models.Join,
            "PATCH",
            "/api/projects/{project_id}/warehouse_view_links/{join_id}/",
            {"join_id": join_id},
            {},
            body,
            {},
        )
        return found

    def remove(self, join_id: str) -> None:
        """Remove a join. An automatic one stays away until it is added again."""
        self._transport.send(
            None,
            "DELETE",
            "/api/projects/{project_id}/warehouse_view_links/{join_id}/",
            {"join_id": join_id},
            {},
            None,
            {},
        )
