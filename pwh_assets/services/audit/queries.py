"""Queries in the audit log: what was asked, by whom, what it read and gave."""

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pwh_assets.core.audit import AuditEntry, Outcome, Phase, kept_text
from pwh_assets.errors import PwhError
from pwh_assets.services.audit.log import AuditLog
from pwh_assets.services.audit.origin import Origin, origin

if TYPE_CHECKING:
    from pwh_assets.hogql.plan import Plan
    from pwh_assets.services.queries.request import Ask


class QueryAudit:
    """The observer of `Queries`. Entries are written within a tenth of a second, not waited for."""

    def __init__(self, log: AuditLog) -> None:
        self._log = log

    def started(self, ask: "Ask", plan: "Plan") -> AuditEntry:
        """Hand the result back to `ended`."""
        entry = _entry(ask, plan.tables, phase=Phase.START, outcome=Outcome.BEGUN)
        self._log.note(entry)
        return entry

    def ended(
        self,
        begun: AuditEntry,
        *,
        rows: int,
        size: int,
        ms: float,
        error: BaseException | None,
    ) -> None:
        facts = {
            name: getattr(begun, name)
            for name in ("project_id", "operation", "actor", "user_id", "key_id", "address")
        }
        self._log.note(
            AuditEntry(
                action="query",
                phase=Phase.FINISH,
                at=datetime.now(UTC),
                rows=rows,
                bytes=size,
                ms=round(ms, 3),
                request_id=begun.request_id,
                tables=begun.tables,
                item=begun.item,
                **_end_of(error),
                **facts,
            )
        )

    def answered(self, ask: "Ask", plan: "Plan", rows: int, size: int) -> None:
        """From the cache."""
        done = {"rows": rows, "bytes": size, "is_cached": True, "outcome": Outcome.DONE}
        self._log.note(_entry(ask, plan.tables, phase=Phase.WHOLE, **done))

    @property
    def is_ready(self) -> bool:
        return not self._log.is_full

    def rejected(self, ask: "Ask", error: PwhError) -> None:
        """The text is wrong or not allowed; nothing was run."""
        self._log.note(_entry(ask, (), phase=Phase.WHOLE, **_end_of(error)))


def _entry(ask: "Ask", tables: tuple[str, ...], **more: Any) -> AuditEntry:
    who = origin.get() or Origin(actor=ask.who)
    return AuditEntry(
        project_id=ask.project_id,
        action="query",
        operation=str(uuid.uuid4()),
        at=datetime.now(UTC),
        query=kept_text(ask.sql),
        tables=tuple(tables),
        item=ask.id,
        **who.facts(),
        **more,
    )


def _end_of(error: BaseException | None) -> dict[str, Any]:
    if error is None:
        return {"outcome": Outcome.DONE}
    refused = isinstance(error, PwhError) and error.status == 403
    if isinstance(error, GeneratorExit):
        return {"outcome": Outcome.FAILED, "code": "reader_left"}
    code = error.code if isinstance(error, PwhError) else "internal"
    return {"outcome": Outcome.REFUSED if refused else Outcome.FAILED, "code": code}
