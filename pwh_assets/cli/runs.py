"""Telling how a run goes and went, table by table."""

import sys
from typing import TYPE_CHECKING, Any

from pwh_assets.cli.console import count, note, print_json, say
from pwh_assets.cli.loading import loaded

if TYPE_CHECKING:
    from pwh_assets.errors import PwhError
    from pwh_assets.orchestration.run import RunOutcome
    from pwh_assets.orchestration.watcher import Outcome, Subject, Watcher


def reporter(is_quiet: bool) -> "Watcher":
    """A watcher that prints a line per table or view as it lands, and on a terminal how far it is."""
    from pwh_assets.orchestration.watcher import Watcher

    class Reporter(Watcher):
        def started(self, subject: "Subject") -> None:
            loaded()

        def progressed(self, subject: "Subject", progress: Any) -> None:
            if is_quiet or not sys.stderr.isatty():
                return
            size = f", {progress.bytes / 1e6:,.1f} MB" if progress.bytes else ""
            of = f" of about {progress.rows_expected:,}" if progress.rows_expected else ""
            speed = f", {progress.rows_per_s:,.0f} rows/s" if progress.rows_per_s else ""
            left = f", about {progress.left_s:,.0f} s left" if progress.left_s else ""
            text = (
                f"  {progress.table_name}: {progress.phase} {count(progress.rows, 'row')}{of}{size}, "
                f"{progress.elapsed_s:.0f} s{speed}{left}"
            )
            sys.stderr.write(f"\r\x1b[2K{text}")
            sys.stderr.flush()

        def retrying(
            self, subject: "Subject", error: "PwhError", attempt: int, wait_s: float
        ) -> None:
            if not is_quiet:
                _clear()
                note(f"  attempt {attempt} failed, next in {wait_s:.0f} s: {error.sentence}")

        def ended(self, outcome: "Outcome") -> None:
            super().ended(outcome)
            if not is_quiet:
                _clear()
                say(_line(outcome))

    return Reporter()


def print_outcome(outcome: "RunOutcome", as_json: bool) -> int:
    """The facts or a summary. Returns 1 when something did not land or broke its contract."""
    if as_json:
        print_json({"results": [_facts(each) for each in outcome.outcomes], "ok": outcome.is_ok})
    else:
        landed = len(outcome.outcomes) - len(outcome.failed)
        say(f"{landed} of {len(outcome.outcomes)} landed.")
        if not outcome.is_ok:
            note("`pwh health` says what each failure holds up.")
    return 0 if outcome.is_ok else 1


def _line(outcome: "Outcome") -> str:
    if outcome.trouble is not None:
        return f"✗ {outcome.name}: {outcome.trouble.text}"
    result: Any = outcome.result
    if result is None:
        return f"✓ {outcome.name}"
    if hasattr(result, "rows_synced"):
        words = [f"{count(result.rows_synced, 'row')} moved", f"{result.row_count:,} in all"]
        if result.cursor_after and result.cursor_after != result.cursor_before:
            words.append(f"up to {result.cursor_after}")
        for verb in ("added", "widened", "missing"):
            if names := getattr(result, f"columns_{verb}"):
                words.append(f"columns {verb}: {', '.join(names)}")
        if result.rows_deleted:
            words.append(f"{count(result.rows_deleted, 'row')} deleted")
        if result.reconciliation and result.reconciliation.status.value == "mismatched":
            words.append(f"differs from the source: {result.reconciliation.cause}")
        if result.was_recovered:
            words.append("an interrupted sync was finished first")
    else:
        words = [count(result.rows, "row")]
        if result.engine == "clickhouse":
            words.append("computed in ClickHouse")
    line = f"✓ {outcome.name}: {', '.join(words)}, {result.duration_s:.1f} s"
    for check in outcome.failed_checks:
        mark = "✗" if check.severity == "error" else "!"
        line += f"\n  {mark} check `{check.name}` failed: {_details(check.details)}"
    return line


def _details(details: Any) -> str:
    if details.get("message"):
        return str(details["message"])
    return ", ".join(f"{name} {value}" for name, value in details.items()) or "see Dagster"


def _facts(outcome: "Outcome") -> dict[str, Any]:
    subject: Any = outcome.subject
    return {
        "name": outcome.name,
        "id": subject.id,
        "run_id": outcome.run_id,
        "ok": outcome.trouble is None and not outcome.failed_checks,
        "result": outcome.result,
        "error": outcome.trouble,
        "failed_checks": [
            {"name": check.name, "severity": check.severity, "details": check.details}
            for check in outcome.failed_checks
        ],
    }


def _clear() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()
