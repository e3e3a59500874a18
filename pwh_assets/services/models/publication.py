"""How a model's answer becomes a table: computed beside it, audited, then published in one transaction."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import duckdb

STAGE = "pwh_stage"
"""The temporary table of the connection that builds; what it holds is published."""


class Publication(Protocol):
    """The three steps of one build, in this order, all on one connection with the lake attached as `lake`.

    Whatever a step raises ends the build, and readers keep the old table.
    """

    def stage(self, connection: "duckdb.DuckDBPyConnection", sql: str) -> None:
        """Compute what is new into `STAGE`. `sql` is the whole model as DuckDB's SQL. No lock is held."""

    def audit(self, connection: "duckdb.DuckDBPyConnection") -> None:
        """Look at what was staged, and raise when it may not be seen. No lock is held."""

    def publish(self, connection: "duckdb.DuckDBPyConnection", table: str) -> None:
        """Bring `STAGE` into the lake's table (quoted, with its schema). The lake's lock is held and a transaction is
        open; it is committed when this returns.
        """


class Replacement:
    """The whole answer in the place of the whole table."""

    def stage(self, connection: "duckdb.DuckDBPyConnection", sql: str) -> None:
        connection.execute(f'CREATE OR REPLACE TEMP TABLE "{STAGE}" AS\n{sql}')

    def audit(self, connection: "duckdb.DuckDBPyConnection") -> None:
        """Nothing is asked of it."""

    def publish(self, connection: "duckdb.DuckDBPyConnection", table: str) -> None:
        connection.execute(f'CREATE OR REPLACE TABLE {table} AS FROM "{STAGE}"')
