"""Syncing by `xmin`: the transaction that wrote a row, which every table has and nobody has to maintain.

A watermark is a transaction number of 64 bits: everything written by transactions before it was read. Rows carry the
lower 32 bits alone, also rows that were frozen long ago, so they are compared as distances on the circle of 2^32. A row
can then be taken for a newer one and be read again, which merging makes harmless, but never for an older one.

Belongs here: the bound and the condition. Keep out: reading.
"""

from typing import TYPE_CHECKING, Any

from pwh_assets.sources.errors import CursorTypeError

if TYPE_CHECKING:
    import psycopg

    from pwh_assets.sources.postgres.catalog import PgTable

CIRCLE = 1 << 32
"""How many transactions until a row's number comes again."""


def bound(connection: "psycopg.Connection[Any]", table: "PgTable") -> str:
    """The oldest transaction that may still write: all before it have ended, so what they wrote shows in a snapshot
    taken from now on. A prepared transaction and one that waits for a standby have not ended.

    Raises:
        CursorTypeError: a view, or another relation whose rows name no transaction.
    """
    if table.kind not in "rp":
        wanted = "a column it has, or a table in place of a view"
        raise CursorTypeError(table.name, "xmin", "not there for this kind of relation", wanted)
    row = connection.execute("SELECT txid_snapshot_xmin(txid_current_snapshot())::text").fetchone()
    assert row is not None
    return str(row[0])


def condition(since: str | None, until: str | None) -> str:
    """SQL for the rows written by transactions from `since` on and before `until`; empty for all rows.

    All rows are wanted the first time, when a whole circle went by, and when the numbers went back: that is another
    server.

    >>> condition("4294967290", "4294967306")
    '(xmin::text::bigint - 4294967290 + 4294967296) % 4294967296 < 16'
    >>> condition("8589934600", "8589934605")
    '(xmin::text::bigint - 8 + 4294967296) % 4294967296 < 5'
    >>> condition(None, "7"), condition("7", "5"), condition("0", "4294967296")
    ('', '', '')
    """
    if since is None or until is None:
        return ""
    first, last = int(since), int(until)
    if last < first or last - first >= CIRCLE:
        return ""
    return f"(xmin::text::bigint - {first % CIRCLE} + {CIRCLE}) % {CIRCLE} < {last - first}"


def past(until: str) -> str:
    """SQL for the rows written by transactions from `until` on, as far as a statement's own snapshot sees them."""
    number = int(until)
    return (
        f"(xmin::text::bigint - {number % CIRCLE} + {CIRCLE}) % {CIRCLE} < "
        f"txid_snapshot_xmax(txid_current_snapshot()) - {number}"
    )
