"""Running the tests of an operator's project; what they find is kept as checks of the tables they are about."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pwh_assets.core.check import CheckResult
from pwh_assets.services.dbt_project.description import DbtProject, DbtTest
from pwh_assets.services.dbt_project.running import opened
from pwh_assets.services.lineage.graph import project_graph
from pwh_assets.services.models.runner import first_sentence
from pwh_assets.services.platform import Platform


class CheckState(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    BROKEN = "broken"
    """It could not be computed."""


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """How one test went. `message` is a sentence, empty when it passed."""

    test: DbtTest
    state: CheckState
    severity: str
    message: str = ""
    failing_rows: int | None = None

    @property
    def is_error(self) -> bool:
        return self.state is not CheckState.PASSED and self.severity == "error"

    def as_check(self, project_id: int, subject_id: str) -> CheckResult:
        details: dict[str, object] = {"dbt_test": self.test.unique_id}
        if self.message:
            details["message"] = self.message
        if self.failing_rows is not None:
            details["failing_rows"] = self.failing_rows
        passed = self.state is CheckState.PASSED
        return CheckResult(
            project_id, subject_id, self.test.check_name, passed, self.severity, details
        )


def run_tests(
    platform: Platform, project_id: int, project: DbtProject, tests: Sequence[DbtTest]
) -> list[CheckOutcome]:
    """Run these tests now and keep what they found. Nothing is written to the lake.

    Raises:
        HogQLError: a view that a test reads no longer compiles.
        ProjectBrokenError: the project cannot be read.
    """
    if not tests:
        return []
    inputs = [name for test in tests for name in test.inputs]
    with opened(platform, project_id, project, inputs) as run:
        selectors = [test.selector for test in tests]
        result = run.dbt(["test", "--select", *selectors, "--indirect-selection", "empty"])
    found = {each.node.unique_id: each for each in (result.result or ())}
    outcomes = []
    for test in tests:
        answer = found.get(test.unique_id)
        if answer is None:
            words = str(result.exception) if result.exception else "dbt did not run it."
            outcomes.append(
                CheckOutcome(test, CheckState.BROKEN, test.severity, first_sentence(words))
            )
        else:
            outcomes.append(_outcome(test, str(answer.status), answer.message, answer.failures))
    _keep(platform, project_id, outcomes)
    return outcomes


def _outcome(test: DbtTest, status: str, message: str | None, failures: int | None) -> CheckOutcome:
    if status == "pass":
        return CheckOutcome(test, CheckState.PASSED, test.severity, failing_rows=failures)
    if status in ("fail", "warn"):
        severity = "warn" if status == "warn" else "error"
        rows = "1 row fails" if failures == 1 else f"{failures or 0:,} rows fail"
        words = f"{rows} the dbt test `{test.name}`."
        return CheckOutcome(test, CheckState.FAILED, severity, words, failures)
    words = first_sentence(message or "dbt gave no reason")
    return CheckOutcome(test, CheckState.BROKEN, test.severity, words)


def _keep(platform: Platform, project_id: int, outcomes: Sequence[CheckOutcome]) -> None:
    graph = project_graph(platform, project_id)
    for outcome in outcomes:
        node = graph.find(outcome.test.subject) if outcome.test.subject else None
        if node is not None:
            check = outcome.as_check(project_id, node.id)
            platform.store.record_check(
                project_id, node.id, check.name, check.passed, check.severity, check.details
            )
