"""Joins with a name, declared as metrics are. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator, Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class VirtualTables(Group):
    """Joins with a name, declared as metrics are."""

    def list(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> models.VirtualTablePage:
        """List virtual tables. By name. They are saved queries too, which only their declaration changes."""
        found: models.VirtualTablePage = self._transport.send(
            models.VirtualTablePage,
            "GET",
            "/api/projects/{project_id}/virtual_tables/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def each(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> Iterator[models.VirtualTable]:
        """As `list`, every one of them, page by page."""
        yield from self._transport.pages(
            models.VirtualTablePage,
            "/api/projects/{project_id}/virtual_tables/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
        )

    def declare(
        self, body: models.TableDeclaration | Mapping[str, Any], *, force: bool | None = None
    ) -> models.VirtualTable:
        """Declare a virtual table. Makes it, or gives the one of this name another definition."""
        found: models.VirtualTable = self._transport.send(
            models.VirtualTable,
            "POST",
            "/api/projects/{project_id}/virtual_tables/",
            {},
            {"force": force},
            body,
            {},
        )
        return found

    def show(self, name: str) -> models.VirtualTable:
        """One virtual table. By its name in any case."""
        found: models.VirtualTable = self._transport.send(
            models.VirtualTable,
            "GET",
            "/api/projects/{project_id}/virtual_tables/{name}/",
            {"name": name},
            {},
            None,
            {},
        )
        return found

    def remove(self, name: str, *, force: bool | None = None) -> None:
        """Forget it. Refused where views or metrics read it."""
        self._transport.send(
            None,
            "DELETE",
            "/api/projects/{project_id}/virtual_tables/{name}/",
            {"name": name},
            {"force": force},
            None,
            {},
        )
