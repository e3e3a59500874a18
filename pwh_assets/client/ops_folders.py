"""Where saved queries are shown. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator, Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class Folders(Group):
    """Where saved queries are shown."""

    def list(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> models.FolderOutPage:
        """List folders. Of saved queries, by name."""
        found: models.FolderOutPage = self._transport.send(
            models.FolderOutPage,
            "GET",
            "/api/projects/{project_id}/warehouse_saved_query_folders/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def each(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> Iterator[models.FolderOut]:
        """As `list`, every one of them, page by page."""
        yield from self._transport.pages(
            models.FolderOutPage,
            "/api/projects/{project_id}/warehouse_saved_query_folders/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
        )

    def create(self, body: models.FolderSave | Mapping[str, Any]) -> models.FolderOut:
        """Make a folder. An empty one. A view that is put into a folder nobody made yet makes it too."""
        found: models.FolderOut = self._transport.send(
            models.FolderOut,
            "POST",
            "/api/projects/{project_id}/warehouse_saved_query_folders/",
            {},
            {},
            body,
            {},
        )
        return found

    def show(self, folder_id: str) -> models.FolderOut:
        """One folder. What is in it: `warehouse_saved_queries/?folder=`."""
        found: models.FolderOut = self._transport.send(
            models.FolderOut,
            "GET",
            "/api/projects/{project_id}/warehouse_saved_query_folders/{folder_id}/",
            {"folder_id": folder_id},
            {},
            None,
            {},
        )
        return found

    def update(
        self, folder_id: str, body: models.FolderRename | Mapping[str, Any]
    ) -> models.FolderOut:
        """Rename a folder. Its saved queries go with it."""
        found: models.FolderOut = self._transport.send(
            models.FolderOut,
            "PATCH",
            "/api/projects/{project_id}/warehouse_saved_query_folders/{folder_id}/",
            {"folder_id": folder_id},
            {},
            body,
            {},
        )
        return found

    def remove(self, folder_id: str) -> None:
        """Remove a folder. Its saved queries stay, in no folder."""
        self._transport.send(
            None,
            "DELETE",
            "/api/projects/{project_id}/warehouse_saved_query_folders/{folder_id}/",
            {"folder_id": folder_id},
            {},
            None,
            {},
        )
