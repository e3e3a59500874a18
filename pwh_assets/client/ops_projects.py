"""The tenants of a home. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator, Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class Projects(Group):
    """The tenants of a home."""

    def list(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> models.ProjectOutPage:
        """List my projects. Those the key or login opens; no others exist for it."""
        found: models.ProjectOutPage = self._transport.send(
            models.ProjectOutPage,
            "GET",
            "/api/projects/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def each(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> Iterator[models.ProjectOut]:
        """As `list`, every one of them, page by page."""
        yield from self._transport.pages(
            models.ProjectOutPage,
            "/api/projects/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
        )

    def create(self, body: models.ProjectNew | Mapping[str, Any]) -> models.ProjectOut:
        """Make a project. For admins of its organisation. It begins empty, with a lake of its own."""
        found: models.ProjectOut = self._transport.send(
            models.ProjectOut, "POST", "/api/projects/", {}, {}, body, {}
        )
        return found

    def show_current(self) -> models.ProjectOut:
        """My first project. The one a key is for, or the first of the caller's."""
        found: models.ProjectOut = self._transport.send(
            models.ProjectOut, "GET", "/api/projects/@current/", {}, {}, None, {}
        )
        return found

    def show(self) -> models.ProjectOut:
        """One project. Its name, its organisation and the caller's role in it."""
        found: models.ProjectOut = self._transport.send(
            models.ProjectOut, "GET", "/api/projects/{project_id}/", {}, {}, None, {}
        )
        return found

    def change(self, body: models.Named | Mapping[str, Any]) -> models.ProjectOut:
        """Rename a project. Give it another name; names of tables and assets stay."""
        found: models.ProjectOut = self._transport.send(
            models.ProjectOut, "PATCH", "/api/projects/{project_id}/", {}, {}, body, {}
        )
        return found

    def remove(self) -> None:
        """Remove a project. Nobody sees it any more and its keys end; its rows stay on disk. The last one of a
        home stays.
        """
        self._transport.send(None, "DELETE", "/api/projects/{project_id}/", {}, {}, None, {})
