"""The commands behind Dagster's UI: a process that forks runs, a code server that holds the definitions, the webserver, the daemon."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from pwh_assets.orchestration.instance import FIRST_LINE, write_instance_files, write_ours
from pwh_assets.orchestration.names import LOCATION
from pwh_assets.orchestration.sockets import CODE, RUNS, socket_of
from pwh_assets.orchestration.webserver import HOST, PREFIX, note_webserver
from pwh_assets.settings import Settings

FRESHNESS_EVERY_S = "120"
"""How often Dagster looks at every asset's freshness; the shortest window is ten minutes, its own 30 s cost more."""
WORKSPACE_YAML = f"""{FIRST_LINE}
load_from:
  - grpc_server:
      socket: {{socket}}
      location_name: {LOCATION}
"""


@dataclass(frozen=True, slots=True)
class Command:
    """A process to keep running. `environment` is added to the parent's."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def dagster_commands(settings: Settings, dagster_port: int) -> list[Command]:
    """What `pwh up` keeps running, in this order. The webserver listens on loopback only.

    Also notes the webserver's address in the home, where `webserver_url` finds it.
    """
    folder = write_instance_files(settings)
    address = socket_of(folder, CODE)
    address.unlink(missing_ok=True)
    workspace = folder / "workspace.yaml"
    write_ours(workspace, WORKSPACE_YAML.format(socket=json.dumps(str(address))))
    note_webserver(settings, dagster_port)
    environment = {
        "PWH_HOME": str(settings.home),
        "DAGSTER_HOME": str(folder),
        "PYTHONUNBUFFERED": "1",
        "DO_NOT_TRACK": "1",
    }
    python, files = (sys.executable, "-W", "ignore::DeprecationWarning"), ("-w", str(workspace))
    wrapper = ("-m", "pwh_assets.orchestration.after")
    at_once, after = (*wrapper, "-"), (*wrapper, str(address))
    commands = []
    # Elsewhere what is imported may not outlive a fork; there, Dagster's default launcher starts runs.
    if sys.platform == "linux":
        forks = ("-m", "pwh_assets.orchestration.workers", str(socket_of(folder, RUNS)))
        commands.append(Command("dagster-runs", (*python, *forks), environment))
    commands += [
        Command(
            "dagster-code",
            (
                *(*python, *at_once, "dagster", "code-server", "start", "--socket", str(address)),
                *("-m", "pwh_assets.definitions", "-a", "defs", "--location-name", LOCATION),
                *("--log-level", "warning", "--use-python-environment-entry-point"),
            ),
            environment,
        ),
        Command(
            "dagster-webserver",
            (
                *(*python, *after, "dagster_webserver", *files),
                *("-h", HOST, "-p", str(dagster_port), "--path-prefix", PREFIX),
                *("--log-level", "warning"),
            ),
            environment,
        ),
        Command(
            "dagster-daemon",
            (*python, *after, "dagster._daemon", "run", *files, "--log-level", "warning"),
            {"FRESHNESS_DAEMON_INTERVAL_SECONDS": FRESHNESS_EVERY_S, **environment},
        ),
    ]
    return commands
