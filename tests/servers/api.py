"""An HTTP API on loopback: routes over plain data, injected faults, and what was asked.

A vendor's stand-in subclasses `ApiServer` and answers `answer`; everything else is here.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `query` has the last value of each name, `every` all of them."""

    method: str
    path: str
    query: Mapping[str, str]
    every: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: Any


@dataclass(slots=True)
class Refusal(Exception):
    """Raised by `answer`, or given back, for anything but 200 with JSON."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Fault:
    """What happens to the next `times` requests whose path starts with `path`."""

    status: int | None = None
    path: str = "/"
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    is_truncated: bool = False
    delay_s: float = 0
    text: str | None = None
    """Sent instead of the answer, with status 200."""


class ApiServer:
    """Start it with `with`. `delay_s` is what every answer takes; `most` is how many were answered at a time."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.delay_s = 0.0
        self.most = self._now = 0
        self._lock = threading.Lock()

    def answer(self, call: Call) -> Any:
        raise NotImplementedError

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def counts(self) -> Counter[str]:
        return Counter(call.path for call in self.calls)

    def fail(self, status: int | None = None, **more: Any) -> None:
        with self._lock:
            self.faults.append(Fault(status, **more))

    def __enter__(self) -> Self:
        class Handler(_Handler):
            api = self

        self._server = _Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take_fault(self, path: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if path.startswith(fault.path):
                    fault.times -= 1
                    if fault.times <= 0:
                        self.faults.remove(fault)
                    return fault
        return None

    def begin(self) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)

    def end(self) -> None:
        with self._lock:
            self._now -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is its own business."""


class _Handler(BaseHTTPRequestHandler):
    api: ApiServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 30

    def _go(self) -> None:
        self.api.begin()
        try:
            self._answer()
        finally:
            self.api.end()

    do_GET = do_POST = _go

    def _answer(self) -> None:
        url = urlsplit(self.path)
        every = parse_qs(url.query, keep_blank_values=True)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call = Call(
            self.command,
            url.path,
            {name: values[-1] for name, values in every.items()},
            every,
            self.headers,
            _body(raw, self.headers.get("Content-Type", "")),
        )
        self.api.calls.append(call)
        fault = self.api.take_fault(url.path)
        if delay_s := self.api.delay_s + (fault.delay_s if fault else 0):
            time.sleep(delay_s)
        try:
            if fault and fault.status:
                raise Refusal(fault.status, {"message": "An injected fault."}, fault.headers)
            found = self.api.answer(call)
            if isinstance(found, Refusal):
                raise found
            status, headers, body = 200, {}, found
        except Refusal as refusal:
            status, headers, body = refusal.status, refusal.headers, refusal.body
        text = body if isinstance(body, str) else json.dumps(body)
        if fault and fault.text is not None:
            text = fault.text
        self._send(status, headers, text.encode(), bool(fault and fault.is_truncated))

    def _send(self, status: int, headers: dict[str, str], body: bytes, is_truncated: bool) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if is_truncated else body)
        if is_truncated:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are in `calls`; nothing is printed."""


def _body(raw: bytes, kind: str) -> Any:
    if not raw:
        return None
    if "form" in kind:
        return {name: values[-1] for name, values in parse_qs(raw.decode()).items()}
    return json.loads(raw)
