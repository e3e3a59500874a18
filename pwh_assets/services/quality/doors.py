"""The two doors: published rows through any engine, and a view's new rows on the connection that made them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pwh_assets import hogql
from pwh_assets.engines.base import EngineError, Limits, QueryCancelledError, QueryTimeoutError
from pwh_assets.errors import InvalidInputError, quoted
from pwh_assets.lake.attach import ALIAS, quote
from pwh_assets.services.hogql.in_place import placed
from pwh_assets.services.hogql.query import plain_rows, run_query
from pwh_assets.services.quality.hiding import Hidden, masked_columns, shown
from pwh_assets.services.scrub import scrub

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from pwh_assets.core.view import SavedQuery
    from pwh_assets.hogql.catalog import Catalog
    from pwh_assets.hogql.plan import Plan
    from pwh_assets.services.platform import Platform

LIMITS = Limits(timeout_s=300.0)
"""Of one question. More memory than that spills."""
AUDITED = "pwh_audited"
"""The temporary view a build's new rows are asked under."""


@dataclass
class LiveDoor:
    """What anybody who asks now sees."""

    platform: "Platform"
    project_id: int
    catalog: "Catalog"
    now: datetime
    engine: str = ""
    hidden: Hidden | None = None

    def __post_init__(self) -> None:
        self.engine = self.engine or self.platform.settings.warehouse
        if self.engine not in self.platform.engines:
            known = quoted(sorted(self.platform.engines))
            raise InvalidInputError(
                "engine", f"There is no engine `{self.engine}`; there are {known}."
            )

    def plan(self, text: str) -> "Plan":
        return hogql.compile(text, self.catalog, self.engine, now=_naive(self.now))

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        return run_query(
            self.platform,
            self.project_id,
            text,
            engine=self.engine,
            limits=LIMITS,
            export=True,
            now=_naive(self.now),
        ).rows

    def examples(self, text: str, most: int) -> list[dict[str, Any]]:
        answer = run_query(
            self.platform,
            self.project_id,
            text,
            engine=self.engine,
            limits=LIMITS,
            limit=most,
            now=_naive(self.now),
        )
        if self.hidden is None:
            self.hidden = masked_columns(self.platform, self.project_id)
        return shown(answer.plan.columns, answer.rows[:most], self.hidden)

    def arrow(self, text: str) -> "pa.Table":
        """Always from the lake, where types are what they are."""
        import pyarrow as pa

        plan = hogql.compile(text, self.catalog, "duckdb", now=_naive(self.now))
        outside = placed(self.platform, self.project_id, plan.physical)
        session = self.platform.engines["duckdb"].open(self.project_id, LIMITS, outside)
        try:
            answer = session.run(plan.sql, dict(plan.settings), LIMITS)
            try:
                batches = list(answer.batches())
                kinds = {column.name: column.type for column in answer.columns}
            finally:
                answer.close()
        finally:
            session.close()
        return pa.Table.from_batches(batches) if batches else _empty(kinds)


class StagedDoor:
    """A view's new rows, which nobody else sees yet, beside everything that is published."""

    def __init__(
        self,
        platform: "Platform",
        view: "SavedQuery",
        catalog: "Catalog",
        connection: "duckdb.DuckDBPyConnection",
        preview: str,
        now: datetime,
    ) -> None:
        from pwh_assets.hogql.catalog import ColumnDef, TableDef
        from pwh_assets.hogql.stored import type_of

        self._platform, self._view, self._connection = platform, view, connection
        self._now, self._hidden = now, masked_columns(platform, view.project_id)
        with self._in_words():
            connection.execute(f"CREATE OR REPLACE TEMP VIEW {AUDITED} AS {preview}")
            described = connection.execute(f"DESCRIBE {AUDITED}").fetchall()
        columns = tuple(
            ColumnDef(str(row[0]), type_of(str(row[1])), stored=str(row[1]).upper())
            for row in described
        )
        self.table = TableDef(
            view.name, columns, physical=("views", view.name), kind="materialized"
        )
        others = (each for each in catalog.tables if each.name.lower() != view.name.lower())
        self.catalog = replace(catalog, tables=(self.table, *others), version="")

    def close(self) -> None:
        with self._in_words():
            self._connection.execute(f"DROP VIEW IF EXISTS {AUDITED}")

    def plan(self, text: str) -> "Plan":
        return self._plan(text, None)

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        plan = self.plan(text)
        with self._in_words():
            found = self._connection.execute(plan.sql).fetchall()
        return plain_rows(found, tuple(column.type for column in plan.columns))

    def examples(self, text: str, most: int) -> list[dict[str, Any]]:
        plan = self._plan(text, most)
        with self._in_words():
            found = self._connection.execute(plan.sql).fetchmany(most)
        rows = plain_rows(found, tuple(column.type for column in plan.columns))
        return shown(plan.columns, rows, self._hidden)

    def arrow(self, text: str) -> "pa.Table":
        with self._in_words():
            return self._connection.execute(self.plan(text).sql).to_arrow_table()

    def _plan(self, text: str, limit: int | None) -> "Plan":
        return hogql.compile(
            text,
            self.catalog,
            "duckdb",
            now=_naive(self._now),
            limit=limit,
            relation=self._relation,
        )

    def _relation(self, path: tuple[str, ...]) -> str:
        if path == self.table.physical:
            return AUDITED
        return ".".join(quote(part) for part in (ALIAS, *path))

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """A statement that takes too long is ended; one that somebody else ended says so.

        Raises:
            QueryTimeoutError, QueryCancelledError, EngineError.
        """
        import duckdb

        late = threading.Event()

        def stop() -> None:
            late.set()
            self._connection.interrupt()

        timer = threading.Timer(LIMITS.timeout_s, stop)
        timer.daemon = True
        timer.start()
        try:
            yield
        except duckdb.InterruptException:
            if late.is_set():
                raise QueryTimeoutError(LIMITS.timeout_s) from None
            raise QueryCancelledError from None
        except duckdb.Error as error:
            lines = scrub(str(error)).strip().splitlines() or ["no reason"]
            raise EngineError(f"DuckDB refused the query: {lines[0]}") from None
        finally:
            timer.cancel()


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _empty(kinds: dict[str, str]) -> "pa.Table":
    import duckdb
    import pyarrow as pa

    from pwh_assets.services.sync.contracts import arrow_types

    with duckdb.connect() as connection:
        types = arrow_types(connection, kinds)
    return pa.schema(list(types.items())).empty_table()
