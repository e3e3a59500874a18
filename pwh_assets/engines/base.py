"""The seam every query engine fills."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pwh_assets.core.in_place import PlacedTable
from pwh_assets.errors import PwhError

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may use. The engine is really stopped at these."""

    timeout_s: float = 60.0
    memory_mb: int = 2048
    threads: int | None = None
    max_rows: int | None = None
    """More rows than this end the query with an error rather than with a silently cut answer."""


@dataclass(frozen=True, slots=True)
class EngineColumn:
    name: str
    type: str
    """The engine's own spelling of the type."""


class Answer(Protocol):
    """Rows of a running query; closing it frees the engine."""

    columns: Sequence[EngineColumn]

    def batches(self) -> "Iterator[pa.RecordBatch]": ...
    def rows(self) -> Iterator[tuple[Any, ...]]: ...
    def close(self) -> None: ...


class Session(Protocol):
    """A read-only door to one project's tables."""

    def prepare(self, tables: Sequence[tuple[str, ...]]) -> None:
        """See to it that these stored tables can be read as they are now (paths inside the lake)."""

    def run(self, sql: str, settings: dict[str, str | int | float], limits: Limits) -> Answer: ...
    def cancel(self) -> None: ...
    def close(self) -> None: ...


class Engine(Protocol):
    """One kind of engine. `open` gives a session on one project's tables and nothing else."""

    name: str

    def open(self, project_id: int, limits: Limits, placed: Sequence[PlacedTable] = ()) -> Session:
        """`placed` are the tables outside the lake that the query reads."""
        ...


class QueryTimeoutError(PwhError):
    """The query ran longer than it may; the engine was interrupted."""

    code = "query_timeout"
    status = 408

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        super().__init__(
            f"The query ran longer than {timeout_s:g} s and was stopped. "
            "Read a shorter time range, fewer columns, or materialize the heavy part as a view."
        )


class QueryTooLargeError(PwhError):
    """The answer has more rows, or the query needs more memory, than allowed."""

    code = "query_too_large"
    status = 413


class EngineError(PwhError):
    """The engine refused or failed a compiled query; the message is the engine's, without paths or secrets."""

    code = "engine_error"
    status = 400
    exit_status = 2


class StatementRefusedError(EngineError):
    """The engine refused or failed a statement; `reason` is its first sentence, for whoever puts it in the user's words."""

    def __init__(self, title: str, reason: str) -> None:
        self.title, self.reason = title, reason
        super().__init__(f"{title} refused the query: {reason}")


class EngineUnsupportedError(EngineError):
    """The engine has not what the statement needs, whatever its tables hold; another one may have it."""

    code = "engine_unsupported"


class EngineUnavailableError(EngineError):
    """The engine's server cannot be reached, or went away in the middle of an answer."""

    code = "engine_unavailable"
    status = 503
    exit_status = 1
    retryable = True


class EngineLoginError(EngineUnavailableError):
    """The engine's server is there and does not let us in. Trying again does not help."""

    retryable = False


class QueryCancelledError(EngineError):
    """Somebody stopped the query."""

    code = "query_cancelled"
    status = 409

    def __init__(self) -> None:
        super().__init__("The query was cancelled.")
