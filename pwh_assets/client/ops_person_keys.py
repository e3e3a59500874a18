"""Which column tells whose row it is, for deletion requests. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator, Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class PersonKeys(Group):
    """Which column tells whose row it is, for deletion requests."""

    def list(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> models.PersonKeyFieldsPage:
        """List person keys. Tables whose rows of a person go with a deletion request."""
        found: models.PersonKeyFieldsPage = self._transport.send(
            models.PersonKeyFieldsPage,
            "GET",
            "/api/projects/{project_id}/person_keys/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def each(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> Iterator[models.PersonKeyFields]:
        """As `list`, every one of them, page by page."""
        yield from self._transport.pages(
            models.PersonKeyFieldsPage,
            "/api/projects/{project_id}/person_keys/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
        )

    def set_key(self, body: models.PersonKeyFields | Mapping[str, Any]) -> models.PersonKeyFields:
        """Declare a person key. One of a table; an earlier one is replaced."""
        found: models.PersonKeyFields = self._transport.send(
            models.PersonKeyFields,
            "POST",
            "/api/projects/{project_id}/person_keys/",
            {},
            {},
            body,
            {},
        )
        return found

    def remove_key(self, name: str) -> None:
        """Take a person key back. By the table's name. Deletion requests leave its rows alone from now on."""
        self._transport.send(
            None,
            "DELETE",
            "/api/projects/{project_id}/person_keys/{name}/",
            {"name": name},
            {},
            None,
            {},
        )
