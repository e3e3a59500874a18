"""MySQL's change capture: the row binlog, read as a replica reads it, by file and place.

The server keeps nothing for us: it throws its binlogs away when they are old, read or not. A position is
`<file>:<place>` with zeros in front, so that positions order as texts.

Belongs here: prerequisites, opening, events and transactions. Keep out: values (`binlog_values`).
"""

import logging
import re
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pwh_assets.errors import SourceUnavailableError, quoted
from pwh_assets.sources.changes import (
    Collector,
    Counting,
    Finding,
    Prepared,
    Reached,
    StreamSpec,
    StreamStatus,
    StreamTable,
    TableShape,
)
from pwh_assets.sources.errors import StreamLostError, StreamNotReadyError
from pwh_assets.sources.mysql import binlog_rows
from pwh_assets.sources.mysql.binlog_values import (
    Told,
    binlogged,
    is_told,
    is_written_as,
    key_of,
    staged,
)
from pwh_assets.sources.mysql.bounds import sees_others, writers
from pwh_assets.sources.mysql.catalog import MyTable, tables
from pwh_assets.sources.mysql.connection import (
    connected,
    fetched,
    in_our_words,
    opened,
    place,
    schema_of,
)
from pwh_assets.sources.mysql.probing import binlog_position
from pwh_assets.sources.network.route import Route, routed

STALL_S = 300
"""A server that is silent for so long in the middle of its binlog will not go on."""
WRITERS_PATIENCE_S = 60.0
"""How long writers may take to end before a table is read whole."""
_LOOK_EVERY_S = 0.15
_REPAIR = "`pwh source cdc repair` begins a new stream and reads the tables whole again."
_SETTINGS = (
    ("log_bin", "1", "`log_bin` is off: the server writes no binlog. Start it with `log_bin`."),
    ("binlog_format", "ROW", "`binlog_format` is not ROW: the binlog does not tell rows."),
    (
        "binlog_row_image",
        "FULL",
        "`binlog_row_image` is not FULL: the binlog does not tell whole rows.",
    ),
    (
        "binlog_row_metadata",
        "FULL",
        "`binlog_row_metadata` is not FULL: the binlog does not name columns.",
    ),
)
_DDL = re.compile(r"(?is)^\s*(?:/\*.*?\*/\s*)*(alter|truncate|drop|create|rename)\b")
_DML = re.compile(r"(?is)^\s*(?:/\*.*?\*/\s*)*(insert|update|delete|replace|load)\b")


def position_text(file: str, at: int) -> str:
    """A binlog's place as a text that orders.

    >>> position_text("bin.000012", 345)
    'bin.000012:00000000000000000345'
    """
    return f"{file}:{at:020d}"


def position_of(text: str) -> tuple[str, int]:
    file, _, at = text.rpartition(":")
    return file, int(at)


