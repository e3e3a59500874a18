"""Imported by the server that forks the commands: what `pwh sync` loads, loaded once."""

import pymysqlreplication

import pwh_assets.cli.entry
import pwh_assets.cli.runs
import pwh_assets.orchestration.run
import pwh_assets.services.changes.run
import pwh_assets.services.changes.stream
import pwh_assets.sources.mysql.reading
import pwh_assets.sources.mysql.streaming
import pwh_assets.sources.postgres.streaming
import tests.faults.command

__all__ = ["pwh_assets", "pymysqlreplication", "tests"]
