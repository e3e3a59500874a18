"""Up to where a cursor is complete: the value below which no transaction can still commit a row.

A sync by a cursor loses rows when it remembers a value and a row with a lower one becomes visible later: a
statement took its time or its number early, another one overtook it and was read, and then the first commits.
So before reading, what is in flight is looked at, and the watermark stays below everything it can still bring.

InnoDB tells the start of its transactions in whole seconds, to users with the privilege PROCESS, and renews
what it tells at most every 0.1 s. `NOW()` is a statement's start, which may lie before its transaction's (a
statement waits for a lock on the table first), so running statements count too.

Belongs here: the bound, per kind of cursor. What is read with it is decided in `reading`.
"""

import logging
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pwh_assets.sources.mysql.connection import fetched, literal

MARGIN = timedelta(seconds=1.25)
"""Kept away from everything in flight: times without fractions are cut to the second, on both sides."""

BLIND_LOOKBACK = timedelta(minutes=15)
"""How old a transaction is taken to be when the server does not tell us, and how far behind a replica."""

PATIENCE_S = 5.0
"""How long writers may take to end whose numbers are taken already."""

_LOOK_EVERY_S = 0.15
"""Not more often: the server renews what it tells only when nobody has looked for 0.1 s."""
_QUARTER_S = 900
"""Time zones differ by whole quarters of an hour."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InFlight:
    """What was going on when we looked. `now` is the server's clock in UTC, taken first."""

    now: datetime
    oldest: datetime | None
    """Start of the oldest transaction or statement that may still write; None when there is none."""

    @property
    def complete_until(self) -> datetime:
        """Every instant before this one is settled."""
        return min(self.now, self.oldest or self.now) - MARGIN

    @property
    def age(self) -> timedelta:
        return self.now - self.oldest + MARGIN if self.oldest else timedelta(0)


def upper_bound(
    connection: Any, relation: str, column: str, kind: str, is_append: bool
) -> str | None:
    """The highest value present of those that are complete, as text; None when no value is safe.

    `relation` and `column` are quoted. `kind` says what the cursor's order means: `instant` (timestamp),
    `clock` (datetime), `day`, `number`.
    """
    if kind == "number":
        return _number_bound(connection, relation, column)
    if kind == "clock":
        return _clock_bound(connection, relation, column)
    seen = in_flight(connection)
    if kind == "day":
        return _day_bound(connection, relation, column, seen, is_append)
    return _highest(connection, relation, column, seen.complete_until)


def _highest(connection: Any, relation: str, column: str, limit: datetime | date) -> str | None:
    text = limit.astimezone(UTC).replace(tzinfo=None) if isinstance(limit, datetime) else limit
    query = (
        f"SELECT CAST(MAX({column}) AS CHAR) FROM {relation} "
        f"WHERE {column} <= {literal(text)} AND {column} > 0"
    )
    return _one(connection, query)


def _clock_bound(connection: Any, relation: str, column: str) -> str | None:
    """A `datetime` may be of any time zone, so what is in flight is allowed for by its age.

    The highest value comes first and the look at what is in flight after it: what begins in between stamps its
    rows later than that value, or in the same second. A value that may be of this very second, whatever its
    zone, is given until that second is over.
    """
    query = (
        f"SELECT CAST(MAX({column}) AS CHAR), TIMESTAMPDIFF(MICROSECOND, MAX({column}), UTC_TIMESTAMP(6)) / 1e6 "
        f"FROM {relation} WHERE {column} > 0 AND {column} <= UTC_TIMESTAMP() + INTERVAL 14 HOUR"
    )
    ((found, behind_s),) = fetched(connection, query)
    if found is None:
        return None
    distance_s = float(behind_s) % _QUARTER_S
    if distance_s < MARGIN.total_seconds() or distance_s > _QUARTER_S - 1:
        time.sleep(MARGIN.total_seconds())
    age = in_flight(connection).age
    micros = age // timedelta(microseconds=1)
    query = "SELECT CAST(CAST(%s AS DATETIME(6)) - INTERVAL %s MICROSECOND AS CHAR)"
    return _one(connection, query, [found, micros]) if micros else str(found)


def _day_bound(
    connection: Any, relation: str, column: str, seen: InFlight, is_append: bool
) -> str | None:
    """Today is never over: merging reads it again, appending waits until it has ended everywhere."""
    settled = (seen.now - seen.age).astimezone(UTC)
    if is_append:
        limit = (settled - timedelta(hours=12)).date() - timedelta(days=1)
    else:
        limit = (settled - timedelta(hours=12)).date() if seen.oldest else settled.date()
    return _highest(connection, relation, column, limit)


