"""Sets of views PWH writes. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class ManagedViewsets(Group):
    """Sets of views PWH writes."""

    def show(self, kind: str) -> models.ViewsetOut:
        """A managed set of views. `revenue_analytics`: its views, and the sources it is on for."""
        found: models.ViewsetOut = self._transport.send(
            models.ViewsetOut,
            "GET",
            "/api/projects/{project_id}/managed_viewsets/{kind}/",
            {"kind": kind},
            {},
            None,
            {},
        )
        return found

    def switch(
        self, kind: str, body: models.ViewsetSwitch | Mapping[str, Any]
    ) -> models.ViewsetOut:
        """Turn a managed set on or off. For every source it is for; of one alone:
        `warehouse_sources/{id}/revenue_analytics_config/`.
        """
        found: models.ViewsetOut = self._transport.send(
            models.ViewsetOut,
            "PUT",
            "/api/projects/{project_id}/managed_viewsets/{kind}/",
            {"kind": kind},
            {},
            body,
            {},
        )
        return found
