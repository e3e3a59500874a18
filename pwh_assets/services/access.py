"""Who a request comes from: its key is looked up and becomes a `Caller`."""

from pwh_assets.core.access import Caller, Role
from pwh_assets.errors import PwhError
from pwh_assets.services.platform import Platform
from pwh_assets.store.keys import KeyKind


class UnauthenticatedError(PwhError):
    """No key, or one that is unknown, revoked or past its day. Which of them is not told."""

    code = "not_authenticated"
    status = 401

    def __init__(self) -> None:
        super().__init__(
            "This needs a personal key that is valid: `Authorization: Bearer phx_…`. "
            "`pwh up` showed the first one when the home was made."
        )


class PermissionDeniedError(PwhError):
    """The caller is known and may not do this."""

    code = "permission_denied"
    status = 403

    def __init__(self, scope: str, why: str) -> None:
        self.scope = scope
        super().__init__(f"This needs `{scope}`: {why}")


def authenticate(platform: Platform, key: str, address: str = "") -> Caller:
    """The caller behind a key.

    Raises:
        UnauthenticatedError: the key opens nothing.
    """
    found = platform.store.find_key(key)
    if found is None or found.kind is not KeyKind.PERSONAL:
        raise UnauthenticatedError
    roles = dict.fromkeys(platform.store.project_ids(), Role.OWNER)
    return Caller(found.user or found.label, roles, key_id=found.id, address=address)


def allow(caller: Caller, scope: str, project_id: int) -> None:
    """Raises PermissionDeniedError unless the caller may do this in a project they see."""
    if caller.may(scope, project_id):
        return
    role = caller.roles[project_id]
    if Caller(caller.name, caller.roles).may(scope, project_id):
        raise PermissionDeniedError(
            scope, "the key was not given this scope. Use or make another key."
        )
    raise PermissionDeniedError(
        scope, f"`{caller.name}` is {role.value} of this project. Ask an admin."
    )
