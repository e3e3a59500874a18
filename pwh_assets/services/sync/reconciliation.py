"""Reconciliation: after a sync, does the lake hold as many rows, and the same keys, as the source up to the bound?"""

import logging
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pwh_assets.core.job import Reconciliation, ReconciliationStatus
from pwh_assets.core.names import slug
from pwh_assets.core.source import SyncedTable, SyncMode
from pwh_assets.errors import PwhError
from pwh_assets.lake.attach import ALIAS, literal, quote
from pwh_assets.lake.staged import lake_names
from pwh_assets.services.sync.masking import Masker
from pwh_assets.sources.base import MIXED_KEY, ReadRequest, SourceType, Tally

if TYPE_CHECKING:
    import duckdb

    from pwh_assets.lake import Lake

log = logging.getLogger(__name__)

_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?|-?Infinity|NaN")
_DIGITS = 18
"""Behind the point, where two numbers kept as text are the same float."""
_BC = re.compile(r"^(\S+)(.*) BC$")

SMALL_ROWS = 1_000_000
"""Up to this many rows every sync is reconciled; larger tables once a day, and after every full one."""
EVERY = timedelta(hours=24)
SETTLE_S = 1.5
"""After how long a source's counters of changes are sure to have moved."""


def is_due(
    rows: int, is_full: bool, last: Reconciliation | None, now: datetime | None = None
) -> bool:
    """Whether this sync is worth counting the source for."""
    if rows <= SMALL_ROWS or is_full or last is None or last.at is None:
        return True
    return (now or datetime.now(UTC)) - last.at >= EVERY


def reconcile(
    lake: "Lake",
    table: SyncedTable,
    source_type: SourceType,
    config: Mapping[str, Any],
    request: ReadRequest,
    bound: str | None,
    masker: Masker | None,
    mark: Callable[[], str | None],
) -> Reconciliation | None:
    """Compare both sides; None where the source cannot count. Never raises what a source may raise.

    `mark` gives a text that changes when the source's table may have changed, and is first asked before reading:
    a whole table is only said to differ when it stood still.
    """
    count = getattr(source_type, "reconcile", None)
    cursor_mask = table.options.mask(table.cursor or "")
    if count is None or (bound is not None and cursor_mask is not None):
        return None
    try:
        tally: Tally | None = count(config, request, bound)
    except PwhError as error:
        log.warning("%s: the source could not be counted: %s", table.table_name, error.sentence)
        return unknown("The source could not be counted.", bound)
    if tally is None or tally.moved_keys is None:
        return unknown("Too much has changed at the source since the sync.", bound)
    with lake.read(is_short=tally.rows <= SMALL_ROWS) as connection:
        rows, checksum = in_lake(connection, table, bound, tally, masker)
    source_checksum = None if checksum is None else str(tally.checksum)
    status, cause = ReconciliationStatus.MATCHED, ""
    if rows != tally.rows or (checksum is not None and checksum != tally.checksum):
        status, cause = _judged(table, tally.rows, rows, bound, mark)
    return Reconciliation(
        status,
        tally.rows,
        rows,
        source_checksum,
        None if checksum is None else str(checksum),
        bound,
        cause,
        datetime.now(UTC),
    )


def way_out(table_name: str, found: Reconciliation, detects_deletes: bool) -> str:
    """What to do about a difference."""
    resync = f"read the table anew: `pwh source resync {table_name}`"
    more_here = (found.target_rows or 0) > (found.source_rows or 0)
    if more_here and found.bound is not None and not detects_deletes:
        return (
            f"Let deletes be looked for: `pwh source set {table_name} --deletes on`; or {resync}."
        )
    return f"{resync[0].upper()}{resync[1:]}."


def _judged(
    table: SyncedTable, source: int, target: int, bound: str | None, mark: Callable[[], str | None]
) -> tuple[ReconciliationStatus, str]:
    mismatched = ReconciliationStatus.MISMATCHED
    if table.mode is SyncMode.APPEND and target > source:
        return ReconciliationStatus.UNKNOWN, "Appended tables keep every version of a row."
    if bound is None:
        before = mark()
        time.sleep(SETTLE_S)
        if before is None or mark() != before:
            return ReconciliationStatus.UNKNOWN, "The source changed while it was counted."
    why = "" if bound is None else f"; a sync by `{table.cursor}` does not see deletes"
    return mismatched, difference(source, target, why)


