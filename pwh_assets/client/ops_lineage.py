"""What a table or view is made of, and what is made of it. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Mapping
from typing import Any

from pwh_assets.client.transport import Group


class Lineage(Group):
    """What a table or view is made of, and what is made of it."""

    def get(self, *, name: str, columns: bool | None = None) -> Mapping[str, Any]:
        """What a table or view is made of, and what is made of it. Nodes with their depth (negative upstream),
        edges, and column edges.
        """
        found: Mapping[str, Any] = self._transport.send(
            Mapping[str, Any],
            "GET",
            "/api/projects/{project_id}/lineage/",
            {},
            {"name": name, "columns": columns},
            None,
            {},
        )
        return found
