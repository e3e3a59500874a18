"""`pwh up`: the API and Dagster of this home, until Ctrl-C."""

import argparse
import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from pwh_assets.cli.arguments import Groups, command, number
from pwh_assets.cli.children import Child, Children, Stopped
from pwh_assets.cli.console import note, print_json_line, say
from pwh_assets.cli.running import announce, running, withdraw
from pwh_assets.errors import BusyError, ConflictError, InvalidInputError, PwhError

if TYPE_CHECKING:
    from pwh_assets.services.platform import Platform
    from pwh_assets.settings import Settings

READY_WITHIN_S = 180.0
HOST = "127.0.0.1"


class ChildDiedError(PwhError):
    """One of the processes ended by itself; the others were ended too."""

    code = "process_died"

    def __init__(self, child: Child) -> None:
        words = [line for line in child.last_words().splitlines() if line.strip()]
        last = f": {words[-1].strip()[:300]}" if words else ""
        super().__init__(
            f"`{child.name}` ended by itself with status {child.process.returncode}{last.rstrip('.')}. "
            f"The log is `{child.log}`; everything else was ended too."
        )


class NotReadyError(PwhError):
    """The processes run but did not get ready in time."""

    code = "not_ready"

    def __init__(self, waiting: str, logs: str) -> None:
        super().__init__(
            f"Not everything was up after {READY_WITHIN_S:.0f} s ({waiting}). The logs are in `{logs}`."
        )


def register(groups: Groups) -> None:
    port = number("port", 1, 65535)
    parser = command(groups, "up", "run the API, Dagster's UI and its daemon until Ctrl-C", _up)
    parser.add_argument(
        "--port", type=port, default=8000, metavar="PORT", help="of the API (default 8000)"
    )
    parser.add_argument(
        "--dagster-port",
        type=port,
        default=3000,
        metavar="PORT",
        help="of Dagster's own webserver, on loopback only (default 3000)",
    )


def _up(args: argparse.Namespace) -> int:
    from pwh_assets.lake.locks import hold
    from pwh_assets.platform import open_platform

    if args.port == args.dagster_port:
        raise InvalidInputError(
            "dagster-port", f"`--port` and `--dagster-port` are both {args.port}. Choose two."
        )
    platform = open_platform()
    try:
        with hold(platform.settings, "up"):
            _check_ports(args)
            return _run(args, platform)
    except BusyError:
        found = running(platform.settings.home)
        where = f" at {found.api} and {found.dagster}" if found else ""
        raise ConflictError(
            f"`pwh up` of `{platform.settings.home}` is running already{where}. End that one, or set another `PWH_HOME`."
        ) from None
    finally:
        platform.store.close()


def _check_ports(args: argparse.Namespace) -> None:
    for option, port in (("--port", args.port), ("--dagster-port", args.dagster_port)):
        if not _is_free(port):
            raise ConflictError(
                f"Port {port} is in use on this machine. Choose another one with `{option}`."
            )


def _run(args: argparse.Namespace, platform: "Platform") -> int:
    from pwh_assets.orchestration.servers import dagster_commands
    from pwh_assets.orchestration.webserver import PREFIX, address_of

    settings = platform.settings
    platform.store.abandon_jobs()
    platform.lakes.of(1).snapshot_id()
    api = f"http://{HOST}:{args.port}"
    dagster = f"{api}{PREFIX}/"
    keys = platform.store.claim_home()
    if keys and not args.json:
        say("This home is new. Its keys are shown this once; keep them:")
        say(f"  personal key  {keys[0]}   Authorization: Bearer …, reads and manages")
        say(f"  capture key   {keys[1]}   for PostHog SDKs, sends events to project 1")
    environment = {**os.environ, "PWH_HOME": str(settings.home), "PYTHONUNBUFFERED": "1"}
    logs = settings.home / "logs"
    try:
        with Children(logs) as children:
            for each in dagster_commands(settings, args.dagster_port):
                children.start(
                    each.name, each.argv, {**environment, **each.environment}, settings.home
                )
            serve = [sys.executable, "-m", "pwh_assets.cli.serve", "--port", str(args.port)]
            children.start(
                "api",
                [*serve, "--dagster-url", address_of(args.dagster_port)],
                environment,
                settings.home,
            )
            announce(settings.home, api, dagster)
            try:
                if not args.json:
                    note("Starting …")
                _wait_until_ready(children, api, str(logs))
                _print(args, settings, api, dagster, keys)
                while (dead := children.dead()) is None:
                    time.sleep(0.5)
                raise ChildDiedError(dead)
            finally:
                withdraw(settings.home)
    except (KeyboardInterrupt, Stopped):
        note("\nEnded.")
        return 0


def _print(
    args: argparse.Namespace,
    settings: "Settings",
    api: str,
    dagster: str,
    keys: tuple[str, str] | None,
) -> None:
    if args.json:
        facts = {"home": str(settings.home), "api": api, "dagster": dagster}
        if settings.public_url:
            facts["public_url"] = settings.public_url
        if keys:
            facts |= {"personal_key": keys[0], "capture_key": keys[1]}
        print_json_line(facts)
        return
    say(f"PWH is up on `{settings.home}`. Ctrl-C ends it.")
    say(f"  API      {api}")
    if settings.public_url:
        say(f"  Public   {settings.public_url}")
    say(f"  Dagster  {dagster}   log in with the personal key, or a name and password")


def _wait_until_ready(children: Children, api: str, logs: str) -> None:
    deadline, waiting = time.monotonic() + READY_WITHIN_S, "the API does not answer"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline:
        if dead := children.dead():
            raise ChildDiedError(dead)
        try:
            with opener.open(f"{api}/ready", timeout=30):
                return
        except urllib.error.HTTPError as error:
            with error:
                parts = json.load(error).get("parts", {})
            waiting = ", ".join(f"{k}: {v}" for k, v in parts.items() if v != "ok")
        except (OSError, ValueError):
            pass
        time.sleep(0.5)
    raise NotReadyError(waiting, logs)


def _is_free(port: int) -> bool:
    """True when nobody listens there, on this address or on all of them."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True
