"""Up to where a cursor is complete: the value below which no transaction can still commit a row.

A sync by a cursor loses rows when it remembers a value and a row with a lower one becomes visible later. That
happens when a transaction took its time stamp or its number, another one overtook it and was read, and then
the first commits. So before reading, the transactions in flight are looked at, and the watermark stays below
everything they can still bring.

Belongs here: the bound, per kind of cursor. What is read with it is decided in `reading`.
"""

import logging
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from psycopg import sql

if TYPE_CHECKING:
    import psycopg

MARGIN = timedelta(milliseconds=250)
"""Kept away from the oldest transaction in flight, whose start the server reports a moment late."""

BLIND_LOOKBACK = timedelta(minutes=15)
"""How old a transaction is taken to be when the server does not tell us."""

REPORTING_S = 0.05
"""How long a transaction may take from its start until the server shows it to others."""

PATIENCE_S = 5.0
"""How long transactions whose age or numbers are unknown may take to end before they are allowed for."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InFlight:
    """What was going on when we looked. `now` was taken first, on the server's clock."""

    now: datetime
    oldest: datetime | None
    """Start of the oldest transaction that may still write; None when there is none."""

    @property
    def complete_until(self) -> datetime:
        """Every instant before this one is settled."""
        return min(self.now, self.oldest or self.now) - MARGIN

    @property
    def age(self) -> timedelta:
        return self.now - self.oldest + MARGIN if self.oldest else timedelta(0)


def upper_bound(
    connection: "psycopg.Connection[Any]",
    relation: sql.Composable,
    oid: int,
    cursor: str,
    kind: str,
    is_append: bool,
) -> str | None:
    """The highest value present of those that are complete, as text; None when no value is safe.

    `kind` says what the cursor's order means: `instant` (timestamptz), `clock` (timestamp), `day`, `number`.
    """
    column = sql.Identifier(cursor)
    if kind == "number":
        return _number_bound(connection, relation, oid, column)
    if kind == "clock":
        return _clock_bound(connection, relation, column)
    seen = in_flight(connection)
    if kind == "day":
        return _day_bound(connection, relation, column, seen, is_append)
    return _highest(connection, relation, column, seen.complete_until)


def _highest(
    connection: "psycopg.Connection[Any]",
    relation: sql.Composable,
    column: sql.Composable,
    limit: datetime | date,
) -> str | None:
    query = sql.SQL("SELECT max({c})::text FROM {r} WHERE {c} <= {l}").format(
        c=column, r=relation, l=sql.Literal(limit)
    )
    row = connection.execute(query).fetchone()
    found = row[0] if row else None
    return None if found == "-infinity" else found


def _clock_bound(
    connection: "psycopg.Connection[Any]", relation: sql.Composable, column: sql.Composable
) -> str | None:
    """A time stamp without zone may be of any zone, so transactions are allowed for by their age.

    The highest value comes first and the look at who is in flight after it: a transaction that begins in
    between stamps its rows later than that value. Values more than a day ahead of UTC are of the future
    and never the bound.
    """
    query = sql.SQL(
        "SELECT max({c})::text FROM {r} WHERE {c} > '-infinity' "
        "AND {c} <= (clock_timestamp() AT TIME ZONE 'UTC') + interval '14 hours'"
    ).format(c=column, r=relation)
    row = connection.execute(query).fetchone()
    if row is None or row[0] is None:
        return None
    time.sleep(REPORTING_S)
    age = in_flight(connection).age
    row = connection.execute("SELECT (%s::timestamp - %s)::text", [row[0], age]).fetchone()
    return row[0] if row else None


def _day_bound(
    connection: "psycopg.Connection[Any]",
    relation: sql.Composable,
    column: sql.Composable,
    seen: InFlight,
    is_append: bool,
) -> str | None:
    """Today is never over: merging reads it again, appending waits until it has ended everywhere."""
    settled = (seen.now - seen.age).astimezone(UTC)
    if is_append:
        limit = (settled - timedelta(hours=12)).date() - timedelta(days=1)
    else:
        limit = (settled - timedelta(hours=12)).date() if seen.oldest else settled.date()
    return _highest(connection, relation, column, limit)


