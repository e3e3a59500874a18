"""SSH servers on loopback: one in this process that logs in by password and key and can be made to misbehave, and OpenSSH's."""

import asyncio
import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Any

import asyncssh

from pwh_assets.demo.private import free_port

INSTALL = "apt-get install openssh-server"


class Bastion:
    """An SSH server that forwards to an allow-list. `sessions` counts logins, `forwards` connections."""

    host = "127.0.0.1"
    user = "tunnel"
    password = "a-secret-of-the-bastion"

    def __init__(
        self,
        allow: Collection[tuple[str, int]] | None = (),
        to: dict[tuple[str, int], int] | None = None,
    ) -> None:
        """`to` sends connections for a name only this server knows to a port of loopback. `allow` None is anywhere."""
        self.to = to or {}
        self.allow = None if allow is None else set(allow) | set(self.to)
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.client_key = asyncssh.generate_private_key("ssh-ed25519")
        self.port = 0
        self.sessions = self.forwards = 0
        self.offered: list[str] = []
        """Passwords it was told."""
        self._open: list[Any] = []

    @property
    def public_key(self) -> str:
        return " ".join(self.host_key.export_public_key().decode().split()[:2])

    @property
    def config(self) -> dict[str, Any]:
        """An `ssh_tunnel` through it, by password, the host key known."""
        auth = {"type": "password", "username": self.user, "password": self.password}
        return {"enabled": True, "host": self.host, "port": self.port, "auth": auth} | {
            "host_key": self.public_key
        }

    def by_key(self, passphrase: str | None = None) -> dict[str, Any]:
        """The same, by key."""
        text = self.client_key.export_private_key("openssh", passphrase=passphrase).decode()
        auth = {"type": "keypair", "username": self.user, "private_key": text}
        return {**self.config, "auth": auth | {"passphrase": passphrase}}

    def drop(self) -> None:
        """End every session now."""
        for one in self._open:
            self._loop.call_soon_threadsafe(one.abort)
        self._open.clear()
        time.sleep(0.1)

    def __enter__(self) -> "Bastion":
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()

        async def listen() -> None:
            self._server = await asyncssh.create_server(
                lambda: _Server(self), self.host, self.port, server_host_keys=[self.host_key]
            )
            self.port = self._server.sockets[0].getsockname()[1]
            ready.set()

        def run() -> None:
            asyncio.set_event_loop(self._loop)
            self._loop.run_until_complete(listen())
            self._loop.run_forever()
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        assert ready.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self.drop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


class _Server(asyncssh.SSHServer):
    def __init__(self, bastion: Bastion) -> None:
        self._bastion = bastion

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._bastion._open.append(conn)

    def auth_completed(self) -> None:
        self._bastion.sessions += 1

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        self._bastion.offered.append(password)
        return (username, password) == (self._bastion.user, self._bastion.password)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return (
            username == self._bastion.user and key == self._bastion.client_key.convert_to_public()
        )

    def connection_requested(self, dest_host: str, dest_port: int, *origin: Any) -> Any:
        place = dest_host, dest_port
        if self._bastion.allow is not None and place not in self._bastion.allow:
            raise asyncssh.ChannelOpenError(
                asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "not allowed"
            )
        self._bastion.forwards += 1
        if place in self._bastion.to:
            return lambda reader, writer: _relay(reader, writer, self._bastion.to[place])
        return True


async def _relay(reader: Any, writer: Any, port: int) -> None:
    here, back = await asyncio.open_connection("127.0.0.1", port)

    async def pump(source: Any, sink: Any) -> None:
        with contextlib.suppress(Exception):
            while piece := await source.read(65536):
                sink.write(piece)
                await sink.drain()
        with contextlib.suppress(Exception):
            sink.close()

    await asyncio.gather(pump(reader, back), pump(here, writer))


class OpenSSHMissingError(Exception):
    """There is no sshd here; the sentence says what installs it."""


class OpenSSH:
    """A real sshd with a configuration of its own: key login of the current user, forwarding only."""

    host = "127.0.0.1"

    def __init__(self, permit: str = "any") -> None:
        self.user, self.permit = getpass.getuser(), permit
        self.port = free_port()

    @property
    def config(self) -> dict[str, Any]:
        auth = {"type": "keypair", "username": self.user, "private_key": self.key}
        return {"enabled": True, "host": self.host, "port": self.port, "auth": auth}

    def __enter__(self) -> "OpenSSH":
        server = shutil.which(
            "sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
        )
        if server is None:
            raise OpenSSHMissingError(f"No sshd is installed. Run `{INSTALL}`.")
        self._folder = Path(tempfile.mkdtemp(prefix="pwh-sshd-"))
        for name in ("host", "client"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self._folder / name],
                check=True,
            )
        self.key = (self._folder / "client").read_text()
        (self._folder / "client.pub").rename(self._folder / "authorized_keys")
        (self._folder / "config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self._folder}/host\n"
            f"PidFile {self._folder}/pid\nAuthorizedKeysFile {self._folder}/authorized_keys\n"
            "StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            "PermitRootLogin prohibit-password\nAllowTcpForwarding local\nAllowAgentForwarding no\n"
            f"X11Forwarding no\nPermitTTY no\nForceCommand /bin/false\nPermitOpen {self.permit}\n"
        )
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(parents=True, exist_ok=True)
        self._log = (self._folder / "log").open("wb")
        self._process = subprocess.Popen(
            [server, "-D", "-e", "-f", str(self._folder / "config")], stderr=self._log
        )
        for _ in range(200):
            with contextlib.suppress(OSError):
                socket.create_connection((self.host, self.port), 0.2).close()
                return self
            time.sleep(0.03)
        raise OpenSSHMissingError(f"sshd does not answer: {(self._folder / 'log').read_text()}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait(5)
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)
