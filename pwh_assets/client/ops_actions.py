"""Events under a name, for `matchesAction('name')`. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator, Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class Actions(Group):
    """Events under a name, for `matchesAction('name')`."""

    def list(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> models.ActionOutPage:
        """List actions. By number."""
        found: models.ActionOutPage = self._transport.send(
            models.ActionOutPage,
            "GET",
            "/api/projects/{project_id}/actions/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def each(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> Iterator[models.ActionOut]:
        """As `list`, every one of them, page by page."""
        yield from self._transport.pages(
            models.ActionOutPage,
            "/api/projects/{project_id}/actions/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
        )

    def create(self, body: models.ActionSave | Mapping[str, Any]) -> models.ActionOut:
        """Make an action. Steps are written as in PostHog's API."""
        found: models.ActionOut = self._transport.send(
            models.ActionOut, "POST", "/api/projects/{project_id}/actions/", {}, {}, body, {}
        )
        return found

    def show(self, action_id: str) -> models.ActionOut:
        """One action. As in the list."""
        found: models.ActionOut = self._transport.send(
            models.ActionOut,
            "GET",
            "/api/projects/{project_id}/actions/{action_id}/",
            {"action_id": action_id},
            {},
            None,
            {},
        )
        return found

    def remove(self, action_id: str) -> None:
        """Remove an action. Texts that match it cannot run any more."""
        self._transport.send(
            None,
            "DELETE",
            "/api/projects/{project_id}/actions/{action_id}/",
            {"action_id": action_id},
            {},
            None,
            {},
        )
