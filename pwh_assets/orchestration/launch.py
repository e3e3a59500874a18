"""Having Dagster start runs in processes of their own: what the API does when a sync or a build is asked for."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from pwh_assets.core.source import SyncedTable
from pwh_assets.core.view import SavedQuery
from pwh_assets.errors import PwhError, quoted
from pwh_assets.orchestration.graphql import ask
from pwh_assets.orchestration.instance import LOCATION
from pwh_assets.orchestration.jobs import sync_job_in, table_key, views_job_name
from pwh_assets.orchestration.reload import reload_location
from pwh_assets.orchestration.run import TRIGGER_TAG
from pwh_assets.orchestration.servers import webserver_url
from pwh_assets.services.lineage.graph import project_graph
from pwh_assets.services.platform import Platform

REPOSITORY = "__repository__"
_TIMEOUT_S = 30.0
_LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on Error { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
_UNKNOWN = frozenset({"PipelineNotFoundError", "InvalidSubsetError"})
"""What Dagster says of a job or an asset that it has not loaded yet."""


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

    Returns:
        The ids of Dagster's runs.

    Raises:
        DagsterDownError, LaunchRefusedError.
    """
    graph = project_graph(platform, project_id)
    groups: dict[str, list[SyncedTable]] = {}
    for table in tables:
        groups.setdefault(table.source.slug, []).append(table)
    return [
        _launch(
            platform,
            sync_job_in(graph, project_id, slug),
            [table_key(graph, table) for table in group],
            [table.table_name for table in group],
        )
        for slug, group in groups.items()
    ]


def launch_views(platform: Platform, project_id: int, views: Sequence[SavedQuery]) -> str:
    """Start building these materialized views, inputs before readers. Returns the run's id. Raises as `launch_sync`."""
    graph = project_graph(platform, project_id)
    keys = [dg.AssetKey(graph.nodes[view.name].asset_key) for view in views]
    return _launch(platform, views_job_name(project_id), keys, [view.name for view in views])


def _launch(platform: Platform, job: str, keys: Sequence[dg.AssetKey], names: Sequence[str]) -> str:
    found = _asked(platform, job, keys)
    if found.get("__typename") in _UNKNOWN and reload_location(platform.settings):
        found = _asked(platform, job, keys)
    if found.get("__typename") == "LaunchRunSuccess":
        return str(found["run"]["runId"])
    errors = [each.get("message", "") for each in found.get("errors", ())]
    raise LaunchRefusedError(names, found.get("message") or " ".join(errors) or "it gave no reason")


def _asked(platform: Platform, job: str, keys: Sequence[dg.AssetKey]) -> dict[str, Any]:
    url = webserver_url(platform.settings)
    params = {
        "selector": {
            "repositoryLocationName": LOCATION,
            "repositoryName": REPOSITORY,
            "pipelineName": job,
            "assetSelection": [{"path": list(key.path)} for key in keys],
            "assetCheckSelection": None,
        },
        "mode": "default",
        "runConfigData": {},
        "executionMetadata": {"tags": [{"key": TRIGGER_TAG, "value": "api"}]},
    }
    try:
        if url is None:
            raise DagsterDownError
        answer = ask(f"{url}/graphql", _LAUNCH, {"params": params}, _TIMEOUT_S)
    except (OSError, ValueError):
        raise DagsterDownError from None
    data = answer.get("data") or {}
    found = data.get("launchRun") or {"message": str(answer.get("errors", ""))[:300]}
    return dict(found)
