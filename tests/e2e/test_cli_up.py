"""`pwh up`: everything starts, answers, and ends whichever way it is ended."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pwh_assets.demo.private import free_port
from pwh_assets.settings import Settings
from pwh_assets.store import SecretBox, Store

pytestmark = pytest.mark.slow
Up = Callable[..., "Running"]


class Running:
    """A `pwh up` in a process of its own."""

    def __init__(self, home: Path, ports: tuple[int, int]) -> None:
        self.home = home
        argv = ["up", "--port", str(ports[0]), "--dagster-port", str(ports[1]), "--json"]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PWH_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pwh_assets.cli", *argv],
            env={**environment, "PWH_HOME": str(home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def facts(self) -> dict[str, Any]:
        """What it prints when all of it answers."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate(timeout=30)
        return dict(json.loads(line))

    def members(self) -> list[int]:
        """Processes that have this home in their environment, except the first."""
        needle = f"PWH_HOME={self.home}".encode()
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit() and int(folder.name) != self.process.pid:
                try:
                    if needle in (folder / "environ").read_bytes().split(b"\0"):
                        found.append(int(folder.name))
                except OSError:
                    continue
        return found

    def gone(self, within_s: float = 120) -> bool:
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if not self.members():
                return True
            time.sleep(0.2)
        return False


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    started: list[Running] = []

    def start(home: Path = tmp_path / "home", ports: tuple[int, int] | None = None) -> Running:
        started.append(Running(home, ports or (free_port(), free_port())))
        return started[-1]

    yield start
    for running in started:
        if running.process.poll() is None:
            running.process.kill()
        running.process.communicate(timeout=30)
        for pid in running.members():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def get(url: str) -> tuple[int, Any]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.mark.timeout(900)
def test_it_answers_prints_its_keys_once_and_leaves_nothing_however_it_is_ended(up: Up) -> None:
    first = up()
    facts = first.facts()
    assert get(f"{facts['api']}/ready") == (
        200,
        {"status": "ready", "parts": dict.fromkeys(("store", "lake", "dagster", "daemon"), "ok")},
    )
    assert get(f"{facts['api']}/health")[1]["status"] == "ok"
    status, body = get(f"{facts['api']}/nowhere")
    assert (status, set(body)) == (404, {"type", "code", "detail", "attr"})
    assert facts["personal_key"].startswith("phx_") and facts["capture_key"].startswith("phc_")
    settings = Settings(home=first.home)
    store = Store.open(settings.store_url, SecretBox.from_settings(settings))
    assert store.find_key(facts["personal_key"]) and store.find_key(facts["capture_key"])
    store.close()

    second = up(ports=(free_port(), free_port()))
    _, sentence = second.process.communicate(timeout=180)
    assert second.process.returncode == 2
    assert "is running already" in sentence and facts["api"] in sentence

    first.process.send_signal(signal.SIGTERM)
    assert first.process.wait(40) == 0
    assert first.gone()
    for file in (first.home / "logs").iterdir():
        assert facts["personal_key"] not in file.read_text(errors="replace")

    again = up()
    assert set(again.facts()) == {"home", "api", "dagster"}
    assert len(again.members()) >= 4
    # Only Linux tells children of a killed parent.
    again.process.send_signal(signal.SIGKILL if sys.platform == "linux" else signal.SIGTERM)
    assert again.gone()

    last = up()
    last.facts()
    last.process.send_signal(signal.SIGINT)
    assert last.process.wait(40) == 0
    assert last.gone()
    assert "Traceback" not in last.process.communicate(timeout=60)[1]


@pytest.mark.timeout(300)
def test_when_one_process_dies_everything_ends_with_a_sentence(up: Up) -> None:
    running = up()
    running.facts()
    webserver = next(pid for pid in running.members() if b"dagster_webserver" in command_of(pid))
    os.kill(webserver, signal.SIGKILL)
    assert running.process.wait(60) == 1
    assert running.gone()
    sentence = running.process.communicate(timeout=60)[1]
    assert "`dagster-webserver` ended by itself" in sentence and "Traceback" not in sentence


def test_a_port_in_use_is_one_sentence(up: Up) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for ports, option in (
            ((port, free_port()), "--port"),
            ((free_port(), port), "--dagster-port"),
        ):
            running = up(ports=ports)
            out, sentence = running.process.communicate(timeout=180)
            assert running.process.returncode == 2
            assert f"Port {port} is in use" in sentence and f"`{option}`" in sentence
            assert "Traceback" not in sentence and "error" in out


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
