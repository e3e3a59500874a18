"""Keys of servers: one project, named scopes. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator, Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class ProjectSecretKeys(Group):
    """Keys of servers: one project, named scopes. Also at `project_secret_api_keys/`."""

    def list_secret_keys(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> models.KeyOutPage:
        """List keys of servers. Those that were not revoked."""
        found: models.KeyOutPage = self._transport.send(
            models.KeyOutPage,
            "GET",
            "/api/projects/{project_id}/project_secret_keys/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def each_secret_keys(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> Iterator[models.KeyOut]:
        """As `list_secret_keys`, every one of them, page by page."""
        yield from self._transport.pages(
            models.KeyOutPage,
            "/api/projects/{project_id}/project_secret_keys/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
        )

    def create_secret_key(self, body: models.SecretKeyNew | Mapping[str, Any]) -> models.KeyMade:
        """Make a key for a server. One project, and exactly its scopes; each has to be allowed to the caller."""
        found: models.KeyMade = self._transport.send(
            models.KeyMade,
            "POST",
            "/api/projects/{project_id}/project_secret_keys/",
            {},
            {},
            body,
            {},
        )
        return found

    def revoke_secret_key(self, key_id: str) -> None:
        """Revoke a key of a server. It opens nothing from now on."""
        self._transport.send(
            None,
            "DELETE",
            "/api/projects/{project_id}/project_secret_keys/{key_id}/",
            {"key_id": key_id},
            {},
            None,
            {},
        )
