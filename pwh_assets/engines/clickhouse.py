"""ClickHouse: a server (`PWH_CLICKHOUSE_URL`) or the one inside chdb, over a mirror of the lake's tables.

The lake stays the storage of record. A table is copied when a query needs it and the lake's has changed since.
Compiled queries run on clients that are read-only for good, because `readonly` sticks to an in-process client.
"""

import contextlib
import logging
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pwh_assets.core.in_place import PlacedTable
from pwh_assets.engines.base import (
    Answer,
    EngineColumn,
    EngineError,
    EngineLoginError,
    EngineUnavailableError,
    EngineUnsupportedError,
    Limits,
    QueryCancelledError,
    QueryTimeoutError,
    QueryTooLargeError,
    StatementRefusedError,
)
from pwh_assets.engines.mirror import Mirror
from pwh_assets.engines.words import without_places
from pwh_assets.errors import BusyError, InvalidInputError, PwhError
from pwh_assets.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

    from pwh_assets.lake import Lakes

READER_MOST = 8
BATCH_ROWS = 20_000

CONNECT_S = 10
GRACE_S = 15.0
"""A server that says nothing for so long past the query's time limit has gone."""

NETWORK = ("urllib3", "http", "zstandard", "lz4")
"""Libraries whose errors mean that a connection broke."""

TIMEOUT = "(TIMEOUT_EXCEEDED)"
CANCELLED = "(QUERY_WAS_CANCELLED)"
TOO_MANY_ROWS = ("(TOO_MANY_ROWS_OR_BYTES)", "(TOO_MANY_ROWS)", "(TOO_MANY_BYTES)")
TOO_LARGE = "(MEMORY_LIMIT_EXCEEDED)"
DENIED = ("(AUTHENTICATION_FAILED)", "(REQUIRED_PASSWORD)", "(WRONG_PASSWORD)")
UNSUPPORTED = re.compile(r"\bcode: (?:1|48|344|403)\b", re.IGNORECASE)
"""UNSUPPORTED_METHOD, NOT_IMPLEMENTED, SUPPORT_IS_DISABLED, INVALID_JOIN_ON_EXPRESSION."""
GONE = re.compile(
    r"connection (?:refused|reset|aborted|broken)|max retries|timed out|remote end closed|incompleteread"
    r"|broken pipe|name or service not known|temporary failure|no route to host|network is unreachable"
    r"|streaming.*error|unexpected end|could not connect|connection error|stream failed|closed by server|error during.*(?:read|stream)",
    re.IGNORECASE,
)


class ClickHouseHeldError(BusyError):
    """The in-process ClickHouse of this home is open in another process."""

    code = "clickhouse_held"

    def __init__(self, path: str) -> None:
        super().__init__(
            "Another process has this home's in-process ClickHouse open, and only one may. "
            "Try again when it is done, or set `PWH_CLICKHOUSE_URL` to a server that many can use."
        )
        self.path = path


class ClickHouseMissingError(InvalidInputError):
    code = "clickhouse_missing"

    def __init__(self) -> None:
        super().__init__(
            "engine",
            "ClickHouse is not installed here. Install the extra with `pip install 'pwh-assets[clickhouse]'`, "
            "set `PWH_CLICKHOUSE_URL`, or use the engine `duckdb`.",
        )


