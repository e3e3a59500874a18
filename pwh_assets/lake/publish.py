"""Staged rows become a table's rows: columns evolve, rows are replaced, merged or added, in one transaction."""

import contextlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pwh_assets.core.source import Column, SyncMode
from pwh_assets.lake import adopt
from pwh_assets.lake.attach import ALIAS, Address, quote
from pwh_assets.lake.catalog import existing_tables
from pwh_assets.lake.connections import all_threads
from pwh_assets.lake.errors import PublishError
from pwh_assets.lake.evolve import Evolution, Made, evolve, plan_columns
from pwh_assets.lake.merge import changed_only, merge
from pwh_assets.lake.staged import Staged, lake_names, read_staged
from pwh_assets.lake.state import SyncState, read_state, write_state
from pwh_assets.lake.types import canonical

if TYPE_CHECKING:
    import duckdb

FEW_ROWS = 1_000
"""Up to this many staged rows are published by one thread."""


@dataclass(frozen=True, slots=True)
class Publish:
    """What to put where. `columns` have the source's names and the types to store; columns that only the
    files have keep the type they have there. `files` are in the order the rows were read.
    """

    schema: str
    table: str
    mode: SyncMode
    files: Sequence[Path]
    columns: Sequence[Column] = ()
    primary_key: Sequence[str] = ()
    state: SyncState | None = None
    """Written with the rows; its `row_count` is filled in here. A load id that is already the table's
    publishes nothing."""
    renames: Mapping[str, str | None] = field(default_factory=dict)
    """Names in the files that stand for another column of the source, or for none (None). Two that stand
    for the same column fill it together."""
    is_replacement: bool = False
    """Put the rows in the place of all there are, also in a mode that merges or appends."""
    rows_are_unique: bool = False
    """True when no two rows in the files have the same primary key; saves looking for them."""
    files_are_final: bool = False
    """True when nothing writes to the files any more, so that the lake may take them as its own; they may be
    removed at any time."""
    is_rebuild: bool = False
    """Make the table anew with the columns that come now; those it had before are gone, not NULL."""


Guard = Callable[["duckdb.DuckDBPyConnection", str, str], int]
"""Looks at the rows of a schema's table that this transaction added, and removes those that may not be there: how many.

New rows are the ones whose `snapshot_id` is NULL; nobody sees them before the transaction commits.
"""


@dataclass(frozen=True, slots=True)
class Published:
    """What a publish did. Counts are rows; names are the lake's."""

    row_count: int
    rows_written: int
    columns_added: tuple[str, ...] = ()
    columns_widened: tuple[str, ...] = ()
    columns_missing: tuple[str, ...] = ()
    snapshot_id: int = 0
    was_new: bool = False
    """True when the table was made."""
    columns: tuple[Column, ...] = ()
    """The table's columns afterwards."""
    names: Mapping[str, str] = field(default_factory=dict)
    """The lake's name of each of the source's columns."""


def publish(
    connection: "duckdb.DuckDBPyConnection",
    address: Address,
    what: Publish,
    guard: Guard | None = None,
) -> Published:
    """Publish over a read-write connection that holds the lake's lock. Everything or nothing happens.

    Raises:
        PublishError: values do not fit the declared types, or the primary key is not among the columns.
    """
    import duckdb

    exists = _exists(connection, address, what)
    before = read_state(connection, what.state.table_id) if what.state else None
    if exists and before and what.state and before.load_id == what.state.load_id:
        target = f"{ALIAS}.{quote(what.schema)}.{quote(what.table)}"
        columns = tuple(Column(*pair) for pair in _describe(connection, target).items())
        return Published(before.row_count, 0, snapshot_id=_snapshot(connection), columns=columns)
    staged = read_staged(connection, what.files, what.renames)
    if staged.row_count > FEW_ROWS or not address.is_local:
        all_threads(connection)
    connection.execute("BEGIN")
    try:
        done = _apply(connection, address, what, staged, exists, before, guard)
        connection.execute("COMMIT")
    except duckdb.ConversionException as error:
        connection.execute("ROLLBACK")
        text = str(error).replace("Conversion Error: ", "").split("\n", 1)[0].rstrip(". :")
        raise PublishError(
            f"Rows of `{what.schema}.{what.table}` do not fit its column types: {text}. "
            "Nothing was changed. Refresh the source's schema so that the column gets a wider type."
        ) from None
    except BaseException:
        _rollback(connection)
        raise
    return replace(done, snapshot_id=_snapshot(connection))


