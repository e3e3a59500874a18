"""Hostile requests for a bounded time: `python tests/fuzz/api.py --seconds 60 [--seed 7]`.

Schemathesis reads the document of a served home and asks every operation whatever the document allows, and what it does
not: no answer is a 500, has a status or a shape the document does not tell, or a server that went away.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from pwh_assets.platform import open_platform  # noqa: E402
from pwh_assets.settings import Settings  # noqa: E402
from tests.e2e.api_home import seed  # noqa: E402
from tests.e2e.api_server import Served  # noqa: E402

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "ignored_auth",
)
DOWN = "502,503"
"""Statuses of 500 and above that say what is not there: Dagster, or a source."""


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=int, default=60)
    arguments.add_argument("--seed", type=int, default=7)
    arguments.add_argument("--examples", type=int, default=25, help="of each operation and phase")
    arguments.add_argument("--only", default="", help="operations whose path holds this")
    arguments.add_argument(
        "--phases",
        default="examples,coverage,fuzzing,stateful",
        help="on a busy machine the first two take minutes; `fuzzing,stateful` is chance alone",
    )
    options = arguments.parse_args()
    # Each half has a home of its own: the first may well end its key.
    # In the second nothing is removed, so that what is asked for by its id is there.
    found = half(options, keeps_all=False)
    return half(options, keeps_all=True) or found


def half(options: argparse.Namespace, *, keeps_all: bool) -> int:
    home = Path(tempfile.mkdtemp(prefix="pwh-fuzz-api-"))
    platform = open_platform(Settings.from_env({"PWH_HOME": str(home), "PWH_RATE_LIMIT": "off"}))
    try:
        with Served(platform) as served:
            ids = asdict(seed(served))
            seed(served, 2)
            # Made once, here: on a busy machine that takes longer than schemathesis waits.
            served.client.get("/openapi.json").raise_for_status()
            known: dict[str, object] = {"project_id": 1}
            if keeps_all:
                known |= {**ids, "name": "daily"}
            # Without its project every other operation would only be refused.
            spared = (
                "--exclude-method=DELETE" if keeps_all else "--exclude-operation-id=projects_remove"
            )
            return fuzz(served, options, options.seconds // 2, known, spared)
    finally:
        platform.lakes.close()
        platform.store.close()
        shutil.rmtree(home, ignore_errors=True)


def fuzz(
    served: Served,
    options: argparse.Namespace,
    seconds: int,
    parameters: dict[str, object],
    *more: str,
) -> int:
    """Status 0 when nothing was found. What was found is printed with the request that shows it."""
    config = Path(tempfile.mkdtemp(prefix="pwh-fuzz-api-config-")) / "schemathesis.toml"
    places = "\n".join(f'"path.{name}" = {json.dumps(each)}' for name, each in parameters.items())
    config.write_text(
        f'[parameters]\n{places}\n\n[checks.not_a_server_error]\nexpected-statuses = ["2xx", "4xx", {DOWN}]\n'
    )
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        f"--config-file={config}",
        "run",
        f"{served.url}/openapi.json",
        f"--header=Authorization: Bearer {served.key}",
        f"--seed={options.seed}",
        f"--max-examples={options.examples}",
        f"--checks={','.join(CHECKS)}",
        f"--phases={options.phases}",
        "--suppress-health-check=all",
        "--request-timeout=60",
        "--continue-on-failure",
        f"--max-time={seconds}",
        "--no-color",
        *more,
    ]
    if options.only:
        command.append(f"--include-path-regex={options.only}")
    try:
        return subprocess.run(command, cwd=config.parent, check=False).returncode
    finally:
        shutil.rmtree(config.parent, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