class ClickHouseEngine:
    """One writer for the mirror, and read-only clients for queries."""

    name = "clickhouse"

    def __init__(self, settings: Settings, lakes: "Lakes") -> None:
        self.settings = settings
        self.lakes = lakes
        self._lock = threading.RLock()
        self._writer: Any = None
        self._mirrors: dict[int, Mirror] = {}
        self._readers: dict[tuple[Any, ...], list[Any]] = {}
        self._killer: Any = None

    def drop_stale(self, project_id: int) -> list[str]:
        """Drop copies of tables that have changed, so that no row is left that a table does not have. Their names.

        Raises:
            ClickHouseHeldError: another process has the in-process ClickHouse open.
        """
        is_used = self.settings.clickhouse_url or (self.settings.home / "clickhouse").is_dir()
        return self.mirror(project_id).drop_stale() if is_used else []

    def mirror(self, project_id: int) -> Mirror:
        """The copies of the project's tables.

        Raises:
            EngineUnavailableError: the server does not answer.
            ClickHouseHeldError: another process has the home's in-process ClickHouse open.
        """
        with self._lock:
            mirror = self._mirrors.get(project_id)
            if mirror is None:
                with in_words(str(self.settings.home)):
                    mirror = Mirror(
                        self.writer(),
                        self.lakes.of(project_id),
                        project_id,
                        is_shared=bool(self.settings.clickhouse_url),
                    )
                self._mirrors[project_id] = mirror
            return mirror

    def client(self, database: str, settings: Mapping[str, Any]) -> Any:
        """A client that may write, of this database. The caller closes it."""
        return self._client(dict(settings), database)

    def open(
        self, project_id: int, limits: Limits, placed: Sequence[PlacedTable] = ()
    ) -> "ClickHouseSession":
        if placed:
            raise EngineError(
                f"`{placed[0].path[-1]}` is read where it lies, which only DuckDB does. Ask with `--engine duckdb`, or "
                "sync the table."
            )
        return ClickHouseSession(self, self.mirror(project_id))

    def writer(self) -> Any:
        """The client that copies tables; no compiled query runs on it."""
        if self._writer is None:
            self._writer = self._client({})
        return self._writer

    def kill(self, mark: str) -> None:
        """Stop the running statement that begins with this mark; nothing when it has ended."""
        self._kill(f"startsWith(query, '/* {mark} */')")

    def kill_in(self, database: str) -> None:
        """Stop the statements of clients of this database."""
        self._kill(f"current_database = '{database}'")

    def _kill(self, which: str) -> None:
        with self._lock, contextlib.suppress(Exception):
            if self._killer is None:
                self._killer = self._client({})
            self._killer.command(f"KILL QUERY WHERE {which} ASYNC")

    def reader(
        self, database: str, settings: Mapping[str, Any], limits: Limits
    ) -> tuple[tuple[Any, ...], Any]:
        """A client of a project's database that can only read, with these settings for good."""
        key = (
            database,
            tuple(sorted(settings.items())),
            limits.timeout_s,
            limits.memory_mb,
            limits.threads,
            limits.max_rows,
        )
        with self._lock:
            idle = self._readers.setdefault(key, [])
            if idle:
                return key, idle.pop()
        fixed: dict[str, Any] = {
            **settings,
            "max_execution_time": limits.timeout_s,
            "timeout_overflow_mode": "throw",
            "max_memory_usage": limits.memory_mb * 1024 * 1024,
            "max_result_bytes": 0,
        }
        if limits.threads:
            fixed["max_threads"] = limits.threads
        if limits.max_rows is not None:
            fixed["max_result_rows"] = limits.max_rows
            fixed["result_overflow_mode"] = "throw"
        fixed["readonly"] = 1  # last: nothing can be set after it
        return key, self._client(fixed, database, limits.timeout_s + GRACE_S)

    def keep(self, key: tuple[Any, ...], client: Any) -> None:
        with self._lock:
            idle = self._readers.setdefault(key, [])
            if len(idle) < READER_MOST:
                idle.append(client)
                return
        client.close()

    def _client(
        self, fixed: dict[str, Any], database: str | None = None, patience_s: float = 300.0
    ) -> Any:
        try:
            import clickhouse_connect
            from clickhouse_connect import common

            common.set_setting("autogenerate_session_id", False)
            _be_quiet()
        except ImportError:
            raise ClickHouseMissingError from None
        url = self.settings.clickhouse_url
        try:
            if url:
                return clickhouse_connect.get_client(
                    dsn=url,
                    settings=fixed,
                    connect_timeout=CONNECT_S,
                    send_receive_timeout=int(patience_s),
                    query_retries=0,
                    **({"database": database} if database else {}),
                )
            path = self.settings.home / "clickhouse"
            path.mkdir(parents=True, exist_ok=True)
            return clickhouse_connect.get_client(
                interface="chdb",
                path=str(path),
                settings=fixed,
                **({"database": database} if database else {}),
            )
        except ImportError:
            raise ClickHouseMissingError from None
        except Exception as error:
            text = str(error)
            if not url and (
                "Error initializing" in text or "EmbeddedServer" in text or "Cannot lock" in text
            ):
                raise ClickHouseHeldError(str(self.settings.home / "clickhouse")) from None
            if url and any(word in text for word in DENIED):
                raise EngineLoginError(
                    "The server of `PWH_CLICKHOUSE_URL` refused its user name or password."
                ) from None
            if url and GONE.search(text):
                raise EngineUnavailableError(
                    "The server of `PWH_CLICKHOUSE_URL` cannot be reached. See whether it runs, then try again."
                ) from None
            where = "The server of `PWH_CLICKHOUSE_URL`" if url else "The in-process ClickHouse"
            raise EngineError(
                f"{where} could not be opened: {without_places(_bare(text), str(self.settings.home))}"
            ) from None

    def close(self) -> None:
        with self._lock:
            for client in [
                *(c for clients in self._readers.values() for c in clients),
                self._writer,
                self._killer,
            ]:
                if client is not None:
                    with contextlib.suppress(Exception):
                        client.close()
            self._readers.clear()
            self._mirrors.clear()
            self._writer = self._killer = None


