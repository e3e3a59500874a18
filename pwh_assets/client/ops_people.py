"""Who asks. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class People(Group):
    """Who asks."""

    def show_me(self) -> models.Me:
        """Who am I. The person behind a personal key or a login, with the organisations and projects they see."""
        found: models.Me = self._transport.send(
            models.Me, "GET", "/api/users/@me/", {}, {}, None, {}
        )
        return found

    def change_me(self, body: models.MeChange | Mapping[str, Any]) -> models.Me:
        """Change my password. Every login ends, this one too."""
        found: models.Me = self._transport.send(
            models.Me, "PATCH", "/api/users/@me/", {}, {}, body, {}
        )
        return found
