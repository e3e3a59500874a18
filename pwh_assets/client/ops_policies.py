"""What readers may see: columns, keys of JSON, rows; personal data found; people forgotten. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator, Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class Policies(Group):
    """What readers may see: columns, keys of JSON, rows; personal data found; people forgotten."""

    def list(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> models.PolicyPage:
        """List policies. By name."""
        found: models.PolicyPage = self._transport.send(
            models.PolicyPage,
            "GET",
            "/api/projects/{project_id}/access_policies/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def each(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> Iterator[models.Policy]:
        """As `list`, every one of them, page by page."""
        yield from self._transport.pages(
            models.PolicyPage,
            "/api/projects/{project_id}/access_policies/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
        )

    def save_policy(self, body: models.PolicyFields | Mapping[str, Any]) -> models.Policy:
        """Make or replace a policy. It holds from the next query on."""
        found: models.Policy = self._transport.send(
            models.Policy, "POST", "/api/projects/{project_id}/access_policies/", {}, {}, body, {}
        )
        return found

    def show_policy(self, policy_id: str) -> models.Policy:
        """One policy. By id or name."""
        found: models.Policy = self._transport.send(
            models.Policy,
            "GET",
            "/api/projects/{project_id}/access_policies/{policy_id}/",
            {"policy_id": policy_id},
            {},
            None,
            {},
        )
        return found

    def remove_policy(self, policy_id: str) -> None:
        """Remove a policy. Those it bound see everything it hid, from the next query on."""
        self._transport.send(
            None,
            "DELETE",
            "/api/projects/{project_id}/access_policies/{policy_id}/",
            {"policy_id": policy_id},
            {},
            None,
            {},
        )

    def list_findings(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> models.FindingPage:
        """List what looks like personal data. Proposals, and what was decided about earlier ones."""
        found: models.FindingPage = self._transport.send(
            models.FindingPage,
            "GET",
            "/api/projects/{project_id}/pii/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def each_findings(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> Iterator[models.Finding]:
        """As `list_findings`, every one of them, page by page."""
        yield from self._transport.pages(
            models.FindingPage,
            "/api/projects/{project_id}/pii/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
        )

    def scan(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> models.FindingPage:
        """Look for personal data. At names of columns and a sample of values of every stored table. Values are not
        kept.
        """
        found: models.FindingPage = self._transport.send(
            models.FindingPage,
            "POST",
            "/api/projects/{project_id}/pii/scan/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def accept(self, finding_id: str) -> models.Finding:
        """Mask it. Makes a policy that binds editors and viewers."""
        found: models.Finding = self._transport.send(
            models.Finding,
            "POST",
            "/api/projects/{project_id}/pii/{finding_id}/accept/",
            {"finding_id": finding_id},
            {},
            None,
            {},
        )
        return found

    def reject(self, finding_id: str) -> models.Finding:
        """It is no personal data. It is not proposed again."""
        found: models.Finding = self._transport.send(
            models.Finding,
            "POST",
            "/api/projects/{project_id}/pii/{finding_id}/reject/",
            {"finding_id": finding_id},
            {},
            None,
            {},
        )
        return found

    def list_deletions(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> models.DeletionPage:
        """List deletion requests. The newest first."""
        found: models.DeletionPage = self._transport.send(
            models.DeletionPage,
            "GET",
            "/api/projects/{project_id}/deletion_requests/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def each_deletions(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> Iterator[models.Deletion]:
        """As `list_deletions`, every one of them, page by page."""
        yield from self._transport.pages(
            models.DeletionPage,
            "/api/projects/{project_id}/deletion_requests/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
        )

    def forget(self, body: models.DeletionAsk | Mapping[str, Any]) -> models.Deletion:
        """Forget a person. Done when it answers `completed`. One that failed or was cut off goes on with `resume`."""
        found: models.Deletion = self._transport.send(
            models.Deletion,
            "POST",
            "/api/projects/{project_id}/deletion_requests/",
            {},
            {},
            body,
            {},
        )
        return found

    def show_deletion(self, request_id: str) -> models.Deletion:
        """One deletion request. With its report."""
        found: models.Deletion = self._transport.send(
            models.Deletion,
            "GET",
            "/api/projects/{project_id}/deletion_requests/{request_id}/",
            {"request_id": request_id},
            {},
            None,
            {},
        )
        return found

    def resume(self, request_id: str) -> models.Deletion:
        """Go on with it. Every step can be repeated."""
        found: models.Deletion = self._transport.send(
            models.Deletion,
            "POST",
            "/api/projects/{project_id}/deletion_requests/{request_id}/resume/",
            {"request_id": request_id},
            {},
            None,
            {},
        )
        return found

    def readmit(self, body: models.DeletionAsk | Mapping[str, Any]) -> models.Readmitted:
        """Let somebody's rows in again. For somebody who was forgotten and came back: syncs bring rows of this id
        or address again.
        """
        found: models.Readmitted = self._transport.send(
            models.Readmitted,
            "POST",
            "/api/projects/{project_id}/deletion_requests/readmit/",
            {},
            {},
            body,
            {},
        )
        return found
