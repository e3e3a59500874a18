"""Channels: what a person writes down about one, checked field by field, and what of it is shown again."""

import base64
import binascii
import re
import secrets
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from pwh_assets.core.alert import AlertChannel, AlertFilter, ChannelKind
from pwh_assets.core.health import IssueKind, Severity
from pwh_assets.core.names import nearest
from pwh_assets.errors import InvalidInputError, quoted
from pwh_assets.services.platform import Platform
from pwh_assets.sources.network.egress import Egress

SECRET_START = "whsec_"
_FIELDS = {
    ChannelKind.WEBHOOK: ("url", "secret"),
    ChannelKind.SLACK: ("url",),
    ChannelKind.EMAIL: (
        *("host", "port", "security", "username", "password"),
        *("from", "to", "ca_certificate"),
    ),
}
_FILTERS = ("min_severity", "kinds", "sources", "names")
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9.-]{1,255}")
_HOST = re.compile(r"[A-Za-z0-9.:_-]{1,255}")
_MOST = 50


@dataclass(frozen=True, slots=True)
class NewChannel:
    """A channel that was added. `secret` is what deliveries are signed with, where we made it up: shown this once."""

    channel: AlertChannel
    secret: str | None = None


def add_channel(platform: Platform, project_id: int, body: Mapping[str, Any]) -> NewChannel:
    """Add a channel from what a person wrote: `name`, `kind`, its fields, and `filters`.

    Raises:
        InvalidInputError: a field is missing, unknown or cannot be used; `attr` names it.
        PrivateHostError, UnknownHostError: its host may not be reached, or has no address.
        ChannelExistsError: the name is taken.
    """
    name = _text(body, "name", most=200)
    kind = _kind(body)
    known = ("name", "kind", "filters", *_FIELDS[kind])
    _refuse_unknown(body, known, "")
    filters = _filters(body.get("filters"))
    made = None
    if kind is ChannelKind.EMAIL:
        config, sealed = _email(body)
        host = str(config["host"])
    else:
        url, shown, host = _url(body)
        config, sealed = {"address": shown}, {"url": url}
        if kind is ChannelKind.WEBHOOK:
            secret = body.get("secret")
            made = None if secret else SECRET_START + _base64(secrets.token_bytes(24))
            sealed["secret"] = _signing_secret(secret) if secret else made
    attr = "host" if kind is ChannelKind.EMAIL else "url"
    egress_of(platform).addresses(host, attr)
    channel = platform.store.add_channel(project_id, name, kind, config, sealed, filters)
    return NewChannel(channel, made)


def remove_channel(platform: Platform, project_id: int, name_or_id: str) -> AlertChannel:
    """Remove it with its address; what it was told stays visible. Raises NotFoundError."""
    channel = platform.store.channel(project_id, name_or_id)
    platform.store.remove_channel(channel.id)
    return channel


def channel_facts(channel: AlertChannel) -> dict[str, Any]:
    """What may be shown of a channel, as plain values. No secret is among them."""
    filters = asdict(channel.filters)
    return {
        "id": channel.id,
        "name": channel.name,
        "kind": channel.kind.value,
        **{name: value for name, value in channel.config.items() if name != "ca_certificate"},
        "filters": {name: value for name, value in filters.items() if value},
        "created_at": channel.created_at,
        "failing_since": channel.failing_since,
        "failures": channel.failures,
        "latest_error": channel.latest_error,
    }


def egress_of(platform: Platform) -> Egress:
    """Where channels may lead: the same policy as for sources."""
    return Egress(platform.settings.allow_private_hosts)


def _kind(body: Mapping[str, Any]) -> ChannelKind:
    kinds = [kind.value for kind in ChannelKind]
    given = body.get("kind")
    if given not in kinds:
        raise InvalidInputError("kind", f"`kind` is {given!r}; it can be {quoted(kinds)}.")
    return ChannelKind(given)


def _url(body: Mapping[str, Any]) -> tuple[str, str, str]:
    """The address, what of it is shown, and its host."""
    text = _text(body, "url", most=2_000)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or not text.isascii() or " " in text:
        raise InvalidInputError(
            "url",
            "`url` is not an address. Write it as `https://host/path`, in ASCII and without spaces.",
        )
    if parts.username is not None or parts.password is not None:
        raise InvalidInputError(
            "url",
            "`url` holds a user or password before its host. Leave them out: what is sent is signed.",
        )
    place = f"{host}:{port}" if port else host
    return text, f"{parts.scheme}://{place}/…", host


