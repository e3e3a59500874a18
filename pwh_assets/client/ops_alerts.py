"""Who is told when something breaks and when it heals. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class Alerts(Group):
    """Who is told when something breaks and when it heals."""

    def list(self) -> models.Channels:
        """Who is told. And whether alerts reach them."""
        found: models.Channels = self._transport.send(
            models.Channels, "GET", "/api/projects/{project_id}/alerts/", {}, {}, None, {}
        )
        return found

    def create(self, body: models.ChannelSave | Mapping[str, Any]) -> models.ChannelAdded:
        """Have somebody told. Nothing is sent; `test/` does."""
        found: models.ChannelAdded = self._transport.send(
            models.ChannelAdded, "POST", "/api/projects/{project_id}/alerts/", {}, {}, body, {}
        )
        return found

    def list_deliveries(
        self, *, channel_id: str | None = None, status: str | None = None, limit: int | None = None
    ) -> models.Deliveries:
        """What was told, and what waits. Newest first."""
        found: models.Deliveries = self._transport.send(
            models.Deliveries,
            "GET",
            "/api/projects/{project_id}/alerts/deliveries/",
            {},
            {"channel_id": channel_id, "status": status, "limit": limit},
            None,
            {},
        )
        return found

    def retry_all(self) -> models.Retried:
        """Send what did not arrive at once. With all attempts anew."""
        found: models.Retried = self._transport.send(
            models.Retried,
            "POST",
            "/api/projects/{project_id}/alerts/deliveries/retry/",
            {},
            {},
            None,
            {},
        )
        return found

    def retry_delivery(self, delivery_id: str) -> models.Retried:
        """Send one that did not arrive. With all attempts anew."""
        found: models.Retried = self._transport.send(
            models.Retried,
            "POST",
            "/api/projects/{project_id}/alerts/deliveries/{delivery_id}/retry/",
            {"delivery_id": delivery_id},
            {},
            None,
            {},
        )
        return found

    def show(self, channel_id: str) -> models.Channel:
        """One channel. As in the list."""
        found: models.Channel = self._transport.send(
            models.Channel,
            "GET",
            "/api/projects/{project_id}/alerts/{channel_id}/",
            {"channel_id": channel_id},
            {},
            None,
            {},
        )
        return found

    def remove(self, channel_id: str) -> None:
        """Tell it nothing any more. And forget its address."""
        self._transport.send(
            None,
            "DELETE",
            "/api/projects/{project_id}/alerts/{channel_id}/",
            {"channel_id": channel_id},
            {},
            None,
            {},
        )

    def send_test(self, channel_id: str) -> models.DeliveryOut:
        """Send a test now. Whether it arrived is in the answer's `status`."""
        found: models.DeliveryOut = self._transport.send(
            models.DeliveryOut,
            "POST",
            "/api/projects/{project_id}/alerts/{channel_id}/test/",
            {"channel_id": channel_id},
            {},
            None,
            {},
        )
        return found
