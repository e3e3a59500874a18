"""What computes the parts of a view: the connection that publishes them, or another engine with the same inputs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from pwh_assets.lake.attach import ALIAS, quote
from pwh_assets.lake.differences import current_snapshot
from pwh_assets.services.models import STAGE
from pwh_assets.services.views.text import storable

if TYPE_CHECKING:
    import duckdb

    from pwh_assets.hogql.plan import OutputColumn

Path = tuple[str, ...]


class CannotComputeError(Exception):
    """The executor cannot compute the parts, though it may the whole; the text says why, as a sentence."""


class Executor(Protocol):
    """Computes the keys that changes touch, and the rows with those keys. All of it sees one snapshot of the lake.

    What the connection (DuckDB, with the lake attached) has in temporary tables is handed over by `take`.
    """

    engine: str
    """In whose SQL queries are given."""

    def begin(self, connection: "duckdb.DuckDBPyConnection", inputs: Sequence[Path]) -> int:
        """Open a transaction on the connection; the snapshot it reads, which is the one the inputs are read in."""

    def stored(self, path: Path) -> str:
        """SQL for an input."""

    def temporary(self, name: str) -> str:
        """SQL for what was taken under this name."""

    def take(self, connection: "duckdb.DuckDBPyConnection", name: str) -> None:
        """Have a temporary table of the connection at hand as it is now."""

    def keys(self, connection: "duckdb.DuckDBPyConnection", sql: str) -> str:
        """DuckDB's query of the keys that `sql` lists, in its one column.

        Raises:
            CannotComputeError: it cannot list them.
        """

    def stage(
        self,
        connection: "duckdb.DuckDBPyConnection",
        sql: str,
        columns: "Sequence[OutputColumn]",
        *,
        is_whole: bool,
    ) -> None:
        """Put the rows of a query into `STAGE`.

        Raises:
            CannotComputeError: it cannot compute this part.
        """


class InLake:
    """DuckDB, on the connection itself."""

    engine = "duckdb"

    def begin(self, connection: "duckdb.DuckDBPyConnection", inputs: Sequence[Path]) -> int:
        connection.execute("BEGIN")
        return current_snapshot(connection)

    def stored(self, path: Path) -> str:
        return ".".join(map(quote, (ALIAS, *path)))

    def temporary(self, name: str) -> str:
        return f"temp.{quote(name)}"

    def take(self, connection: "duckdb.DuckDBPyConnection", name: str) -> None:
        """It is there."""

    def keys(self, connection: "duckdb.DuckDBPyConnection", sql: str) -> str:
        return sql

    def stage(
        self,
        connection: "duckdb.DuckDBPyConnection",
        sql: str,
        columns: "Sequence[OutputColumn]",
        *,
        is_whole: bool,
    ) -> None:
        connection.execute(f'CREATE OR REPLACE TEMP TABLE "{STAGE}" AS {storable(sql, columns)}')
