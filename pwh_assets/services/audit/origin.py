"""Where the work of this thread or task comes from: one request, or one command."""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from pwh_assets.core.access import Caller


@dataclass(slots=True)
class Origin:
    """Facts of a request that every entry about it shares."""

    request_id: str | None = None
    address: str | None = None
    user_agent: str | None = None
    method: str | None = None
    path: str | None = None
    caller: Caller | None = None
    """Known once the request was let in."""
    key_id: str | None = None
    """Of a key that is known and opens nothing."""
    actor: str = ""
    """Instead of a caller, on the command line."""

    def facts(self) -> dict[str, Any]:
        """As fields of an entry."""
        return {
            "address": self.address,
            "user_agent": self.user_agent,
            "request_id": self.request_id,
            "method": self.method,
            "path": self.path,
            "actor": self.actor,
            "key_id": self.key_id,
            **(self.facts_of_caller() if self.caller else {}),
        }

    def facts_of_caller(self) -> dict[str, Any]:
        caller = self.caller
        if caller is None:
            return {}
        return {"actor": caller.name, "user_id": caller.user_id, "key_id": caller.key_id}


origin: ContextVar[Origin | None] = ContextVar("pwh_origin", default=None)
