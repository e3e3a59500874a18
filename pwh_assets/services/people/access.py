"""Who a request comes from: its key or login is looked up and becomes a `Caller`.

What was found is believed for `BELIEVED_S`, per process: a key that is revoked, a role that is taken and a login that is
ended elsewhere stop within that time, and at once in the process that did it.
"""

import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pwh_assets.core.access import Caller, Role, role_in_project
from pwh_assets.errors import PwhError
from pwh_assets.services.platform import Platform
from pwh_assets.store.keys import ApiKey, KeyKind, digest_of

if TYPE_CHECKING:
    from pwh_assets.store import Store

BELIEVED_S = 0.9
KEPT = 10_000
"""Callers kept per process at most."""
USE_NOTED_EVERY = timedelta(minutes=1)


class UnauthenticatedError(PwhError):
    """No key, or one that is unknown, revoked or past its day. Which of them is not told.

    `reason` and the facts of the key are for the audit log only.
    """

    code = "not_authenticated"
    status = 401

    def __init__(self, reason: str = "missing", key: ApiKey | None = None) -> None:
        self.reason = reason
        """`missing`, `unknown`, `revoked`, `expired`, `kind` (a capture key), `session` or `password`."""
        self.key = key
        """What is known of the key, where it is one of ours."""
        super().__init__(
            "This needs a personal key that is valid: `Authorization: Bearer phx_…`. "
            "`pwh up` showed the first one when the home was made."
        )


class PermissionDeniedError(PwhError):
    """The caller is known and may not do this.

    `reason` says what was too small: `scope` of the key, or `role` of the person.
    """

    code = "permission_denied"
    status = 403

    def __init__(
        self, scope: str, why: str, reason: str = "role", caller: Caller | None = None
    ) -> None:
        self.scope, self.reason, self.caller = scope, reason, caller
        super().__init__(f"This needs `{scope}`: {why}")


@dataclass(slots=True)
class _Believed:
    caller: Caller
    until: float
    ends_at: datetime | None


class _Memory:
    """Callers by the digest of what they showed."""

    def __init__(self) -> None:
        self._callers: OrderedDict[str, _Believed] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, digest: str) -> Caller | None:
        with self._lock:
            found = self._callers.get(digest)
            if found is None or time.monotonic() >= found.until:
                return None
            self._callers.move_to_end(digest)
        if found.ends_at is not None and datetime.now(UTC) >= found.ends_at:
            return None
        return found.caller

    def keep(self, digest: str, caller: Caller, ends_at: datetime | None, since: float) -> None:
        with self._lock:
            self._callers[digest] = _Believed(caller, since + BELIEVED_S, ends_at)
            self._callers.move_to_end(digest)
            while len(self._callers) > KEPT:
                self._callers.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._callers.clear()


_memories: "weakref.WeakKeyDictionary[Store, _Memory]" = weakref.WeakKeyDictionary()


def _memory(store: "Store") -> _Memory:
    found = _memories.get(store)
    if found is None:
        found = _memories.setdefault(store, _Memory())
    return found


def forget_callers(platform: Platform) -> None:
    """Look everybody up anew: called after each change of people, roles, keys and logins."""
    _memory(platform.store).clear()


def authenticate(platform: Platform, key: str, address: str = "") -> Caller:
    """The caller behind a key.

    Raises:
        UnauthenticatedError: the key opens nothing.
    """
    return _believed(platform, digest_of(key), address, lambda: _of_key(platform, key))


def remembered(platform: Platform, key: str, address: str = "") -> Caller | None:
    """The caller behind a key that was looked up within `BELIEVED_S`, else None."""
    caller = _memory(platform.store).of(digest_of(key))
    return replace(caller, address=address) if caller is not None else None


def authenticate_session(platform: Platform, token: str, address: str = "") -> Caller:
    """The caller behind a browser's login.

    Raises:
        UnauthenticatedError: it has ended, or never was.
    """
    digest = "session " + digest_of(token)
    return _believed(platform, digest, address, lambda: _of_session(platform, token))


