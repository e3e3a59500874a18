"""All resources by the name assets ask for them."""

from typing import Any

from pwh_assets.resources.dbt import DbtModels, DbtResource
from pwh_assets.resources.hogql import HogQLResource, HogQLService
from pwh_assets.resources.home import HomeResource
from pwh_assets.resources.lake import LakeReader, LakeResource
from pwh_assets.resources.secrets import SecretsResource, SourceSecrets
from pwh_assets.services.platform import Platform


def configured() -> dict[str, Any]:
    """For a code location: each opens the home of its process's environment when a run first asks for it."""
    return {
        "platform": HomeResource(),
        "lake": LakeResource(),
        "hogql": HogQLResource(),
        "dbt": DbtResource(),
        "secrets": SecretsResource(),
    }


def of_platform(platform: Platform) -> dict[str, Any]:
    """The same doors to a platform that is open in this process."""
    return {
        "platform": platform,
        "lake": LakeReader(platform.lakes),
        "hogql": HogQLService(platform),
        "dbt": DbtModels(platform),
        "secrets": SourceSecrets(platform),
    }
