"""Starting runs in this process: what `pwh sync` and `pwh view run` do. They show in Dagster's UI like any other."""

import logging
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg

from pwh_assets.core.source import SyncedTable
from pwh_assets.core.view import SavedQuery
from pwh_assets.errors import UserError
from pwh_assets.orchestration.importing import load_storage
from pwh_assets.orchestration.instance import in_process_instance
from pwh_assets.orchestration.inventory import Inventory, by_source, read_inventories, scoped
from pwh_assets.orchestration.jobs import table_key
from pwh_assets.orchestration.names import ENGINE_TAG, TRIGGER_TAG, sync_job_name, views_job_name
from pwh_assets.orchestration.one_job import definitions_for
from pwh_assets.orchestration.processes import PROCESS_TAG, fail_dead_runs
from pwh_assets.orchestration.watcher import Outcome, Subject, Trouble, Watcher
from pwh_assets.resources.parts import of_platform
from pwh_assets.services.platform import Platform
from pwh_assets.services.sync.ahead import Ahead
from pwh_assets.store.processes import this_process

_NO_RETRY = {"dagster/max_retries": "0"}
"""Whoever typed the command decides whether it runs again; Dagster does not know how to."""


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How every table or view that was asked for went, in the order it was asked for."""

    run_ids: tuple[str, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """What did not land."""
        return tuple(each for each in self.outcomes if each.trouble is not None)

    @property
    def broken(self) -> tuple[Outcome, ...]:
        """What landed and breaks its contract, or fails a check of severity `error`."""
        return tuple(
            each
            for each in self.outcomes
            if any(check.severity == "error" for check in each.failed_checks)
        )

    @property
    def is_ok(self) -> bool:
        return not (self.failed or self.broken)


def run_sync(
    platform: Platform,
    tables: Sequence[SyncedTable],
    full: bool = False,
    watcher: Watcher | None = None,
    ahead: Ahead | None = None,
) -> RunOutcome:
    """Sync these tables now: one Dagster run per source, in this process. A table that fails fails alone.

    Args:
        full: read everything again, whatever the tables' modes.
        watcher: told what starts, how far it is, what is tried again and what ends.
        ahead: one of the tables, whose sync was begun already.
    """
    watcher = watcher or Watcher()
    runs = []
    with _instance_of(platform) as instance:
        for group in by_source(tables):
            source = group[0].source
            (inventory,) = read_inventories(platform, [source.project_id])
            asked = {table.id for table in group}
            inventory = replace(
                inventory,
                tables=tuple(each for each in inventory.tables if each.source.id == source.id),
                views=(),
            )
            keys = [
                table_key(inventory.graph, each) for each in inventory.tables if each.id in asked
            ]
            op = scoped(source.project_id, source.slug, "tables")
            job = sync_job_name(inventory, source.slug)
            config = {"ops": {op: {"config": {"full": full}}}}
            mine = ahead if ahead and ahead.table and ahead.table.id in asked else Ahead()
            runs.append(
                _run(platform, instance, inventory, job, keys, group, watcher, config, mine)
            )
    return _together(runs, tables)


def run_views(
    platform: Platform,
    views: Sequence[SavedQuery],
    watcher: Watcher | None = None,
    engine: str | None = None,
) -> RunOutcome:
    """Build these materialized views now, inputs before readers: one Dagster run per project, in this process.

    Args:
        engine: what computes them this time; by default each view's own, or the warehouse's.

    Raises:
        UserError: one of them is plain; nothing was built.
    """
    for view in views:
        if not view.is_materialized:
            raise PlainViewError(view.name)
    watcher = watcher or Watcher()
    runs = []
    with _instance_of(platform) as instance:
        for project_id in dict.fromkeys(view.project_id for view in views):
            group = [view for view in views if view.project_id == project_id]
            (inventory,) = read_inventories(platform, [project_id])
            keys = [dg.AssetKey(inventory.graph.nodes[view.name].asset_key) for view in group]
            job = views_job_name(project_id)
            tags = {ENGINE_TAG: engine} if engine else {}
            runs.append(_run(platform, instance, inventory, job, keys, group, watcher, tags=tags))
    return _together(runs, views)


class PlainViewError(UserError):
    """A plain view has no table to build."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"View `{name}` is plain: it is computed whenever it is read. "
            f"To keep it as a table, run `pwh view materialize {name} --every 24hour`."
        )


