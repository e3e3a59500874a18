"""A database server of our own on loopback: run under a user without rights, and gone when its owner is gone."""

import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_WATCHDOG = """
read -r word
[ "$word" = done ] && exit 0
kill -"$2" "$1"
while kill -0 "$1" 2>/dev/null; do sleep 0.1; done
[ -z "$3" ] || rm -rf "$3"
"""
"""Ends the server when our end of its pipe closes without a word: the owner was killed."""


class PrivateServer:
    """What servers have in common once they run; a subclass makes the folder and starts the process."""

    host = "127.0.0.1"
    ends_by = signal.SIGTERM
    """The signal at which the server ends, open connections and all."""
    gives_in_to = signal.SIGKILL
    """The signal for one that did not."""

    _identity: Mapping[str, int]
    """User and group it runs under; empty when it runs as us."""
    _root: Path | None = None
    _is_temporary = True
    """Whether the folder goes with the server."""
    _process: "subprocess.Popen[bytes] | None" = None
    _watchdog: "subprocess.Popen[bytes] | None" = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> Self:
        raise NotImplementedError

    def stop(self, keep: bool = False) -> None:
        """End the server (open connections are cut); `keep` leaves a temporary folder for `start`."""
        if self._watchdog and self._watchdog.stdin:
            try:
                self._watchdog.stdin.write(b"done\n")
                self._watchdog.stdin.close()
            except BrokenPipeError:
                pass
            self._watchdog.wait(10)
            self._watchdog = None
        if self._process:
            if self._process.poll() is None:
                self._process.send_signal(self.ends_by)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.send_signal(self.gives_in_to)
                self._process.wait(10)
            self._process = None
        if self._root and not keep and self._is_temporary:
            shutil.rmtree(self._root, ignore_errors=True)
            self._root = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(
        self, program: str | Path, *options: str | Path, env: Mapping[str, str], log: Path
    ) -> "subprocess.Popen[bytes]":
        """The server's process, which writes to the end of a log."""
        with open(log, "ab") as output:
            return subprocess.Popen(
                [program, *options],
                cwd=self._root,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **run_as(self._identity),
            )

    def _watch(self) -> None:
        """From here on the server ends with us, however we end."""
        assert self._process is not None
        folder = str(self._root) if self._is_temporary else ""
        words = (str(self._process.pid), str(int(self.ends_by)), folder)
        self._watchdog = subprocess.Popen(
            ["/bin/sh", "-c", _WATCHDOG, "watchdog", *words],
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **run_as(self._identity),
        )


def run_as(identity: Mapping[str, int]) -> dict[str, Any]:
    """Arguments for `subprocess` that leave root and its groups behind."""
    return {**identity, "extra_groups": []} if identity else {}


def free_port(wanted: int = 0) -> int:
    """A port of loopback that nobody listens on: the wanted one, unless it is taken."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
