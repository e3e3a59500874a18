"""Organisations, their members and invitations. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator, Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class Organizations(Group):
    """Organisations, their members and invitations."""

    def list(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> models.OrganizationOutPage:
        """List my organizations. Those the caller has a role in; no others exist for them."""
        found: models.OrganizationOutPage = self._transport.send(
            models.OrganizationOutPage,
            "GET",
            "/api/organizations/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def each(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> Iterator[models.OrganizationOut]:
        """As `list`, every one of them, page by page."""
        yield from self._transport.pages(
            models.OrganizationOutPage,
            "/api/organizations/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
        )

    def create(self, body: models.Named | Mapping[str, Any]) -> models.OrganizationOut:
        """Make an organization. For owners of another one; the caller owns it."""
        found: models.OrganizationOut = self._transport.send(
            models.OrganizationOut, "POST", "/api/organizations/", {}, {}, body, {}
        )
        return found

    def show(self, organization_id: str) -> models.OrganizationOut:
        """One organization. Its name, and the caller's role in it."""
        found: models.OrganizationOut = self._transport.send(
            models.OrganizationOut,
            "GET",
            "/api/organizations/{organization_id}/",
            {"organization_id": organization_id},
            {},
            None,
            {},
        )
        return found

    def change(
        self, organization_id: str, body: models.Named | Mapping[str, Any]
    ) -> models.OrganizationOut:
        """Rename an organization. Give it another name."""
        found: models.OrganizationOut = self._transport.send(
            models.OrganizationOut,
            "PATCH",
            "/api/organizations/{organization_id}/",
            {"organization_id": organization_id},
            {},
            body,
            {},
        )
        return found

    def list_members(
        self,
        organization_id: str,
        *,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> models.MemberOutPage:
        """List members. Everybody with a role in the organisation or in one of its projects."""
        found: models.MemberOutPage = self._transport.send(
            models.MemberOutPage,
            "GET",
            "/api/organizations/{organization_id}/members/",
            {"organization_id": organization_id},
            {"limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def each_members(
        self,
        organization_id: str,
        *,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> Iterator[models.MemberOut]:
        """As `list_members`, every one of them, page by page."""
        yield from self._transport.pages(
            models.MemberOutPage,
            "/api/organizations/{organization_id}/members/",
            {"organization_id": organization_id},
            {"limit": limit, "offset": offset, "ordering": ordering},
        )

    def change_member(
        self, user_id: str, organization_id: str, body: models.MemberChange | Mapping[str, Any]
    ) -> models.MemberOut:
        """Change a member. Another role, in all of the organisation or in one project, and facts for row policies."""
        found: models.MemberOut = self._transport.send(
            models.MemberOut,
            "PATCH",
            "/api/organizations/{organization_id}/members/{user_id}/",
            {"user_id": user_id, "organization_id": organization_id},
            {},
            body,
            {},
        )
        return found

    def remove_member(self, user_id: str, organization_id: str) -> None:
        """Remove a member. Their roles, logins and keys end at once."""
        self._transport.send(
            None,
            "DELETE",
            "/api/organizations/{organization_id}/members/{user_id}/",
            {"user_id": user_id, "organization_id": organization_id},
            {},
            None,
            {},
        )

    def list_invites(
        self,
        organization_id: str,
        *,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> models.InviteOutPage:
        """List invitations. Those still open."""
        found: models.InviteOutPage = self._transport.send(
            models.InviteOutPage,
            "GET",
            "/api/organizations/{organization_id}/invites/",
            {"organization_id": organization_id},
            {"limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def each_invites(
        self,
        organization_id: str,
        *,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> Iterator[models.InviteOut]:
        """As `list_invites`, every one of them, page by page."""
        yield from self._transport.pages(
            models.InviteOutPage,
            "/api/organizations/{organization_id}/invites/",
            {"organization_id": organization_id},
            {"limit": limit, "offset": offset, "ordering": ordering},
        )

    def create_invite(
        self, organization_id: str, body: models.InviteNew | Mapping[str, Any]
    ) -> models.InviteMade:
        """Invite somebody. The token and a text to send are answered, this once."""
        found: models.InviteMade = self._transport.send(
            models.InviteMade,
            "POST",
            "/api/organizations/{organization_id}/invites/",
            {"organization_id": organization_id},
            {},
            body,
            {},
        )
        return found

    def remove_invite(self, invite_id: str, organization_id: str) -> None:
        """Withdraw an invitation. Its token opens nothing any more."""
        self._transport.send(
            None,
            "DELETE",
            "/api/organizations/{organization_id}/invites/{invite_id}/",
            {"invite_id": invite_id, "organization_id": organization_id},
            {},
            None,
            {},
        )
