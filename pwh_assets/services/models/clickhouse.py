"""A model that ClickHouse computes: dbt-clickhouse makes its table, whose rows then go into the lake as any model's do.

The lake stays the storage of record. Once it has the rows, the very table that was computed becomes the copy that
queries on ClickHouse read.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from pwh_assets.engines.base import (
    EngineError,
    EngineLoginError,
    EngineUnavailableError,
    EngineUnsupportedError,
    QueryCancelledError,
)
from pwh_assets.engines.clickhouse import said
from pwh_assets.engines.clickhouse_site import BuildSite
from pwh_assets.engines.clickhouse_types import quoted
from pwh_assets.engines.mirror_names import table_of
from pwh_assets.errors import InvalidInputError, PwhError
from pwh_assets.hogql.functions.macros import DUCKDB_MACROS
from pwh_assets.services.models.arrival import arriving
from pwh_assets.services.models.project import Generated, ModelText
from pwh_assets.services.models.publication import Publication
from pwh_assets.services.models.runner import (
    DBT,
    ModelError,
    check_run,
    manifest_of,
    quietly,
    run_model,
)
from pwh_assets.services.models.session import Session

if TYPE_CHECKING:
    import duckdb

    from pwh_assets.lake import Lake

log = logging.getLogger(__name__)

MEMORY = "768MiB"
"""Of the connection that publishes; what needs more spills to the home's `tmp`."""


class DbtClickHouseMissingError(InvalidInputError):
    """dbt cannot speak to ClickHouse here."""

    code = "dbt_clickhouse_missing"

    def __init__(self) -> None:
        super().__init__(
            "PWH_WAREHOUSE",
            "Views are built in ClickHouse by dbt-clickhouse, which is not installed here. Install the extra with "
            "`pip install 'pwh-assets[clickhouse]'`, or set `PWH_WAREHOUSE=duckdb`.",
        )


def is_installed() -> bool:
    """True when dbt can speak to ClickHouse here."""
    from importlib.util import find_spec

    return find_spec("dbt.adapters.clickhouse") is not None


class WarehouseAwayError(EngineUnavailableError):
    """ClickHouse was not there, went away, or let nobody in, while a view was built in it. Another attempt may succeed."""

    def __init__(
        self, view: str, reason: str = "The server of `PWH_CLICKHOUSE_URL` does not answer."
    ) -> None:
        self.view, self.reason = view, reason
        super().__init__(
            f"View `{view}` was not built in ClickHouse. {reason} The view keeps its last rows. See to the server "
            f"(`pwh doctor` asks it), then `pwh view run {view}`."
        )

    @classmethod
    def of(cls, view: str, error: EngineUnavailableError) -> "WarehouseAwayError":
        """In words for the view."""
        if isinstance(error, EngineLoginError):
            return cls(view, error.sentence)
        return cls(view)


def run(
    lake: "Lake",
    project: Generated,
    site: BuildSite,
    view_name: str,
    text: ModelText,
    publication: Publication,
    on_session: Callable[[Any], object] = lambda session: None,
) -> None:
    """Build one model: computed in ClickHouse, then staged, audited and published in the lake.

    Args:
        on_session: given something whose `interrupt` ends a running statement from outside.

    Raises:
        ModelError: ClickHouse could not compute it; in its words.
        EngineUnsupportedError: it has not what the view needs.
        WarehouseAwayError: the server does not answer.
        PwhError: what a step of the publication raised.
        LakeBusyError: others were writing the lake all the time.
    """
    path = ("views", view_name)
    with _in_words(view_name), _Arrival(lake, publication, site, path) as session, site:
        on_session(session)
        site.bring(sorted(set(text.tokens.values())))
        _compute(project, site, view_name)
        with (
            _connection(lake, session) as connection,
            site.rows(table_of(path), text.columns) as batches,
            arriving(batches, text.columns, connection) as sql,
        ):
            session.materialize(connection, sql, f'lake."views".{quoted(view_name)}')
        session.adopt()


