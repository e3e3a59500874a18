"""Keys of one's own, each shown once. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator, Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class PersonalKeys(Group):
    """Keys of one's own, each shown once."""

    def list_personal_keys(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> models.KeyOutPage:
        """List my keys. Those that were not revoked."""
        found: models.KeyOutPage = self._transport.send(
            models.KeyOutPage,
            "GET",
            "/api/personal_api_keys/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def each_personal_keys(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> Iterator[models.KeyOut]:
        """As `list_personal_keys`, every one of them, page by page."""
        yield from self._transport.pages(
            models.KeyOutPage,
            "/api/personal_api_keys/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
        )

    def create_personal_key(
        self, body: models.PersonalKeyNew | Mapping[str, Any]
    ) -> models.KeyMade:
        """Make a key. It does what its person may, within its scopes and projects."""
        found: models.KeyMade = self._transport.send(
            models.KeyMade, "POST", "/api/personal_api_keys/", {}, {}, body, {}
        )
        return found

    def revoke_personal_key(self, key_id: str) -> None:
        """Revoke a key. It opens nothing from now on."""
        self._transport.send(
            None, "DELETE", "/api/personal_api_keys/{key_id}/", {"key_id": key_id}, {}, None, {}
        )
