"""Mending a text by the fixes its mistakes come with. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class Fixes(Group):
    """Mending a text by the fixes its mistakes come with."""

    def fix_hogql(self, body: models.Text | Mapping[str, Any]) -> models.FixedText:
        """Mend a text. Applies the fixes its mistakes come with: the nearest name, a comma, quotes. Nothing is
        guessed beyond them, and no model is asked; where no mistake has a fix, the answer is `not_fixable`.
        """
        found: models.FixedText = self._transport.send(
            models.FixedText, "POST", "/api/projects/{project_id}/fix_hogql/", {}, {}, body, {}
        )
        return found