def _run(
    platform: Platform,
    instance: dg.DagsterInstance,
    inventory: Inventory,
    job: str,
    keys: Sequence[dg.AssetKey],
    subjects: Sequence[Subject],
    watcher: Watcher,
    config: Mapping[str, Any] | None = None,
    ahead: Ahead | None = None,
    tags: Mapping[str, str] | None = None,
) -> RunOutcome:
    ahead = ahead or Ahead()
    run_id = ahead.run_id
    before = len(watcher.outcomes)
    definitions = definitions_for(
        inventory,
        job,
        {**of_platform(platform), "watcher": watcher, "ahead": ahead},
        only=keys,
        loggers={"console": _silent},
    )
    with _own_sigterm():
        result = definitions.resolve_job_def(job).execute_in_process(
            instance=instance,
            asset_selection=list(keys),
            run_config={**(config or {}), "loggers": {"console": {}}},
            run_id=run_id,
            tags={TRIGGER_TAG: "command", PROCESS_TAG: this_process(), **_NO_RETRY, **(tags or {})},
            raise_on_error=False,
        )
    if _was_interrupted(result):
        # Dagster takes Ctrl-C for the run's end and swallows it; the command should end too.
        raise KeyboardInterrupt
    outcomes = watcher.outcomes[before:]
    known = {each.subject.id for each in outcomes}
    trouble = None
    if not result.success and {each.id for each in subjects} - known:
        trouble = Trouble(
            "\n".join(_causes(result)) or "The run failed before it began.", "run_failed"
        )
    outcomes += [
        Outcome(each, run_id, trouble=trouble or Trouble("It was left out of the run.", "left_out"))
        for each in subjects
        if each.id not in known
    ]
    return RunOutcome((run_id,), tuple(outcomes))


@contextmanager
def _instance_of(platform: Platform) -> Iterator[dg.DagsterInstance]:
    """The home's instance, in which no run is going on that nobody executes."""
    load_storage()
    with in_process_instance(platform.settings) as instance:
        fail_dead_runs(instance, platform)
        yield instance


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """Dagster gives SIGTERM the handler of SIGINT and leaves it so; the caller gets its own back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _was_interrupted(result: dg.ExecuteInProcessResult) -> bool:
    interrupted = dg.DagsterExecutionInterruptedError.__name__
    for event in result.all_events:
        error = event.step_failure_data.error if event.is_step_failure else None
        if error is not None and error.cls_name == interrupted:
            return True
        if event.event_type is dg.DagsterEventType.RUN_CANCELED:
            return True
    return False


def _causes(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    """What failed, in the words of the failures and checks."""
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.user_failure_data:
            yield event.step_failure_data.user_failure_data.description or "A step failed."
    for check in result.get_asset_check_evaluations():
        if not check.passed:
            yield check.description or f"`{check.check_name}` failed."


def _together(runs: Sequence[RunOutcome], asked: Sequence[Subject]) -> RunOutcome:
    place = {subject.id: index for index, subject in enumerate(asked)}
    outcomes = [outcome for run in runs for outcome in run.outcomes]
    outcomes.sort(key=lambda outcome: place.get(outcome.subject.id, len(place)))
    return RunOutcome(tuple(run_id for run in runs for run_id in run.run_ids), tuple(outcomes))


@dg.logger
def _silent(context: dg.InitLoggerContext) -> logging.Logger:
    """The caller tells the user; Dagster keeps its own log of the run."""
    logger = logging.getLogger("pwh_assets.orchestration.silent")
    logger.propagate = False
    logger.setLevel(logging.CRITICAL + 1)
    return logger