class MySQLChanges:
    """See `sources.changes.ChangeSource`."""

    def check(self, config: Mapping[str, Any], spec: StreamSpec) -> list[Finding]:
        with connected(config) as connection:
            found = _server_findings(connection, config)
            known = {table.name: table for table in tables(connection, schema_of(config))}
            cascades = _cascades(connection, schema_of(config))
        for wanted in spec.tables:
            table = known.get(wanted.name)
            if table is not None:
                found += _table_findings(table, wanted, cascades.get(wanted.name))
        return found

    def status(self, config: Mapping[str, Any], spec: StreamSpec) -> StreamStatus:
        with connected(config) as connection:
            newest = binlog_position(connection)
        if newest is None:
            return StreamStatus(exists=False)
        return StreamStatus(exists=True, newest=position_text(*newest), details={"file": newest[0]})

    def prepare(self, config: Mapping[str, Any], spec: StreamSpec) -> Prepared:
        findings = [finding for finding in self.check(config, spec) if finding.table is None]
        if findings:
            raise StreamNotReadyError(
                place(config),
                [finding.problem for finding in findings],
                [statement for finding in findings for statement in finding.statements],
            )
        with connected(config) as connection:
            now = binlog_position(connection)
            ((number, base),) = fetched(connection, "SELECT @@server_id, @@log_bin_basename")
        if now is None:
            raise SourceUnavailableError(
                f"{place(config)} does not tell where its binlog is. Sync again."
            )
        return Prepared(position_text(*now), f"{schema_of(config)}/{number}/{base}")

    def settle(
        self, config: Mapping[str, Any], spec: StreamSpec, tables: Sequence[str]
    ) -> dict[str, str]:
        """A transaction is in the binlog a moment before others see it, and is told as in flight until they do."""
        with connected(config) as connection:
            time.sleep(_LOOK_EVERY_S)
            waiting, give_up_at = writers(connection), time.monotonic() + WRITERS_PATIENCE_S
            while waiting:
                if time.monotonic() > give_up_at:
                    raise SourceUnavailableError(
                        f"{place(config)}: {len(waiting)} transactions have been writing for over "
                        f"{WRITERS_PATIENCE_S:.0f} s, so {quoted(list(tables))} cannot be read whole yet. "
                        "It is tried again; end them if they hang (`INNODB_TRX` shows them)."
                    )
                time.sleep(_LOOK_EVERY_S)
                waiting &= writers(connection)
        return {}

    @contextmanager
    def open(
        self, config: Mapping[str, Any], spec: StreamSpec, since: str
    ) -> Iterator["MySQLStream"]:
        from pymysqlreplication import BinLogStreamReader
        from pymysqlreplication import event as events
        from pymysqlreplication import row_event as rows

        binlog_rows.correct()
        with connected(config) as connection:
            _insist_on_binlog(connection, config, since)
            now = binlog_position(connection)
        file, at = position_of(since)
        logging.getLogger("pymysqlreplication").setLevel(
            logging.ERROR
        )  # its warnings become errors here
        with in_our_words(config), routed(config) as route:
            connections = _Connections(config, route)
            reader = BinLogStreamReader(
                connection_settings={},
                pymysql_wrapper=connections,
                server_id=_server_id(spec),
                log_file=file,
                log_pos=at,
                resume_stream=True,
                blocking=False,
                is_mariadb=False,  # else by GTID instead of by place
                only_schemas=[schema_of(config)],
                only_tables=[table.name for table in spec.tables],
                only_events=[
                    rows.WriteRowsEvent,
                    rows.UpdateRowsEvent,
                    rows.DeleteRowsEvent,
                    events.QueryEvent,
                    events.XidEvent,
                    events.RotateEvent,
                ],
            )
            try:
                yield MySQLStream(
                    config, spec, reader, since, position_text(*now) if now else since
                )
            except UnicodeDecodeError as error:
                raise SourceUnavailableError(
                    f"{place(config)}: a text in the binlog cannot be decoded as {error.encoding}. {_REPAIR}"
                ) from None
            finally:
                connections.close()

    def left_out(self, config: Mapping[str, Any], spec: StreamSpec, table: str) -> frozenset[str]:
        with connected(config) as connection:
            found = tables(connection, schema_of(config), table)
        return frozenset(c.name for each in found for c in each.columns if not is_told(c))

    def drift(self, config: Mapping[str, Any], spec: StreamSpec) -> dict[str, str]:
        """Every change of a table is in the binlog, so there is none the stream did not show."""
        return {}

    def counting(self, config: Mapping[str, Any]) -> AbstractContextManager[Counting]:
        from pwh_assets.sources.mysql.counting import counting

        return counting(config)

    def drop(self, config: Mapping[str, Any], spec: StreamSpec) -> None:
        """Nothing was made at the server."""


