"""One question to Dagster's webserver on loopback."""

import json
import urllib.error
import urllib.request
from typing import Any

TIMEOUT_S = 120.0


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
