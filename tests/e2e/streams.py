"""A Postgres whose changes are streamed into a home, and the comparison of both, value by value."""

import tempfile
from pathlib import Path

import psycopg

from pwh_assets.core.options import TableOptions
from pwh_assets.core.source import SyncMode
from pwh_assets.errors import PwhError
from pwh_assets.services.changes.stream import sync_changes
from pwh_assets.services.changes.tables import spec_of
from pwh_assets.sources.base import ReadRequest
from pwh_assets.store import NewTable
from tests.e2e.notebooks import open_home
from tests.servers.source_rigs import tables_of

SETTINGS = {"synchronous_commit": "on"}
"""A commit is in the stream the moment it returns; without, a few hundred milliseconds later."""


class Streamed:
    """A home with one Postgres source, all of whose tables are synced by its stream of changes."""

    def __init__(self, server, home, tables, schema="public", **config):
        self.server, self.schema = server, schema
        self.platform = open_home(home, ["postgres"])
        self.type = self.platform.sources["postgres"]
        self.config = self.type.validate(
            {**server.config, "schema": schema, "sslmode": "disable", **config}
        )
        known = {table.name: table for table in self.type.tables(self.config)}
        new = [
            NewTable(
                name=name,
                columns=known[name].columns,
                primary_key=known[name].primary_key,
                mode=SyncMode.CDC,
            )
            for name in tables
        ]
        secrets = {"password": self.config["password"]}
        public = {n: v for n, v in self.config.items() if n != "password"}
        self.source = self.platform.store.add_source(1, "postgres", "", "", public, secrets, new)
        self.lake = self.platform.lakes.of(1)

    @property
    def tables(self):
        return {table.name: table for table in self.platform.store.tables(1, self.source.id)}

    @property
    def slot(self):
        return spec_of(self.source.id).name

    def add(self, name):
        (table,) = [each for each in self.type.tables(self.config) if each.name == name]
        new = NewTable(
            name=name, columns=table.columns, primary_key=table.primary_key, mode=SyncMode.CDC
        )
        return self.platform.store.add_tables(self.source.id, [new])[0]

    def options(self, name, **options):
        self.platform.store.update_table(self.tables[name].id, options=TableOptions(**options))

    def sync(self, *names, full=False):
        """Results by table name. The first error is raised."""
        tables = self.tables
        asked = [tables[name] for name in names or tables]
        done = sync_changes(self.platform, self.source.id, asked, full=full)
        for found in done.values():
            if isinstance(found, PwhError):
                raise found
        return {table.name: done[table.id] for table in asked}

    def execute(self, *statements):
        with psycopg.connect(self.server.dsn, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def rows(self, sql):
        with self.lake.read() as connection:
            return connection.execute(sql).fetchall()

    def differences(self, *names):
        """Rows the source and the lake do not share, with multiplicity, as (side, row)."""
        found = []
        for name in names or self.tables:
            reading = self.type.read(
                self.config,
                ReadRequest(name, SyncMode.FULL, self.tables[name].columns, (), may_chunk=False),
            )
            columns = ", ".join(f'"{column.name}"' for column in reading.columns)
            stored = f'lake.postgres."{name.lower()}"'
            batches = [table for table in tables_of(reading) if table.num_rows]
            with self.lake.read() as here, tempfile.TemporaryDirectory() as folder:
                import pyarrow as pa
                import pyarrow.parquet as pq

                file = Path(folder) / "source.parquet"
                types = {column.name: column.type for column in reading.columns}
                casts = ", ".join(f'CAST("{n}" AS {t}) AS "{n}"' for n, t in types.items())
                if batches:
                    pq.write_table(pa.concat_tables(batches), file)
                    theirs = f"SELECT {casts} FROM read_parquet('{file}')"
                else:
                    nothing = ", ".join(f'CAST(NULL AS {t}) AS "{n}"' for n, t in types.items())
                    theirs = f"SELECT {nothing} WHERE false"
                ours = f"SELECT {columns} FROM {stored}"
                for side, one, other in (("source", theirs, ours), ("lake", ours, theirs)):
                    query = f"SELECT * FROM ({one}) EXCEPT ALL SELECT * FROM ({other})"
                    found += [(name, side, row) for row in here.execute(query).fetchall()]
        return found

    def close(self):
        self.platform.store.close()
        self.platform.lakes.close()
