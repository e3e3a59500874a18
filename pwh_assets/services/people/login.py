"""Browsers log in and out, people are invited and come."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pwh_assets.core.access import Caller, Role
from pwh_assets.errors import InvalidInputError, NotFoundError, PwhError
from pwh_assets.services.people.access import (
    UnauthenticatedError,
    caller_of_key,
    forget_callers,
)
from pwh_assets.services.people.keys import only_people
from pwh_assets.services.people.members import join, may_give, named, organization, project
from pwh_assets.services.people.passwords import hash_password, is_password
from pwh_assets.services.platform import Platform
from pwh_assets.store.keys import KeyKind
from pwh_assets.store.logins import Invitation
from pwh_assets.store.people import User

SESSION_LASTS = timedelta(days=14)
INVITATION_LASTS = timedelta(days=7)
WINDOW = timedelta(minutes=15)
ATTEMPTS_PER_NAME_AND_ADDRESS, ATTEMPTS_PER_ADDRESS, ATTEMPTS_PER_NAME = 10, 50, 100
_ADDRESS = re.compile(r"[^@\s<>]+@[^@\s<>]+")


class TooManyAttemptsError(PwhError):
    """Logins were tried too often for this name or from this address."""

    code = "too_many_attempts"
    status = 429
    retryable = True

    def __init__(self, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(
            f"Logging in was tried too often. Wait {max(1, round(retry_after_s / 60))} minutes."
        )


class LoginRefusedError(UnauthenticatedError):
    """Name and password do not belong together. Which of them is wrong is not told."""

    code = "login_refused"

    def __init__(self, account: str | None = None) -> None:
        super().__init__("password")
        self.account = account
        """Name of the person whose account was tried, for the audit log; None where there is no such person."""
        self.args = (
            "Name and password do not belong together. `pwh user set-password NAME` sets another one.",
        )


def log_in(platform: Platform, name: str, password: str, address: str) -> str:
    """The session's token, for the cookie. A personal key instead of the password does too, and needs no name.

    Raises:
        LoginRefusedError: they do not belong together.
        TooManyAttemptsError: it was tried too often.
    """
    key = None
    if password.startswith(KeyKind.PERSONAL.value):
        key = platform.store.find_key(password)
    if key is not None:
        caller = caller_of_key(platform, key)
        assert caller.user_id is not None
        return platform.store.add_session(caller.user_id, key.id, SESSION_LASTS)
    subjects = _count(platform, name, address)
    user = platform.store.find_user(name) if name else None
    kept = platform.store.password_of(user.id) if user else None
    if not is_password(password, kept) or user is None:
        raise LoginRefusedError(user.name if user else None)
    platform.store.forget_logins(subjects)
    return platform.store.add_session(user.id, None, SESSION_LASTS)


def log_out(platform: Platform, token: str) -> None:
    platform.store.end_session(token)
    forget_callers(platform)


def set_password(platform: Platform, user: User, password: str) -> None:
    """Every login of the person ends. Raises InvalidInputError."""
    platform.store.set_password(user.id, hash_password(password))
    forget_callers(platform)


def change_password(
    platform: Platform, caller: Caller, current: str, password: str, address: str
) -> None:
    """Another password for oneself; every login ends.

    Raises:
        LoginRefusedError: the current one is another, where there is one.
        TooManyAttemptsError: it was tried too often.
    """
    user = only_people(platform, caller)
    kept = platform.store.password_of(user.id)
    if kept is not None:
        subjects = _count(platform, user.name, address)
        if not is_password(current, kept):
            raise LoginRefusedError(user.name)
        platform.store.forget_logins(subjects)
    set_password(platform, user, password)


def _count(platform: Platform, name: str, address: str) -> list[str]:
    """Count the attempt before it is made, so that many at once are counted too."""
    name = name.lower()[:100]
    bounds = (
        (f"both {address} {name}", ATTEMPTS_PER_NAME_AND_ADDRESS),
        (f"name {name}", ATTEMPTS_PER_NAME),
        (f"address {address}", ATTEMPTS_PER_ADDRESS),
    )
    for subject, most in bounds:
        count, since = platform.store.count_login(subject, WINDOW)
        if count > most:
            raise TooManyAttemptsError((since + WINDOW - datetime.now(UTC)).total_seconds())
    return [subject for subject, _ in bounds[:2]]


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation at the one moment its token can be read."""

    token: str
    invitation: Invitation
    mail: str
    """Text to send them."""