@dataclass(slots=True)
class _Connections:
    """Opens what the library asks for: a connection for the binlog, and one to look things up with.

    Of the first there is one only. The library opens another in silence whenever it lost one, for as long as that takes
    and in the middle of a transaction; here the sync fails and begins again where the lake is.
    """

    config: Mapping[str, Any]
    route: Route
    _opened: list[Any] = field(default_factory=list)
    _has_stream: bool = False

    def __call__(self, **more: Any) -> Any:
        if "cursorclass" in more:
            self._opened.append(opened(self.config, self.route, cursorclass=more["cursorclass"]))
            return self._opened[-1]
        if self._has_stream:
            raise SourceUnavailableError(
                f"{place(self.config)} ended the connection its binlog came through. Sync again."
            )
        self._has_stream = True
        self._opened.append(opened(self.config, self.route))
        self._opened[-1]._read_timeout = STALL_S
        return self._opened[-1]

    def close(self) -> None:
        """Without a farewell, for which a server that hangs would be waited for."""
        for connection in self._opened:
            connection._force_close()


@dataclass(slots=True)
class MySQLStream:
    """See `sources.changes.ChangeStream`."""

    config: Mapping[str, Any]
    spec: StreamSpec
    reader: Any
    position: str
    target: str
    _told: dict[str, Told] = field(default_factory=dict)
    _touched: set[str] = field(default_factory=set)
    """Tables the transaction at hand has changed."""

    def read(self, collector: Collector) -> Reached:
        self._told.clear()
        for event in self.reader:
            kind = type(event).__name__
            if kind in ("WriteRowsEvent", "UpdateRowsEvent", "DeleteRowsEvent"):
                self._rows(event, kind, collector)
            elif kind == "RotateEvent":
                if not self._touched:
                    self._move(event.next_binlog, event.position)
            elif kind == "XidEvent" or (kind == "QueryEvent" and self._query(event, collector)):
                self._touched.clear()
                self._move(self.reader.log_file, self.reader.log_pos)
                # What comes later is the next sync's: a server that writes faster than this reads has no end.
                if collector.is_full or self.position >= self.target:
                    return Reached(self.position, self.position >= self.target)
        return Reached(self.position, True)

    def confirm(self, position: str) -> None:
        """The server keeps its binlogs as long as it was told to, whoever reads them."""

    def _move(self, file: str, at: int) -> None:
        self.position = max(self.position, position_text(file, at))

    def _rows(self, event: Any, kind: str, collector: Collector) -> None:
        table = next((each for each in self.spec.tables if each.name == event.table), None)
        if table is None:
            return
        if not self._touched:
            at = position_text(self.reader.log_file, self.reader.log_pos)
            collector.begin(at, datetime.fromtimestamp(event.timestamp, UTC))
        self._touched.add(table.name)
        types = {column.name: column.type for column in event.columns}
        for row in event.rows:
            values = row.get("values") or row.get("after_values") or {}
            told = self._shape(table, tuple(values), types, collector)
            if told is None:
                return
            new = staged(
                told,
                values,
                row,
                "after_none_sources" if kind == "UpdateRowsEvent" else "none_sources",
            )
            if kind == "WriteRowsEvent":
                told.changes.insert(new)
            elif kind == "DeleteRowsEvent":
                told.changes.delete(key_of(told, new))
            else:
                old = key_of(told, staged(told, row["before_values"], row, "before_none_sources"))
                told.changes.update(new, old if old != key_of(told, new) else None)

    def _shape(
        self,
        table: StreamTable,
        names: tuple[str, ...],
        types: Mapping[str, int],
        collector: Collector,
    ) -> Told | None:
        """How this table's rows are staged, as long as they have these columns."""
        told = self._told.get(table.name)
        if told is not None and (told.names, told.types) == (names, types):
            return told
        with connected(self.config) as connection:
            now = tables(connection, schema_of(self.config), table.name)
        known = {column.name: column for each in now for column in each.columns if is_told(column)}
        if not set(table.key) <= known.keys() & set(names):
            collector.stale(
                table.name,
                f"`{table.name}` has another key now, or the binlog does not name its columns.",
            )
            return None
        others = [
            n for n in names if n in types and n in known and not is_written_as(known[n], types[n])
        ]
        if others:
            why = (
                f"`{table.name}` had other types in {quoted(others)} when rows of now were written."
            )
            collector.stale(table.name, why)
            return None
        were_text = {column.name for column in table.columns if column.type == "VARCHAR"}
        ways = [(n, binlogged(known[n], n in were_text)) for n in names if n in known]
        shape = TableShape(table.name, tuple(way.column for _, way in ways), table.key)
        told = Told(names, types, ways, table.key, collector.shape(shape))
        self._told[table.name] = told
        return told

    def _query(self, event: Any, collector: Collector) -> bool:
        """Statements: the end of a transaction, or something that changes tables in a way of its own.

        True when what came before is complete.
        """
        text = event.query if isinstance(event.query, str) else event.query.decode(errors="replace")
        word = text.lstrip()[:12].upper()
        if word.startswith("BEGIN"):
            return False
        if word.startswith(("ROLLBACK", "XA ", "SAVEPOINT")):
            for name in self._touched:
                collector.stale(
                    name,
                    f"`{name}` was changed by a transaction that was taken back in part, or in two phases.",
                )
            return not word.startswith("SAVEPOINT") and "ROLLBACK TO" not in text.upper()
        if _DDL.match(text) or _DML.match(text):
            own = schema_of(self.config)
            schema = event.schema if isinstance(event.schema, str) else event.schema.decode()
            for table in self.spec.tables:
                if _mentions(text, table.name) and (schema == own or own in text):
                    self._changed(text, table, collector)
        return True

    def _changed(self, text: str, table: StreamTable, collector: Collector) -> None:
        match = _DDL.match(text)
        words = " ".join(text.split())[:100]
        told = self._told.pop(table.name, None)
        if match and match[1].lower() == "truncate":
            with connected(self.config) as connection:
                now = tables(connection, schema_of(self.config), table.name)
            names = tuple(c.name for each in now for c in each.columns)
            told = told or self._shape(table, names, {}, collector)
            if told is not None:
                collector.begin(position_text(self.reader.log_file, self.reader.log_pos), None)
                told.changes.truncate()
            return
        if match and match[1].lower() == "alter" and self._keeps_rows(table):
            return
        collector.stale(
            table.name,
            f"`{table.name}` was changed by a statement the stream does not show rows of: `{words}`.",
        )

    def _keeps_rows(self, table: StreamTable) -> bool:
        """Whether the rows that are stored are right under the table's columns of now."""
        with connected(self.config) as connection:
            now = tables(connection, schema_of(self.config), table.name)
        if not now or (
            now[0].primary_key != table.key
            and not set(table.key) <= {c.name for c in now[0].columns}
        ):
            return False
        before = {column.name: column.type for column in table.columns}
        for column in now[0].columns:
            if column.name not in before:
                if is_told(column) and (column.has_default or not column.is_nullable):
                    return False
            elif before[column.name] != column.typed.lake and not (
                before[column.name] == "VARCHAR" and column.typed.fits
            ):
                return False
        return set(before) <= {column.name for column in now[0].columns}