def difference(source: int, target: int, why_more: str = "") -> str:
    """A sentence about numbers of rows, or about keys where those are equal.

    >>> difference(3, 2)
    '1 rows of the source are not in the lake.'
    """
    count = abs(source - target)
    if target < source:
        return f"{count:,} rows of the source are not in the lake."
    if target > source:
        return f"{count:,} rows in the lake are gone at the source{why_more}."
    return "Both have as many rows, but not of the same keys."


def in_lake(
    connection: "duckdb.DuckDBPyConnection",
    table: SyncedTable,
    bound: str | None,
    tally: Tally,
    masker: Masker | None,
) -> tuple[int, int | None]:
    """Rows up to the bound without those the tally says moved, and the checksum of their keys. With a masker the moved
    keys are clear; else they are as stored.
    """
    target = f"{ALIAS}.{quote(table.source.slug)}.{quote(slug(table.name))}"
    types = _types_of(connection, target)
    names = lake_names((column.name for column in table.columns), list(types))
    columns = [quote(names.get(name, name)) for name in table.primary_key]
    key = ", ".join(f"CAST({column} AS VARCHAR)" for column in columns)
    text = f"concat_ws(chr(31), {key})"
    conditions = []
    if bound is not None and table.cursor:
        cursor = names.get(table.cursor, table.cursor)
        conditions.append(up_to(quote(cursor), types.get(cursor, "VARCHAR"), bound))
    values: list[Any] = []
    if tally.moved_keys and table.primary_key:
        conditions.append(f"{text} NOT IN (SELECT unnest($1::VARCHAR[]))")
        values = [["\x1f".join(_as_stored(table, one, masker)) for one in tally.moved_keys]]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    is_masked = any(table.options.mask(name) for name in table.primary_key)
    has_checksum = tally.checksum is not None and table.primary_key and not is_masked
    if tally.is_mixed:
        value = MIXED_KEY.format(f"TRY_CAST({columns[0]} AS BIGINT)")
    else:
        value = f"CAST('0x' || substr(md5({text}), 1, 15) AS UBIGINT)"
    checksum = f"coalesce(sum({value}), 0)::HUGEINT" if has_checksum else "NULL"
    row = connection.execute(f"SELECT count(*), {checksum} FROM {target}{where}", values).fetchone()
    assert row is not None
    return int(row[0]), None if row[1] is None else int(row[1])


def up_to(cursor: str, kind: str, bound: str) -> str:
    """SQL for the rows up to a bound as the source spells it. `kind` is the cursor's type in the lake.

    >>> up_to("c", "DATE", "0044-03-15 BC")
    "(c <= CAST('0044-03-15 (BC)' AS DATE) OR c IS NULL)"
    """
    if kind == "VARCHAR" and _NUMBER.fullmatch(bound):
        # Numbers with more digits than their type had. Floats that differ are in the numbers' order.
        value, limit = f"TRY_CAST({cursor} AS DOUBLE)", f"CAST({literal(bound)} AS DOUBLE)"
        digits = f"TRY_CAST({{}} AS DECIMAL(38,{_DIGITS}))"
        is_tie = f"{digits.format(cursor)} <= {digits.format(literal(bound))}"
        return f"({value} < {limit} OR ({value} = {limit} AND coalesce({is_tie}, true)) OR {cursor} IS NULL)"
    spelled = _BC.sub(r"\1 (BC)\2", bound)
    return f"({cursor} <= CAST({literal(spelled)} AS {kind}) OR {cursor} IS NULL)"


def _as_stored(table: SyncedTable, key: tuple[str, ...], masker: Masker | None) -> tuple[str, ...]:
    if masker is None:
        return key
    row = masker.row(dict(zip(table.primary_key, key, strict=True)))
    return tuple(str(row[name]) for name in table.primary_key)


def _types_of(connection: "duckdb.DuckDBPyConnection", target: str) -> dict[str, str]:
    rows = connection.execute(f"DESCRIBE {target}").fetchall()
    return {str(row[0]): str(row[1]) for row in rows}


def unknown(cause: str, bound: str | None) -> Reconciliation:
    return Reconciliation(
        ReconciliationStatus.UNKNOWN, bound=bound, cause=cause, at=datetime.now(UTC)
    )
