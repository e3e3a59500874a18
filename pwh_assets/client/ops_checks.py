"""What has to hold of tables and views, and whether it does. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator, Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class Checks(Group):
    """What has to hold of tables and views, and whether it does."""

    def list(
        self,
        *,
        table: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> models.CheckPage:
        """List checks. With their latest answers."""
        found: models.CheckPage = self._transport.send(
            models.CheckPage,
            "GET",
            "/api/projects/{project_id}/checks/",
            {},
            {"table": table, "limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def each(
        self,
        *,
        table: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> Iterator[models.Check]:
        """As `list`, every one of them, page by page."""
        yield from self._transport.pages(
            models.CheckPage,
            "/api/projects/{project_id}/checks/",
            {},
            {"table": table, "limit": limit, "offset": offset, "ordering": ordering},
        )

    def create(self, body: models.CheckSave | Mapping[str, Any]) -> models.Check:
        """Declare a check. What cannot work is refused now."""
        found: models.Check = self._transport.send(
            models.Check, "POST", "/api/projects/{project_id}/checks/", {}, {}, body, {}
        )
        return found

    def list_kinds(self) -> models.CheckKinds:
        """What can be checked. Each kind with its options."""
        found: models.CheckKinds = self._transport.send(
            models.CheckKinds, "GET", "/api/projects/{project_id}/checks/kinds/", {}, {}, None, {}
        )
        return found

    def show(self, check_id: str) -> models.Check:
        """One check. With its latest answer."""
        found: models.Check = self._transport.send(
            models.Check,
            "GET",
            "/api/projects/{project_id}/checks/{check_id}/",
            {"check_id": check_id},
            {},
            None,
            {},
        )
        return found

    def remove(self, check_id: str) -> None:
        """Forget a check. The answers it got stay."""
        self._transport.send(
            None,
            "DELETE",
            "/api/projects/{project_id}/checks/{check_id}/",
            {"check_id": check_id},
            {},
            None,
            {},
        )

    def run(self, check_id: str) -> models.CheckRunOut:
        """Ask it now. A check that cannot be computed is an answer too."""
        found: models.CheckRunOut = self._transport.send(
            models.CheckRunOut,
            "POST",
            "/api/projects/{project_id}/checks/{check_id}/run/",
            {"check_id": check_id},
            {},
            None,
            {},
        )
        return found

    def check_history(self, check_id: str, *, limit: int | None = None) -> models.CheckRuns:
        """The answers it got. Newest first."""
        found: models.CheckRuns = self._transport.send(
            models.CheckRuns,
            "GET",
            "/api/projects/{project_id}/checks/{check_id}/history/",
            {"check_id": check_id},
            {"limit": limit},
            None,
            {},
        )
        return found
