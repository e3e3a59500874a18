"""SSH tunnels to databases behind a bastion: what the form asks, which host key is trusted, and the open tunnel.

A tunnel has one end on a random port of 127.0.0.1 of this machine; each connection to it becomes a channel of one SSH
session, which is made anew when it was dropped. The session offers the form's password or key and nothing of
this machine: no agent, no key, configuration or list of hosts of a home folder.

The bastion's host key is part of the source's config. A source that is connected without one trusts the key the bastion
shows then, keeps it, and refuses every other from then on.
"""

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pwh_assets.errors import (
    InvalidInputError,
    SourceAccessError,
    SourceError,
    SourceUnavailableError,
)
from pwh_assets.sources.base import Field
from pwh_assets.sources.network.egress import Egress, egress_of

if TYPE_CHECKING:
    import asyncssh

CONNECT_TIMEOUT_S = 10
LINGER_S = 10
"""How long a tunnel nobody uses stays open for the next one who does."""
_WINDOW_BYTES = 16 << 20
_PIECE_BYTES = 128 << 10
_T = TypeVar("_T")

FIELD = Field(
    "ssh_tunnel",
    "SSH tunnel",
    kind="group",
    required=False,
    help="A bastion to reach the database through. `host` and `port` of the database are as the bastion sees them.",
    fields=(
        Field("enabled", "Use it", kind="boolean", default=True),
        Field("host", "Bastion", required=False),
        Field("port", "Port", kind="number", default=22),
        Field(
            "auth",
            "Login",
            kind="group",
            required=False,
            fields=(
                Field(
                    "type",
                    "With",
                    kind="select",
                    default="password",
                    options=("password", "keypair"),
                ),
                Field("username", "User", required=False),
                Field("password", "Password", kind="password", required=False, secret=True),
                Field("private_key", "Private key", kind="password", required=False, secret=True),
                Field("passphrase", "Passphrase", kind="password", required=False, secret=True),
            ),
        ),
        Field(
            "host_key",
            "Host key",
            required=False,
            help="The bastion's public key (`ssh-ed25519 AAAA…`) or fingerprint (`SHA256:…`); by default the one it shows at first.",
        ),
        Field(
            "require_tls",
            "Require TLS",
            kind="boolean",
            default=False,
            help="Between bastion and database: `sslmode` is then at least `require`.",
        ),
    ),
)
"""The form field of every source that may be reached through a tunnel."""


class HostKeyChangedError(SourceAccessError):
    """The bastion shows another key than the one that is trusted: another machine, or somebody in between."""

    code = "ssh_host_key"

    def __init__(self, bastion: str, trusted: str, shown: str) -> None:
        self.bastion, self.trusted, self.shown = bastion, trusted, shown
        super().__init__(
            f"The SSH server {bastion} shows the host key `{shown}`, and `{trusted}` is trusted. Nothing was sent to it. "
            "Somebody may be in between: ask its administrator, and put the new key into `ssh_tunnel.host_key` only "
            "if it was changed on purpose."
        )


class ForwardRefusedError(SourceAccessError):
    """The bastion lets us in, but not on to the database."""

    code = "ssh_forward"

    def __init__(self, bastion: str, target: str, reason: str) -> None:
        self.bastion, self.target = bastion, target
        super().__init__(
            f"The SSH server {bastion} does not forward connections to `{target}`: {reason}. Allow it there "
            "(`AllowTcpForwarding`, `PermitOpen`), or check the database's `host` and `port` as the bastion sees them."
        )


@dataclass(frozen=True, slots=True)
class Bastion:
    """A checked `ssh_tunnel`."""

    host: str
    port: int
    username: str
    password: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    passphrase: str | None = field(default=None, repr=False)
    host_key: str | None = None
    require_tls: bool = False

    @property
    def name(self) -> str:
        """How a sentence names it."""
        return f"`{self.host}:{self.port}`"


