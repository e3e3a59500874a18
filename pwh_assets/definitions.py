"""Where the parts meet: the store's sources, tables and views as Dagster definitions. Dagster loads `defs`."""

from collections.abc import Collection, Mapping
from typing import Any

import dagster as dg

from pwh_assets.orchestration.compose import compose
from pwh_assets.orchestration.inventory import Inventory, read_inventories
from pwh_assets.resources.home import platform_of, settings_of
from pwh_assets.resources.parts import configured, of_platform
from pwh_assets.services.platform import Platform
from pwh_assets.services.views.managed import keep_in_step


def build_defs(
    platform: Platform | None = None,
    *,
    inventories: Collection[Inventory] | None = None,
    resources: Mapping[str, Any] | None = None,
    executor: dg.ExecutorDefinition = dg.in_process_executor,
    loggers: Mapping[str, dg.LoggerDefinition] | None = None,
) -> dg.Definitions:
    """Fresh definitions of everything in a home's store.

    Args:
        platform: The home; without one, `PWH_HOME` of the process. Given, its parts are the resources.
        inventories: What to define; without it, every project as the store has it now.
        resources: Replace resources by name: `platform`, `lake`, `hogql`, `dbt`, `secrets`, `watcher`.
        executor: How steps run. Assets of one run share a process: starting one costs more than a sync.
        loggers: Replace Dagster's loggers.
    """
    parts = configured() if platform is None else of_platform(platform)
    if inventories is None:
        home = platform or platform_of(settings_of(""))
        for project_id in home.store.project_ids():
            keep_in_step(home, project_id)  # a newer PWH may write managed views otherwise
        inventories = read_inventories(home)
    return compose(inventories, {**parts, **(resources or {})}, executor, loggers)


def __getattr__(name: str) -> Any:
    """`defs`, built when Dagster asks for it: importing this opens nothing."""
    if name == "defs":
        return build_defs()
    raise AttributeError(f"module `pwh_assets.definitions` has no attribute `{name}`")
