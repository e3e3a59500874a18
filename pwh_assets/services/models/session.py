"""One model on its way into the lake: staged, audited and published on one connection, ended from outside."""

from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from pwh_assets.errors import PwhError
from pwh_assets.lake import Lake
from pwh_assets.services.models.publication import Publication, Replacement
from pwh_assets.services.scratch import scratch

if TYPE_CHECKING:
    import duckdb

CURRENT: list["Session"] = []
"""Those that run in this process; the last one is dbt's."""


class Session:
    """One run of dbt on one lake. The lake's lock is taken when a model is ready to be written.

    `interrupt` may be called from any thread.
    """

    is_dbts: ClassVar[bool] = True
    """True when dbt's plugin brings the connection."""

    def __init__(self, lake: Lake, publication: Publication | None = None) -> None:
        self.lake = lake
        self.publication = publication or Replacement()
        self.spill: Path | None = None
        self.setup: tuple[str, ...] = ()
        """Statements for the fresh connection, after the lake is attached."""
        self._held = ExitStack()
        self._is_held = False
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self.error: Exception | None = None
        """What a step of the publication raised; dbt would keep only its text."""

    def __enter__(self) -> Self:
        self.spill = self._held.enter_context(scratch(self.lake.settings, "dbt"))
        if self.is_dbts:
            CURRENT.append(self)
        return self

    def __exit__(self, *exception: object) -> None:
        if self.is_dbts:
            CURRENT.remove(self)
        self._held.close()

    def materialize(self, cursor: "duckdb.DuckDBPyConnection", sql: str, table: str) -> None:
        """Stage, audit and publish one model on this connection, which is closed."""
        self._cursor = cursor
        try:
            self.publication.stage(cursor, sql)
            self.publication.audit(cursor)
            self.take_lock()
            cursor.execute("BEGIN")
            self.publication.publish(cursor, table)
            self._cursor = None  # from here on nobody ends it: what is committed is built
            cursor.execute("COMMIT")
        except PwhError as error:
            self.error = error
            raise
        finally:
            self._cursor = None
            cursor.close()

    def interrupt(self) -> None:
        """End the statement that runs now, if one does."""
        cursor = self._cursor
        if cursor is not None:
            with suppress(Exception):  # closed this moment: there is nothing left to end
                cursor.interrupt()

    def take_lock(self) -> None:
        """Be the lake's only writer until the session ends. Raises LakeBusyError."""
        if not self._is_held:
            self._held.enter_context(self.lake.lock())
            self._is_held = True
