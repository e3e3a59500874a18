"""The seam of change streams: what a source says about changed rows, in the order they were committed.

One stream serves every table of a source that is synced in mode `cdc`. The sync engine opens it at a position, has it
hand whole transactions to a `Collector` until that is full, commits what was collected to the lake together with the
position reached, and only then confirms that position. So a source may forget what was confirmed, and must be able to
say everything again that was not.

A new table is read whole while the stream stands at a position `P` (`ChangeSource.settle` first); everything after `P`
is then applied to it. That needs no common snapshot: the last change of a row wins, and a row without one is as it was
read. What was read twice is applied twice, which changes nothing.

Belongs here: that seam. Keep out: how rows are staged (`collecting`) and where they go.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from pwh_assets.core.source import Column
from pwh_assets.sources.base import Tally


class Unchanged:
    """The type of `UNCHANGED`."""

    def __repr__(self) -> str:
        return "UNCHANGED"

    def __len__(self) -> int:
        return 0


UNCHANGED: Final = Unchanged()
"""Stands for a value the source did not send because the update left it alone: the stored one is kept."""


@dataclass(frozen=True, slots=True)
class StagedColumn:
    """A column as the stream brings it."""

    name: str
    type: str
    """The lake's type: the one the source's own snapshot reading gives for the same column."""
    here: str = "{0}"
    """SQL in DuckDB that makes a value of that type of the staged one, `{0}`."""
    staged: str = "string"
    """What values are staged as: an Arrow alias (`string`, `binary`, `int64`, `double`, `bool`, `timestamp[us]` …) or
    `list<string>`. Texts may be given as UTF-8 bytes."""
    fits: str | None = None
    """A condition on the staged value, `{0}`. Where one value fails it, the column becomes VARCHAR, and the staged
    text is stored."""
    is_nullable: bool = True


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table's columns at one moment of the stream. A change of columns gives a new one."""

    table: str
    columns: tuple[StagedColumn, ...]
    key: tuple[str, ...]
    """Columns a row is told by; they are among `columns`."""


