"""Settings of a project that change what its queries mean, and its limit of rows. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class Settings(Group):
    """Settings of a project that change what its queries mean, and its limit of rows."""

    def list(self) -> models.Settings:
        """Settings of the project. Each with what it can be."""
        found: models.Settings = self._transport.send(
            models.Settings, "GET", "/api/projects/{project_id}/settings/", {}, {}, None, {}
        )
        return found

    def update(self, body: models.SettingsUpdate | Mapping[str, Any]) -> models.Settings:
        """Change settings. Queries mean something else from now on."""
        found: models.Settings = self._transport.send(
            models.Settings, "PATCH", "/api/projects/{project_id}/settings/", {}, {}, body, {}
        )
        return found

    def show_limit(self) -> models.UsageLimit:
        """The limit of rows a month. With what is used of it. `warehouse/total_rows_stats/` tells it by source."""
        found: models.UsageLimit = self._transport.send(
            models.UsageLimit, "GET", "/api/projects/{project_id}/usage_limit/", {}, {}, None, {}
        )
        return found

    def update_limit(self, body: models.UsageLimitUpdate | Mapping[str, Any]) -> models.UsageLimit:
        """Set the limit of rows a month. Syncs that would pass it are not begun, and end at it."""
        found: models.UsageLimit = self._transport.send(
            models.UsageLimit, "PATCH", "/api/projects/{project_id}/usage_limit/", {}, {}, body, {}
        )
        return found

    def list_rates(self) -> models.Rates:
        """How often one key may ask. In this project, in each process of the API. The operator sets them, with
        `PWH_RATE_LIMIT`.
        """
        found: models.Rates = self._transport.send(
            models.Rates, "GET", "/api/projects/{project_id}/rate_limits/", {}, {}, None, {}
        )
        return found
