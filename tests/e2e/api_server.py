"""The product's API on a loopback port, in this process, with a real HTTP client before it."""

import socket
import threading
import time

import httpx
import uvicorn

from pwh_assets.api.app import create_app


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
        self.client = httpx.Client(base_url=self.url, timeout=60, trust_env=False)
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
