"""The product's API on a loopback port, in this process, with a real HTTP client before it."""

import re
import socket
import threading
import time
from functools import cache

import httpx
import uvicorn

from pwh_assets.api.app import ROUTERS, api_document, create_app


class Served:
    """The API of a platform until `close`; `self.key` is the owner's."""

    def __init__(self, platform, dagster_url=None):
        self.platform = platform
        keys = platform.store.claim_home()
        self.key, self.capture_key = keys or (None, None)
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.app = create_app(platform, dagster_url)
        config = uvicorn.Config(self.app, log_level="warning", access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), daemon=True)
        self._thread.start()
        self._listener = listener
        hooks = {"response": [check_documented]}
        self.client = httpx.Client(
            base_url=self.url, timeout=60, trust_env=False, event_hooks=hooks
        )
        deadline = time.monotonic() + 30
        while not self._server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.client.close()
        self._server.should_exit = True
        self._thread.join(30)
        self._listener.close()

    def __call__(self, method, path, json=None, key=None, project=1, **more):
        """The answer of a path under the project, asked by the owner."""
        headers = {"Authorization": f"Bearer {key or self.key}", **more.pop("headers", {})}
        return self.client.request(
            method, f"/api/projects/{project}/{path}", json=json, headers=headers, **more
        )


def check_documented(answer):
    """Whatever test asks: a status the document does not tell is a failure."""
    told = _statuses(answer.request.method, answer.request.url.path)
    status = str(answer.status_code)
    assert told is None or status in told, f"{answer.request.method} {answer.url}: {status}"


def _statuses(method, path):
    """Those of the operation, in any spelling of its path; None where there is none."""
    path = path.replace("/api/environments/", "/api/projects/")
    for pattern, operations in _operations():
        if pattern.fullmatch(path) and method.lower() in operations:
            return operations[method.lower()]
    return None


@cache
def _operations():
    spelled = {nouns[0]: nouns for _, nouns in ROUTERS}
    found = []
    # A fixed path goes before one with a place in it, as in the routers.
    for path, operations in sorted(
        api_document()["paths"].items(), key=lambda item: item[0].count("{")
    ):
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))
        noun = path.split("/")[4] if path.count("/") > 4 else ""
        if noun in spelled:
            pattern = pattern.replace(f"/{noun}/", f"/(?:{'|'.join(spelled[noun])})/")
        told = {m: set(one["responses"]) for m, one in operations.items() if m != "parameters"}
        found.append((re.compile(pattern), told))
    return found