def _number_bound(connection: Any, relation: str, column: str) -> str | None:
    """The highest number before everybody who was writing then has ended.

    A writer holds its lock on a table from its first number on, and the server shows that. Without PROCESS nobody
    can be seen: they get `PATIENCE_S`, whoever they are.
    """
    found = _one(connection, f"SELECT CAST(MAX({column}) AS CHAR) FROM {relation}")
    if found is None:
        return None
    if not sees_others(connection):
        time.sleep(PATIENCE_S)
        return found
    time.sleep(_LOOK_EVERY_S)
    waiting = writers(connection)
    give_up_at = time.monotonic() + PATIENCE_S
    while waiting:
        if time.monotonic() > give_up_at:
            _log.warning(
                "writers outlast our patience; relation=%s patience_s=%.0f", relation, PATIENCE_S
            )
            return None
        time.sleep(_LOOK_EVERY_S)
        waiting &= writers(connection)
    return found


def in_flight(connection: Any) -> InFlight:
    """What may still write, as far as our user may see it.

    Without PROCESS, and on a replica or a cluster's node, `BLIND_LOOKBACK` is allowed for.
    """
    ((now, read_only),) = fetched(connection, "SELECT UTC_TIMESTAMP(6), @@global.read_only")
    now = now.replace(tzinfo=UTC)
    if not sees_others(connection):
        _log.info("transactions in flight cannot be seen; lookback_s=%d", BLIND_LOOKBACK.seconds)
        return InFlight(now, now - BLIND_LOOKBACK)
    # The start of a transaction is told in the time zone of the server's machine.
    fetched(connection, "SET SESSION time_zone = 'SYSTEM'")
    ages = [float(age) for (age,) in fetched(connection, _AGES)]
    fetched(connection, "SET SESSION time_zone = '+00:00'")
    # Where that zone's clock was set back meanwhile, an age is below zero.
    starts = [now - (timedelta(seconds=age) if age >= -1 else BLIND_LOOKBACK) for age in ages]
    if int(read_only) or fetched(connection, _APPLIERS):
        starts.append(now - BLIND_LOOKBACK)
    return InFlight(now, min(starts) if starts else None)


def is_replicating(connection: Any) -> bool:
    """Whether changes of other servers are applied here without a place in this server's binlog, as far as can be told."""
    names = "('wsrep_on', 'log_slave_updates', 'log_replica_updates')"
    told = dict(fetched(connection, f"SHOW GLOBAL VARIABLES WHERE Variable_name IN {names}"))
    if str(told.get("wsrep_on", "OFF")).upper() in ("ON", "1"):
        return True
    if any(str(v).upper() in ("ON", "1") for n, v in told.items() if n != "wsrep_on"):
        return False
    return not sees_others(connection) or bool(fetched(connection, _APPLIERS))


def writers(connection: Any) -> set[tuple[Any, ...]]:
    """Transactions that have written something and have not ended."""
    return set(fetched(connection, _WRITERS))


def sees_others(connection: Any) -> bool:
    """Whether the user has PROCESS."""
    import pymysql.err

    try:
        fetched(connection, "SELECT COUNT(*) FROM information_schema.INNODB_TRX")
    except pymysql.err.MySQLError as error:
        if error.args and error.args[0] in (1044, 1109, 1142, 1227):
            return False
        raise
    return True


def _one(connection: Any, query: str, values: Any = None) -> str | None:
    ((found,),) = fetched(connection, query, values)
    return None if found is None else str(found)


_MAY_WRITE = """
t.trx_is_read_only = 0 AND t.trx_autocommit_non_locking = 0 AND t.trx_mysql_thread_id <> CONNECTION_ID()
"""

_AGES = f"""
SELECT TIMESTAMPDIFF(SECOND, t.trx_started, NOW()) FROM information_schema.INNODB_TRX t WHERE {_MAY_WRITE}
UNION ALL
SELECT p.TIME FROM information_schema.PROCESSLIST p
WHERE p.INFO IS NOT NULL AND p.ID <> CONNECTION_ID() AND p.COMMAND <> 'Daemon'
    AND p.INFO NOT REGEXP '^[[:space:](]*(select|show|explain|describe|set) '
"""
"""Of transactions, and of statements that have not begun theirs because they wait for a table."""

_WRITERS = f"""
SELECT t.trx_id FROM information_schema.INNODB_TRX t
WHERE {_MAY_WRITE} AND (t.trx_rows_modified > 0 OR t.trx_tables_locked > 0)
"""

_APPLIERS = """
SELECT 1 FROM information_schema.PROCESSLIST p WHERE p.USER = 'system user' AND p.COMMAND <> 'Daemon' LIMIT 1
"""
"""Threads that bring changes from other servers, with the times those gave them."""
