"""Signing in at Google: a service account's key or a user's refresh token becomes the header of every call."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from pwh_assets.errors import InvalidInputError, SourceAccessError, SourceUnavailableError
from pwh_assets.sources.base import Field
from pwh_assets.sources.errors import driver_missing
from pwh_assets.sources.http.session import new_session
from pwh_assets.sources.network.egress import egress_of

TOKEN_URL = "https://oauth2.googleapis.com/token"
_KEY_FIELDS = ("client_email", "private_key", "project_id")

KEY_FIELD = Field(
    "service_account",
    "Service account key (JSON)",
    kind="json",
    required=False,
    secret=True,
    help="The key file of a service account that may read.",
)
TOKEN_FIELDS = (
    Field("client_id", "OAuth client id", required=False),
    Field("client_secret", "OAuth client secret", "password", required=False, secret=True),
    Field("refresh_token", "Refresh token", "password", required=False, secret=True),
)


def parsed_key(key: Any) -> dict[str, Any] | None:
    """A service account's key as a mapping.

    Raises:
        InvalidInputError: it is another kind of credentials (those may run programs or ask any host for a token),
            or no key at all.
    """
    if key is None:
        return None
    if isinstance(key, str):
        try:
            key = json.loads(key)
        except ValueError:
            raise InvalidInputError(
                "service_account", "`service_account` is no JSON. Give the whole key file."
            ) from None
    if not isinstance(key, dict) or key.get("type") != "service_account":
        raise InvalidInputError(
            "service_account",
            '`service_account` must be the key file of a service account (`"type": "service_account"`).',
        )
    missing = [name for name in _KEY_FIELDS if not isinstance(key.get(name), str)]
    if missing:
        raise InvalidInputError("service_account", f"`service_account` has no `{missing[0]}`.")
    return key


def check_sign_in(label: str, values: Mapping[str, Any]) -> None:
    """One of both ways is filled in whole. Raises InvalidInputError."""
    if values["service_account"] is not None:
        return
    for field in TOKEN_FIELDS:
        if not values[field.name]:
            raise InvalidInputError(
                field.name if values["refresh_token"] else "service_account",
                f"{label} needs `service_account`, or `client_id`, `client_secret` and `refresh_token`.",
            )


def credentials(config: Mapping[str, Any], scope: str, own: str | None) -> Any:
    """Credentials of Google's library.

    `own` is the address of the API where an operator put one; the key's `token_uri` counts only when it is at the
    same host, so that a key file cannot send the signature elsewhere.
    """
    with driver_missing("google"):
        from google.oauth2 import credentials as user
        from google.oauth2 import service_account

    if config.get("service_account"):
        key = config["service_account"]
        given = str(key.get("token_uri") or "")
        is_ours = bool(own) and urlsplit(given).netloc == urlsplit(own or "").netloc
        try:
            return service_account.Credentials.from_service_account_info(
                {**key, "token_uri": given if is_ours else TOKEN_URL}, scopes=[scope]
            )
        except ValueError:
            raise InvalidInputError(
                "service_account",
                "The `private_key` in `service_account` cannot be read. Give the key file as Google made it.",
            ) from None
    return user.Credentials(
        None,
        refresh_token=config["refresh_token"],
        token_uri=f"{own.rstrip('/')}/token" if own else TOKEN_URL,
        client_id=config["client_id"],
        client_secret=config["client_secret"],
        scopes=[scope],
    )


def authorizer(
    config: Mapping[str, Any], scope: str, own: str | None, place: str
) -> Callable[[bool], dict[str, str]]:
    """What `Api` asks for the header before each call; a token is used until it ends or is refused."""
    held = credentials(config, scope, own)
    from google.auth.exceptions import RefreshError, TransportError
    from google.auth.transport.requests import Request

    request = Request(new_session(1, egress_of(config)))

    def authorize(is_stale: bool) -> dict[str, str]:
        try:
            if is_stale or not held.valid:
                held.refresh(request)
        except RefreshError as error:
            reason = error.args[0] if error.args else "no reason given"
            raise SourceAccessError(
                f"{place} gives no token for these credentials: {str(reason)[:200]}. Check that the key or the "
                "refresh token is still in use."
            ) from None
        except TransportError:
            raise SourceUnavailableError(
                f"{place} could not be asked for a token. Sync again later."
            ) from None
        return {"Authorization": f"Bearer {held.token}"}

    return authorize


def secrets_of(config: Mapping[str, Any]) -> list[str]:
    """Texts that no error may show."""
    key = config.get("service_account") or {}
    found = [key.get("private_key"), config.get("client_secret"), config.get("refresh_token")]
    return [text for text in found if text]
