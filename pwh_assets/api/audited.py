"""What requests leave in the audit log: a start before the work of a write, its end before the answer, and refusals."""

import asyncio
import hashlib
import logging
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from fastapi import Request
from starlette.requests import HTTPConnection
from starlette.responses import Response

from pwh_assets.core.access import Caller
from pwh_assets.core.audit import HOME_CHAIN, AuditEntry, Outcome, Phase
from pwh_assets.errors import PwhError
from pwh_assets.services.audit import AuditLog, AuditUnavailableError, Origin
from pwh_assets.services.audit.log import PATIENCE_S
from pwh_assets.services.people.idempotency import Claim, Repeat, claim
from pwh_assets.services.people.throttle import Limit, Throttle

log = logging.getLogger(__name__)

READING = frozenset({"GET", "HEAD", "OPTIONS"})
REFUSALS = (Limit(120, "minute"),)
"""Refusals of one address that are written one by one; more are counted and told by the next entry."""


class ReplayedError(Exception):
    """The request was done before: this is the answer it got."""

    def __init__(self, repeat: Repeat) -> None:
        self.repeat = repeat


def begin(
    request: Request, caller: Caller, scope: str, project_id: int, item: str | None = None
) -> None:
    """Called once a request is let in: a write gets its `Idempotency-Key` looked at and its start written down.
    `item` is what it is done to, where the path does not say it.

    Blocks until the start is kept. Raises ReplayedError, KeyInUseError, KeyReusedError, AuditUnavailableError.
    """
    state: dict[str, Any] = request.scope["state"]
    origin: Origin | None = state.get("origin")
    if origin is None:
        return
    origin.caller = caller
    if request.method in READING or not scope.endswith(":write") or "operation" in state:
        return
    key = request.headers.get("idempotency-key")
    if key is not None and request.method == "POST":
        content = hashlib.sha256(state.get("body", b"")).hexdigest()
        query = request.scope["query_string"].decode("latin-1")
        asked = f"{request.url.path}?{query}\n{content}"
        found = claim(request.app.state.platform, project_id, caller, key, asked)
        if isinstance(found, Repeat):
            raise ReplayedError(found)
        state["claim"] = found
    operation = state["operation"] = str(uuid.uuid4())
    state["chain"], state["item"] = project_id, item
    audit: AuditLog = request.app.state.audit
    audit.write(
        AuditEntry(
            project_id=project_id,
            action=scope,
            phase=Phase.START,
            outcome=Outcome.BEGUN,
            operation=operation,
            at=datetime.now(UTC),
            item=item,
            **origin.facts(),
        )
    )


async def replayed(request: Request, error: Exception) -> Response:
    assert isinstance(error, ReplayedError)
    headers = {"Idempotent-Replayed": "true"}
    return Response(error.repeat.body, error.repeat.status, headers, media_type="application/json")