class ClickHouseSession:
    """A door to one project's mirrored tables."""

    def __init__(self, engine: ClickHouseEngine, mirror: Mirror) -> None:
        self._engine = engine
        self._mirror = mirror
        self._held: tuple[tuple[Any, ...], Any] | None = None
        self._answer: ClickHouseAnswer | None = None

    def prepare(self, tables: Sequence[tuple[str, ...]]) -> None:
        with in_words(str(self._engine.settings.home)):
            self._mirror.bring(tables)

    def run(self, sql: str, settings: dict[str, str | int | float], limits: Limits) -> Answer:
        self._release()
        self._held = self._engine.reader(self._mirror.database, settings, limits)
        self._answer = ClickHouseAnswer(self._engine, self._held[1], sql, limits)
        self._answer.start()
        return self._answer

    def cancel(self) -> None:
        """Stop the running query, from whichever thread; the reader gets a `QueryCancelledError`."""
        if self._answer is not None:
            self._answer.cancel()

    def _release(self) -> None:
        if self._held is None:
            return
        if self._answer is not None and self._answer.is_broken:
            with contextlib.suppress(Exception):
                self._held[1].close()
        else:
            self._engine.keep(*self._held)
        self._held = self._answer = None

    def close(self) -> None:
        if self._answer is not None:
            self._answer.close()
        self._release()