def nothing_to_publish(
    connection: "duckdb.DuckDBPyConnection", address: Address, what: Publish
) -> Published | None:
    """What `publish` would tell, when the table has all staged rows as they are and would be left as it is; else None.

    It only reads, for most syncs find nothing new: those need no lock and no connection that writes.
    """
    import duckdb

    state = what.state
    if state is None or what.is_replacement or what.is_rebuild or what.mode is SyncMode.FULL:
        return None
    before = read_state(connection, state.table_id)
    is_further = before is None or before.load_id == state.load_id
    if is_further or _moves(state, before) or not _exists(connection, address, what):
        return None
    staged = read_staged(connection, what.files, what.renames)
    if staged.row_count > (FEW_ROWS if what.mode.merges and what.rows_are_unique else 0):
        return None
    target = f"{ALIAS}.{quote(what.schema)}.{quote(what.table)}"
    current = _describe(connection, target)
    declared, names = _named(connection, what, staged, current)
    change = plan_columns(connection, target, False, current, declared, staged, names)
    if change.is_any:
        return None
    if staged.row_count:
        every, cursor = staged.select(names, change.types), names.get(state.cursor or "")
        key = _key(what, names)
        try:
            changed = changed_only(connection, target, every, change.types, key, cursor)
        except duckdb.ConversionException:
            return None
        if changed is not None:
            return None
    return Published(
        row_count=_count(connection, target),
        rows_written=0,
        snapshot_id=_snapshot(connection),
        columns_missing=change.missing,
        columns=tuple(Column(name, kind) for name, kind in change.types.items()),
        names=names,
    )


def publish_within(
    connection: "duckdb.DuckDBPyConnection",
    address: Address,
    what: Publish,
    guard: Guard | None = None,
) -> Published:
    """As `publish`, inside a transaction of the caller, who begins and ends it."""
    exists = _exists(connection, address, what)
    before = read_state(connection, what.state.table_id) if what.state else None
    staged = read_staged(connection, what.files, what.renames)
    return _apply(connection, address, what, staged, exists, before, guard)


def _exists(connection: "duckdb.DuckDBPyConnection", address: Address, what: Publish) -> bool:
    return (what.schema.lower(), what.table.lower()) in {
        (schema.lower(), table.lower()) for schema, table in existing_tables(connection, address)
    }


