"""What your editor had open. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator, Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class TabStates(Group):
    """What your editor had open."""

    def list(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> models.TabStateOutPage:
        """List your tab states. Last changed first."""
        found: models.TabStateOutPage = self._transport.send(
            models.TabStateOutPage,
            "GET",
            "/api/projects/{project_id}/query_tab_state/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def each(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> Iterator[models.TabStateOut]:
        """As `list`, every one of them, page by page."""
        yield from self._transport.pages(
            models.TabStateOutPage,
            "/api/projects/{project_id}/query_tab_state/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
        )

    def create(self, body: models.TabStateSave | Mapping[str, Any]) -> models.TabStateOut:
        """Remember open tabs. Whatever an editor says of them. Nobody else sees it."""
        found: models.TabStateOut = self._transport.send(
            models.TabStateOut,
            "POST",
            "/api/projects/{project_id}/query_tab_state/",
            {},
            {},
            body,
            {},
        )
        return found

    def show_last(self) -> models.TabStateOut | None:
        """The tabs you had last. Null when nothing was kept."""
        found: models.TabStateOut | None = self._transport.send(
            models.TabStateOut | None,
            "GET",
            "/api/projects/{project_id}/query_tab_state/user/",
            {},
            {},
            None,
            {},
        )
        return found

    def show(self, state_id: str) -> models.TabStateOut:
        """One tab state. Of yours."""
        found: models.TabStateOut = self._transport.send(
            models.TabStateOut,
            "GET",
            "/api/projects/{project_id}/query_tab_state/{state_id}/",
            {"state_id": state_id},
            {},
            None,
            {},
        )
        return found

    def update(
        self, state_id: str, body: models.TabStateSave | Mapping[str, Any]
    ) -> models.TabStateOut:
        """Change a tab state. The new state stands in the place of the old one."""
        found: models.TabStateOut = self._transport.send(
            models.TabStateOut,
            "PATCH",
            "/api/projects/{project_id}/query_tab_state/{state_id}/",
            {"state_id": state_id},
            {},
            body,
            {},
        )
        return found

    def remove(self, state_id: str) -> None:
        """Forget a tab state. For good."""
        self._transport.send(
            None,
            "DELETE",
            "/api/projects/{project_id}/query_tab_state/{state_id}/",
            {"state_id": state_id},
            {},
            None,
            {},
        )
