"""Rigs of sources behind HTTP APIs: the source, its stand-in, and rows put there. Row `n` is of START + n hours."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from pwh_assets.sources.base import SourceType
from pwh_assets.sources.registry import discover
from tests.servers import zendesk
from tests.servers.api import ApiServer
from tests.servers.hubspot import TOKEN as HUBSPOT_TOKEN
from tests.servers.hubspot import HubSpotServer
from tests.servers.zendesk import ZendeskServer

START = datetime(2024, 3, 1, 12, tzinfo=UTC)


class ApiRig(Protocol):
    source: SourceType
    server: Any
    config: dict[str, Any]
    table: str
    cursor: str
    key: str
    path: str
    """Where the table's rows are asked for first."""
    secret: str
    wrong: dict[str, Any]

    def insert(self, *numbers: int) -> None:
        """Rows with a `name`; their keys hold the number's digits alone."""

    def name_of(self) -> str:
        """The column that holds `row <n>`."""


def moment(number: int) -> datetime:
    return START + timedelta(hours=number)


@dataclass
class HubSpotRig:
    server: HubSpotServer = field(default_factory=HubSpotServer)
    source: SourceType = field(default_factory=lambda: discover()["hubspot"])
    table: str = "contacts"
    cursor: str = "updated_at"
    key: str = "id"
    path: str = "/crm/v3/objects/contacts"
    secret: str = HUBSPOT_TOKEN

    def begin(self) -> None:
        self.server.properties["contacts"] = {"amount": "number", "vip": "bool", "born": "date"}
        given = {"access_token": HUBSPOT_TOKEN, "base_url": self.server.base_url}
        self.config = self.source.validate(given)
        self.wrong = {**self.config, "access_token": "pat-wrong-token"}

    def insert(self, *numbers: int) -> None:
        for n in numbers:
            self.server.put("contacts", str(n), moment(n), name=f"row {n}")

    def name_of(self) -> str:
        return "name"


@dataclass
class ZendeskRig:
    server: ZendeskServer = field(default_factory=ZendeskServer)
    source: SourceType = field(default_factory=lambda: discover()["zendesk"])
    table: str = "tickets"
    cursor: str = "updated_at"
    key: str = "id"
    path: str = "/api/v2/incremental/tickets/cursor.json"
    secret: str = zendesk.TOKEN

    def begin(self) -> None:
        given = {
            "email": zendesk.EMAIL,
            "api_token": zendesk.TOKEN,
            "base_url": self.server.base_url,
        }
        self.config = self.source.validate(given)
        self.wrong = {**self.config, "api_token": "zd-wrong-token"}

    def insert(self, *numbers: int) -> None:
        for n in numbers:
            at = moment(n)
            row = {
                "id": n,
                "subject": f"row {n}",
                "updated_at": at.isoformat().replace("+00:00", "Z"),
            }
            self.server.put("tickets", int(at.timestamp()), **row)

    def name_of(self) -> str:
        return "subject"


RIGS: dict[str, type[Any]] = {"hubspot": HubSpotRig, "zendesk": ZendeskRig}


def server_of(rig: Any) -> ApiServer:
    found: ApiServer = rig.server
    return found
