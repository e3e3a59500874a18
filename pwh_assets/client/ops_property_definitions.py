"""What properties of events, persons and groups hold. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator, Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class PropertyDefinitions(Group):
    """What properties of events, persons and groups hold."""

    def list(
        self,
        *,
        kind: str | None = None,
        search: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> models.PropertyPage:
        """List property definitions. Learned ones, and those somebody set."""
        found: models.PropertyPage = self._transport.send(
            models.PropertyPage,
            "GET",
            "/api/projects/{project_id}/property_definitions/",
            {},
            {
                "kind": kind,
                "search": search,
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
        kind: str | None = None,
        search: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> Iterator[models.Property]:
        """As `list`, every one of them, page by page."""
        yield from self._transport.pages(
            models.PropertyPage,
            "/api/projects/{project_id}/property_definitions/",
            {},
            {
                "kind": kind,
                "search": search,
                "limit": limit,
                "offset": offset,
                "ordering": ordering,
            },
        )

    def set(self, body: models.PropertySave | Mapping[str, Any]) -> models.Property:
        """Say what a property holds. Learning leaves it alone from then on."""
        found: models.Property = self._transport.send(
            models.Property,
            "POST",
            "/api/projects/{project_id}/property_definitions/",
            {},
            {},
            body,
            {},
        )
        return found

    def forget(self, *, name: str, kind: str) -> None:
        """A property is text again. Until it is learned anew."""
        self._transport.send(
            None,
            "DELETE",
            "/api/projects/{project_id}/property_definitions/",
            {},
            {"kind": kind, "name": name},
            None,
            {},
        )

    def learn(self) -> models.Learned:
        """Look at the newest rows. What somebody set stays."""
        found: models.Learned = self._transport.send(
            models.Learned,
            "POST",
            "/api/projects/{project_id}/property_definitions/learn/",
            {},
            {},
            None,
            {},
        )
        return found
