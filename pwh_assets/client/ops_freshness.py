"""How old rows get at worst, and promises about it. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class Freshness(Group):
    """How old rows get at worst, and promises about it."""

    def list(self) -> models.Paces:
        """How old everything gets. Everything that runs, or promises something."""
        found: models.Paces = self._transport.send(
            models.Paces, "GET", "/api/projects/{project_id}/freshness/", {}, {}, None, {}
        )
        return found

    def show(self, name: str) -> models.Freshness:
        """How old one gets. By any name of a table or view, or its id."""
        found: models.Freshness = self._transport.send(
            models.Freshness,
            "GET",
            "/api/projects/{project_id}/freshness/{name}/",
            {"name": name},
            {},
            None,
            {},
        )
        return found

    def update(
        self, name: str, body: models.FreshnessUpdate | Mapping[str, Any]
    ) -> models.FreshnessChanged:
        """Promise, or run more often. What cannot be kept is refused, and who stands in the way is named."""
        found: models.FreshnessChanged = self._transport.send(
            models.FreshnessChanged,
            "PATCH",
            "/api/projects/{project_id}/freshness/{name}/",
            {"name": name},
            {},
            body,
            {},
        )
        return found