def _count(connection: "duckdb.DuckDBPyConnection", target: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {target}").fetchone()
    return int(row[0]) if row else 0


def _named(
    connection: "duckdb.DuckDBPyConnection",
    what: Publish,
    staged: Staged,
    current: Mapping[str, str],
) -> tuple[dict[str, str], dict[str, str]]:
    """Types as they are declared, and the lake's name of every column: both by the source's names."""
    declared = dict(
        zip(
            (column.name for column in what.columns),
            canonical(connection, [column.type for column in what.columns]),
            strict=True,
        )
    )
    found = [name for name in staged.columns if name not in declared]
    return declared, lake_names([*declared, *found], list(current))


def _rollback(connection: "duckdb.DuckDBPyConnection") -> None:
    import duckdb

    with contextlib.suppress(duckdb.Error):  # a failed COMMIT has ended the transaction already
        connection.execute("ROLLBACK")


def _snapshot(connection: "duckdb.DuckDBPyConnection") -> int:
    row = connection.execute(f"SELECT * FROM ducklake_current_snapshot('{ALIAS}')").fetchone()
    return int(row[0]) if row else 0


def _apply(
    connection: "duckdb.DuckDBPyConnection",
    address: Address,
    what: Publish,
    staged: Staged,
    exists: bool,
    before: SyncState | None,
    guard: Guard | None,
) -> Published:
    target = f"{ALIAS}.{quote(what.schema)}.{quote(what.table)}"
    current = _describe(connection, target) if exists else {}
    declared, names = _named(connection, what, staged, current)
    if not names and not current:
        raise PublishError(
            f"Nothing is known about the columns of `{what.schema}.{what.table}`, and it has no rows yet. "
            "It appears when its first row arrives."
        )
    is_replaced = what.is_replacement or what.mode is SyncMode.FULL
    if what.is_rebuild and exists and names:
        connection.execute(f"DROP TABLE {target}")
        exists, current = False, {}
        names = lake_names(names, [])
    change = plan_columns(connection, target, is_replaced, current, declared, staged, names)
    made = evolve(connection, what.schema, what.table, change, is_replaced=is_replaced)
    write = _writer(connection, address, what, staged, names, change, made)
    if staged.row_count == 0:
        written = 0
    elif what.mode.merges:
        written = merge(
            connection,
            target,
            staged,
            names,
            change.types,
            _key(what, names),
            write,
            is_empty=is_replaced or not exists,
            is_unique=what.rows_are_unique,
            cursor=names.get(what.state.cursor) if what.state and what.state.cursor else None,
        )
    else:
        written = write(None)
    if guard is not None and written:
        guard(connection, what.schema, what.table)
    row_count = _count(connection, target)
    if what.state is not None and _is_news(what.state, before, written, change):
        write_state(connection, replace(what.state, row_count=row_count))
    return Published(
        row_count=row_count,
        rows_written=written,
        columns_added=change.added if exists else (),
        columns_widened=change.widened,
        columns_missing=change.missing,
        was_new=not exists,
        columns=tuple(Column(name, kind) for name, kind in change.types.items()),
        names=names,
    )


def _writer(
    connection: "duckdb.DuckDBPyConnection",
    address: Address,
    what: Publish,
    staged: Staged,
    names: Mapping[str, str],
    change: Evolution,
    made: Made,
) -> Callable[[str | None], int]:
    """What adds rows to the table, which is empty of their keys: those of a query, or all staged ones (None).

    All of them are taken as the files they are, where the files are as the table's own would be.
    """
    target = f"{ALIAS}.{quote(what.schema)}.{quote(what.table)}"
    columns = ", ".join(map(quote, change.types))

    def write(rows: str | None) -> int:
        folder = None
        if rows is None and what.files_are_final and adopt.fits(staged, names, change.types):
            folder = adopt.folder_of(connection, address, what.schema, what.table, made)
        if folder is None:
            rows = rows or staged.select(names, change.types)
            found = connection.execute(f"INSERT INTO {target} ({columns}) {rows}").fetchone()
            return int(found[0]) if found else 0
        load_id = what.state.load_id if what.state else str(uuid.uuid4())
        adopt.adopt(connection, address, what.schema, what.table, folder, staged, load_id)
        return staged.row_count

    return write


def _is_news(state: SyncState, before: SyncState | None, written: int, change: Evolution) -> bool:
    """A sync that found nothing new writes nothing, so caches keyed by the snapshot stay good."""
    return _moves(state, before) or written > 0 or change.is_any


def _moves(state: SyncState, before: SyncState | None) -> bool:
    return before is None or (before.watermark, before.cursor) != (state.watermark, state.cursor)


def _describe(connection: "duckdb.DuckDBPyConnection", target: str) -> dict[str, str]:
    return {str(row[0]): str(row[1]) for row in connection.execute(f"DESCRIBE {target}").fetchall()}


def _key(what: Publish, names: dict[str, str]) -> list[str]:
    unknown = [name for name in what.primary_key if name not in names]
    if unknown or not what.primary_key:
        found = f"`{unknown[0]}` is not among its columns" if unknown else "it has none"
        raise PublishError(
            f"`{what.schema}.{what.table}` is merged on its primary key, but {found}. "
            "Choose the key's columns, or sync the table in mode `append` or `full`."
        )
    return [names[name] for name in what.primary_key]