def _mentions(text: str, name: str) -> bool:
    """Whether a statement names a table, also in quotes, where a quote in the name is written twice.

    >>> _mentions("ALTER TABLE `a``b` ADD c int", "a`b"), _mentions("ALTER TABLE ab ADD c int", "b")
    (True, False)
    """
    spellings = {name, name.replace("`", "``"), name.replace('"', '""')}
    words = "|".join(map(re.escape, spellings))
    return re.search(rf"(?<![\w$])({words})(?![\w$])", text, re.IGNORECASE) is not None


def _server_id(spec: StreamSpec) -> int:
    """A replica's number, which no other may have at the same time."""
    return 1_000_000_000 + zlib.crc32(spec.name.encode()) % 3_000_000_000


def _server_findings(connection: Any, config: Mapping[str, Any]) -> list[Finding]:
    found = []
    values = dict(fetched(connection, "SHOW GLOBAL VARIABLES WHERE Variable_name LIKE '%bin%'"))
    for name, wanted, problem in _SETTINGS:
        if str(values.get(name, "")).upper() not in (wanted, "ON" if wanted == "1" else wanted):
            statements = () if name == "log_bin" else (f"SET GLOBAL {name} = '{wanted}'",)
            found.append(Finding(problem, statements))
    user = fetched(connection, "SELECT CURRENT_USER()")[0][0]
    account = "@".join(f"'{part}'" for part in user.rsplit("@", 1))
    if not found and binlog_position(connection) is None:
        is_mariadb = "mariadb" in connection.get_server_info().lower()
        grant = "BINLOG MONITOR" if is_mariadb else "REPLICATION CLIENT"
        problem = f"`{config['user']}` may not see where the binlog is."
        found.append(Finding(problem, (f"GRANT {grant} ON *.* TO {account}",)))
    if not sees_others(connection):
        problem = f"`{config['user']}` may not see transactions in flight."
        found.append(Finding(problem, (f"GRANT PROCESS ON *.* TO {account}",)))
    grants = " ".join(row[0] for row in fetched(connection, "SHOW GRANTS")).upper()
    if not re.search(r"REPLICATION SLAVE\b|ALL PRIVILEGES ON \*\.\*|REPLICATION REPLICA\b", grants):
        problem = f"`{config['user']}` may not read the binlog."
        found.append(Finding(problem, (f"GRANT REPLICATION SLAVE ON *.* TO {account}",)))
    return found


