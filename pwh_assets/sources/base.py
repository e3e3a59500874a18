"""The seam every source fills: form fields, discovery, a connection test and dlt resources."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from pwh_assets.core.in_place import PlacedTable
from pwh_assets.core.options import RowFilter
from pwh_assets.core.source import Column, DiscoveredTable, SyncMode
from pwh_assets.sources.chunks import ChunkedRows, Unfinished

if TYPE_CHECKING:
    import pyarrow as pa
    from dlt.extract import DltResource


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a source's form. A secret field is stored encrypted and never shown again."""

    name: str
    label: str
    kind: str = "text"
    """`text`, `password`, `number`, `boolean`, `select`, `json`, `file` or `group`."""
    required: bool = True
    secret: bool = False
    default: Any = None
    options: tuple[str, ...] = ()
    help: str = ""
    fields: "tuple[Field, ...]" = ()
    """Of a `group`: the fields inside. Its value is a mapping."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a vendor pushed to us about one row of one table, kept until the table's next sync has read it."""

    id: str
    """The vendor's own id of the event: the same one may come several times."""
    table: str
    key: str
    at: int
    """When it happened, in Unix seconds."""
    data: Mapping[str, Any]
    """The row as the event shows it; it may be older than what the lake has."""


class SqlMasks(Protocol):
    """Masked columns, where a source writes its rows itself."""

    def covers(self, column: str) -> bool:
        """Whether the column is masked and still written."""
        ...

    def sql(self, name: str, value: str) -> str:
        """The masked value of the column `name`; `value` is SQL of the clear one in its lake type."""
        ...

    def prepare(self, connection: Any) -> None:
        """Called once for a DuckDB connection, before the SQL runs there."""
        ...

    def columns(self, columns: Sequence[Column]) -> tuple[Column, ...]:
        """The columns as they are written."""
        ...

    def arrow(self, table: "pa.Table") -> "pa.Table":
        """The table as it may be written. May be called from several threads."""
        ...

    def staged(self, table: "pa.Table", clear: Mapping[str, tuple[str, str]]) -> "pa.Table":
        """The table with columns masked, as text: each with its name at the source and SQL of its clear value."""
        ...


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """What one sync asks of a source: one table, the way to sync it, and where the last sync ended."""

    table: str
    mode: SyncMode
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    cursor: str | None = None
    since: str | None = None
    """Watermark as text; rows at or past it are wanted (the boundary row is read again and merged).
    None means from the beginning. For append, rows strictly past it."""
    batch_rows: int = 100_000
    filters: tuple[RowFilter, ...] = ()
    """Rows that fulfil all of these are wanted. A source that leaves the others out itself says so with
    `Reading.is_filtered`; else they are taken out before anything is written."""
    selected: tuple[str, ...] | None = None
    """Names of the columns wanted (key and cursor are among them); None for all. Others are taken out before
    anything is written, so a source only gains by not reading them."""
    excluded: frozenset[str] = frozenset()
    """Columns that must not be read, also when `selected` is None."""
    lookback_s: int = 0
    """How far before `since` to begin, for cursors that are times; see `lower`."""
    may_chunk: bool = True
    """False when every row has to pass through the caller before it is written: no `Reading.chunks` then."""
    masks: "SqlMasks | None" = None
    """For sources with `masks_in_chunks`: chunks hold these columns masked. Rows that pass through the caller are
    masked there."""
    unfinished: Unfinished | None = None
    """A dead run's part of this very request, which a chunked reading may go on with."""
    may_be_partial: bool = False
    """True when the table has no rows yet, so that a reading may end before the oldest ones and its watermark say
    where the next goes on. A reading with `since` may always."""
    deliveries: tuple[Delivery, ...] = ()
    """For mode `webhook`: what was pushed since the last sync, in no order and with repetitions."""

    @property
    def lower(self) -> str | None:
        """Where the query begins: `since`, moved back by the lookback when it is a date or time.

        The watermark a reading returns is never lower than `since` itself.
        """
        if self.since is None or not self.lookback_s or self.mode is not SyncMode.INCREMENTAL:
            return self.since
        return moved_back(self.since, self.lookback_s)

    def wants(self, column: str) -> bool:
        """Whether this column is to be read."""
        return column not in self.excluded and (self.selected is None or column in self.selected)


@dataclass(frozen=True, slots=True)
class Reading:
    """Rows of one table, and what is known about them. They come in one of three ways; the others are None.

    `columns` are the lake types to write. Columns that the rows have and `columns` lack get the type
    found in the rows. `watermark` is called after the last row was read: the highest cursor value that is
    complete, as text; None keeps the old one.
    """

    resource: "DltResource | None"
    """Dicts (or Arrow tables) through dlt, which normalizes and retries: for HTTP APIs and loose rows."""
    columns: tuple[Column, ...]
    watermark: Callable[[], str | None]
    is_filtered: bool = False
    """True when rows that do not fulfil `ReadRequest.filters` were left out at the source."""
    rows_expected: int | None = None
    """How many rows will come, as far as the source knows without counting."""
    batches: "Iterable[pa.Table | pa.RecordBatch] | None" = None
    """Arrow, written to Parquet as it is: for sources whose columns have types."""
    chunks: "ChunkedRows | None" = None
    """Parquet files the source writes itself, in parallel and with checkpoints; see `sources/chunks.py`."""


