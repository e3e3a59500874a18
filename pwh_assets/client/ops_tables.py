"""Stored tables as HogQL sees them. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class Tables(Group):
    """Stored tables as HogQL sees them."""

    def list(
        self, *, search: str | None = None, limit: int | None = None, offset: int | None = None
    ) -> models.TableOutPage:
        """List tables. Every stored table HogQL can read."""
        found: models.TableOutPage = self._transport.send(
            models.TableOutPage,
            "GET",
            "/api/projects/{project_id}/warehouse_tables/",
            {},
            {"search": search, "limit": limit, "offset": offset},
            None,
            {},
        )
        return found

    def each(
        self, *, search: str | None = None, limit: int | None = None, offset: int | None = None
    ) -> Iterator[models.TableOut]:
        """As `list`, every one of them, page by page."""
        yield from self._transport.pages(
            models.TableOutPage,
            "/api/projects/{project_id}/warehouse_tables/",
            {},
            {"search": search, "limit": limit, "offset": offset},
        )

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
