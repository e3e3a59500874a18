"""All tables and views, and who reads whom. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class WarehouseDag(Group):
    """All tables and views, and who reads whom."""

    def get(self) -> models.Dag:
        """All of it: tables, views, and who reads whom. Of one table or view alone: `lineage/`."""
        found: models.Dag = self._transport.send(
            models.Dag, "GET", "/api/projects/{project_id}/warehouse_dag/", {}, {}, None, {}
        )
        return found
