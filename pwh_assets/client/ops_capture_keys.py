"""Keys that send events; rotated with a grace. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator, Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class CaptureKeys(Group):
    """Keys that send events; rotated with a grace."""

    def list_capture_keys(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> models.KeyOutPage:
        """List capture keys. The newest, and older ones in their grace."""
        found: models.KeyOutPage = self._transport.send(
            models.KeyOutPage,
            "GET",
            "/api/projects/{project_id}/capture_keys/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def each_capture_keys(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> Iterator[models.KeyOut]:
        """As `list_capture_keys`, every one of them, page by page."""
        yield from self._transport.pages(
            models.KeyOutPage,
            "/api/projects/{project_id}/capture_keys/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
        )

    def rotate_capture_key(self, body: models.Rotation | Mapping[str, Any]) -> models.KeyMade:
        """Rotate the capture key. A new one; the ones before go on for the grace."""
        found: models.KeyMade = self._transport.send(
            models.KeyMade,
            "POST",
            "/api/projects/{project_id}/capture_keys/rotate/",
            {},
            {},
            body,
            {},
        )
        return found

    def revoke_capture_key(self, key_id: str) -> None:
        """Revoke a capture key. Events that carry it are refused from now on."""
        self._transport.send(
            None,
            "DELETE",
            "/api/projects/{project_id}/capture_keys/{key_id}/",
            {"key_id": key_id},
            {},
            None,
            {},
        )
