"""A Stripe-compatible API on loopback: true paging, filters, keys and errors over plain dictionaries.

`data` maps the endpoint's word (`customers`, `invoices` …) to its objects, in any order; it may change
while the server runs. Faults are queued with `fail`, and `requests` remembers what was asked.
"""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

MAX_LIMIT = 100
SHOWN = 10
"""So many entries of a list inside an object are shown with it."""
EVENT_TYPES = 20
_IS_WITHIN: dict[str, Callable[[int, int], bool]] = {
    "gte": lambda created, bound: created >= bound,
    "gt": lambda created, bound: created > bound,
    "lte": lambda created, bound: created <= bound,
    "lt": lambda created, bound: created < bound,
}
_FILTERS = ("customer", "subscription", "status", "type", "price", "product", "currency", "active")


@dataclass(slots=True)
class Fault:
    """What happens to the next `times` requests whose path starts with `path`."""

    status: int | None = None
    path: str = "/"
    times: int = 1
    retry_after_s: int | None = None
    is_truncated: bool = False
    """The body ends in the middle although its length was promised."""
    delay_s: float = 0


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    query: Mapping[str, str]
    status: int


@dataclass(slots=True)
class _Answer(Exception):
    status: int
    error: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


class StripeServer:
    """The server and what a test wants to know about it.

    Args:
        data: Objects by endpoint word; kept, not copied.
        api_key: Made up when not given. A key in `keys_without_permission` gets 403 for the endpoints named there.
        port: 0 takes a free one.
    """

    def __init__(
        self,
        data: dict[str, list[dict[str, Any]]] | None = None,
        api_key: str = "",
        port: int = 0,
    ) -> None:
        self.data = data if data is not None else {}
        self.api_key = api_key or f"sk_test_{secrets.token_hex(12)}"
        self.account = {"id": "acct_local", "object": "account", "country": "US"}
        self.keys_without_permission: dict[str, set[str]] = {}
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.on_request: Callable[[str, Mapping[str, str]], None] | None = None
        """Called before each answer, for changing `data` while somebody is paging."""
        self.per_second: float = 0
        """More calls than so many a second get 429; 0 for no limit."""
        self.deleted: dict[str, str] = {}
        """What `remove` took away: its word by its id."""
        self._calls: list[float] = []
        self._lock = threading.Lock()
        self._port = port
        self._server: ThreadingHTTPServer | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def config(self) -> dict[str, object]:
        """The fields of a `stripe` source that reads this server."""
        return {"api_key": self.api_key, "base_url": self.base_url}

    @property
    def counts(self) -> Counter[str]:
        """Requests answered so far, by path."""
        return Counter(request.path for request in self.requests)

    def fail(
        self,
        status: int | None = None,
        *,
        path: str = "/",
        times: int = 1,
        retry_after_s: int | None = None,
        is_truncated: bool = False,
        delay_s: float = 0,
    ) -> None:
        """Queue a fault: an error status, a body cut short, or a slow answer."""
        with self._lock:
            self.faults.append(Fault(status, path, times, retry_after_s, is_truncated, delay_s))

    def add(self, word: str, one: dict[str, Any]) -> dict[str, Any]:
        """Make an object; returns the event that tells of it."""
        self.data.setdefault(word, []).append(one)
        return self._tell(word, "created", one)

    def change(self, word: str, key: str, **changes: Any) -> dict[str, Any]:
        """Change an object; returns the event that tells of it."""
        one = next(one for one in self.data[word] if one["id"] == key)
        one.update(changes)
        return self._tell(word, "updated", one)

    def remove(self, word: str, key: str) -> dict[str, Any]:
        """Delete an object; returns the event that tells of it."""
        one = next(one for one in self.data[word] if one["id"] == key)
        self.data[word].remove(one)
        self.deleted[key] = word
        return self._tell(word, "deleted", one)

    def signed(
        self, event: Mapping[str, Any], secret: str, at: int | None = None
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of the webhook that would tell of an event."""
        body = json.dumps(event).encode()
        moment = str(int(time.time()) if at is None else at)
        digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        return {"Stripe-Signature": f"t={moment},v1={digest}"}, body

    def _tell(self, word: str, what: str, one: Mapping[str, Any]) -> dict[str, Any]:
        noun = str(one.get("object") or word.removesuffix("s"))
        prefix = {"subscription": "customer.subscription", "dispute": "charge.dispute"}
        event = {
            "id": f"evt_{secrets.token_hex(8)}",
            "object": "event",
            "api_version": "2024-06-20",
            "created": int(time.time()),
            "type": f"{prefix.get(noun, noun)}.{what}",
            "data": {"object": {"object": noun, **json.loads(json.dumps(one))}},
        }
        self.data.setdefault("events", []).append(event)
        return event

    def start(self) -> "StripeServer":
        class Handler(_Handler):
            stripe = self

        self._server = _Server(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> "StripeServer":
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def take_fault(self, path: str) -> Fault | None:
        """The first queued fault for this path; it is used up after `times` takings."""
        with self._lock:
            for fault in self.faults:
                if path.startswith(fault.path):
                    fault.times -= 1
                    if fault.times <= 0:
                        self.faults.remove(fault)
                    return fault
        return None

    def answer(self, path: str, query: Mapping[str, str], key: str) -> dict[str, Any]:
        """The body of a GET, or an `_Answer` with Stripe's error."""
        self._authorize(path, key)
        self._pace()
        if path == "/v1/account":
            return self.account
        word, rest = self._word(path)
        if word == "subscription_items" and "subscription" in query:
            word, rest = "subscriptions", [query["subscription"], "items"]
        if word == "events":
            return _page("events", _told(self.data.get("events", []), query), query)
        rows = self.data.get(word)
        if rows is None or len(rest) > 2:
            raise _refusal(404, f"Unrecognized request URL (GET: {path}).")
        if not rest:
            found = _page(word, list(rows), query)
            return {**found, "data": [_shown(word, row) for row in found["data"]]}
        one = next((row for row in list(rows) if row["id"] == rest[0]), None)
        if one is None:
            return self._missing(word, rest[0])
        if len(rest) == 1:
            return _shown(word, one)
        if not isinstance(inside := one.get(rest[1]), dict) or "data" not in inside:
            raise _refusal(404, f"Unrecognized request URL (GET: {path}).")
        newest_first = [{**entry, "created": 0} for entry in reversed(inside["data"])]
        found = _page(rest[1], newest_first, {**query, "subscription": ""})
        by_id = {entry["id"]: entry for entry in inside["data"]}
        return {**found, "url": path, "data": [by_id[one["id"]] for one in found["data"]]}

    def _word(self, path: str) -> tuple[str, list[str]]:
        """The list a path leads to, and what follows; some lists have two words."""
        words = path.removeprefix("/v1/").strip("/").split("/")
        if not path.startswith("/v1/"):
            return "", words
        both = "/".join(words[:2])
        return (both, words[2:]) if both in self.data else (words[0], words[1:])

    def _missing(self, word: str, key: str) -> dict[str, Any]:
        noun = word.removesuffix("s")
        if word == "customers" and self.deleted.get(key) == word:
            return {"id": key, "object": noun, "deleted": True}
        raise _refusal(404, f"No such {noun}: '{key}'", code="resource_missing")

    def _pace(self) -> None:
        if not self.per_second:
            return
        with self._lock:
            now = time.monotonic()
            self._calls = [at for at in self._calls if at > now - 1]
            if len(self._calls) >= self.per_second:
                raise _Answer(429, {"type": "invalid_request_error", "code": "rate_limit"})
            self._calls.append(now)

    def _authorize(self, path: str, key: str) -> None:
        if not key:
            raise _refusal(401, "You did not provide an API key.")
        blocked = self.keys_without_permission.get(key)
        if blocked is None and key != self.api_key:
            shown = f"{key[:8]}{'*' * max(len(key) - 12, 4)}{key[-4:]}"
            raise _refusal(401, f"Invalid API Key provided: {shown}")
        if blocked and path.removeprefix("/v1/").split("/")[0] in blocked:
            raise _refusal(
                403,
                f"The provided key '{key[:8]}***' does not have the required permissions for this "
                "endpoint on account 'acct_local'.",
            )


def _page(noun: str, rows: list[dict[str, Any]], query: Mapping[str, str]) -> dict[str, Any]:
    """One page, newest first; among objects of one second the one added last comes first."""
    numbered = sorted(enumerate(rows), key=lambda pair: (pair[1].get("created", 0), pair[0]))
    found = [row for _, row in reversed(numbered)]
    for name, value in query.items():
        if name.startswith("created[") and name[8:-1] in _IS_WITHIN:
            is_within = _IS_WITHIN[name[8:-1]]
            found = [row for row in found if is_within(row["created"], int(value))]
        elif name in _FILTERS and value not in ("", "all") and noun != "events":
            found = [row for row in found if _spelled(row.get(name)) == value]
    if noun == "subscriptions" and "status" not in query:
        found = [row for row in found if row.get("status") != "canceled"]
    limit = int(query.get("limit", 10))
    if not 1 <= limit <= MAX_LIMIT:
        raise _refusal(
            400,
            f"This value must be less than or equal to {MAX_LIMIT} (it currently is '{limit}').",
            param="limit",
        )
    is_backwards = "ending_before" in query
    for name in ("starting_after", "ending_before"):
        if name not in query:
            continue
        place = next((i for i, row in enumerate(found) if row["id"] == query[name]), None)
        if place is None:
            raise _refusal(400, f"No such {noun}: '{query[name]}'", param=name)
        found = found[place + 1 :] if name == "starting_after" else found[:place]
    return {
        "object": "list",
        "url": f"/v1/{noun}",
        "has_more": len(found) > limit,
        "data": found[-limit:] if is_backwards else found[:limit],
    }


def _told(events: list[dict[str, Any]], query: Mapping[str, str]) -> list[dict[str, Any]]:
    """Events of the types asked for; `*` stands for the rest of a type."""
    types = query.get("types[]", query.get("type", "*")).split("\n")
    if len(types) > EVENT_TYPES:
        raise _refusal(400, f"You may pass up to {EVENT_TYPES} types.", param="types")

    def is_wanted(kind: str) -> bool:
        return any(
            kind == one or (one.endswith("*") and kind.startswith(one[:-1])) for one in types
        )

    return [event for event in events if is_wanted(event["type"])]


def _shown(word: str, one: dict[str, Any]) -> dict[str, Any]:
    """The object as an answer shows it: of a long list inside it only the beginning."""
    cut = {}
    for name, value in one.items():
        if isinstance(value, dict) and isinstance(value.get("data"), list):
            place = f"/v1/{word}/{one['id']}/{name}"
            if (word, name) == ("subscriptions", "items"):
                place = f"/v1/subscription_items?subscription={one['id']}"
            inside = value["data"]
            cut[name] = {
                "object": "list",
                **value,
                "data": inside[:SHOWN],
                "has_more": len(inside) > SHOWN,
                "url": place,
            }
    return {**one, **cut} if cut else one


def _spelled(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


def _refusal(status: int, message: str, **facts: str) -> _Answer:
    return _Answer(status, {"type": "invalid_request_error", "message": message, **facts})


def _fault_answer(fault: Fault, status: int) -> _Answer:
    kind = "rate_limit" if status == 429 else "api_error"
    headers = {} if fault.retry_after_s is None else {"Retry-After": str(fault.retry_after_s)}
    return _Answer(status, {"type": kind, "message": "An injected fault."}, headers)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is its own business."""


class _Handler(BaseHTTPRequestHandler):
    stripe: StripeServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 60

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query: dict[str, str] = {}
        for name, value in parse_qsl(url.query):
            query[name] = f"{query[name]}\n{value}" if name in query else value
        fault = self.stripe.take_fault(url.path)
        status, headers = 200, {}
        try:
            if fault and fault.delay_s:
                time.sleep(fault.delay_s)
            if fault and fault.status:
                raise _fault_answer(fault, fault.status)
            if self.stripe.on_request:
                self.stripe.on_request(url.path, query)
            body = self.stripe.answer(url.path, query, self._key())
        except _Answer as answer:
            status, headers, body = answer.status, answer.headers, {"error": answer.error}
        self.stripe.requests.append(Request(url.path, query, status))
        self._send(status, headers, json.dumps(body).encode(), bool(fault and fault.is_truncated))

    def _send(self, status: int, headers: dict[str, str], body: bytes, is_truncated: bool) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Request-Id", f"req_{secrets.token_hex(7)}")
        if version := self.headers.get("Stripe-Version"):
            self.send_header("Stripe-Version", version)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if is_truncated else body)
        if is_truncated:
            self.close_connection = True

    def _key(self) -> str:
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            try:
                return base64.b64decode(value).decode().split(":")[0]
            except ValueError:
                return ""
        return value if scheme == "Bearer" else ""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the library's name
        """Requests are in `StripeServer.requests`; nothing is printed."""
