"""One build of a view in parts: which buckets were touched, those alone computed, and put in the place of the old.

Everything is read at one snapshot. A build that cannot be sure of the touched buckets computes the whole table,
and says why.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from pwh_assets.core.view import SavedQuery
from pwh_assets.errors import PwhError
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.lake.attach import ALIAS, quote
from pwh_assets.lake.differences import (
    NESTED,
    FeedError,
    TableMark,
    feed_of,
    has_history,
    marks_of,
    net_changes,
)
from pwh_assets.services.incremental.config import IncrementalConfig
from pwh_assets.services.incremental.executors import CannotComputeError, Executor, InLake
from pwh_assets.services.incremental.state import (
    InputState,
    ViewState,
    mark_of,
    put_mark,
    read_view_state,
    write_view_state,
)
from pwh_assets.services.models import STAGE, ModelText
from pwh_assets.services.views.plan import BuildMode
from pwh_assets.services.views.text import MissingInputError

if TYPE_CHECKING:
    import duckdb

    from pwh_assets.hogql.incremental import Analysis
    from pwh_assets.lake import Lake

TOO_MUCH = 0.5
"""With more changed rows than this share of all rows the view reads, comparing costs more than computing it anew."""
MANY_BUCKETS = 64
"""Below this the share of touched buckets is not looked at."""
TOUCHED_TABLE = "pwh_touched"
_TOUCHED = f'temp."{TOUCHED_TABLE}"'

Path = tuple[str, ...]


class UniqueKeyError(PwhError):
    """Rows that were computed break the unique key; they are not published."""

    code = "unique_key"
    status = 422

    def __init__(self, name: str, unique_key: tuple[str, ...], found: str) -> None:
        self.name, self.unique_key = name, unique_key
        columns = ", ".join(f"`{column}`" for column in unique_key)
        super().__init__(
            f"View `{name}` was not published: {columns} is its unique key, but {found}. Change the query so that "
            "it is unique, or take the unique key away; until then the view keeps its last rows."
        )


class WholeError(Exception):
    """The touched buckets are not known; the text says why, as a sentence."""


@dataclass(slots=True)
class IncrementalBuild:
    """A plan of a build (`BuildPlan`), for one use. What `mode` and `reason` say is true once it is staged."""

    view: SavedQuery
    lake: "Lake"
    analysis: "Analysis"
    config: IncrementalConfig
    must_be_full: str = ""
    """Why the whole table has to be built, where that is known before."""
    executor: Executor = field(default_factory=InLake)
    note: str = ""
    """What else is to be said of how it is built, as a sentence."""
    elsewhere: ModelText | None = None
    """The view for ClickHouse, where that shall compute it: the executor is then given before anything is staged."""
    mode: BuildMode = BuildMode.FULL
    reason: str = ""
    buckets: int | None = None
    """How many were computed anew; None when all were."""
    _state: ViewState | None = None
    _old: TableMark | None = None
    _changed: dict[Path, str] = field(default_factory=dict)
    """Name of the temporary table of each input whose rows changed."""
    _columns: dict[Path, tuple[str, ...]] = field(default_factory=dict)
    _has_news: bool = True
    """False when not even the state has to be written."""
    _has_null: bool = False
    _keeps_table: bool = False

    @property
    def engine(self) -> str:
        return self.executor.engine

    # The steps of a publication

    def stage(self, connection: "duckdb.DuckDBPyConnection", sql: str) -> None:
        snapshot = self.executor.begin(connection, list(self.analysis.inputs))
        try:
            self._prepare(connection, snapshot)
            connection.execute("COMMIT")
        except BaseException:
            _rollback(connection)
            raise

    def audit(self, connection: "duckdb.DuckDBPyConnection") -> None:
        """Raises UniqueKeyError."""
        if self.config.unique_key:
            self._check_unique(connection)

    def publish(self, connection: "duckdb.DuckDBPyConnection", table: str) -> None:
        assert self._state is not None
        if not self._has_news:
            return
        columns = ", ".join(map(quote, self.analysis.names))
        if self.mode is BuildMode.INCREMENTAL and self.buckets:
            connection.execute(f"DELETE FROM {table} WHERE {self._is_touched()}")
        elif self.mode is BuildMode.FULL and self._keeps_table:
            connection.execute(f"DELETE FROM {table}")
        if self._keeps_table and self.buckets != 0:
            connection.execute(f'INSERT INTO {table} ({columns}) SELECT {columns} FROM "{STAGE}"')
        elif not self._keeps_table:
            connection.execute(f'CREATE OR REPLACE TABLE {table} AS FROM "{STAGE}"')
            put_mark(connection, table, self.config.key, self._state.mark)
        write_view_state(connection, self.view.id, self._state, self._row_count(connection, table))

    @property
    def preview(self) -> str:
        if self.mode is BuildMode.FULL:
            return f'SELECT * FROM "{STAGE}"'
        columns = ", ".join(map(quote, self.analysis.names))
        kept = (
            f"SELECT {columns} FROM {self._target} WHERE NOT coalesce({self._is_touched()}, FALSE)"
        )
        return f'{kept} UNION ALL SELECT {columns} FROM "{STAGE}"'

    def changes(self) -> Mapping[str, Any]:
        return {"incremental_state": self._state.stored()} if self._state is not None else {}

    def say(self, note: str) -> None:
        self.note = note

    # What to build

    def _prepare(self, connection: "duckdb.DuckDBPyConnection", snapshot: int) -> None:
        own = ("views", self.view.name)
        paths = [path[-2:] for path in self.analysis.inputs]
        marks = marks_of(connection, self.lake.address, [*paths, own], snapshot)
        before, self._old = self._before(), marks.get(own)
        lost = tuple(".".join(path) for path in self.analysis.inputs if path not in marks)
        if lost:
            raise MissingInputError(self.view.name, lost)
        inputs = {
            path: InputState(
                marks[path].uuid, self._types(path, marks[path]), marks[path].row_count
            )
            for path in self.analysis.inputs
        }
        fingerprint = self.analysis.fingerprint(self.engine)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        state = ViewState(
            uuid.uuid4().hex,
            snapshot,
            fingerprint,
            self.config.key,
            inputs,
            full_at=now,
            at=now,
            engine=self.engine,
        )
        try:
            known = self._known(before, state)
            self._find_changes(connection, known, state, marks)
            self._find_touched(connection)
            self._stage_touched(connection)
        except WholeError as error:
            self.mode, self.reason, self.buckets = BuildMode.FULL, str(error), None
            self._has_news = True
            self._stage_whole(connection)
            mark = known_mark(self._old, self.config.key) if self._keeps_table else None
            state = replace(state, mark=mark or state.mark)
        else:
            self.mode = BuildMode.INCREMENTAL
            going_on = state if self._has_news else known
            state = replace(going_on, mark=known.mark, full_at=known.full_at)
        if self.note and self.buckets != 0:
            self.reason = f"{self.reason} {self.note}"
        self._state = state

    def _before(self) -> ViewState | None:
        """Where the last build ended. Only a build writes it, and they exclude each other.

        It is read on another connection: after one has read a table whose rows lie in the catalog, as the state's
        do, DuckLake 1.0 does not find tables of earlier snapshots on it any more (2026-11-21).
        """
        with self.lake.read() as connection:
            return read_view_state(connection, self.view.id)

    def _types(self, path: Path, mark: TableMark) -> dict[str, str]:
        columns = {name.lower(): (name, kind) for name, kind in mark.columns.items()}
        wanted = self.analysis.inputs[path] or set(mark.columns)
        return dict(sorted(columns[name.lower()] for name in wanted if name.lower() in columns))

    def _known(self, before: ViewState | None, now: ViewState) -> ViewState:
        """What the last build left, when this one can go on from there."""
        if self.must_be_full:
            raise WholeError(self.must_be_full)
        if self._old is None or before is None:
            raise WholeError("It is the first build of the view in parts.")
        if before.engine != now.engine:
            was, now_is = map(_title, (before.engine, now.engine))
            raise WholeError(f"{was} computed the rows there are, and {now_is} does from now on.")
        if before.fingerprint != now.fingerprint or before.key != now.key:
            raise WholeError(
                "The view, or a view it reads, means something else than at the last build."
            )
        if mark_of(self._old.comments, before.key) != before.mark:
            raise WholeError(
                "The view's table was made by something else since the last build in parts."
            )
        return before

    def _find_changes(
        self,
        connection: "duckdb.DuckDBPyConnection",
        before: ViewState,
        now: ViewState,
        marks: Mapping[Path, TableMark],
    ) -> None:
        suspects = [
            path
            for path, was in before.inputs.items()
            if marks[path].uuid != was.uuid or marks[path].changed_snapshot > before.snapshot
        ]
        since, until = before.snapshot, now.snapshot
        if suspects and not has_history(connection, self.lake.address, since, until):
            raise WholeError(
                f"What changed since snapshot {since} is no longer kept: maintenance has forgotten it."
            )
        feeds = []
        for path in suspects:
            was, mark, name = before.inputs[path], marks[path], ".".join(path)
            is_new, types = mark.uuid != was.uuid, now.inputs[path].columns
            altered = not is_new and any(mark.columns_changed[each] > since for each in types)
            if altered or types != was.columns:
                raise WholeError(
                    f"Columns of `{name}` that the view reads were added, dropped or retyped."
                )
            if is_new and NESTED & set(types.values()):
                raise WholeError(
                    f"`{name}` was made anew, and its nested columns cannot be compared."
                )
            try:
                feed = feed_of(
                    connection,
                    path,
                    tuple(types),
                    (since, until),
                    (was.row_count, mark.row_count),
                    was_replaced=is_new,
                )
            except FeedError as error:
                raise WholeError(f"The changes of `{name}` are not understood: {error}.") from None
            feeds.append((path, name, tuple(types), feed))
        # A view that rests goes on from a fresh snapshot now and then, before its own is forgotten.
        self._has_news = bool(feeds) or before.at[:10] != now.at[:10]
        looked_at = sum(feed.count for *_, feed in feeds)
        rows = sum(marks[path].row_count for path in before.inputs)
        if looked_at > TOO_MUCH * rows and looked_at > 1000:
            most = max(feeds, key=lambda each: each[3].count)
            raise WholeError(
                f"Most of what the view reads was written anew: {most[3].count:,} changes of `{most[1]}`, which has "
                f"{marks[most[0]].row_count:,} rows."
            )
        for number, (path, _, columns, feed) in enumerate(feeds):
            table = f"pwh_changed_{number}"
            if net_changes(connection, table, feed, columns):
                self._changed[path] = table
                self._columns[path] = columns

    def _find_touched(self, connection: "duckdb.DuckDBPyConnection") -> None:
        from pwh_assets.hogql.incremental import CannotFollow

        place = self._place()
        for name in self._changed.values():
            self.executor.take(connection, name)
        try:
            found = self.analysis.touching(
                place, self._changed.__contains__, self._words, self.engine
            )
        except CannotFollow as error:
            raise WholeError(
                f"`{self.config.key}` cannot be the view's key any more, because {error.reason}."
            ) from None
        except HogQLError as error:
            raise WholeError(self._has_no_words(error)) from None
        for path, reason in found.everything.items():
            raise WholeError(
                f"`{'.'.join(path)}` changed, which may reach every bucket, because {reason}."
            )
        key = quote(self.config.key)
        lists = []
        if found.sql:
            try:
                lists.append(self.executor.keys(connection, found.sql))
            except CannotComputeError as error:
                raise WholeError(f"The touched buckets could not be listed: {error}") from None
        if self.config.lookback_seconds:
            lists.append(
                f'SELECT DISTINCT {key} AS "k" FROM {self._target} WHERE {key} >= (SELECT max({key}) FROM '
                f"{self._target}) - INTERVAL {int(self.config.lookback_seconds)} SECOND"
            )
        type_ = f"SELECT * FROM (SELECT {key} FROM {self._target} LIMIT 0)"
        listed = " UNION ALL ".join([type_, *(f'SELECT "k" FROM ({each})' for each in lists)])
        connection.execute(
            f'CREATE OR REPLACE TEMP TABLE {TOUCHED_TABLE} AS SELECT DISTINCT {key} AS "k" FROM ({listed})'
        )
        row = connection.execute(f'SELECT count(*), count("k") FROM {_TOUCHED}').fetchone()
        assert row is not None
        self.buckets, self._has_null = int(row[0]), row[0] != row[1]
        self._has_news = self._has_news or self.buckets > 0
        if self.buckets > MANY_BUCKETS:
            row = connection.execute(f"SELECT count(DISTINCT {key}) FROM {self._target}").fetchone()
            if row is not None and self.buckets > TOO_MUCH * int(row[0]):
                raise WholeError(
                    f"{self.buckets:,} of the view's {int(row[0]):,} buckets were touched."
                )

    def _stage_touched(self, connection: "duckdb.DuckDBPyConnection") -> None:
        if self.buckets == 0:
            columns = ", ".join(map(quote, self.analysis.names))
            connection.execute(
                f'CREATE OR REPLACE TEMP TABLE "{STAGE}" AS SELECT {columns} FROM {self._target} LIMIT 0'
            )
            self.reason = "Nothing that matters to the view has changed."
        else:
            self._compute_touched(connection)
            if not self._fits(connection):
                raise WholeError("The view's columns have other types than at the last build.")
            names = ", ".join(f"`{'.'.join(path)}`" for path in self._changed)
            why = f"changes of {names}" if names else "the lookback"
            if self._changed and self.config.lookback_seconds:
                why += " and the lookback"
            count = "1 bucket was" if self.buckets == 1 else f"{self.buckets:,} buckets were"
            self.reason = f"{count} touched by {why}."
        self._keeps_table = True

    def _compute_touched(self, connection: "duckdb.DuckDBPyConnection") -> None:
        self.executor.take(connection, TOUCHED_TABLE)
        try:
            sql = self.analysis.sql_of_touched(
                self._place(),
                self._words,
                with_null=self._has_null,
                keys=self._times(connection),
                engine=self.engine,
            )
            self.executor.stage(connection, sql, self.analysis.columns, is_whole=False)
        except HogQLError as error:
            raise WholeError(self._has_no_words(error)) from None
        except CannotComputeError as error:
            raise WholeError(f"The touched buckets could not be computed: {error}") from None
        row = connection.execute(
            f'SELECT count(*) FROM "{STAGE}" WHERE NOT coalesce({self._is_touched()}, FALSE)'
        ).fetchone()
        if row is None or row[0]:  # never seen; were it so, rows would be there twice
            raise WholeError("Rows of other buckets than those that were touched came out.")

    def _has_no_words(self, error: HogQLError) -> str:
        return f"{_title(self.engine)} has no words for a part of it: {error.problems[0].message.rstrip('.')}."

    def _times(self, connection: "duckdb.DuckDBPyConnection") -> list[date] | None:
        """The touched keys, when they are few and times."""
        if not self.buckets or self.buckets > MANY_BUCKETS:
            return None
        rows = connection.execute(f'SELECT "k" FROM {_TOUCHED} WHERE "k" IS NOT NULL').fetchall()
        keys = [row[0] for row in rows]
        return keys if keys and all(isinstance(key, date) for key in keys) else None

    def _stage_whole(self, connection: "duckdb.DuckDBPyConnection") -> None:
        sql = self.analysis.sql(self._words, self.engine)
        self.executor.stage(connection, sql, self.analysis.columns, is_whole=True)
        has_mark = known_mark(self._old, self.config.key) is not None
        self._keeps_table = has_mark and self._fits(connection)

    def _fits(self, connection: "duckdb.DuckDBPyConnection") -> bool:
        """True when what was staged has the very columns of the view's table."""
        staged, table = (
            [tuple(row[:2]) for row in connection.execute(f"DESCRIBE {one}").fetchall()]
            for one in (f'temp."{STAGE}"', self._target)
        )
        return staged == table

    # Words

    @property
    def _target(self) -> str:
        return f'{ALIAS}."views".{quote(self.view.name)}'

    def _place(self) -> int:
        place = self.analysis.place(self.config.key)
        if place is None:
            raise WholeError(f"The view has no column `{self.config.key}` any more.")
        return place

    def _is_touched(self) -> str:
        key = quote(self.config.key)
        test = f'{key} IN (SELECT "k" FROM {_TOUCHED} WHERE "k" IS NOT NULL)'
        return f"({test} OR {key} IS NULL)" if self._has_null else test

    def _words(self, path: Path) -> str:
        from pwh_assets.hogql.incremental import BOTH, CHANGED, TOUCHED

        if path[0] == TOUCHED:
            return self.executor.temporary(TOUCHED_TABLE)
        if path[0] not in (CHANGED, BOTH):
            return self.executor.stored(path)
        changed = self.executor.temporary(self._changed[path[1:]])
        if path[0] == CHANGED:
            return changed
        table = self.executor.stored(path[1:])
        columns = ", ".join(map(quote, self._columns[path[1:]]))
        return f"(SELECT {columns} FROM {changed} UNION ALL SELECT {columns} FROM {table})"

    def _row_count(self, connection: "duckdb.DuckDBPyConnection", table: str) -> int:
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(row[0]) if row else 0

    def _check_unique(self, connection: "duckdb.DuckDBPyConnection") -> None:
        key = ", ".join(map(quote, self.config.unique_key))
        rows = self.preview if self.config.key not in self.config.unique_key else f'FROM "{STAGE}"'
        found = connection.execute(
            f"SELECT {key}, count(*) AS n FROM ({rows}) GROUP BY ALL HAVING n > 1 OR "
            + " OR ".join(f"{quote(column)} IS NULL" for column in self.config.unique_key)
            + " LIMIT 1"
        ).fetchone()
        if found is not None:
            *values, count = found
            shown = ", ".join("NULL" if value is None else f"`{value}`" for value in values)
            what = f"{count} rows have {shown}" if count > 1 else f"a row has {shown}"
            raise UniqueKeyError(self.view.name, self.config.unique_key, what)


def known_mark(table: TableMark | None, key: str) -> str | None:
    return mark_of(table.comments, key) if table is not None else None


def _title(engine: str) -> str:
    from pwh_assets.hogql.functions.render import ENGINE_TITLES  # brings sqlglot

    return ENGINE_TITLES.get(engine, engine)


def _rollback(connection: "duckdb.DuckDBPyConnection") -> None:
    import contextlib

    import duckdb

    with contextlib.suppress(duckdb.Error):
        connection.execute("ROLLBACK")
