"""A private MariaDB on loopback: own folder, own password, row binlog on, gone with its owner."""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pwh_assets.demo.private import PrivateServer, free_port, run_as

INSTALL = "apt-get install mariadb-server"

SMALL_AND_FAST = {
    "log-bin": "bin",
    "binlog-format": "ROW",
    "binlog-row-image": "FULL",
    "binlog-row-metadata": "FULL",
    "server-id": "1",
    "innodb-buffer-pool-size": "64M",
    "innodb-flush-log-at-trx-commit": "0",
    "sync-binlog": "0",
    "performance-schema": "OFF",
    "character-set-server": "utf8mb4",
    "default-time-zone": "+00:00",
}
"""For data nobody has to keep; the binlog is what change capture reads."""

_PLACES = os.pathsep.join(("/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/local/bin"))


class MariaDBUnavailableError(Exception):
    """The private server cannot run here; the sentence says what is missing."""


class PrivateMariaDB(PrivateServer):
    """A MariaDB server whose user `app` may do everything, replication included.

    As root it runs under `mysql`, or `nobody` where there is no such user.

    Args:
        port: 0 takes a free one.
        database: Made at the first start.
        settings: Further server options; they win over ours. An empty value stands for a bare switch.

    >>> with PrivateMariaDB() as server:                            # doctest: +SKIP
    ...     pymysql.connect(**server.conn)
    """

    user = "app"

    def __init__(
        self, port: int = 0, database: str = "app", settings: Mapping[str, str] | None = None
    ) -> None:
        self.database = database
        self.password = secrets.token_urlsafe(12)
        self.port = port or free_port()
        self._settings = {**SMALL_AND_FAST, **(settings or {})}
        self._identity = _identity()

    @property
    def conn(self) -> dict[str, Any]:
        """Arguments of `pymysql.connect`."""
        return {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            "database": self.database,
        }

    @property
    def url(self) -> str:
        return (
            f"mysql+pymysql://{self.user}:{self.password}@{self.host}:{self.port}/{self.database}"
        )

    def start(self) -> Self:
        """Make the data folder if there is none, start the server and wait until it answers.

        Raises:
            MariaDBUnavailableError: no server programs, or they do not start; with the log's end.
        """
        server = _program("mariadbd")
        try:
            self._prepare()
            self._launch(server)
        except BaseException:
            self.stop()
            raise
        return self

    def _prepare(self) -> None:
        if self._root is not None:
            return
        install = _program("mariadb-install-db")
        self._root = Path(tempfile.mkdtemp(prefix="pwh-mariadb-", dir=_shared_folder()))
        if self._identity:
            os.chown(self._root, self._identity["user"], self._identity["group"])
        self._env = {
            "PATH": os.pathsep.join((os.environ.get("PATH", os.defpath), _PLACES)),
            "HOME": str(self._root),
            "TZ": "UTC",
        }
        made = subprocess.run(
            # the machine's own /etc/mysql must not leak in
            [install, "--no-defaults", f"--datadir={self._root / 'data'}", "--skip-test-db",
             "--auth-root-authentication-method=normal"],
            cwd=self._root, env=self._env, capture_output=True, text=True, **run_as(self._identity),
        )  # fmt: skip
        if made.returncode:
            raise MariaDBUnavailableError(
                f"The private MariaDB in `{self._root}` could not be made: {made.stderr[-2000:]}"
            )
        script = self._root / "init.sql"
        script.write_text(
            f"CREATE DATABASE IF NOT EXISTS `{self.database}`;\n"
            f"CREATE USER IF NOT EXISTS {self.user}@'{self.host}' IDENTIFIED BY '{self.password}';\n"
            f"GRANT ALL ON *.* TO {self.user}@'{self.host}' WITH GRANT OPTION;\n"
        )
        script.chmod(0o644)

    def _launch(self, server: str) -> None:
        root = self._root
        assert root is not None
        settings = {
            "datadir": str(root / "data"),
            "socket": str(root / "socket"),
            "pid-file": str(root / "pid"),
            "init-file": str(root / "init.sql"),
            "port": str(self.port),
            "bind-address": self.host,
            "skip-name-resolve": "",
            **self._settings,
        }
        options = [f"--{key}={value}" if value else f"--{key}" for key, value in settings.items()]
        log = root / "log"
        self._process = self._run(server, "--no-defaults", *options, env=self._env, log=log)
        self._watch()
        give_up_at = time.monotonic() + 60
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                tail = log.read_bytes()[-2000:].decode(errors="replace")
                raise MariaDBUnavailableError(f"The private MariaDB did not start: {tail}")
            time.sleep(0.03)

    def _answers(self) -> bool:
        """The server listens only after its init file ran; the pid file tells ours from a stranger's."""
        assert self._root is not None
        assert self._process is not None
        try:
            if int((self._root / "pid").read_text()) != self._process.pid:
                return False
            socket.create_connection((self.host, self.port), 0.5).close()
        except (OSError, ValueError):
            return False
        return True


def _program(name: str) -> str:
    places = os.pathsep.join((os.environ.get("PATH", os.defpath), _PLACES))
    found = shutil.which(name, path=places)
    if found is None:
        raise MariaDBUnavailableError(f"No MariaDB server is installed. Run `{INSTALL}`.")
    return found


def _identity() -> dict[str, int]:
    """User and group the server runs under; empty when we are not root and it runs as us."""
    if os.geteuid() != 0:
        return {}
    for name in ("mysql", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid}
    raise MariaDBUnavailableError(
        "MariaDB should not run as root and this machine has no user `mysql`. Run `useradd mysql`."
    )


def _shared_folder() -> str:
    """The server's user has to enter it, so no private TMPDIR when we are root."""
    return tempfile.gettempdir() if os.geteuid() else "/tmp"
