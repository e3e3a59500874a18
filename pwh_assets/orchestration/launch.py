"""Having Dagster start runs in processes of their own: what the API does when a sync or a build is asked for."""

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from pwh_assets.core.source import SyncedTable
from pwh_assets.core.view import SavedQuery
from pwh_assets.errors import PwhError, quoted
from pwh_assets.orchestration.inventory import by_source
from pwh_assets.orchestration.names import (
    ENGINE_TAG,
    LOCATION,
    TRIGGER_TAG,
    sync_job_in,
    views_job_name,
)
from pwh_assets.orchestration.reload import reload_location
from pwh_assets.orchestration.webserver import ask, webserver_url
from pwh_assets.services.lineage.graph import Graph, project_graph
from pwh_assets.services.platform import Platform

REPOSITORY = "__repository__"
_TIMEOUT_S = 30.0
_LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on Error { message }
    ... on PythonError { className }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
_BEGUN = """
query Begun($tags: [ExecutionTag!]) {
  runsOrError(filter: {tags: $tags}, limit: 1) { ... on Runs { results { runId } } }
}
"""
_MARK_TAG = ".dagster/pwh_launch"
"""Names one attempt to start a run. Dagster's UI hides tags that begin so."""
_UNKNOWN = frozenset({"PipelineNotFoundError", "InvalidSubsetError", "RepositoryNotFoundError"})
"""What Dagster says of a job or an asset that it has not loaded yet."""
_LOADING = frozenset(
    {
        "DagsterCodeLocationLoadError",
        "DagsterCodeLocationNotFoundError",
        "DagsterUserCodeUnreachableError",
        "DagsterUserCodeUnreachableTimeoutError",
    }
)
"""What fails inside Dagster while its code server takes a change in."""
_NO_JOB = "No remote job named"
"""How Dagster 1.13 says it of a job of an asset selection, with status 500."""
TAKEN_IN_WITHIN_S = 60.0
"""So long a run waits for what was just made to be known to Dagster."""
_AGAIN_AFTER_S = 1.0


class DagsterDownError(PwhError):
    """Runs are started by Dagster, and it does not answer."""

    code = "dagster_unavailable"
    status = 503
    retryable = True

    def __init__(self) -> None:
        super().__init__(
            "Dagster does not answer, so nothing was started. See that `pwh up` is running; its logs are in "
            "the home's `logs` folder."
        )


class DagsterBehindError(PwhError):
    """Dagster answers, and has not taken a change in for longer than that takes."""

    code = "dagster_behind"
    status = 503
    retryable = True
    retry_after_s = 10.0

    def __init__(self, names: Sequence[str], waited_s: float) -> None:
        self.waited_s = waited_s
        super().__init__(
            f"Dagster does not know {quoted(list(names))} yet, after {waited_s:.0f} s, so nothing was started. "
            "Try again in a moment; if it stays so, `dagster-code.log` in the home's `logs` folder says why it cannot "
            "load them."
        )


class LaunchRefusedError(PwhError):
    """Dagster answered and did not start the run."""

    code = "launch_refused"
    status = 502

    def __init__(self, names: Sequence[str], reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"Dagster did not start {quoted(list(names))}: {reason.rstrip('.')}. Its log has more; try again."
        )


def launch_sync(platform: Platform, project_id: int, tables: Sequence[SyncedTable]) -> list[str]:
    """Start syncing these tables: a run per source, queued behind one of the same source.

    What Dagster does not know yet, such as a table that was connected a moment ago, is waited for.

    Returns:
        The ids of Dagster's runs.

    Raises:
        DagsterDownError, DagsterBehindError, LaunchRefusedError.
    """
    graph = project_graph(platform, project_id)
    return [
        _launch(
            platform,
            graph,
            sync_job_in(graph, project_id, group[0].source.slug),
            [table.table_name for table in group],
        )
        for group in by_source(tables)
    ]


def launch_views(
    platform: Platform, project_id: int, views: Sequence[SavedQuery], engine: str | None = None
) -> str:
    """Start building these materialized views, inputs before readers, by this engine where one was asked for. Returns
    the run's id. Raises as `launch_sync`.
    """
    graph = project_graph(platform, project_id)
    tags = {ENGINE_TAG: engine} if engine else {}
    names = [view.name for view in views]
    return _launch(platform, graph, views_job_name(project_id), names, tags)


def _launch(
    platform: Platform,
    graph: Graph,
    job: str,
    names: Sequence[str],
    tags: Mapping[str, str] | None = None,
) -> str:
    url = webserver_url(platform.settings)
    if url is None:
        raise DagsterDownError
    mark, began = uuid.uuid4().hex, time.monotonic()
    keys = [graph.nodes[name].asset_key for name in names]
    params = _params(job, keys, {**(tags or {}), TRIGGER_TAG: "api", _MARK_TAG: mark})
    while True:
        found = _launched(url, params, mark)
        if found.get("__typename") == "LaunchRunSuccess":
            return str(found["run"]["runId"])
        if not _is_early(found):
            errors = [each.get("message", "") for each in found.get("errors", ())]
            reason = found.get("message") or " ".join(errors) or "it gave no reason"
            raise LaunchRefusedError(names, reason)
        waited_s = time.monotonic() - began
        if waited_s > TAKEN_IN_WITHIN_S:
            raise DagsterBehindError(names, waited_s)
        if not reload_location(platform.settings):
            time.sleep(_AGAIN_AFTER_S)


def _is_early(found: Mapping[str, Any]) -> bool:
    """Whether Dagster may know better after a reload."""
    kind, message = found.get("__typename"), str(found.get("message"))
    if kind in _UNKNOWN:
        return True
    is_inside = kind == "PythonError" or kind is None
    return is_inside and (found.get("className") in _LOADING or _NO_JOB in message)


def _launched(url: str, params: Mapping[str, Any], mark: str) -> dict[str, Any]:
    """What Dagster answers to one attempt. One that was not answered may have started the run: that is looked up."""
    try:
        answer = ask(f"{url}/graphql", _LAUNCH, {"params": params}, _TIMEOUT_S)
    except (OSError, ValueError):
        run_id = _begun(url, mark)
        if run_id is None:
            raise DagsterDownError from None
        return {"__typename": "LaunchRunSuccess", "run": {"runId": run_id}}
    data = answer.get("data") or {}
    return dict(data.get("launchRun") or {"message": str(answer.get("errors", ""))[:300]})


def _begun(url: str, mark: str) -> str | None:
    """The run of an attempt; None when there is none, or Dagster does not say."""
    try:
        answer = ask(
            f"{url}/graphql", _BEGUN, {"tags": [{"key": _MARK_TAG, "value": mark}]}, _TIMEOUT_S
        )
    except (OSError, ValueError):
        return None
    found = ((answer.get("data") or {}).get("runsOrError") or {}).get("results") or ()
    return str(found[0]["runId"]) if found else None


def _params(job: str, keys: Sequence[Sequence[str]], tags: Mapping[str, str]) -> dict[str, Any]:
    return {
        "selector": {
            "repositoryLocationName": LOCATION,
            "repositoryName": REPOSITORY,
            "pipelineName": job,
            "assetSelection": [{"path": list(key)} for key in keys],
            "assetCheckSelection": None,
        },
        "mode": "default",
        "runConfigData": {},
        "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in tags.items()]},
    }
