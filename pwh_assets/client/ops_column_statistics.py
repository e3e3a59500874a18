"""Bounds and NULLs of columns, from the lake's catalog. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class ColumnStatistics(Group):
    """Bounds and NULLs of columns, from the lake's catalog."""

    def list(
        self,
        *,
        table: str,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> models.StatisticsPage:
        """Statistics of a table's columns. From the lake's catalog: no row is read. Who sees a part of the table's
        rows or columns gets none.
        """
        found: models.StatisticsPage = self._transport.send(
            models.StatisticsPage,
            "GET",
            "/api/projects/{project_id}/warehouse_column_statistics/",
            {},
            {"table": table, "limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def each(
        self,
        *,
        table: str,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> Iterator[models.Statistics]:
        """As `list`, every one of them, page by page."""
        yield from self._transport.pages(
            models.StatisticsPage,
            "/api/projects/{project_id}/warehouse_column_statistics/",
            {},
            {"table": table, "limit": limit, "offset": offset, "ordering": ordering},
        )
