"""HubSpot beyond the common suite: searches past their cap, properties in chunks and types, associations, scopes."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from pwh_assets.core.source import SyncMode
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.hubspot import api, reading
from tests.servers.rigs.apis import HubSpotRig, moment
from tests.servers.source_rigs import rows_of


@pytest.fixture
def rig() -> Iterator[HubSpotRig]:
    made = HubSpotRig()
    with made.server:
        made.begin()
        yield made


def read(
    rig: HubSpotRig, since: str | None = None, table: str = "contacts"
) -> list[dict[str, Any]]:
    mode = SyncMode.INCREMENTAL if since else SyncMode.FULL
    cursor = "updated_at" if since else None
    return rows_of(
        rig.source.read(rig.config, ReadRequest(table, mode, (), ("id",), cursor, since))
    )


def test_changes_beyond_what_a_search_gives_are_read_in_windows(
    rig: HubSpotRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.server.cap = 300
    for module in (api, reading):
        monkeypatch.setattr(module, "CAP", 300)
    rig.config["associations"] = False
    rig.insert(*range(1, 701))
    for n in range(1001, 1901):
        rig.server.put("contacts", str(n), moment(800), name=f"row {n}")
    found = [int(row["id"]) for row in read(rig, since="2024-01-01 00:00:00+00:00")]
    assert sorted(found) == [*range(1, 701), *range(1001, 1901)]


def test_properties_come_in_their_types(rig: HubSpotRig) -> None:
    values = {"amount": "12345678901234.000000000001", "vip": "true", "born": "1990-05-04"}
    rig.server.put("contacts", "1", moment(1), name="A", **values)
    rig.server.put("contacts", "2", moment(1), name="", amount="", vip="", born="")
    first, second = sorted(read(rig), key=lambda row: row["id"])
    assert first["amount"] == Decimal("12345678901234.000000000001")
    assert (first["vip"], first["born"]) == (True, date(1990, 5, 4))
    assert (second["amount"], second["vip"], second["born"], second["name"]) == (
        None,
        None,
        None,
        "",
    )


def test_more_properties_than_an_address_has_room_for_come_too(rig: HubSpotRig) -> None:
    names = [f"a_rather_long_property_name_{n:04d}" for n in range(400)]
    rig.server.properties["contacts"] = dict.fromkeys(names, "string")
    rig.server.put("contacts", "1", moment(1), **{name: name.upper() for name in names})
    row = read(rig)[0]
    assert all(row[name] == name.upper() for name in names)


def test_associations_are_ids_by_kind_in_lists_and_searches(rig: HubSpotRig) -> None:
    rig.insert(1, 2)
    rig.server.links["contacts", "companies"] = {"1": ["7", "8"]}
    for since in (None, "2024-01-01 00:00:00+00:00"):
        rows = {row["id"]: row["associations"] for row in read(rig, since)}
        assert rows == {"1": '{"companies":["7","8"]}', "2": None}


def test_a_missing_scope_hides_its_table_alone(rig: HubSpotRig) -> None:
    rig.server.forbidden = {"deals"}
    names = {table.name for table in rig.source.tables(rig.config)}
    assert "deals" not in names
    assert {"contacts", "companies", "owners", "pipelines", "pipeline_stages"} <= names


def test_owners_and_the_stages_of_pipelines_are_read(rig: HubSpotRig) -> None:
    rig.server.owners = [{"id": "1", "email": "o@example.com", "archived": False}]
    stages = [{"id": "won", "label": "Won", "metadata": {"probability": "1.0"}}]
    rig.server.pipelines = {"deals": [{"id": "default", "label": "Sales", "stages": stages}]}
    assert read(rig, table="owners")[0]["email"] == "o@example.com"
    assert [row["object_type"] for row in read(rig, table="pipelines")] == ["deals"]
    stage = read(rig, table="pipeline_stages")[0]
    assert (stage["pipeline_id"], stage["metadata"]) == ("default", '{"probability":"1.0"}')
