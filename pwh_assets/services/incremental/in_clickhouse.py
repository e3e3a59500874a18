"""Parts of a view computed in ClickHouse: by the very engine that computed its other rows, so keys mean one thing.

The lake says which rows changed. They go to the build's database, where the keys they touch are worked out, and the
rows with those keys; what comes back is published as ever.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pwh_assets.core.source import Column
from pwh_assets.engines.base import EngineError, EngineUnavailableError, QueryCancelledError
from pwh_assets.engines.clickhouse_site import TRIES, BuildSite
from pwh_assets.engines.clickhouse_tables import rows_for
from pwh_assets.engines.clickhouse_types import quoted
from pwh_assets.engines.mirror_names import table_of
from pwh_assets.lake.differences import current_snapshot
from pwh_assets.services.incremental.executors import CannotComputeError, Path
from pwh_assets.services.models import STAGE
from pwh_assets.services.models.arrival import arriving

if TYPE_CHECKING:
    import duckdb

    from pwh_assets.hogql.plan import OutputColumn
    from pwh_assets.lake import Lake

BATCH_ROWS = 100_000
KEY = "k"
_LISTED = "pwh_listed"


class InClickHouse:
    """ClickHouse, in the database of one build. The site is open while it is used."""

    engine = "clickhouse"

    def __init__(
        self, site: BuildSite, lake: "Lake", view_name: str, columns: Sequence[Column], key: str
    ) -> None:
        """`columns` are those of the view's table in the lake."""
        self._site, self._lake = site, lake
        self._name = table_of(("views", view_name))
        self._columns = columns
        (kind,) = (column.type for column in columns if column.name == key)
        self._key = Column(KEY, kind)
        self.made_whole = False
        """The site's table holds all rows of the view, so that it can be its copy."""

    def begin(self, connection: "duckdb.DuckDBPyConnection", inputs: Sequence[Path]) -> int:
        for _ in range(TRIES):
            brought = self._site.bring(self._there(inputs))
            connection.execute("BEGIN")
            snapshot = current_snapshot(connection)
            # Nothing changed between what was copied and now, and the transaction began in between.
            if self._site.stands_still(brought):
                return snapshot
            connection.execute("ROLLBACK")
        with self._site.standing(inputs):
            self._site.bring(self._there(inputs))
            connection.execute("BEGIN")
            return current_snapshot(connection)

    def _there(self, inputs: Sequence[Path]) -> list[Path]:
        known = self._lake.changed_snapshots()
        return [path for path in inputs if (path[0], path[-1]) in known]

    def stored(self, path: Path) -> str:
        return self._site.made(path)

    def temporary(self, name: str) -> str:
        return self._site.table(name)

    def take(self, connection: "duckdb.DuckDBPyConnection", name: str) -> None:
        table = f"temp.{quoted(name)}"
        columns = [
            Column(str(row[0]), str(row[1]))
            for row in connection.execute(f"DESCRIBE {table}").fetchall()
        ]
        reader = connection.execute(rows_for(columns, table)).to_arrow_reader(BATCH_ROWS)
        self._site.take(name, columns, reader)

    def keys(self, connection: "duckdb.DuckDBPyConnection", sql: str) -> str:
        with _in_parts():
            self._site.make(_LISTED, [self._key], sql)
        with (
            self._site.rows(_LISTED, [self._key]) as batches,
            arriving(batches, [self._key], connection) as listed,
        ):
            connection.execute(f"CREATE OR REPLACE TEMP TABLE {_LISTED} AS {listed}")
        return f"SELECT {quoted(KEY)} FROM temp.{_LISTED}"

    def stage(
        self,
        connection: "duckdb.DuckDBPyConnection",
        sql: str,
        columns: "Sequence[OutputColumn]",
        *,
        is_whole: bool,
    ) -> None:
        self.made_whole = False
        with contextlib.nullcontext() if is_whole else _in_parts():
            self._site.make(self._name, self._columns, sql)
        with (
            self._site.rows(self._name, self._columns) as batches,
            arriving(batches, self._columns, connection) as rows,
        ):
            connection.execute(f'CREATE OR REPLACE TEMP TABLE "{STAGE}" AS {rows}')
        self.made_whole = is_whole


@contextlib.contextmanager
def _in_parts() -> Iterator[None]:
    """What ClickHouse refuses of a part, it may do of the whole."""
    try:
        yield
    except (EngineUnavailableError, QueryCancelledError):
        raise
    except EngineError as error:
        raise CannotComputeError(error.sentence) from None
