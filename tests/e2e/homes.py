"""A home with a store, a lake and every engine, and a few tables to ask about."""

import uuid
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq

from pwh_assets.core.source import Column, SyncMode, TableStatus
from pwh_assets.lake import Publish
from pwh_assets.platform import open_platform
from pwh_assets.services.hogql.query import run_query
from pwh_assets.settings import Settings
from pwh_assets.store import NewTable

USERS = (
    Column("id", "BIGINT"),
    Column("email", "VARCHAR", description="Where to write"),
    Column("plan", "VARCHAR"),
)
ORDERS = (
    Column("id", "BIGINT"),
    Column("user_id", "BIGINT"),
    Column("amount", "DOUBLE"),
    Column("version", "BIGINT"),
)


class Warehouse:
    """Source `app_` with `users` and `orders`; `write` puts rows in and says they were synced."""

    def __init__(self, home, **environment):
        self.settings = Settings.from_env({"PWH_HOME": str(home), **environment})
        self.platform = open_platform(self.settings)
        self.store, self.lake = self.platform.store, self.platform.lakes.of(1)
        tables = [NewTable("users", USERS, ("id",)), NewTable("orders", ORDERS, ("id",))]
        self.source = self.store.add_source(1, "postgres", "app_", "The app", {}, {}, tables)

    def close(self):
        self.platform.lakes.close()
        self.store.close()

    def table(self, name):
        return self.store.find_table(1, name)

    def write(self, name, rows):
        table = self.table(f"app_{name}")
        file = self.settings.home / "tmp" / f"{uuid.uuid4()}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), file)
        columns, key = table.columns, table.primary_key
        what = Publish(table.source.slug, name, SyncMode.FULL, (file,), columns, key, None)
        published = self.lake.publish(what)
        file.unlink()
        self.store.update_table(
            table.id,
            status=TableStatus.COMPLETED,
            last_synced_at=datetime.now(UTC),
            row_count=published.row_count,
        )

    def ask(self, sql, **options):
        return [tuple(row) for row in run_query(self.platform, 1, sql, **options).rows]


def people(count=10):
    return [
        {"id": i, "email": f"p{i}@example.com", "plan": "free" if i % 2 else "paid"}
        for i in range(count)
    ]


def orders(count=1000, version=1):
    return [
        {"id": i, "user_id": i % 10, "amount": float(i), "version": version} for i in range(count)
    ]
