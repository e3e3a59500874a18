"""The secrets resource: a source's credentials, decrypted where a connection is made and nowhere else."""

from typing import Any

import dagster as dg

from pwh_assets.core.source import Source
from pwh_assets.resources.home import platform_of, settings_of
from pwh_assets.services.platform import Platform
from pwh_assets.services.sources.egress import guarded


class SourceSecrets:
    """Opens what the store sealed. Prints nothing of it."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def config(self, source: Source) -> dict[str, Any]:
        """All fields of the source, secrets included: hand it to the source, never log it.

        Raises:
            PrivateHostError, UnknownHostError: it leads where sources may not live.
        """
        return guarded(self._platform.settings, self._platform.store.source_config(source.id))

    def __repr__(self) -> str:
        return "SourceSecrets(***)"


class SecretsResource(dg.ConfigurableResource[SourceSecrets]):
    """Gives sensors the credentials of sources; they ask for `dg.ResourceParam[SourceSecrets]`.

    The keys come from `PWH_SECRET_KEYS` or the home's key file, never from Dagster's configuration, which
    its UI shows.
    """

    home: str = ""

    def create_resource(self, context: dg.InitResourceContext) -> SourceSecrets:
        return SourceSecrets(platform_of(settings_of(self.home)))