_STIRRED = "(({0}) % 2147483647 * 1640531527 % 2147483647)"
_SQUARED = f"({_STIRRED} * {_STIRRED} % 2147483629)"
MIXED_KEY = f"({_SQUARED} + 1) * ({_SQUARED} % 65521 + 1)"
"""A 64-bit number stirred by arithmetic that stays within 64 bits and that servers and the lake do alike, for a third
of what an MD5 costs them. Squared and divided twice, so that sums over other keys differ also where those of the keys,
of their squares and cubes do not."""


@dataclass(frozen=True, slots=True)
class Tally:
    """A source's count of what one table should hold, all from one snapshot."""

    rows: int
    """Rows at or below the bound (all rows without one) that fulfil the filters."""
    checksum: int | None = None
    """Of their keys: the sum over all rows of the first 60 bits of the MD5 of the key's parts as texts, joined
    with U+001F; or of `MIXED_KEY`. None where the key's texts differ between systems."""
    moved_keys: tuple[tuple[str, ...], ...] | None = ()
    """Keys, as texts, of rows past the bound: those were changed or made after the sync. None when too many."""
    is_mixed: bool = False
    """True when the checksum is the sum of `MIXED_KEY` of a key of one whole number."""


class SourceType(Protocol):
    """What a file in `sources/` exports as `SOURCE`.

    Every method may raise `SourceAccessError` (wrong password, missing permission), `SourceUnavailableError`
    (worth another try) or `InvalidInputError` (a field is wrong). `config` holds all fields, secrets included.
    """

    name: str
    label: str
    fields: Sequence[Field]

    def validate(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The config with defaults filled and types right. Raises InvalidInputError naming the field."""
        ...

    def test_connection(self, config: Mapping[str, Any]) -> None: ...

    def tables(self, config: Mapping[str, Any]) -> list[DiscoveredTable]: ...

    def read(self, config: Mapping[str, Any], request: ReadRequest) -> Reading: ...

    def probe(
        self, config: Mapping[str, Any], requests: Sequence[ReadRequest]
    ) -> dict[str, str | None]:
        """Cheaply: a text per table that changes when the table may have changed (for the change sensor).
        Tables that cannot be probed are left out.
        """
        ...


class CanReceive(Protocol):
    """A source whose vendor pushes changes to us."""

    def receive(
        self, config: Mapping[str, Any], headers: Mapping[str, str], body: bytes
    ) -> list[Delivery]:
        """What one push tells. Raises DeliveryRefusedError when it is not the vendor's."""
        ...


class CanTearDown(Protocol):
    """A source that sets something up at its place (a replication slot, a webhook) and can take it away."""

    def teardown(self, config: Mapping[str, Any]) -> None:
        """Called before the source is removed. What it raises is told and does not stop the removal."""
        ...


class CanPlace(Protocol):
    """A source whose tables can be queried where they lie (mode `in_place`)."""

    def look(self, config: Mapping[str, Any], name: str) -> tuple[Column, ...]:
        """A table's columns with the types all its values have. Raises TableMissingError."""
        ...

    def place(
        self,
        config: Mapping[str, Any],
        name: str,
        columns: Sequence[Column],
        path: tuple[str, ...],
    ) -> PlacedTable:
        """How an engine reads the table as it is now. Raises TableMissingError."""
        ...


class CanCount(Protocol):
    """A source that knows how many rows a read would bring, without reading them."""

    def count_rows(self, config: Mapping[str, Any], request: ReadRequest) -> int | None: ...


class CanReconcile(Protocol):
    """A source that can count what a table should hold after a sync."""

    def reconcile(
        self, config: Mapping[str, Any], request: ReadRequest, bound: str | None
    ) -> Tally | None:
        """Rows, and where it is cheap a checksum of their keys, up to the bound. None when it cannot say."""
        ...


def moved_back(watermark: str, seconds: int) -> str:
    """A date or time moved back; any other watermark as it is.

    >>> moved_back("2024-03-01 12:00:00+00", 3600), moved_back("2024-03-01", 3600), moved_back("4711", 60)
    ('2024-03-01 11:00:00+00:00', '2024-02-29', '4711')
    """
    is_date = len(watermark) == 10
    if watermark.isdecimal():
        return watermark
    try:
        moment = datetime.fromisoformat(watermark)
        back = moment - timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        return watermark
    return str(back.date()) if is_date else str(back)


def secret_fields(source: SourceType) -> frozenset[str]:
    """Paths of the fields that hold a secret: `password`, `ssh_tunnel.auth.password`."""
    return frozenset(_secret_paths(source.fields, ""))


def _secret_paths(fields: Sequence[Field], path: str) -> Iterator[str]:
    for field in fields:
        if field.secret:
            yield f"{path}{field.name}"
        else:
            yield from _secret_paths(field.fields, f"{path}{field.name}.")