def checked_tunnel(value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What the form's group holds, complete; None for no tunnel.

    Raises:
        InvalidInputError: a field is missing, or the key cannot be read.
    """
    if not value or not value.get("enabled"):
        return None
    auth = value.get("auth") or {}
    _need(value, "host", "ssh_tunnel.host")
    _need(auth, "username", "ssh_tunnel.auth.username")
    if not 0 < value["port"] < 65536:
        raise InvalidInputError(
            "ssh_tunnel.port",
            f"`ssh_tunnel.port` is {value['port']}; it must be between 1 and 65535.",
        )
    if auth["type"] == "keypair":
        _need(auth, "private_key", "ssh_tunnel.auth.private_key")
        _client_key(auth["private_key"], auth.get("passphrase"))
    else:
        _need(auth, "password", "ssh_tunnel.auth.password")
    known = value.get("host_key")
    if known and not known.startswith("SHA256:"):
        _public_key(known)
    return {**value, "auth": dict(auth)}


def spelled(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload with PostHog's spellings of a tunnel's fields in ours.

    >>> spelled({"ssh_tunnel": {"host": "b", "auth_type": "keypair", "require_tls": {"enabled": True}}})
    {'ssh_tunnel': {'host': 'b', 'require_tls': True, 'auth': {'type': 'keypair'}}}
    """
    tunnel = payload.get("ssh_tunnel")
    if not isinstance(tunnel, Mapping) or not tunnel:
        return {**payload, "ssh_tunnel": tunnel or None}
    found = {name: value for name, value in tunnel.items() if name not in ("auth", "auth_type")}
    if isinstance(found.get("require_tls"), Mapping):
        found["require_tls"] = bool(found["require_tls"].get("enabled"))
    auth = tunnel.get("auth")
    if auth is None and "auth_type" not in tunnel:
        return {**payload, "ssh_tunnel": found}
    if isinstance(auth, Mapping) or auth is None:
        auth = dict(auth or {})
        kind = tunnel.get("auth_type") or auth.pop("selection", None)
        if isinstance(kind, Mapping):
            auth, kind = {**kind, **auth}, kind.get("selection") or kind.get("type")
            auth.pop("selection", None)
        if kind:
            auth["type"] = kind
    return {**payload, "ssh_tunnel": {**found, "auth": auth}}


def bastion_of(config: Mapping[str, Any]) -> Bastion | None:
    """The bastion a config goes through."""
    tunnel = config.get("ssh_tunnel")
    if not isinstance(tunnel, Mapping) or not tunnel.get("enabled"):
        return None
    auth = tunnel["auth"]
    by_key = auth["type"] == "keypair"
    return Bastion(
        tunnel["host"],
        tunnel["port"],
        auth["username"],
        None if by_key else auth.get("password"),
        auth.get("private_key") if by_key else None,
        auth.get("passphrase") if by_key else None,
        tunnel.get("host_key"),
        bool(tunnel.get("require_tls")),
    )


def tls_mode(config: Mapping[str, Any]) -> str:
    """`sslmode`, at least `require` where the tunnel asks for TLS behind it."""
    bastion, mode = bastion_of(config), str(config["sslmode"])
    weak = mode in ("disable", "allow", "prefer")
    return "require" if bastion is not None and bastion.require_tls and weak else mode


def pinned(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with the bastion's host key in it: the one it shows now, where the config names none.

    Raises:
        HostKeyChangedError: the config has a fingerprint, and the bastion's is another.
        SourceUnavailableError: it does not answer.
    """
    bastion = bastion_of(config)
    if bastion is None or (bastion.host_key and not bastion.host_key.startswith("SHA256:")):
        return dict(config)
    import asyncssh

    with _our_errors(bastion), contextlib.closing(_reach(bastion, egress_of(config))) as peer:
        key = _background().run(
            asyncssh.get_server_host_key(bastion.host, bastion.port, sock=peer, config=None),
            CONNECT_TIMEOUT_S,
        )
    if key is None:
        raise SourceUnavailableError(
            f"The SSH server {bastion.name} shows no host key. Try again later."
        )
    if bastion.host_key and key.get_fingerprint() != bastion.host_key:
        raise HostKeyChangedError(bastion.name, bastion.host_key, key.get_fingerprint())
    text = " ".join(key.export_public_key().decode().split()[:2])
    return {**config, "ssh_tunnel": {**config["ssh_tunnel"], "host_key": text}}


def with_new_bastion_unpinned(
    before: Mapping[str, Any], after: Mapping[str, Any], payload: Mapping[str, Any]
) -> dict[str, Any]:
    """A changed config without the host key of the bastion it went through before, unless one was given."""
    old, new = before.get("ssh_tunnel"), after.get("ssh_tunnel")
    given = payload.get("ssh_tunnel")
    if (
        not isinstance(old, Mapping)
        or not isinstance(new, Mapping)
        or not isinstance(given, Mapping)
    ):
        return dict(after)
    moved = any(old.get(name) != new.get(name) for name in ("host", "port"))
    if not moved or given.get("host_key"):
        return dict(after)
    return {**after, "ssh_tunnel": {**new, "host_key": None}}


@contextmanager
def forwarded(bastion: Bastion, policy: Egress, host: str, port: int) -> Iterator[int]:
    """A port of 127.0.0.1 that leads to `host:port` behind the bastion. Tunnels are shared, and opened when needed.

    Raises:
        HostKeyChangedError, ForwardRefusedError, SourceAccessError, SourceUnavailableError: also when the block
            failed because of the tunnel.
    """
    tunnel = _taken(bastion, policy, host, port)
    tunnel.failure = None
    try:
        yield tunnel.open()
    except Exception:
        if tunnel.failure is not None:
            raise tunnel.failure from None
        raise
    finally:
        _given_back(tunnel)


class _Tunnel:
    """One bastion, one target, one port here."""

    def __init__(self, bastion: Bastion, policy: Egress, host: str, port: int) -> None:
        self.key = (bastion, policy, host, port)
        self.users = 0
        self.idle_since = 0.0
        self.failure: SourceError | None = None
        """Why the last connection through it could not be made; the database's client only sees it end."""
        self._bastion, self._policy, self._host, self._port = bastion, policy, host, port
        self._loop = _background()
        self._opening = threading.Lock()
        self._local_port = 0
        self._server: asyncio.Server | None = None
        self._session: asyncssh.SSHClientConnection | None = None
        self._connecting = asyncio.Lock()

    def open(self) -> int:
        """The port here; the session is there, or made anew."""
        with self._opening, _our_errors(self._bastion):
            if self._local_port == 0:
                self._local_port = self._loop.run(self._listen(), CONNECT_TIMEOUT_S)
            self._loop.run(self._connected(), 3 * CONNECT_TIMEOUT_S)
        return self._local_port

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._loop.run(self._end(), CONNECT_TIMEOUT_S)

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_PIECE_BYTES)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        if self._session is not None:
            self._session.abort()

    async def _connected(self) -> "asyncssh.SSHClientConnection":
        import asyncssh

        async with self._connecting:
            if self._session is None or self._session.is_closed():
                options = _options(self._bastion)
                peer = await asyncio.to_thread(_reach, self._bastion, self._policy)
                try:
                    self._session = await asyncssh.connect(
                        self._bastion.host, self._bastion.port, sock=peer, **options
                    )
                except BaseException:
                    peer.close()
                    raise
            return self._session

    async def _accept(self, here: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        try:
            with _our_errors(self._bastion, f"{self._host}:{self._port}"):
                session = await self._connected()
                there, out = await session.open_connection(
                    self._host, self._port, window=_WINDOW_BYTES, max_pktsize=_PIECE_BYTES
                )
        except SourceError as error:
            self.failure = error
            back.transport.abort()
            return
        up = asyncio.ensure_future(_pump(here, out))
        try:
            await _pump(there, back)
        finally:
            up.cancel()
            out.close()
            back.close()


async def _pump(source: Any, sink: Any) -> None:
    """Bytes from one end to the other until the first has no more."""
    with contextlib.suppress(Exception):
        while piece := await source.read(_PIECE_BYTES):
            sink.write(piece)
            await sink.drain()
        if sink.can_write_eof():
            sink.write_eof()


class _Background:
    """A thread with an event loop, for as long as the process lives."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="ssh-tunnels", daemon=True).start()

    def run(self, work: Coroutine[Any, Any, _T], timeout_s: float) -> _T:
        """Wait for it. Raises what it raises, and TimeoutError."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout_s)
        except TimeoutError:
            future.cancel()
            raise

    def later(self, seconds: float, work: Any) -> None:
        self._loop.call_soon_threadsafe(self._loop.call_later, seconds, work)


_lock = threading.Lock()
_tunnels: dict[Any, _Tunnel] = {}
_thread: _Background | None = None


def _background() -> _Background:
    global _thread
    with _lock:
        if _thread is None or _thread.pid != os.getpid():
            _thread = _Background()
            _tunnels.clear()  # a fork has none of its parent's threads
        return _thread


def _taken(bastion: Bastion, policy: Egress, host: str, port: int) -> _Tunnel:
    _background()
    key = (bastion, policy, host, port)
    with _lock:
        tunnel = _tunnels.get(key)
    if tunnel is None:
        tunnel = _Tunnel(bastion, policy, host, port)
    with _lock:
        tunnel = _tunnels.setdefault(key, tunnel)
        tunnel.users += 1
        return tunnel


def _given_back(tunnel: _Tunnel) -> None:
    with _lock:
        tunnel.users -= 1
        tunnel.idle_since = time.monotonic()
    _background().later(LINGER_S, lambda: threading.Thread(target=_let_go, args=(tunnel,)).start())


def _let_go(tunnel: _Tunnel) -> None:
    with _lock:
        is_fresh = time.monotonic() - tunnel.idle_since < LINGER_S - 0.01
        if tunnel.users or is_fresh or _tunnels.get(tunnel.key) is not tunnel:
            return
        del _tunnels[tunnel.key]
    tunnel.close()


def _reach(bastion: Bastion, policy: Egress) -> Any:
    """A TCP connection to the bastion's checked address."""
    try:
        return policy.connect(bastion.host, bastion.port, CONNECT_TIMEOUT_S, "ssh_tunnel.host")
    except OSError as error:
        raise SourceUnavailableError(
            f"The SSH server {bastion.name} does not answer: {error.strerror or error}. "
            "Check `ssh_tunnel.host` and that it runs, then try again."
        ) from None


def _options(bastion: Bastion) -> dict[str, Any]:
    """What the session is told; everything that would come from this machine is switched off."""
    if not bastion.host_key:
        raise SourceAccessError(
            f"No host key of the SSH server {bastion.name} is known. Save the source's connection again: "
            "the key it shows then is trusted from then on."
        )
    key = None
    if bastion.private_key:
        key = [_client_key(bastion.private_key, bastion.passphrase)]
    return {
        "username": bastion.username,
        "password": bastion.password,
        "client_keys": key,
        "preferred_auth": "publickey" if key else "password,keyboard-interactive",
        "known_hosts": ([_public_key(bastion.host_key)], [], []),
        "config": None,
        "agent_path": None,
        "gss_host": None,
        "connect_timeout": CONNECT_TIMEOUT_S,
        "login_timeout": 2 * CONNECT_TIMEOUT_S,
        "keepalive_interval": 15,
        "keepalive_count_max": 4,
    }


@contextmanager
def _our_errors(bastion: Bastion, target: str = "") -> Iterator[None]:
    import asyncssh

    try:
        yield
    except asyncssh.HostKeyNotVerifiable:
        trusted = _public_key(bastion.host_key or "").get_fingerprint()
        raise HostKeyChangedError(bastion.name, trusted, "another") from None
    except asyncssh.PermissionDenied:
        raise SourceAccessError(
            f"The SSH server {bastion.name} refused the user `{bastion.username}`. "
            "Check `ssh_tunnel.auth`: user, password or key."
        ) from None
    except asyncssh.ChannelOpenError as error:
        if error.code == asyncssh.OPEN_CONNECT_FAILED:
            raise SourceUnavailableError(
                f"The SSH server {bastion.name} does not reach `{target}`: {error.reason}. Check the database's `host` "
                "and `port` as the bastion sees them, then try again."
            ) from None
        raise ForwardRefusedError(bastion.name, target, error.reason or "not allowed") from None
    except (asyncssh.Error, OSError, TimeoutError) as error:
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise SourceUnavailableError(
            f"The SSH server {bastion.name} did not answer as it should: {reason}. Check that it runs, then try again."
        ) from None


def _need(values: Mapping[str, Any], name: str, path: str) -> None:
    if not values.get(name):
        raise InvalidInputError(path, f"An SSH tunnel needs `{path}`.")


def _client_key(text: str, passphrase: str | None) -> "asyncssh.SSHKey":
    import asyncssh

    try:
        return asyncssh.import_private_key(text.strip() + "\n", passphrase or None)
    except asyncssh.KeyEncryptionError:
        raise InvalidInputError(
            "ssh_tunnel.auth.passphrase",
            "`ssh_tunnel.auth.private_key` does not open with `ssh_tunnel.auth.passphrase`.",
        ) from None
    except (asyncssh.KeyImportError, ValueError) as error:
        if "passphrase" in str(error).lower():
            raise InvalidInputError(
                "ssh_tunnel.auth.passphrase",
                "`ssh_tunnel.auth.private_key` is encrypted and needs `ssh_tunnel.auth.passphrase`.",
            ) from None
        raise InvalidInputError(
            "ssh_tunnel.auth.private_key",
            "`ssh_tunnel.auth.private_key` is no private key in OpenSSH or PEM form. Paste the whole file.",
        ) from None


def _public_key(text: str) -> "asyncssh.SSHKey":
    import asyncssh

    try:
        return asyncssh.import_public_key(text.strip())
    except (asyncssh.KeyImportError, ValueError):
        raise InvalidInputError(
            "ssh_tunnel.host_key",
            "`ssh_tunnel.host_key` is no public key (`ssh-ed25519 AAAA…`) and no fingerprint (`SHA256:…`).",
        ) from None
