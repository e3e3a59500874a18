"""ClickHouse: a server (`PWH_CLICKHOUSE_URL`) or the one inside chdb, over a mirror of the lake's tables.

The lake stays the storage of record. A table is copied when a query needs it and the lake's has changed since.
Compiled queries run on clients that are read-only for good, because `readonly` sticks to an in-process client.
"""

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pwh_assets.engines.base import (
    Answer,
    EngineColumn,
    EngineError,
    Limits,
    QueryTimeoutError,
    QueryTooLargeError,
)
from pwh_assets.engines.mirror import Mirror, database_of
from pwh_assets.engines.words import without_places
from pwh_assets.errors import BusyError, InvalidInputError
from pwh_assets.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

    from pwh_assets.lake import Lakes

READER_MOST = 8
BATCH_ROWS = 20_000

TIMEOUT = "(TIMEOUT_EXCEEDED)"
TOO_LARGE = (
    "(MEMORY_LIMIT_EXCEEDED)",
    "(TOO_MANY_ROWS_OR_BYTES)",
    "(TOO_MANY_ROWS)",
    "(TOO_MANY_BYTES)",
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

    def open(self, project_id: int, limits: Limits) -> "ClickHouseSession":
        with self._lock:
            mirror = self._mirrors.get(project_id)
            if mirror is None:
                mirror = Mirror(self.writer(), self.lakes.of(project_id), project_id)
                self._mirrors[project_id] = mirror
        return ClickHouseSession(self, mirror, project_id)

    def writer(self) -> Any:
        """The client that copies tables; no compiled query runs on it."""
        if self._writer is None:
            self._writer = self._client({})
        return self._writer

    def reader(
        self, project_id: int, settings: Mapping[str, Any], limits: Limits
    ) -> tuple[tuple[Any, ...], Any]:
        """A client of the project's database that can only read, with these settings for good."""
        key = (
            project_id,
            tuple(sorted(settings.items())),
            limits.timeout_s,
            limits.memory_mb,
            limits.threads,
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
            "readonly": 1,
        }
        if limits.threads:
            fixed["max_threads"] = limits.threads
        return key, self._client(fixed, database_of(project_id))

    def keep(self, key: tuple[Any, ...], client: Any) -> None:
        with self._lock:
            idle = self._readers.setdefault(key, [])
            if len(idle) < READER_MOST:
                idle.append(client)
                return
        client.close()

    def _client(self, fixed: dict[str, Any], database: str | None = None) -> Any:
        try:
            import clickhouse_connect
            from clickhouse_connect import common

            common.set_setting("autogenerate_session_id", False)
        except ImportError:
            raise ClickHouseMissingError from None
        url = self.settings.clickhouse_url
        try:
            if url:
                return clickhouse_connect.get_client(
                    dsn=url, settings=fixed, **({"database": database} if database else {})
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
            where = "The server of `PWH_CLICKHOUSE_URL`" if url else "The in-process ClickHouse"
            raise EngineError(
                f"{where} could not be opened: {without_places(_bare(text), str(self.settings.home))}"
            ) from None

    def close(self) -> None:
        with self._lock:
            for client in [
                *(c for clients in self._readers.values() for c in clients),
                self._writer,
            ]:
                if client is not None:
                    with contextlib.suppress(Exception):
                        client.close()
            self._readers.clear()
            self._mirrors.clear()
            self._writer = None


class ClickHouseSession:
    """A door to one project's mirrored tables."""

    def __init__(self, engine: ClickHouseEngine, mirror: Mirror, project_id: int) -> None:
        self._engine = engine
        self._mirror = mirror
        self._project_id = project_id
        self._held: tuple[tuple[Any, ...], Any] | None = None

    def prepare(self, tables: Sequence[tuple[str, ...]]) -> None:
        self._mirror.bring(tables)

    def run(self, sql: str, settings: dict[str, str | int | float], limits: Limits) -> Answer:
        self._release()
        self._held = self._engine.reader(self._project_id, settings, limits)
        return ClickHouseAnswer(self._held[1], sql, limits, str(self._engine.settings.home))

    def cancel(self) -> None:
        """The server stops a query at its time limit; an in-process one cannot be reached earlier."""

    def _release(self) -> None:
        if self._held is not None:
            self._engine.keep(*self._held)
            self._held = None

    def close(self) -> None:
        self._release()


class ClickHouseAnswer:
    """Rows block by block."""

    def __init__(self, client: Any, sql: str, limits: Limits, home: str) -> None:
        self._client = client
        self._sql = sql
        self._limits = limits
        self._home = home
        self._rows = 0
        self._started = time.monotonic()
        with self._in_words():
            self._stream = client.query_row_block_stream(sql)
            source = self._stream.source
        self.columns: Sequence[EngineColumn] = [
            EngineColumn(name, type_.name)
            for name, type_ in zip(source.column_names, source.column_types, strict=True)
        ]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        with self._in_words(), self._stream as blocks:
            for block in blocks:
                self._count(len(block))
                for row in block:
                    yield tuple(row)

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
            raise QueryTooLargeError(
                f"The answer has more than {most:,} rows, the most that are allowed here. Add a LIMIT, aggregate, or export it."
            )

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._stream.source.close()

    @contextlib.contextmanager
    def _in_words(self) -> Iterator[None]:
        from clickhouse_connect.driver.exceptions import ClickHouseError

        try:
            yield
        except ClickHouseError as error:
            text = str(error)
            if TIMEOUT in text:
                raise QueryTimeoutError(self._limits.timeout_s) from None
            if any(word in text for word in TOO_LARGE):
                raise QueryTooLargeError(
                    f"The query needs more than the {self._limits.memory_mb:,} MB it may use. "
                    "Read a shorter time range or fewer columns, or materialize the heavy part as a view."
                ) from None
            raise EngineError(
                f"ClickHouse refused the query: {without_places(_bare(text), self._home)}"
            ) from None


def _bare(text: str) -> str:
    """ClickHouse's sentence without codes, versions and the scope it prints the SQL in."""
    import re

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
