"""Who did and asked what, when, from where; a chain that shows when it was tampered with. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class AuditLog(Group):
    """Who did and asked what, when, from where; a chain that shows when it was tampered with."""

    def list_entries(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        outcome: str | None = None,
        table: str | None = None,
        since: str | None = None,
        until: str | None = None,
        unfinished: bool | None = None,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> models.EntryPage:
        """Read the audit log. Newest first. Entries of queries come within a tenth of a second."""
        found: models.EntryPage = self._transport.send(
            models.EntryPage,
            "GET",
            "/api/projects/{project_id}/activity_log/",
            {},
            {
                "actor": actor,
                "action": action,
                "outcome": outcome,
                "table": table,
                "since": since,
                "until": until,
                "unfinished": unfinished,
                "limit": limit,
                "offset": offset,
                "ordering": ordering,
            },
            None,
            {},
        )
        return found

    def each_entries(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        outcome: str | None = None,
        table: str | None = None,
        since: str | None = None,
        until: str | None = None,
        unfinished: bool | None = None,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> Iterator[models.Entry]:
        """As `list_entries`, every one of them, page by page."""
        yield from self._transport.pages(
            models.EntryPage,
            "/api/projects/{project_id}/activity_log/",
            {},
            {
                "actor": actor,
                "action": action,
                "outcome": outcome,
                "table": table,
                "since": since,
                "until": until,
                "unfinished": unfinished,
                "limit": limit,
                "offset": offset,
                "ordering": ordering,
            },
        )

    def verify(self) -> models.Chain:
        """Prove the audit log whole. Reads every entry: about a second per 50,000."""
        found: models.Chain = self._transport.send(
            models.Chain, "GET", "/api/projects/{project_id}/activity_log/verify/", {}, {}, None, {}
        )
        return found