def in_flight(connection: "psycopg.Connection[Any]") -> InFlight:
    """Transactions of this database that may still write, as far as our user may see them.

    Without the role `pg_read_all_stats` other users' transactions show no start: they get `PATIENCE_S` to end.
    What is left then, prepared transactions and everything on a replica count as `BLIND_LOOKBACK` old.
    """
    row = connection.execute(_STARTS).fetchone()
    assert row is not None
    now, oldest, is_replica, prepared = row
    starts = [oldest] if oldest else []
    if is_replica:
        starts.append(now - BLIND_LOOKBACK)
    if prepared:
        starts.append(prepared - BLIND_LOOKBACK)
    if _outlast(connection, _HIDDEN, []):
        starts.append(now - BLIND_LOOKBACK)
        _log.warning("transactions of unknown age in flight; lookback_s=%d", BLIND_LOOKBACK.seconds)
    return InFlight(now, min(starts) if starts else None)


def _number_bound(
    connection: "psycopg.Connection[Any]",
    relation: sql.Composable,
    oid: int,
    column: sql.Composable,
) -> str | None:
    """The highest number before those who were writing to the table ended.

    A writer takes its lock on the table before it takes numbers. So once everyone who held one after we
    looked at the highest number is gone, lower numbers cannot come any more.
    """
    query = sql.SQL(
        "SELECT max({c})::text FROM {r} WHERE {c}::numeric <> 'NaN' AND abs({c}::numeric) < 1e100000"
    )
    plain = sql.SQL("SELECT max({c})::text FROM {r}")
    row = connection.execute(plain.format(c=column, r=relation)).fetchone()
    found = row[0] if row else None
    if found in ("NaN", "Infinity"):
        row = connection.execute(query.format(c=column, r=relation)).fetchone()
        found = row[0] if row else None
    in_recovery = connection.execute("SELECT pg_is_in_recovery()").fetchone()
    if in_recovery and in_recovery[0]:
        return _settled_on_replica(connection, found)
    if _outlast(connection, _WRITERS, [oid]):
        _log.warning("writers outlast our patience; oid=%d patience_s=%.0f", oid, PATIENCE_S)
        return None
    return found


def _settled_on_replica(connection: "psycopg.Connection[Any]", found: str | None) -> str | None:
    """A replica knows no locks of the primary's writers, only whose numbers are taken: those get time to end."""
    row = connection.execute("SELECT txid_snapshot_xmax(txid_current_snapshot())").fetchone()
    assert row is not None
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        oldest = connection.execute("SELECT txid_snapshot_xmin(txid_current_snapshot())").fetchone()
        if oldest and oldest[0] >= row[0]:
            return found
        if time.monotonic() > give_up_at:
            return None
        time.sleep(0.05)


def _outlast(connection: "psycopg.Connection[Any]", query: str, values: list[Any]) -> bool:
    """True when some of the transactions the query names now are still there after `PATIENCE_S`."""
    waiting = {row[0] for row in connection.execute(query, values or None)}
    give_up_at = time.monotonic() + PATIENCE_S
    while waiting:
        if time.monotonic() > give_up_at:
            return True
        time.sleep(0.02)
        waiting &= {row[0] for row in connection.execute(query, values or None)}
    return False


_OURS = "(s.application_name = 'pwh' AND s.usename = current_user)"
"""Our own sessions only read."""

_STARTS = f"""
WITH moment AS MATERIALIZED (SELECT clock_timestamp() AS now)
SELECT moment.now,
    (SELECT min(s.xact_start) FROM pg_stat_activity s
     WHERE s.datname = current_database() AND s.pid <> pg_backend_pid() AND NOT {_OURS}
        AND coalesce(s.backend_type, '') NOT IN ('autovacuum worker', 'walsender')),
    pg_is_in_recovery(),
    (SELECT min(p.prepared) FROM pg_prepared_xacts p WHERE p.database = current_database())
FROM moment
"""

_HIDDEN = f"""
SELECT l.virtualtransaction FROM pg_locks l JOIN pg_stat_activity s ON s.pid = l.pid
WHERE l.locktype = 'virtualxid' AND l.granted AND l.pid <> pg_backend_pid() AND NOT {_OURS}
    AND s.datname = current_database() AND s.state IS NULL AND s.xact_start IS NULL
    AND s.usename <> current_user
"""

_WRITERS = """
WITH RECURSIVE family(oid) AS (
    SELECT %s::oid UNION SELECT i.inhrelid FROM pg_inherits i JOIN family ON i.inhparent = family.oid)
SELECT DISTINCT l.virtualtransaction FROM pg_locks l
WHERE l.locktype = 'relation' AND l.granted AND l.relation IN (SELECT oid FROM family)
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
    AND l.pid IS DISTINCT FROM pg_backend_pid()
"""