def run_parts(
    lake: "Lake",
    site: BuildSite,
    view_name: str,
    publication: Publication,
    is_copy: Callable[[], bool],
    on_session: Callable[[Any], object] = lambda session: None,
) -> None:
    """Build a view whose publication computes what it stages in ClickHouse itself.

    Args:
        is_copy: asked once it is published: whether the site's table holds all of the view's rows.

    Raises:
        As `run`.
    """
    path = ("views", view_name)
    with _in_words(view_name), _Arrival(lake, publication, site, path) as session, site:
        on_session(session)
        with _connection(lake, session) as connection:
            session.materialize(connection, "", f'lake."views".{quoted(view_name)}')
        if is_copy():
            session.adopt()


@contextmanager
def _in_words(view_name: str) -> Iterator[None]:
    """ClickHouse's errors as the view's."""
    try:
        yield
    except QueryCancelledError:
        raise ModelError(view_name, "Its statement was ended on the server.") from None
    except EngineUnavailableError as error:
        raise WarehouseAwayError.of(view_name, error) from None
    except EngineUnsupportedError:
        raise
    except EngineError as error:
        way = f"DuckDB may be able to: `pwh view run {view_name} --engine duckdb`."
        raise ModelError(view_name, f"{error.sentence} {way}") from None


class _Arrival(Session):
    """Holds the view's copy before the lake, so that nobody copies what is about to be adopted."""

    is_dbts: ClassVar[bool] = False

    def __init__(
        self, lake: "Lake", publication: Publication, site: BuildSite, path: tuple[str, str]
    ) -> None:
        super().__init__(lake, publication)
        self._site, self._path = site, path

    def take_lock(self) -> None:
        self._held.enter_context(self._site.turn(self._path))
        super().take_lock()

    def adopt(self) -> None:
        """After the lake has the rows. Whatever fails here, the next query copies the table as any other."""
        try:
            self._site.adopt(self._path)
        except Exception as error:
            log.warning("what was built in ClickHouse is copied anew: %s", type(error).__name__)

    def interrupt(self) -> None:
        self._site.interrupt()
        super().interrupt()


def _compute(project: Generated, site: BuildSite, view_name: str) -> None:
    """The model's table in the build's database, made by dbt."""
    with DBT, quietly(), _handed(site) as failures:
        result = run_model(project, view_name, manifest_of(project, view_name, site.database))
    if failures:
        raise failures[0] from None
    check_run(view_name, result)


@contextmanager
def _handed(site: BuildSite) -> Iterator[list[PwhError]]:
    """The adapter of dbt gets our client for its own: in-process or over HTTP, without an address in any file.

    What the client raised is listed, because dbt keeps only texts.
    """
    from dbt.adapters.clickhouse import connections
    from dbt.adapters.clickhouse.httpclient import ChHttpClient

    failures: list[PwhError] = []

    class Client(ChHttpClient):  # type: ignore[misc]
        def _create_client(self, credentials: Any) -> Any:
            try:
                return _Told(site.client(), failures)
            except PwhError as error:
                failures.append(error)
                raise

        def _ensure_database(self, database_engine: Any, cluster_name: Any) -> None:
            """The build has made it."""

        def _check_lightweight_deletes(self, requested: bool) -> tuple[bool, bool]:
            return False, False

    before = connections.get_db_client
    connections.get_db_client = Client
    try:
        yield failures
    finally:
        connections.get_db_client = before


class _Told:
    """A client that notes why it failed."""

    def __init__(self, client: Any, failures: list[PwhError]) -> None:
        self._client, self._failures = client, failures

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def command(self, *arguments: Any, **options: Any) -> Any:
        return self._noted(self._client.command, *arguments, **options)

    def query(self, *arguments: Any, **options: Any) -> Any:
        return self._noted(self._client.query, *arguments, **options)

    def _noted(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        try:
            return call(*arguments, **options)
        except Exception as error:
            self._failures.append(said(str(error)))
            raise


@contextmanager
def _connection(lake: "Lake", session: Session) -> "Iterator[duckdb.DuckDBPyConnection]":
    """The lake to be written, not locked yet."""
    from pwh_assets.lake.connections import connect, in_words

    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY,
        "temp_directory": str(session.spill),
    }
    with in_words(lake.address), closing(connect(lake.address, False, config)) as connection:
        for statement in DUCKDB_MACROS:
            connection.execute(statement)
        yield connection
