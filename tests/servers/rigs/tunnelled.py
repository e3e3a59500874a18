"""PostgreSQL behind a bastion: the rig of PostgreSQL, reached through a tunnel."""

from dataclasses import dataclass

from pwh_assets.demo.postgres import PrivatePostgres
from tests.servers.source_rigs import PostgresRig
from tests.servers.ssh import Bastion


@dataclass
class Bastioned:
    """A server and the bastion in front of it."""

    server: PrivatePostgres
    bastion: Bastion


class TunnelledRig(PostgresRig):
    def __init__(self, both: Bastioned) -> None:
        super().__init__(both.server)
        self.config = self.source.validate({**self.config, "ssh_tunnel": both.bastion.config})
        self.wrong_credentials = {**self.config, "password": "wrong-password"}
        self.unreachable = {**self.config, "port": 1}