def invite(
    platform: Platform,
    caller: Caller | None,
    organization_id: str,
    email: str,
    role: Role,
    project_id: int | None = None,
    lasts: timedelta = INVITATION_LASTS,
    base_url: str = "",
) -> Invited:
    """Invite somebody into the organisation, or into one project of it. Nothing is sent: the text is handed back.

    Raises:
        InvalidInputError: the address is none.
        PermissionDeniedError: the role is above the caller's own.
    """
    if not _ADDRESS.fullmatch(email) or len(email) > 300:
        raise InvalidInputError("email", f"`{email[:100]}` is not an e-mail address.")
    if not timedelta(minutes=1) <= lasts <= timedelta(days=90):
        raise InvalidInputError("expires_in", "An invitation lasts from a minute to 90 days.")
    may_give(caller, organization_id, role)
    if project_id is not None and (
        project(platform, project_id).organization_id != organization_id
    ):
        raise NotFoundError("project", str(project_id))
    by = caller.name if caller else "the owner of the machine"
    token, kept = platform.store.add_invitation(
        organization_id, project_id, email, role, by, datetime.now(UTC) + lasts
    )
    where = organization(platform, organization_id).name
    if project_id is not None:
        where = f"project {project(platform, project_id).name} of {where}"
    mail = (
        f"Subject: {by} invites you to {where}\nTo: {kept.email}\n\n"
        f"{by} invites you to {where} as {role.value}.\n"
        f"Choose a name and a password before {kept.expires_at:%Y-%m-%d %H:%M} UTC:\n\n"
        f"{base_url.rstrip('/')}/invite/{token}\n\n"
        "The link works once. If you expected nothing, forget it.\n"
    )
    return Invited(token, kept, mail)


def withdraw_invitation(platform: Platform, organization_id: str, invitation_id: str) -> None:
    """Raises NotFoundError."""
    if not platform.store.remove_invitation(organization_id, invitation_id):
        raise NotFoundError("invitation", invitation_id)


def accept(platform: Platform, token: str, name: str, password: str) -> User:
    """Come: a new person with the invitation's address becomes a member. The token is used up.

    Raises:
        NotFoundError: the token is unknown, used, withdrawn or past its day: one answer.
        ConflictError: the name or the address is taken.
    """
    refused = NotFoundError("invitation", "…", "It may be used or too old; ask for another one.")
    found = platform.store.find_invitation(token)
    if found is None:
        raise refused
    hashed = hash_password(password)
    with platform.store.one_transaction():
        if not platform.store.use_invitation(found.id):
            raise refused
        user = platform.store.add_user(_person(name, found.email), found.email, hashed)
        join(platform, found.organization_id, found.project_id, user, found.role)
    return user


def accept_as(platform: Platform, token: str, caller: Caller) -> None:
    """Come as a person who is known already and has the invitation's address.

    Raises:
        NotFoundError: the token opens nothing, or is for another address.
    """
    found = platform.store.find_invitation(token)
    user = platform.store.user_of_id(caller.user_id) if caller.user_id else None
    if found is None or user is None or user.email != found.email:
        raise NotFoundError("invitation", "…", "It may be used, too old or for another address.")
    with platform.store.one_transaction():
        if platform.store.use_invitation(found.id):
            join(platform, found.organization_id, found.project_id, user, found.role)


def _person(name: str, email: str | None) -> str:
    text = named(name)
    if "@" in text and text.lower() != (email or "").lower():
        raise InvalidInputError("name", "A name with `@` is only for whoever has that address.")
    return text


def add_person(
    platform: Platform,
    name: str,
    email: str | None,
    organization_id: str,
    role: Role,
    project_id: int | None = None,
    password: str | None = None,
) -> User:
    """A person made by whoever has the machine, without an invitation.

    Raises:
        ConflictError: the name or the address is taken.
    """
    if email is not None and not _ADDRESS.fullmatch(email):
        raise InvalidInputError("email", f"`{email[:100]}` is not an e-mail address.")
    hashed = hash_password(password) if password is not None else None
    with platform.store.one_transaction():
        user = platform.store.add_user(_person(name, email), email, hashed)
        join(platform, organization_id, project_id, user, role)
    return user