def _believed(
    platform: Platform,
    digest: str,
    address: str,
    look: Callable[[], tuple[Caller, datetime | None]],
) -> Caller:
    memory = _memory(platform.store)
    caller = memory.of(digest)
    if caller is None:
        since = time.monotonic()
        caller, ends_at = look()
        memory.keep(digest, caller, ends_at, since)
    return replace(caller, address=address)


def _of_key(platform: Platform, key: str) -> tuple[Caller, datetime | None]:
    found = platform.store.known_key(key)
    if found is None:
        raise UnauthenticatedError("unknown")
    return caller_of_key(platform, found), found.expires_at


def caller_of_key(platform: Platform, key: ApiKey) -> Caller:
    """Whom a key stands for now.

    Raises:
        UnauthenticatedError: it opens nothing.
    """
    now = datetime.now(UTC)
    if not key.is_valid(now):
        raise UnauthenticatedError("revoked" if key.revoked_at else "expired", key)
    if key.kind is KeyKind.CAPTURE:
        raise UnauthenticatedError("kind", key)
    if key.last_used_at is None or now - key.last_used_at >= USE_NOTED_EVERY:
        platform.store.note_key_use(key.id, now)
    if key.kind is KeyKind.SECRET:
        is_there = key.project_id in platform.store.project_ids()
        # Its scopes were each allowed to the admin who made it: they alone bound it.
        roles = {key.project_id: Role.ADMIN} if is_there else {}
        return Caller(
            key.label, roles, frozenset(key.scopes), key_id=key.id, attributes={"name": key.label}
        )
    assert key.user_id is not None
    caller = caller_of_user(platform, key.user_id)
    roles = {
        project: role
        for project, role in caller.roles.items()
        if key.only_projects is None or project in key.only_projects
    }
    return replace(
        caller,
        roles=roles,
        scopes=frozenset(key.scopes),
        key_id=key.id,
        is_restricted=key.only_projects is not None,
    )


def _of_session(platform: Platform, token: str) -> tuple[Caller, datetime | None]:
    session = platform.store.find_session(token)
    if session is None:
        raise UnauthenticatedError("session")
    if session.key_id is None:
        caller = caller_of_user(platform, session.user_id)
    else:
        key = platform.store.key_of_id(session.key_id)
        if key is None:
            raise UnauthenticatedError("session")
        caller = caller_of_key(platform, key)
    return replace(caller, session_id=session.id), session.expires_at


def caller_of_user(platform: Platform, user_id: str) -> Caller:
    """A person with all they may do now."""
    store = platform.store
    user = store.user_of_id(user_id)
    if user is None:
        raise UnauthenticatedError("unknown")
    whole, single = store.organization_roles(user_id), store.project_roles(user_id)
    roles: dict[int, Role] = {}
    for project in store.projects():
        role = role_in_project(whole.get(project.organization_id), single.get(project.id))
        if role is not None:
            roles[project.id] = role
    attributes = {**user.attributes, "name": user.name, "email": user.email or ""}
    return Caller(user.name, roles, user_id=user_id, attributes=attributes, organizations=whole)


def allow(caller: Caller, scope: str, project_id: int) -> None:
    """Raises PermissionDeniedError unless the caller may do this in a project they see."""
    if caller.may(scope, project_id):
        return
    role = caller.roles[project_id]
    if Caller(caller.name, caller.roles).may(scope, project_id):
        raise _scope_is_missing(caller, scope)
    raise PermissionDeniedError(
        scope, f"`{caller.name}` is {role.value} of this project. Ask an admin.", "role", caller
    )


def allow_in_organization(caller: Caller, scope: str, organization_id: str) -> None:
    """Raises PermissionDeniedError unless the caller may do this in an organisation they see."""
    if caller.may_in_organization(scope, organization_id):
        return
    role = caller.organizations[organization_id]
    person = Caller(caller.name, {}, organizations=caller.organizations)
    if person.may_in_organization(scope, organization_id):
        raise _scope_is_missing(caller, scope)
    raise PermissionDeniedError(
        scope,
        f"`{caller.name}` is {role.value} of this organisation. Ask an admin.",
        "role",
        caller,
    )


def _scope_is_missing(caller: Caller, scope: str) -> PermissionDeniedError:
    return PermissionDeniedError(
        scope, "the key was not given this scope. Use or make another key.", "scope", caller
    )
