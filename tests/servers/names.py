"""Names that only a test's own resolver knows."""

from typing import Any

from pwh_assets.sources.network import egress
from pwh_assets.sources.network.egress import KEY, Egress

NAME = "db.rebind.invalid"
"""Whoever asks the system for it gets nowhere."""
PLAIN_NAME = "storage-invalid"
"""Another without dots, before the first of which storages look for a bucket or an account."""


class Resolver:
    """Answers one address after the other, the last one for ever, and counts."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.asked = list(answers), 0

    def __call__(self, host: str) -> list[str]:
        self.asked += 1
        if not host.endswith("invalid"):
            return [host] if host[0].isdigit() else egress.resolve(host)
        return [self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]]


def by_name(config: dict[str, Any], field: str, *answers: str, name: str = NAME) -> dict[str, Any]:
    """The config with a name in the place of the address, and a policy that resolves it so."""
    there = str(config[field]).replace("127.0.0.1", name)
    return {**config, field: there, KEY: Egress(resolver=Resolver(*answers))}
