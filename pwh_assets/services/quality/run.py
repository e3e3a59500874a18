"""Running checks: each is asked, judged, recorded; nothing a check meets ends the others."""

import logging
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pwh_assets.core.quality import CheckRun, CheckState, CheckTrigger, QualityCheck
from pwh_assets.engines.base import QueryCancelledError
from pwh_assets.errors import PwhError
from pwh_assets.services.hogql.catalog import build_catalog
from pwh_assets.services.lineage.graph import project_graph
from pwh_assets.services.platform import Platform
from pwh_assets.services.quality.base import Door, NotComputableError, Question, Verdict
from pwh_assets.services.quality.doors import LiveDoor
from pwh_assets.services.quality.registry import kind_of, kinds
from pwh_assets.services.quality.subjects import Subject, subject_of

log = logging.getLogger(__name__)

HISTORY = 100
"""Earlier answers a kind may look at."""
PASSING = "passing"
"""In the details of an answer that could not be had this time and may be the next: it is not remembered."""


def run_checks(
    platform: Platform,
    project_id: int,
    checks: Sequence[QualityCheck],
    *,
    trigger: CheckTrigger = CheckTrigger.MANUAL,
    engine: str | None = None,
    run_id: str | None = None,
    now: datetime | None = None,
) -> list[CheckRun]:
    """Ask these checks of the rows everybody sees, and remember the answers. In the order given.

    A check that cannot be computed is an answer too, and so is an engine that did not answer; only the latter is
    not remembered, so that the last known result stands.

    Raises:
        InvalidInputError: there is no such engine.
    """
    if not checks:
        return []
    moment = now or datetime.now(UTC)
    catalog = build_catalog(platform, project_id)
    door = LiveDoor(platform, project_id, catalog, moment, engine or "")
    found = []
    for check in checks:
        subject = partial(_subject, platform, check)
        found.append(answer(platform, check, door, subject, trigger, moment, run_id))
    platform.store.record_check_runs([run for run in found if not run.details.get(PASSING)])
    return found


def answer(
    platform: Platform,
    check: QualityCheck,
    door: Door,
    subject: Callable[[], Subject],
    trigger: CheckTrigger,
    now: datetime,
    run_id: str | None = None,
) -> CheckRun:
    """One check's answer; it is not recorded.

    Raises:
        QueryCancelledError: somebody ended it.
    """
    started = time.perf_counter()
    details: dict[str, Any]
    failing = None
    try:
        verdict = _judged(platform, check, door, subject(), now)
    except QueryCancelledError:
        raise
    except Exception as error:
        state = CheckState.BROKEN
        details = _broken(error)
        if details["code"] == "internal":
            log.exception("check could not be computed", extra={"check": check.name})
    else:
        state = CheckState.PASSED if verdict.passed else CheckState.FAILED
        failing = verdict.failing_rows
        details = {"message": verdict.message, **verdict.facts}
        if failing is not None:
            details["failing_rows"] = failing
        if verdict.examples:
            details["examples"] = [dict(each) for each in verdict.examples]
    return CheckRun(
        str(uuid.uuid4()),
        check.project_id,
        check.subject_id,
        check.name,
        check.kind,
        state,
        check.severity,
        trigger,
        now,
        {**details, "kind": check.kind, "trigger": trigger.value},
        failing,
        run_id,
        round(time.perf_counter() - started, 3),
    )


def _judged(
    platform: Platform, check: QualityCheck, door: Door, subject: Subject, now: datetime
) -> Verdict:
    def history() -> Sequence[CheckRun]:
        return platform.store.check_runs(
            check.project_id, subject_id=check.subject_id, name=check.name, limit=HISTORY
        )

    question = Question(check, subject, door, now, history)
    return kind_of(check.kind).judge(question)


def _broken(error: Exception) -> dict[str, Any]:
    if isinstance(error, PwhError):
        words, code = error.sentence, error.code
    else:
        words, code = (
            f"It failed inside PWH ({type(error).__name__}); the log has the traceback.",
            "internal",
        )
    found: dict[str, Any] = {
        "message": f"It cannot be computed: {words}",
        "state": CheckState.BROKEN.value,
        "code": code,
    }
    if isinstance(error, PwhError) and error.retryable:
        found[PASSING] = True
    return found


def _subject(platform: Platform, check: QualityCheck) -> Subject:
    """The check's table as readers see it. Raises NotComputableError."""
    graph = project_graph(platform, check.project_id)
    node = graph.find(check.subject_id)
    if node is None or node.id != check.subject_id:
        raise NotComputableError("Its table or view does not exist any more. Remove the check.")
    catalog = build_catalog(platform, check.project_id)
    if node.name.lower() not in catalog.by_name:
        raise NotComputableError(
            f"`{node.name}` has no rows yet. Sync it first: `pwh sync {node.name}`."
        )
    return subject_of(platform, node, check.project_id, catalog)[0]


def is_settled(check: QualityCheck) -> bool:
    """Whether its answer stays what it is as long as the table's rows do."""
    kind = kinds().get(check.kind)
    return kind is not None and kind.follows_rows_alone and not check.where