def _table_findings(table: MyTable, wanted: StreamTable, cascade: str | None) -> list[Finding]:
    found = []
    untold = [c.name for c in table.columns if c.name in wanted.key and not is_told(c)]
    if untold:
        problem = (
            f"`{table.name}` has a key of {quoted(untold)}, whose values the binlog does not tell."
        )
        found.append(Finding(problem, table=table.name))
    if table.engine.lower() not in ("innodb", "rocksdb"):
        problem = f"`{table.name}` is a table of engine {table.engine}, which has no transactions."
        statement = f"ALTER TABLE `{table.name}` ENGINE = InnoDB"
        found.append(Finding(problem, (statement,), table.name))
    if cascade:
        problem = (
            f"Rows of `{table.name}` are changed by the foreign key `{cascade}` (ON DELETE or ON UPDATE), and the "
            "binlog does not tell what foreign keys do. Sync it in another mode."
        )
        found.append(Finding(problem, table=table.name))
    return found


def _cascades(connection: Any, schema: str) -> dict[str, str]:
    """Tables whose rows a foreign key changes, with its name."""
    query = (
        "SELECT TABLE_NAME, CONSTRAINT_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS "
        "WHERE CONSTRAINT_SCHEMA = %s AND (DELETE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT') "
        "OR UPDATE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT'))"
    )
    return dict(fetched(connection, query, [schema]))


def _insist_on_binlog(connection: Any, config: Mapping[str, Any], since: str) -> None:
    file, at = position_of(since)
    now = binlog_position(connection)
    if now is not None and position_text(*now) < since:
        what = f"its binlog is at `{now[0]}:{now[1]}`, before `{file}:{at}`: it was begun anew."
        raise StreamLostError(place(config), what, _REPAIR)
    names = {str(row[0]) for row in fetched(connection, "SHOW BINARY LOGS")}
    if file not in names:
        oldest = min(names) if names else "nothing"
        what = f"the binlog `{file}` was purged; the oldest there is `{oldest}`."
        raise StreamLostError(
            place(config), what, f"Keep binlogs longer (`binlog_expire_logs_seconds`). {_REPAIR}"
        )