class Recorder:
    """Turns the end of a request into an entry, or into none."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit
        self._refusals = Throttle(REFUSALS)
        self._counted: dict[str, int] = {}

    def entry(
        self, state: dict[str, Any], status: int, began: float, projects: Any
    ) -> AuditEntry | None:
        """`projects()` lists those that exist; it is asked for refusals without a known caller only."""
        origin: Origin = state["origin"]
        origin.caller = state.get("caller")
        operation = state.get("operation")
        scope: str = state.get("scope", "")
        facts: dict[str, Any] = {
            "status": status,
            "code": getattr(state.get("error"), "code", None),
        }
        facts["ms"] = round((time.perf_counter() - began) * 1000, 3)
        if operation is not None:
            facts |= {"project_id": state["chain"], "action": scope, "operation": operation}
            facts["item"] = state.get("item")
            return _entry(origin, Phase.FINISH, _outcome(status), facts)
        if status in (401, 403) or (status == 404 and _is_unseen(origin.caller, state)):
            return self._refusal(origin, state, facts, projects)
        if origin.method in READING or scope.endswith(":read"):
            return None
        facts |= {
            "project_id": state.get("project_id", HOME_CHAIN),
            "action": scope or _action(origin.path or ""),
        }
        return _entry(origin, Phase.WHOLE, _outcome(status), facts)

    def _refusal(
        self, origin: Origin, state: dict[str, Any], facts: dict[str, Any], projects: Any
    ) -> AuditEntry | None:
        if not self._is_told(origin):
            return None
        facts |= {
            "project_id": _chain_of(origin.caller, state, projects),
            "action": "refused",
            "item": " ".join(filter(None, (state.get("scope"), *_reason(state)))) or None,
            "repeats": self._counted.pop(origin.address or "", None),
        }
        key = getattr(state.get("error"), "key", None)
        if origin.caller is None and key is not None:
            origin.key_id, origin.actor = key.id, key.user or key.label
        return _entry(origin, Phase.WHOLE, Outcome.REFUSED, facts)

    def _is_told(self, origin: Origin) -> bool:
        """Whether a refusal is written by itself; else it is counted."""
        address = origin.address or ""
        if self._refusals.has(address):
            return True
        if len(self._counted) < 10_000 or address in self._counted:
            self._counted[address] = self._counted.get(address, 0) + 1
        return False

    def socket_refused(self, connection: HTTPConnection, error: PwhError) -> None:
        """A websocket, or a message on one, that was not let through."""
        caller: Caller | None = getattr(connection.state, "caller", None)
        origin = _origin_of(connection, "WEBSOCKET")
        origin.caller = caller
        if not self._is_told(origin):
            return
        facts = {
            "project_id": HOME_CHAIN,
            "action": "refused",
            "status": error.status,
            "code": error.code,
            "repeats": self._counted.pop(origin.address or "", None),
        }
        self._note(_entry(origin, Phase.WHOLE, Outcome.REFUSED, facts))

    def delivered(
        self,
        connection: HTTPConnection,
        project_id: int,
        facts: dict[str, Any],
        error: BaseException | None = None,
    ) -> None:
        """A vendor pushed something: it was taken, or refused. Nobody waits until it is written."""
        origin = _origin_of(connection, "POST")
        outcome = Outcome.DONE
        if error is not None:
            outcome = Outcome.REFUSED if isinstance(error, PwhError) else Outcome.FAILED
            facts |= {"code": getattr(error, "code", "internal")}
            if not self._is_told(origin):
                return
            facts["repeats"] = self._counted.pop(origin.address or "", None)
        facts |= {"project_id": project_id, "action": "webhook"}
        self._note(_entry(origin, Phase.WHOLE, outcome, facts))

    def _note(self, entry: AuditEntry) -> None:
        try:
            self._audit.note(entry)
        except AuditUnavailableError:
            log.error("a refusal or a delivery is not in the audit log")

    async def keep(self, entry: AuditEntry) -> bool:
        """Wait until it is written; False when it cannot be."""
        try:
            writing = asyncio.wrap_future(self._audit.write_soon(entry))
            await asyncio.wait_for(writing, PATIENCE_S)
        except (AuditUnavailableError, TimeoutError):
            log.error("the end of a request is not in the audit log")  # its start is
            return False
        return True


def settle(claimed: Claim, status: int, body: bytes) -> None:
    """Keep a good answer for whoever sends the request again; after a bad one, nothing was done."""
    if 200 <= status < 300:
        claimed.keep(status, body)
    else:
        claimed.release()


def _origin_of(connection: HTTPConnection, method: str) -> Origin:
    """Of a request that has no surroundings."""
    client = connection.client
    agent = connection.headers.get("user-agent", "")[:300]
    return Origin(
        uuid.uuid4().hex,
        client.host if client else None,
        agent or None,
        method,
        connection.url.path[:500],
    )


def _entry(origin: Origin, phase: Phase, outcome: Outcome, facts: dict[str, Any]) -> AuditEntry:
    facts.setdefault("operation", str(uuid.uuid4()))
    return AuditEntry(phase=phase, outcome=outcome, at=datetime.now(UTC), **origin.facts(), **facts)


def _outcome(status: int) -> Outcome:
    if status < 400:
        return Outcome.DONE
    return Outcome.REFUSED if status in (401, 403) else Outcome.FAILED


def _is_unseen(caller: Caller | None, state: dict[str, Any]) -> bool:
    """The request named a project that its caller may not know of."""
    return caller is not None and "project_id" in state and not caller.sees(state["project_id"])


def _chain_of(caller: Caller | None, state: dict[str, Any], projects: Any) -> int:
    """A project's own admins see who knocks without a key that is known, or may too little. Other projects' people who
    name it are the home's business.
    """
    number: int = state.get("project_id", HOME_CHAIN)
    if caller is not None:
        return number if caller.sees(number) else HOME_CHAIN
    return number if number and number in projects() else HOME_CHAIN


def _reason(state: dict[str, Any]) -> tuple[str | None, str | None]:
    """Which kind of refusal, and whose account was tried; callers are told neither."""
    error = state.get("error")
    return getattr(error, "reason", None), getattr(error, "account", None)


def _action(path: str) -> str:
    """Of a route outside projects: its path without ids, such as `api/login`."""
    words = [
        word for word in path.split("/") if word.strip("*") and not any(c.isdigit() for c in word)
    ]
    return "/".join(words[:4])
