"""How little of a home a run has to define: its own job, where that is enough."""

import re

import dagster as dg

from pwh_assets.core.names import DEFAULT_PROJECT
from pwh_assets.orchestration.compose import compose
from pwh_assets.orchestration.inventory import read_inventories
from pwh_assets.orchestration.one_job import definitions_for
from pwh_assets.resources.parts import of_platform
from pwh_assets.services.platform import Platform

_OTHER_PROJECT = re.compile(r"project_(\d+)_")


def job_of(platform: Platform, run: dg.DagsterRun) -> dg.JobDefinition:
    """The job of a run. One that Dagster makes itself, of assets somebody chose in its UI, has everything there is."""
    resources = of_platform(platform)
    if not run.job_name.startswith("__"):
        inventories = read_inventories(platform, [project_in(run.job_name)])
        try:
            definitions = definitions_for(
                inventories[0], run.job_name, resources, only=run.asset_selection
            )
        except KeyError:  # a job of checks
            definitions = compose(inventories, resources)
    else:
        definitions = compose(read_inventories(platform), resources)
    return definitions.resolve_job_def(run.job_name)


def project_in(job: str) -> int:
    """The project in a job's name, which `scoped` put there.

    >>> project_in("sync_stripe"), project_in("project_2_sync_stripe")
    (1, 2)
    """
    found = _OTHER_PROJECT.match(job)
    return int(found[1]) if found else DEFAULT_PROJECT
