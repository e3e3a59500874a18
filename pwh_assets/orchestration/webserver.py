"""Dagster's webserver on loopback: where it is, and questions to it. Importing it does not load Dagster."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from pwh_assets.settings import Settings

HOST = "127.0.0.1"
PREFIX = "/dagster"
"""Where its pages are, on its own port and behind the login of the API."""
TIMEOUT_S = 120.0


def note_webserver(settings: Settings, port: int) -> None:
    _note(settings).write_text(json.dumps({"url": address_of(port)}))


def address_of(port: int) -> str:
    """The webserver's address on loopback, without a login."""
    return f"http://{HOST}:{port}{PREFIX}"


def webserver_url(settings: Settings) -> str | None:
    """Where the home's webserver was last told to listen; it may be down."""
    try:
        return str(json.loads(_note(settings).read_text())["url"])
    except (OSError, ValueError, KeyError):
        return None


def _note(settings: Settings) -> Path:
    return settings.dagster_home / "webserver.json"


def ask(
    url: str, query: str, variables: dict[str, Any], timeout_s: float = TIMEOUT_S
) -> dict[str, Any]:
    """The whole answer, also of what failed inside Dagster (status 500).

    Raises:
        OSError: the webserver does not answer.
        ValueError: it answers no JSON.
    """
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    # Loopback never goes through a proxy of the environment.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout_s) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 500 and "json" in error.headers.get("Content-Type", ""):
                return dict(json.load(error))
            raise OSError(f"status {error.code}") from None
