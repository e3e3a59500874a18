"""Declared checks and their history, on both databases."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pwh_assets.core.frequency import Frequency
from pwh_assets.core.quality import CheckRun, CheckState, CheckTrigger, QualityCheck, Severity
from pwh_assets.errors import NotFoundError
from pwh_assets.store import Store
from pwh_assets.store import quality as store_quality

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def declared(name: str = "mail", **more: object) -> QualityCheck:
    return QualityCheck("", 1, "t", name, "not_null", {"columns": ["email"]}, **more)  # type: ignore[arg-type]


def answer(state: CheckState, at: datetime, name: str = "mail", **more: object) -> CheckRun:
    found = {"message": "3 of 10 rows have no `email`."}
    return CheckRun(
        str(uuid.uuid4()),
        1,
        "t",
        name,
        "not_null",
        state,
        Severity.ERROR,
        CheckTrigger.SYNC,
        at,
        found,
        3,
        **more,  # type: ignore[arg-type]
    )


def test_a_check_is_saved_once_changed_by_name_and_makes_the_catalog_new_only_then(
    store: Store,
) -> None:
    before = store.catalog_version(1)
    (made,) = store.save_quality_checks([declared(where="id > 3", frequency=Frequency("1hour"))])
    assert made.id and made.frequency == Frequency("1hour") and made.where == "id > 3"
    version = store.catalog_version(1)
    assert version != before
    (same,) = store.save_quality_checks([declared(where="id > 3", frequency=Frequency("1hour"))])
    assert same == made and store.catalog_version(1) == version
    (changed,) = store.save_quality_checks([declared(severity=Severity.WARN)])
    assert changed.id == made.id and not changed.is_blocking and changed.where == ""
    assert store.catalog_version(1) != version
    assert store.quality_checks(1, "t") == [changed] and store.quality_checks(2) == []
    store.remove_quality_check(1, made.id)
    assert store.quality_checks() == []
    with pytest.raises(NotFoundError):
        store.remove_quality_check(1, made.id)


def test_answers_are_the_latest_and_the_history_which_does_not_grow_for_ever(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_quality, "KEEP_RUNS", 3)
    states = [CheckState.FAILED, CheckState.BROKEN, CheckState.PASSED]
    runs = [
        answer(state, NOW + timedelta(hours=i), run_id=f"run-{i}") for i, state in enumerate(states)
    ]
    store.record_check_runs(runs)
    store.record_check_runs([answer(CheckState.FAILED, NOW, "other")])
    assert store.check_runs(1, subject_id="t", name="mail") == list(reversed(runs))
    assert [each.id for each in store.check_runs(1, run_id="run-1")] == [runs[1].id]
    assert store.check_runs(1, since=NOW + timedelta(hours=2)) == [runs[2]]
    latest = {each.name: each for each in store.latest_checks(1)}
    assert latest["mail"] == runs[2].result and latest["mail"].passed
    store.record_check_runs([answer(CheckState.FAILED, NOW + timedelta(hours=3))])
    assert len(store.check_runs(1, name="mail")) == 3
    late = NOW + timedelta(days=store_quality.KEEP_DAYS + 1)
    store.record_check_runs([answer(CheckState.FAILED, late)])
    assert len(store.check_runs(1, name="mail")) == 1 and len(store.check_runs(1)) == 2
    store.save_quality_checks([declared()])
    assert store.remove_quality_checks_of("t") == 1
    assert (store.check_runs(1), store.latest_checks(1)) == ([], [])


def test_a_failure_is_health_s_when_it_is_an_error_or_when_nobody_can_tell(store: Store) -> None:
    broken = replace(answer(CheckState.BROKEN, NOW, "gone"), details={"state": "broken"})
    store.record_check_runs(
        [
            replace(broken, severity=Severity.WARN),
            replace(answer(CheckState.FAILED, NOW, "small"), severity=Severity.WARN),
            answer(CheckState.FAILED, NOW, "mail"),
            answer(CheckState.PASSED, NOW, "fine"),
        ]
    )
    assert [each.name for each in store.failed_checks(1)["t"]] == ["gone", "mail"]