def _signing_secret(given: Any) -> str:
    text = str(given)
    try:
        key = base64.b64decode(text.removeprefix(SECRET_START), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(SECRET_START) or not 24 <= len(key) <= 64:
        raise InvalidInputError(
            "secret",
            f"`secret` is not `{SECRET_START}` and 24 to 64 bytes in base64. Leave it out, and one is made up.",
        )
    return text


def _email(body: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    host = _text(body, "host", most=255)
    if not _HOST.fullmatch(host):
        raise InvalidInputError("host", f"`host` is {host!r}; it is the name of a mail server.")
    security = body.get("security", "starttls")
    if security not in _PORTS:
        raise InvalidInputError(
            "security", f"`security` is {security!r}; it can be {quoted(list(_PORTS))}."
        )
    port = body.get("port", _PORTS[security])
    if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65_535:
        raise InvalidInputError("port", f"`port` is {port!r}; it is a number from 1 to 65535.")
    config: dict[str, Any] = {"host": host, "port": port, "security": security}
    config["from"] = _address("from", body.get("from"))
    to = body.get("to")
    recipients = [to] if isinstance(to, str) else to
    if not isinstance(recipients, list | tuple) or not 1 <= len(recipients) <= _MOST:
        raise InvalidInputError("to", f"`to` is a list of 1 to {_MOST} addresses.")
    config["to"] = [_address("to", each) for each in recipients]
    sealed: dict[str, Any] = {}
    if body.get("username") or body.get("password"):
        if security == "none":
            raise InvalidInputError(
                "security",
                "`security` is `none`, and a password would be sent for everybody to read. "
                "Use `starttls` or `tls`, or leave `username` and `password` out.",
            )
        config["username"] = _text(body, "username", most=320)
        sealed["password"] = _text(body, "password", most=1_000)
    if certificate := body.get("ca_certificate"):
        config["ca_certificate"] = _certificate(certificate)
    return config, sealed


def _address(attr: str, given: Any) -> str:
    if not isinstance(given, str) or not _ADDRESS.fullmatch(given):
        raise InvalidInputError(
            attr, f"`{attr}` is {given!r}; write an address as `name@example.com`."
        )
    return given


def _certificate(given: Any) -> str:
    try:
        ssl.create_default_context(cadata=str(given))
    except ssl.SSLError:
        raise InvalidInputError(
            "ca_certificate",
            "`ca_certificate` is not a certificate. Paste the PEM text of the authority.",
        ) from None
    return str(given)


def _filters(given: Any) -> AlertFilter:
    if given is None:
        return AlertFilter()
    if not isinstance(given, Mapping):
        raise InvalidInputError("filters", f"`filters` is an object with {quoted(_FILTERS)}.")
    _refuse_unknown(given, _FILTERS, "filters.")
    severities = [severity.value for severity in Severity]
    severity = given.get("min_severity", Severity.ERROR.value)
    if severity not in severities:
        raise InvalidInputError(
            "filters.min_severity",
            f"`min_severity` is {severity!r}; it can be {quoted(severities)}.",
        )
    kinds = tuple(_words(given, "kinds"))
    known = [kind.value for kind in IssueKind if kind is not IssueKind.BLOCKED]
    for kind in kinds:
        if kind not in known:
            near = nearest(kind, known)
            hint = f"Did you mean `{near}`?" if near else f"There are {quoted(known, 30)}."
            raise InvalidInputError("filters.kinds", f"`{kind}` is not a kind of issue. {hint}")
    return AlertFilter(
        Severity(severity), kinds, tuple(_words(given, "sources")), tuple(_words(given, "names"))
    )


def _words(given: Mapping[str, Any], name: str) -> Iterator[str]:
    values = given.get(name) or []
    for value in [values] if isinstance(values, str) else values:
        if not isinstance(value, str) or not value.strip() or len(value) > 500:
            raise InvalidInputError(f"filters.{name}", f"`{name}` is a list of texts.")
        yield value.strip()


def _text(body: Mapping[str, Any], name: str, most: int) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise InvalidInputError(name, f"`{name}` is missing.")
    if len(value) > most or not value.isprintable():
        raise InvalidInputError(
            name, f"`{name}` is longer than {most} characters or holds a control character."
        )
    return value.strip()


def _refuse_unknown(given: Mapping[str, Any], known: Sequence[str], path: str) -> None:
    for name in given:
        if name not in known:
            near = nearest(str(name), known)
            hint = f"Did you mean `{near}`?" if near else f"There are {quoted(tuple(known), 20)}."
            raise InvalidInputError(f"{path}{name}", f"There is no field `{path}{name}`. {hint}")


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
