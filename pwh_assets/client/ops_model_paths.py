"""The ways from tables to each view. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class ModelPaths(Group):
    """The ways from tables to each view."""

    def list(
        self,
        *,
        saved_query_id: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> models.ModelPathPage:
        """The ways to each view and table. By name of what they lead to; a hundred of each at most."""
        found: models.ModelPathPage = self._transport.send(
            models.ModelPathPage,
            "GET",
            "/api/projects/{project_id}/warehouse_model_paths/",
            {},
            {
                "saved_query_id": saved_query_id,
                "limit": limit,
                "offset": offset,
                "ordering": ordering,
            },
            None,
            {},
        )
        return found

    def each(
        self,
        *,
        saved_query_id: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> Iterator[models.ModelPath]:
        """As `list`, every one of them, page by page."""
        yield from self._transport.pages(
            models.ModelPathPage,
            "/api/projects/{project_id}/warehouse_model_paths/",
            {},
            {
                "saved_query_id": saved_query_id,
                "limit": limit,
                "offset": offset,
                "ordering": ordering,
            },
        )
