"""Imported by the server that forks the syncs of `crashes`: what a sync loads, loaded once."""

import alembic
import dlt
import dlt.destinations.impl.destination.factory
import dlt.load
import dlt.normalize
import dlt.pipeline.pipeline
import psycopg
import pyarrow.parquet
import sqlalchemy.dialects.sqlite

import pwh_assets.services.sync.table
import tests.e2e.crashes
from pwh_assets import duckdb_extensions

duckdb_extensions.connect("sqlite_scanner", "ducklake", "postgres_scanner").close()

__all__ = ["alembic", "dlt", "psycopg", "pwh_assets", "pyarrow", "sqlalchemy", "tests"]
