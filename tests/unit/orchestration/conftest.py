import uuid
from datetime import UTC, datetime

import pytest

from pwh_assets.core.frequency import Frequency
from pwh_assets.core.source import Column, Source, SyncedTable, SyncMode
from pwh_assets.core.view import SavedQuery
from pwh_assets.orchestration.inventory import make_inventory

COLUMNS = (Column("id", "BIGINT", nullable=False), Column("email", "VARCHAR", description="Where"))


@pytest.fixture
def make_table():
    def make(name, source=None, **changes):
        source = source or Source("source-1", 1, "stripe", description="Payments")
        facts = {
            "columns": COLUMNS,
            "primary_key": ("id",),
            "mode": SyncMode.INCREMENTAL,
            "cursor": "created",
            "frequency": Frequency("6hour"),
            "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        }
        return SyncedTable(f"{source.id}:{name}", source, name, **{**facts, **changes})

    return make


@pytest.fixture
def make_view():
    def make(name, inputs=(), **changes):
        facts = {"columns": (Column("n", "BIGINT"),), "inputs": tuple(inputs)}
        return SavedQuery(
            str(uuid.uuid4()), 1, name, f"SELECT 1 AS n -- {name}", **{**facts, **changes}
        )

    return make


@pytest.fixture
def inventory_of():
    def inventory(tables=(), views=(), project_id=1):
        return make_inventory(project_id, "v1", tables, views)

    return inventory
