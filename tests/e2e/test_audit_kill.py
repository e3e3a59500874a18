"""A server that is killed at any moment: what it acknowledged is in the audit log, whose chain is whole."""

import os
import signal
import threading
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

from pwh_assets.core.audit import AuditEntry, AuditFilter, Outcome, Phase
from pwh_assets.services.audit import AuditLog, Witness, verify_chain
from tests.e2e.crashes import CONTEXT, dice
from tests.e2e.notebooks import open_home

THREADS = 4


def entry(operation, phase, outcome):
    return AuditEntry(
        project_id=1,
        action="warehouse_view:write",
        phase=phase,
        outcome=outcome,
        operation=operation,
        at=datetime.now(UTC),
        actor="ada",
        query="SELECT 'ü' AS x",
    )


def _serve(home, pipe):
    """Requests of several threads, each with a start, some work and an end; queries beside them."""
    platform = open_home(Path(home), None)
    audit = AuditLog(platform.store, Witness(platform.settings.home, platform.store))
    lock = threading.Lock()

    def tell(*words):
        with lock:
            pipe.send(words)

    def work():
        while True:
            operation = str(uuid.uuid4())
            audit.write(entry(operation, Phase.START, Outcome.BEGUN))
            tell("begun", operation)
            audit.note(entry(f"query {operation}", Phase.WHOLE, Outcome.DONE))
            audit.write(entry(operation, Phase.FINISH, Outcome.DONE))
            tell("done", operation)

    for _ in range(THREADS):
        threading.Thread(target=work, daemon=True).start()
    threading.Event().wait()


def test_no_kill_breaks_the_chain_or_loses_what_was_acknowledged(tmp_path):
    platform, random = open_home(tmp_path, None), dice()
    began, ended = set(), set()
    for _ in range(int(os.environ.get("PWH_KILLS", "3"))):
        pipe, theirs = CONTEXT.Pipe()
        child = CONTEXT.Process(target=_serve, args=(str(tmp_path), theirs))
        child.start()
        theirs.close()
        assert pipe.poll(60)
        until = time.monotonic() + random.uniform(0, 0.5)
        killed = False
        while True:
            try:
                if not killed and time.monotonic() > until:
                    os.kill(child.pid, signal.SIGKILL)
                    killed = True
                if pipe.poll(0.01):
                    word, operation = pipe.recv()
                    (began if word == "begun" else ended).add(operation)
            except EOFError:
                break
        child.join(60)
        pipe.close()
        report = verify_chain(platform, 1)
        assert report.problem is None, report.problem
        seen = Witness(tmp_path, platform.store).of(1)
        assert seen is None or seen[0] <= report.seq
    kept, count = platform.store.audit_page(1, AuditFilter(), 1_000_000)
    assert count == report.entries
    starts = {one.entry.operation: one for one in kept if one.entry.phase is Phase.START}
    finishes = {one.entry.operation for one in kept if one.entry.phase is Phase.FINISH}
    assert began <= set(starts) and ended <= finishes
    unfinished = {name for name, one in starts.items() if one.is_unfinished}
    assert unfinished == set(starts) - finishes
    found, _ = platform.store.audit_page(1, AuditFilter(unfinished=True), 1000)
    assert {one.entry.operation for one in found} == unfinished
    platform.lakes.close()
    platform.store.close()
