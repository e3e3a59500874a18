"""Who asks, in which role, and what that allows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What a person may do in a project; each may do what the ones after it may."""

    OWNER = "owner"
    """Everything, also who else is an owner."""
    ADMIN = "admin"
    """People, keys, policies, limits and settings."""
    EDITOR = "editor"
    """Sources, saved queries, joins, checks and everything else data is made of."""
    VIEWER = "viewer"
    """Reads and asks."""

    def covers(self, other: "Role") -> bool:
        """Whether this one may do all that the other may.

        >>> Role.ADMIN.covers(Role.EDITOR), Role.VIEWER.covers(Role.EDITOR)
        (True, False)
        """
        return _RANK[self] <= _RANK[other]


OBJECTS: Mapping[str, Role] = {
    "query": Role.VIEWER,
    "external_data_source": Role.EDITOR,
    "warehouse_table": Role.EDITOR,
    "warehouse_view": Role.EDITOR,
    "data_quality": Role.EDITOR,
    "property_definition": Role.EDITOR,
    "cohort": Role.EDITOR,
    "action": Role.EDITOR,
    "person": Role.ADMIN,
    "alert": Role.EDITOR,
    "access_policy": Role.ADMIN,
    "project": Role.ADMIN,
    "organization": Role.ADMIN,
    "activity_log": Role.ADMIN,
}
"""What a scope can be about, in PostHog's words where it has one, and the least role that may write it.

A scope is `<object>:read` or `<object>:write`; writing includes reading. `*` is every scope.
"""

READ_BY_ADMINS = frozenset({"activity_log", "organization", "access_policy"})
"""Objects that editors and viewers do not see."""

ALL = "*"
_RANK = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a key or a login, as one request sees them."""

    name: str
    """Of the person, or the label of a project's key."""
    roles: Mapping[int, Role]
    """Project -> role there; a project that is not here does not exist for them."""
    scopes: frozenset[str] = frozenset({ALL})
    """What the key was restricted to; a login has `*`."""
    user_id: str | None = None
    """None for a project's own key."""
    key_id: str | None = None
    address: str = ""
    """Where the request came from."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Facts about the person that row policies may use; `name` and `email` are always among them."""
    organizations: Mapping[str, Role] = field(default_factory=dict)
    """Organisation -> role there; one that is not here does not exist for them. Empty for a project's own key."""
    session_id: str | None = None
    """Of the browser's login, where it is one."""
    is_restricted: bool = False
    """Whether the key opens only some of its person's projects."""

    def sees(self, project_id: int) -> bool:
        return project_id in self.roles

    def may(self, scope: str, project_id: int) -> bool:
        """Whether role and key both allow `<object>:read` or `<object>:write` in the project."""
        thing, _, verb = scope.partition(":")
        role = self.roles.get(project_id)
        if role is None:
            return False
        return self._in_scope(thing, verb) and role.covers(least_role(thing, verb))

    def may_in_organization(self, scope: str, organization_id: str) -> bool:
        """The same in an organisation they see; a key for some projects only does nothing beyond them."""
        thing, _, verb = scope.partition(":")
        role = self.organizations.get(organization_id)
        if role is None or (self.is_restricted and verb == "write"):
            return False
        return self._in_scope(thing, verb) and role.covers(least_role(thing, verb))

    def _in_scope(self, thing: str, verb: str) -> bool:
        wanted = {ALL, f"{thing}:write", f"{thing}:{verb}"}
        return not wanted.isdisjoint(self.scopes)


def least_role(thing: str, verb: str) -> Role:
    """The least role that may do this.

    >>> least_role("warehouse_view", "read"), least_role("warehouse_view", "write")
    (<Role.VIEWER: 'viewer'>, <Role.EDITOR: 'editor'>)
    """
    if verb == "write":
        return OBJECTS[thing]
    return Role.ADMIN if thing in READ_BY_ADMINS else Role.VIEWER


def role_in_project(whole: Role | None, single: Role | None) -> Role | None:
    """The role in a project of somebody with these in its organisation and in itself.

    Owners and admins of an organisation are that in all of its projects; for others the project's own role counts.

    >>> role_in_project(Role.EDITOR, Role.VIEWER), role_in_project(Role.ADMIN, Role.VIEWER)
    (<Role.VIEWER: 'viewer'>, <Role.ADMIN: 'admin'>)
    """
    if whole is not None and whole.covers(Role.ADMIN):
        return Role.OWNER if Role.OWNER in (whole, single) else whole
    return single or whole


def is_scope(text: str) -> bool:
    """Whether a key can be given this: `*` or `<object>:read` or `<object>:write`."""
    thing, _, verb = text.partition(":")
    return text == ALL or (thing in OBJECTS and verb in ("read", "write"))