@dataclass(frozen=True, slots=True)
class StreamTable:
    """A table the stream is asked for."""

    name: str
    """Name at the source."""
    key: tuple[str, ...]
    columns: tuple[Column, ...] = ()
    """What is known of its columns: names at the source, types in the lake."""
    mark: str = ""
    """What `settle` said the table is, when it was last read whole; empty for one that is not in the stream yet."""
    only: frozenset[str] | None = None
    """Columns that are wanted, also of those to come; None for all."""
    left_out: frozenset[str] = frozenset()
    """Columns that are never wanted."""

    def wants(self, column: str) -> bool:
        """Whether anything is kept of this column."""
        return column not in self.left_out and (self.only is None or column in self.only)


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """Which stream: every call of a source's change capture gets the same one."""

    name: str
    """What slots, publications and the like are called when the user gave no names of their own: lower case letters,
    digits and `_`, at most 40 characters, different for every source."""
    tables: tuple[StreamTable, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that keeps a source or one of its tables from being streamed."""

    problem: str
    """A sentence with the subject in backticks."""
    statements: tuple[str, ...] = ()
    """What to run at the source, as somebody who may, in this order."""
    table: str | None = None
    """The table it is about; None for the source as a whole."""


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """How a stream stands at the source."""

    exists: bool
    confirmed: str | None = None
    """The position the source was last told we have everything up to: it may have forgotten what is before it."""
    newest: str | None = None
    """The newest position at the source."""
    lag_bytes: int | None = None
    """How much the source keeps for us, or how much we have not read."""
    is_lost: bool = False
    """The source has thrown away what we have not read."""
    is_active: bool = False
    """Somebody is reading it now."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What else is good to know, for people: names, `wal_status`, file names."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What `ChangeSource.prepare` found or made."""

    position: str
    """Where the stream is; that of a new one when there was none."""
    identity: str
    """Which server and stream positions belong to: another one has nothing to do with them."""
    added: frozenset[str] = frozenset()
    """Tables the stream brings only from now on, whatever the lake has of them: they are read whole."""


@dataclass(frozen=True, slots=True)
class Reached:
    """How far one `ChangeStream.read` came."""

    position: str
    """Everything committed up to here was handed over."""
    is_caught_up: bool
    """True when that is everything there was when the stream was opened."""


class TableChanges(Protocol):
    """Takes one table's changes, in commit order. A row has a value per column of the shape it was made with."""

    def insert(self, row: Sequence[Any]) -> None: ...

    def update(self, row: Sequence[Any], old_key: tuple[Any, ...] | None = None) -> None:
        """`old_key` where the key changed: the row's key before. Values may be UNCHANGED, but not the key's."""
        ...

    def delete(self, key: tuple[Any, ...]) -> None:
        """`key` in the order of the shape's."""
        ...

    def truncate(self) -> None: ...


class Collector(Protocol):
    """Takes what the stream says. Made anew by the engine for every `ChangeStream.read`."""

    @property
    def is_full(self) -> bool:
        """Ask after each transaction; when True, return from `read`."""
        ...

    def shape(self, shape: TableShape) -> TableChanges:
        """Where changes of this table go from now on. Before its first change, and whenever its columns changed."""
        ...

    def begin(self, position: str, committed_at: datetime | None) -> None:
        """The transaction whose changes follow. `position` is where it was committed."""
        ...

    def stale(self, table: str, reason: str) -> None:
        """The table can no longer be kept right by the stream (a rewrite the stream does not show, a row that does
        not say which one it is): it is read whole again. `reason` is a sentence.
        """
        ...


class ChangeStream(Protocol):
    """A source's open stream. Errors are the source's."""

    def read(self, collector: Collector) -> Reached:
        """Hand over whole transactions in commit order, from where the last `read` ended, until the collector is
        full or everything there was at opening is handed over. Transactions that touch no table of the spec move
        the position all the same. Memory is bounded, however large a transaction is.
        """
        ...

    def confirm(self, position: str) -> None:
        """The lake has everything up to here: the source may forget it."""
        ...


class Counting(Protocol):
    """Tables counted in one state of the source, which is the same for as long as this is open."""

    def count(
        self, table: StreamTable, keys: Sequence[tuple[Any, ...]] | None = None
    ) -> Tally | None:
        """Rows and checksum of the table, or of its rows with these keys, given as the stream gives them; None when that takes
        the server too long.
        """
        ...


class CanCount(Protocol):
    """A change capture whose tables can be compared with the lake."""

    def counting(self, config: Mapping[str, Any]) -> AbstractContextManager[Counting]:
        """A state of the source that a stream opened from now on reaches."""
        ...


class ChangeSource(Protocol):
    """A source's change capture: what `SourceType.changes` holds where a source has it.

    Positions are texts that order as the changes did (compare them as texts: fixed width, zeros in front). `config`
    is the source's, secrets included. Every method may raise the errors `SourceType` names.
    """

    def check(self, config: Mapping[str, Any], spec: StreamSpec) -> list[Finding]:
        """Everything that is missing, without changing anything. Empty when the stream can run."""
        ...

    def status(self, config: Mapping[str, Any], spec: StreamSpec) -> StreamStatus: ...

    def prepare(self, config: Mapping[str, Any], spec: StreamSpec) -> Prepared:
        """Make what the stream needs at the source and is not there yet, also for tables that are new in the spec.

        Raises:
            StreamNotReadyError: with the findings, where only a person can help.
        """
        ...

    def settle(
        self, config: Mapping[str, Any], spec: StreamSpec, tables: Sequence[str]
    ) -> dict[str, str]:
        """Return when a reading of these tables that begins now shows every transaction whose position the stream
        may already have passed: called with the stream standing still, before tables are read whole.

        The answer is a mark per table: what it is at the source (a number of its own, the partitions it has …), for
        `drift` to tell later that it was dropped and made anew, or that rows came or went with a partition. Empty
        where there is nothing to tell.

        Raises SourceUnavailableError when that would take too long.
        """
        ...

    def open(
        self, config: Mapping[str, Any], spec: StreamSpec, since: str
    ) -> AbstractContextManager[ChangeStream]:
        """The stream from right after `since`.

        Raises:
            StreamLostError: what came after `since` is not there any more.
            StreamBusyError: somebody else is reading it.
        """
        ...

    def left_out(self, config: Mapping[str, Any], spec: StreamSpec, table: str) -> frozenset[str]:
        """Columns of the table the stream will never bring, so that a reading of the whole table leaves them out too."""
        ...

    def drift(self, config: Mapping[str, Any], spec: StreamSpec) -> dict[str, str]:
        """Tables whose columns at the source now differ from those of the spec in a way the stream did not show or
        cannot show, each with the reason as a sentence. They are read whole again.
        """
        ...

    def drop(self, config: Mapping[str, Any], spec: StreamSpec) -> None:
        """Remove what `prepare` made, so that the source keeps nothing for us. Nothing happens where nothing is."""
        ...


class CanStream(Protocol):
    """A source that tells what changed: its `SOURCE` has this beside what `SourceType` asks for."""

    changes: ChangeSource
