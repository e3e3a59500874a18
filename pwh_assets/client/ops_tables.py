"""Stored tables as HogQL sees them. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator, Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class Tables(Group):
    """Stored tables as HogQL sees them."""

    def list(
        self,
        *,
        search: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> models.TableOutPage:
        """List tables. Every stored table HogQL can read, and self-managed ones."""
        found: models.TableOutPage = self._transport.send(
            models.TableOutPage,
            "GET",
            "/api/projects/{project_id}/warehouse_tables/",
            {},
            {"search": search, "limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def each(
        self,
        *,
        search: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> Iterator[models.TableOut]:
        """As `list`, every one of them, page by page."""
        yield from self._transport.pages(
            models.TableOutPage,
            "/api/projects/{project_id}/warehouse_tables/",
            {},
            {"search": search, "limit": limit, "offset": offset, "ordering": ordering},
        )

    def create(self, body: models.TableSave | Mapping[str, Any]) -> models.TableOut:
        """Read files where they lie. A self-managed table: its files are looked at now and read whenever it is
        asked; nothing is copied.
        """
        found: models.TableOut = self._transport.send(
            models.TableOut,
            "POST",
            "/api/projects/{project_id}/warehouse_tables/",
            {},
            {},
            body,
            {},
        )
        return found

    def show(self, table_id: str) -> models.TableOut:
        """One table. As in the list."""
        found: models.TableOut = self._transport.send(
            models.TableOut,
            "GET",
            "/api/projects/{project_id}/warehouse_tables/{table_id}/",
            {"table_id": table_id},
            {},
            None,
            {},
        )
        return found

    def update(
        self, table_id: str, body: models.TableUpdate | Mapping[str, Any]
    ) -> models.TableOut:
        """Change a self-managed table. The storage is asked before anything is kept. Tables of sources are changed
        through these.
        """
        found: models.TableOut = self._transport.send(
            models.TableOut,
            "PATCH",
            "/api/projects/{project_id}/warehouse_tables/{table_id}/",
            {"table_id": table_id},
            {},
            body,
            {},
        )
        return found

    def remove(self, table_id: str) -> None:
        """Forget a self-managed table. And its keys. Its files stay."""
        self._transport.send(
            None,
            "DELETE",
            "/api/projects/{project_id}/warehouse_tables/{table_id}/",
            {"table_id": table_id},
            {},
            None,
            {},
        )

    def refresh_schema(self, table_id: str) -> models.TableOut:
        """Look at a self-managed table again. Finds columns that are new. Its rows are always those of its files."""
        found: models.TableOut = self._transport.send(
            models.TableOut,
            "POST",
            "/api/projects/{project_id}/warehouse_tables/{table_id}/refresh_schema/",
            {"table_id": table_id},
            {},
            None,
            {},
        )
        return found
