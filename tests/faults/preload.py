"""Imported by the server that forks the commands: what `pwh sync` loads, loaded once."""

import dagster._core.storage.event_log.sqlite
import dagster._core.storage.runs.sqlite
import dagster._core.storage.schedules.sqlite
import dagster._daemon.controller
import dagster_dlt
import pymysqlreplication
import sqlalchemy.dialects.mysql

import pwh_assets.cli.auditing
import pwh_assets.cli.entry
import pwh_assets.cli.runs
import pwh_assets.cli.sync
import pwh_assets.orchestration.run
import pwh_assets.services.changes.run
import pwh_assets.services.changes.stream
import pwh_assets.sources.mysql.ranges
import pwh_assets.sources.mysql.reading
import pwh_assets.sources.mysql.streaming
import pwh_assets.sources.postgres.chunks
import pwh_assets.sources.postgres.counting
import pwh_assets.sources.postgres.streaming
import tests.faults.command

__all__ = ["dagster", "dagster_dlt", "pwh_assets", "pymysqlreplication", "sqlalchemy", "tests"]
