"""The composition root: opens every part of one home and hands them over as a `Platform`."""

import importlib
import os
import pkgutil
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pwh_assets.errors import InvalidInputError
from pwh_assets.settings import Settings

if TYPE_CHECKING:
    from pwh_assets.engines.base import Engine
    from pwh_assets.lake import Lakes
    from pwh_assets.lake.publish import Guard
    from pwh_assets.services.platform import Platform
    from pwh_assets.store import Store


QUIET = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    "DO_NOT_TRACK": "1",
    "SNOWFLAKE_DISABLE_PLATFORM_DETECTION": "true",
}
"""What keeps dlt, dbt, Dagster and Snowflake's client from calling home and from logging advice."""


def prepare_libraries() -> None:
    """Set what libraries read from the environment when they are first imported: they keep quiet, and Arrow gives memory
    back when it is freed (its own pool keeps 60 MB of a sync, at the same speed).
    """
    os.environ.update(QUIET)
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def open_platform(settings: Settings | None = None) -> "Platform":
    """The parts of one home, made at first use. Cheap enough for every command: no server is started.

    Raises:
        InvalidInputError: an environment variable or the home folder cannot be used.
        StoreUnavailableError: the store's database does not answer.
    """
    from pwh_assets import duckdb_extensions
    from pwh_assets.core.names import DEFAULT_PROJECT
    from pwh_assets.lake import Lakes
    from pwh_assets.services.platform import Platform
    from pwh_assets.sources.registry import discover
    from pwh_assets.store import SecretBox, Store

    prepare_libraries()
    settings = settings or Settings.from_env()
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInputError(
            "PWH_HOME",
            f"`{settings.home}` cannot be the home folder: {error.strerror}. Set `PWH_HOME` to a folder you may write to.",
        ) from None
    duckdb_extensions.remember_in(settings.home)
    store = Store.open(settings.store_url, SecretBox.from_settings(settings))
    store.ensure_project(DEFAULT_PROJECT)
    lakes = Lakes(settings, lambda project_id: _guard(store, project_id))
    return Platform(settings, store, lakes, discover(), _engines(settings, lakes), open_platform)


def _guard(store: "Store", project_id: int) -> "Guard":
    from pwh_assets.services.policies.tombstones import KeepOut

    return KeepOut(store, project_id)


def _engines(settings: Settings, lakes: "Lakes") -> "Mapping[str, Engine]":
    """Every module in `engines/` that exports ENGINE; their drivers load at the first query."""
    import pwh_assets.engines as package

    found: dict[str, Engine] = {}
    for module in pkgutil.iter_modules(package.__path__):
        factory = getattr(
            importlib.import_module(f"{package.__name__}.{module.name}"), "ENGINE", None
        )
        if factory is not None:
            engine = factory(settings, lakes)
            found[engine.name] = engine
    return found
