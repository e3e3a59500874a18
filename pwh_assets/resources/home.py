"""The home resource: everything of one `PWH_HOME`, opened once per process."""

import os
from functools import lru_cache

import dagster as dg

from pwh_assets.services.platform import Platform
from pwh_assets.settings import Settings


def settings_of(home: str) -> Settings:
    """The process's settings, with another home when one is given.

    Addresses with passwords stay in the environment: Dagster's UI shows what resources are configured with.
    """
    return Settings.from_env({**os.environ, **({"PWH_HOME": home} if home else {})})


@lru_cache(maxsize=4)
def platform_of(settings: Settings) -> Platform:
    """The platform of these settings; runs, sensors and schedules of one process share it."""
    from pwh_assets.platform import open_platform

    return open_platform(settings)


class HomeResource(dg.ConfigurableResource[Platform]):
    """Gives assets, schedules and sensors the platform; they ask for `dg.ResourceParam[Platform]`."""

    home: str = ""
    """Folder of the home; empty means `PWH_HOME` of the process."""

    def create_resource(self, context: dg.InitResourceContext) -> Platform:
        return platform_of(settings_of(self.home))