class ClickHouseAnswer:
    """Rows block by block. Time counts until `close`, so that slow reading is stopped too."""

    def __init__(self, engine: ClickHouseEngine, client: Any, sql: str, limits: Limits) -> None:
        self._engine = engine
        self._client = client
        self._limits = limits
        self._mark = f"pwh {uuid4().hex}"
        self._sql = f"/* {self._mark} */ {sql}"
        self._rows = 0
        self._stream: Any = None
        self._is_late = False
        self._is_cancelled = False
        self._is_done = False
        self.is_broken = False
        """True when the client may be in the middle of something and is not to be used again."""
        self.columns: Sequence[EngineColumn] = ()
        self._timer = threading.Timer(limits.timeout_s, self._stop)
        self._timer.daemon = True

    def start(self) -> None:
        """Send the query and read what its columns are."""
        self._timer.start()
        with self._in_words():
            self._stream = self._client.query_row_block_stream(self._sql)
            source = self._stream.source
        self.columns = [
            EngineColumn(name, type_.name)
            for name, type_ in zip(source.column_names, source.column_types, strict=True)
        ]

    def _stop(self) -> None:
        self._is_late = True
        self._engine.kill(self._mark)

    def cancel(self) -> None:
        self._is_cancelled = True
        self._engine.kill(self._mark)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        with self._in_words(), self._stream as blocks:
            for block in blocks:
                if self._is_late or self._is_cancelled:
                    raise self._stopped()
                self._count(len(block))
                for row in block:
                    yield tuple(row)
        self._is_done = True

    def batches(self) -> "Iterator[pa.RecordBatch]":
        import pyarrow as pa

        names = [column.name for column in self.columns]
        waiting: list[tuple[Any, ...]] = []
        for row in self.rows():
            waiting.append(row)
            if len(waiting) >= BATCH_ROWS:
                yield _batch(pa, waiting, names)
                waiting = []
        if waiting:
            yield _batch(pa, waiting, names)

    def _count(self, rows: int) -> None:
        self._rows += rows
        most = self._limits.max_rows
        if most is not None and self._rows > most:
            raise self._too_many()

    def _too_many(self) -> QueryTooLargeError:
        return QueryTooLargeError(
            f"The answer has more than {self._limits.max_rows or 0:,} rows, the most that are allowed here. "
            "Add a LIMIT, aggregate, or export it."
        )

    def _stopped(self) -> EngineError | QueryTimeoutError:
        return QueryTimeoutError(self._limits.timeout_s) if self._is_late else QueryCancelledError()

    def close(self) -> None:
        """Let go of the query; one that is not read to its end is stopped."""
        self._timer.cancel()
        if self._stream is None:
            return
        if not self._is_done:
            self.is_broken = True
            self._engine.kill(self._mark)
        with contextlib.suppress(Exception):
            self._stream.source.close()
        self._stream = None

    @contextlib.contextmanager
    def _in_words(self) -> Iterator[None]:
        from clickhouse_connect.driver.exceptions import ClickHouseError

        try:
            yield
        except PwhError:
            raise
        except (ClickHouseError, OSError) as error:
            self._timer.cancel()
            raise self._said(str(error)) from None
        except Exception as error:
            # The HTTP library's own errors, when a connection breaks in the middle of an answer.
            if type(error).__module__.split(".")[0] not in NETWORK:
                raise
            self._timer.cancel()
            self.is_broken = True
            raise _gone() from None

    def _said(self, text: str) -> PwhError:
        """ClickHouse's error as ours."""
        if TIMEOUT in text:
            return QueryTimeoutError(self._limits.timeout_s)
        if self._is_late or self._is_cancelled or CANCELLED in text:
            self.is_broken = True
            return self._stopped()
        if TOO_LARGE in text:
            return QueryTooLargeError(
                f"The query needs more than the {self._limits.memory_mb:,} MB it may use. "
                "Read a shorter time range or fewer columns, or materialize the heavy part as a view."
            )
        if any(word in text for word in TOO_MANY_ROWS):
            return self._too_many()
        if "Code: " not in text and GONE.search(text):
            self.is_broken = True
            return _gone()
        return StatementRefusedError(
            "ClickHouse", without_places(_bare(text), str(self._engine.settings.home))
        )


@contextlib.contextmanager
def in_words(home: str) -> Iterator[None]:
    """Turn the client's errors into ours, without folders of the home."""
    from clickhouse_connect.driver.exceptions import ClickHouseError

    try:
        yield
    except PwhError:
        raise
    except Exception as error:
        library = type(error).__module__.split(".")[0]
        if isinstance(error, ClickHouseError) or library in NETWORK or GONE.search(str(error)):
            raise said(str(error), home) from None
        raise


def said(text: str, home: str = "") -> EngineError:
    """ClickHouse's or the network's error as ours."""
    if CANCELLED in text:
        return QueryCancelledError()
    if "Code: " not in text:
        return _gone()
    kind = EngineUnsupportedError if UNSUPPORTED.search(text) else EngineError
    return kind(f"ClickHouse refused this: {without_places(_bare(text), home)}")


def _be_quiet() -> None:
    """What the driver logs of a failure is raised as well; where nobody set up logging, it is not printed too."""
    logger = logging.getLogger("clickhouse_connect")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


def _gone() -> EngineUnavailableError:
    return EngineUnavailableError(
        "The connection to the server of `PWH_CLICKHOUSE_URL` broke. Ask again."
    )


def _bare(text: str) -> str:
    """ClickHouse's sentence without codes, versions and the scope it prints the SQL in."""
    text = re.sub(r"Code: \d+\. ", "", text).replace("DB::Exception: ", "")
    text = re.sub(r"\(version [^)]*\)\.?", "", text)
    text = re.split(
        r"\. In scope |: In scope |: While processing|while processing query|: while executing",
        text,
    )[0]
    return re.sub(r"\s*\([A-Z_]+\)\s*", " ", text).strip()


def _batch(pa: Any, rows: list[tuple[Any, ...]], names: list[str]) -> Any:
    arrays = [pa.array([row[i] for row in rows]) for i in range(len(names))]
    return pa.RecordBatch.from_arrays(arrays, names=names)


ENGINE = ClickHouseEngine
