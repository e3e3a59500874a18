"""Making, listing, revoking and rotating keys, within what their maker may do."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pwh_assets.core.access import ALL, OBJECTS, Caller, is_scope
from pwh_assets.errors import InvalidInputError, NotFoundError, quoted
from pwh_assets.services.people.access import PermissionDeniedError, forget_callers
from pwh_assets.services.platform import Platform
from pwh_assets.store.keys import ApiKey, KeyKind
from pwh_assets.store.people import User

LONGEST_GRACE = timedelta(days=90)
LONGEST_LABEL = 200


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key at the one moment it can be read."""

    plain: str
    key: ApiKey


def make_personal_key(
    platform: Platform,
    caller: Caller,
    label: str,
    scopes: Sequence[str] = (ALL,),
    only_projects: Collection[int] | None = None,
    expires_at: datetime | None = None,
) -> NewKey:
    """A key of the caller's own. It never does more than its person, nor than the key it was made with.

    Raises:
        InvalidInputError: a scope, project or moment cannot be.
        PermissionDeniedError: it is a server's key, or one of some scopes.
    """
    user = only_people(platform, caller)
    _check(label, scopes, expires_at)
    if only_projects is None and caller.is_restricted:
        only_projects = caller.roles
    unseen = sorted(set(only_projects or ()) - set(caller.roles))
    if unseen or (only_projects is not None and not only_projects):
        raise InvalidInputError(
            "scoped_teams",
            f"There is no project {quoted([str(one) for one in unseen])}; name projects you belong to.",
        )
    first = min(only_projects or caller.roles or (1,))
    plain = platform.store.add_key(
        first, KeyKind.PERSONAL, label, user.name, scopes, only_projects, expires_at
    )
    return _made(platform, plain)


def make_secret_key(
    platform: Platform,
    caller: Caller,
    project_id: int,
    label: str,
    scopes: Sequence[str],
    expires_at: datetime | None = None,
) -> NewKey:
    """A key for a server: one project, and exactly the scopes it is given.

    Raises:
        InvalidInputError: there is no scope, or `*`.
        PermissionDeniedError: the caller may not do one of them.
    """
    _check(label, scopes, expires_at)
    if ALL in scopes:
        raise InvalidInputError(
            "scopes", "A server's key needs its scopes named; `*` is for people."
        )
    for scope in scopes:
        if not caller.may(scope, project_id):
            raise PermissionDeniedError(
                scope, "a key cannot be given what you may not do.", "role", caller
            )
    plain = platform.store.add_key(
        project_id, KeyKind.SECRET, label, scopes=scopes, expires_at=expires_at
    )
    return _made(platform, plain)


def rotate_capture_key(platform: Platform, project_id: int, grace: timedelta) -> NewKey:
    """A new capture key; the ones before go on for `grace`, so that what sends events can be changed.

    Raises:
        InvalidInputError: the grace is longer than 90 days, or negative.
    """
    if not timedelta() <= grace <= LONGEST_GRACE:
        raise InvalidInputError(
            "grace_seconds", "The grace is from 0 seconds to 90 days; give a shorter one."
        )
    end = datetime.now(UTC) + grace
    for old in platform.store.keys(KeyKind.CAPTURE, project_id):
        if old.expires_at is None or old.expires_at > end:
            platform.store.expire_key(old.id, end)
    return _made(platform, platform.store.add_key(project_id, KeyKind.CAPTURE, "capture key"))


def personal_keys(platform: Platform, user_id: str) -> list[ApiKey]:
    return platform.store.keys(KeyKind.PERSONAL, user_id=user_id)


def project_keys(platform: Platform, project_id: int, kind: KeyKind) -> list[ApiKey]:
    return platform.store.keys(kind, project_id)


def revoke(platform: Platform, found: Sequence[ApiKey], key_id: str) -> ApiKey:
    """End one of these keys; it opens nothing from now on. Raises NotFoundError."""
    for key in found:
        if key.id == key_id:
            platform.store.revoke_key(key_id)
            forget_callers(platform)
            return key
    raise NotFoundError("key", key_id)


def _made(platform: Platform, plain: str) -> NewKey:
    key = platform.store.known_key(plain)
    assert key is not None
    return NewKey(plain, key)


def only_people(platform: Platform, caller: Caller) -> User:
    """The person who asks, by a login or a key of every scope.

    Raises:
        PermissionDeniedError: it is a server's key, or one of some scopes.
    """
    user = platform.store.user_of_id(caller.user_id) if caller.user_id else None
    if user is None:
        raise PermissionDeniedError(ALL, "a server's key has no person.", "scope", caller)
    if ALL not in caller.scopes:
        raise PermissionDeniedError(
            ALL, "a key of some scopes cannot manage keys and passwords.", "scope", caller
        )
    return user


def _check(label: str, scopes: Sequence[str], expires_at: datetime | None) -> None:
    if not label.strip() or len(label) > LONGEST_LABEL:
        raise InvalidInputError("label", "A key needs a label, of at most 200 characters.")
    if not scopes:
        raise InvalidInputError("scopes", "A key needs at least one scope.")
    for scope in scopes:
        if not is_scope(scope):
            raise InvalidInputError(
                "scopes",
                f"`{scope}` is not a scope: `<object>:read` or `<object>:write` with one of "
                f"{quoted(sorted(OBJECTS), 20)}.",
            )
    if expires_at is not None:
        if expires_at.tzinfo is None:
            expires_at = expires_at.replace(tzinfo=UTC)
        if expires_at <= datetime.now(UTC):
            raise InvalidInputError("expires_at", f"`{expires_at.isoformat()}` is in the past.")
