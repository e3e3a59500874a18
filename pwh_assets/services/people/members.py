"""Organisations, projects and their members: who may change what about whom."""

from collections.abc import Mapping

from pwh_assets.core.access import Caller, Role
from pwh_assets.errors import InvalidInputError, NotFoundError
from pwh_assets.services.people.access import PermissionDeniedError, forget_callers
from pwh_assets.services.platform import Platform
from pwh_assets.store.people import Member, Organization, User
from pwh_assets.store.projects import Project

LONGEST_NAME = 200


def add_organization(platform: Platform, caller: Caller, name: str) -> Organization:
    """One more tenant group, with the caller as its owner. Owners of another one may.

    Raises:
        PermissionDeniedError: the caller owns nothing.
    """
    if caller.user_id is None or Role.OWNER not in caller.organizations.values():
        raise PermissionDeniedError(
            "organization:write", "only an owner makes another organisation.", "role", caller
        )
    made = platform.store.add_organization(named(name), caller.user_id)
    forget_callers(platform)
    return made


def organization(platform: Platform, organization_id: str) -> Organization:
    """Raises NotFoundError."""
    for one in platform.store.organizations():
        if one.id == organization_id:
            return one
    raise NotFoundError("organization", organization_id)


def find_organization(platform: Platform, name: str | None, project_id: int) -> Organization:
    """By name or id; without one, that of the project. Raises NotFoundError."""
    if name is None:
        return organization(platform, platform.store.organization_of(project_id))
    for one in platform.store.organizations():
        if name in (one.id, one.name):
            return one
    raise NotFoundError("organization", name)


def add_project(platform: Platform, organization_id: str, name: str) -> Project:
    """An empty project with a lake of its own; its members are the organisation's."""
    project_id = platform.store.add_project(named(name), organization_id)
    platform.lakes.of(project_id).snapshot_id()
    forget_callers(platform)
    return project(platform, project_id)


def project(platform: Platform, project_id: int) -> Project:
    """Raises NotFoundError, also for one that was removed."""
    for one in platform.store.projects():
        if one.id == project_id:
            return one
    raise NotFoundError("project", str(project_id))


def rename_project(platform: Platform, project_id: int, name: str) -> Project:
    platform.store.rename_project(project_id, named(name))
    return project(platform, project_id)


def remove_project(platform: Platform, project_id: int) -> None:
    """Nobody sees it any more and its keys end; its rows stay on disk.

    Raises:
        ConflictError: it is the home's last one.
    """
    project(platform, project_id)
    platform.store.remove_project(project_id)
    forget_callers(platform)


def members(platform: Platform, organization_id: str) -> list[Member]:
    return platform.store.members(organization_id)


def member(platform: Platform, organization_id: str, name: str) -> Member:
    """By the person's id, name or e-mail address. Raises NotFoundError."""
    everybody = platform.store.members(organization_id)
    for field in ("id", "name", "email"):
        wanted = name.lower() if field == "email" else name
        for one in everybody:
            if getattr(one.user, field) == wanted:
                return one
    raise NotFoundError("member", name)


def set_role(
    platform: Platform,
    caller: Caller | None,
    organization_id: str,
    name: str,
    role: Role,
    project_id: int | None = None,
) -> Member:
    """Another role in the organisation, or in one project of it.

    `caller` is None for whoever has the machine.

    Raises:
        LastOwnerError: nobody would own the organisation.
        PermissionDeniedError: the role, or the one they have, is above the caller's.
    """
    found = member(platform, organization_id, name)
    _may_touch(caller, organization_id, found, role)
    if project_id is None:
        platform.store.set_organization_role(organization_id, found.user, role)
    else:
        _in_organization(platform, organization_id, project_id)
        platform.store.set_project_role(project_id, found.user, role)
    forget_callers(platform)
    return member(platform, organization_id, found.user.id)


def remove_member(
    platform: Platform, caller: Caller | None, organization_id: str, name: str
) -> User:
    """Their roles, logins and keys end at once. People may remove themselves.

    Raises:
        LastOwnerError: nobody would own the organisation.
        PermissionDeniedError: they are above the caller.
    """
    found = member(platform, organization_id, name)
    if caller is None or caller.user_id != found.user.id:
        _may_touch(caller, organization_id, found)
    platform.store.remove_member(organization_id, found.user)
    forget_callers(platform)
    return found.user


def join(
    platform: Platform, organization_id: str, project_id: int | None, user: User, role: Role
) -> Member:
    """Make a person a member; a role they have and that covers this one stays."""
    store = platform.store
    if project_id is None:
        held = store.organization_roles(user.id).get(organization_id)
        if held is None or not held.covers(role):
            store.set_organization_role(organization_id, user, role)
    else:
        _in_organization(platform, organization_id, project_id)
        store.set_project_role(project_id, user, role)
    forget_callers(platform)
    return member(platform, organization_id, user.id)


def set_member_attributes(
    platform: Platform,
    caller: Caller | None,
    organization_id: str,
    found: Member,
    attributes: Mapping[str, str],
) -> None:
    """Facts that row policies may use; these replace all there were.

    Raises:
        PermissionDeniedError: the person is above the caller, or also in an organisation they do not administer.
        InvalidInputError: a fact is named `name` or `email`, which are taken.
    """
    _may_touch(caller, organization_id, found)
    for held in platform.store.organizations_of(found.user.id):
        if caller is not None and not caller.organizations.get(held, Role.VIEWER).covers(
            Role.ADMIN
        ):
            raise PermissionDeniedError(
                "organization:write",
                f"`{found.user.name}` is also in an organisation you do not administer.",
                "role",
                caller,
            )
    for name, value in attributes.items():
        if name in ("name", "email") or not 0 < len(name) <= 100 or len(value) > 1000:
            raise InvalidInputError(
                "attributes",
                f"`{name[:100]}` cannot be set: a fact has 1 to 100 characters, its value at most 1,000, "
                "and `name` and `email` are always there.",
            )
    platform.store.set_attributes(found.user.id, attributes)
    forget_callers(platform)


def may_give(caller: Caller | None, organization_id: str, role: Role) -> None:
    """Raises PermissionDeniedError when the role is above the caller's own."""
    own = Role.OWNER if caller is None else caller.organizations[organization_id]
    if not own.covers(role):
        raise PermissionDeniedError(
            "organization:write", f"only an {role.value} makes an {role.value}.", "role", caller
        )


def named(name: str) -> str:
    """A name as it is kept. Raises InvalidInputError."""
    text = name.strip()
    if not text or len(text) > LONGEST_NAME or not text.isprintable():
        raise InvalidInputError("name", "A name has 1 to 200 characters that print.")
    return text


def _may_touch(
    caller: Caller | None, organization_id: str, found: Member, role: Role = Role.VIEWER
) -> None:
    may_give(caller, organization_id, role)
    for held in (found.role, *found.projects.values()):
        if held is not None:
            may_give(caller, organization_id, held)


def _in_organization(platform: Platform, organization_id: str, project_id: int) -> None:
    if project(platform, project_id).organization_id != organization_id:
        raise NotFoundError("project", str(project_id))
