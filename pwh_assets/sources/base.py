"""The seam every source fills: form fields, discovery, a connection test and dlt resources."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pwh_assets.core.source import Column, DiscoveredTable, SyncMode

if TYPE_CHECKING:
    from dlt.extract import DltResource


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a source's form. A secret field is stored encrypted and never shown again."""

    name: str
    label: str
    kind: str = "text"
    """`text`, `password`, `number`, `boolean`, `select`, `json` or `file`."""
    required: bool = True
    secret: bool = False
    default: Any = None
    options: tuple[str, ...] = ()
    help: str = ""


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


@dataclass(frozen=True, slots=True)
class Reading:
    """Rows of one table as a dlt resource (Arrow tables or dicts), and what is known about them.

    `columns` are the lake types to write. Columns that the rows have and `columns` lack get the type dlt
    finds. `watermark` is called after the last row was read: the highest cursor value that is complete,
    as text; None keeps the old one.
    """

    resource: "DltResource"
    columns: tuple[Column, ...]
    watermark: Callable[[], str | None]


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


def secret_fields(source: SourceType) -> frozenset[str]:
    return frozenset(field.name for field in source.fields if field.secret)
