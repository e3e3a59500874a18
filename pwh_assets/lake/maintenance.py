"""Looking after the lake: small files are merged, old snapshots forgotten, files nobody needs deleted."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pwh_assets.lake import catalog
from pwh_assets.lake.attach import ALIAS, literal, quote
from pwh_assets.lake.product import OWN_SCHEMA

if TYPE_CHECKING:
    import duckdb

    from pwh_assets.lake.lake import Lake

GRACE = timedelta(hours=1)
"""No file is deleted sooner than this after its last use: a long query may still read an expired snapshot,
and a tool that writes without our lock may not have committed yet."""
SMALL_FILE_BYTES = 32 * 1024 * 1024
"""Files below this are merged with their neighbours."""
DELETED_SHARE = 0.2
"""Files of which this share of rows is deleted are written again without them."""


@dataclass(frozen=True, slots=True)
class Maintained:
    """What maintenance did, in files and snapshots."""

    files_merged: int
    files_rewritten: int
    snapshots_expired: int
    files_deleted: int
    orphans_deleted: int


_WORN = """
select s.schema_name, t.table_name, count(*) filter (f.file_size_bytes < {small}) small_files,
       count(*) filter (f.deleted > {share} * f.record_count) worn_files
from (select d.table_id, d.data_file_id, d.file_size_bytes, d.record_count, sum(coalesce(x.delete_count, 0)) deleted
      from {data_file} d left join {delete_file} x on x.data_file_id = d.data_file_id and x.end_snapshot is null
      where d.end_snapshot is null group by all) f
join {table} t on t.table_id = f.table_id and t.end_snapshot is null
join {schema} s on s.schema_id = t.schema_id and s.end_snapshot is null
group by all having small_files > 1 or worn_files > 0
"""
"""Tables with small files or with files of which many rows are deleted: asking DuckLake costs 15 ms a table."""


def maintain(lake: "Lake", keep_days: float, grace: timedelta = GRACE) -> Maintained:
    """Work table by table, each under the writers' lock, so that syncs get their turn in between.

    The lock also keeps files of a running sync from being taken for orphans.
    """
    with lake.write() as connection:
        connection.execute(
            f"CALL ducklake_flush_inlined_data('{ALIAS}', schema_name => '{OWN_SCHEMA}')"
        )
        worn = _worn_tables(lake, connection)
    merged, rewritten = _mend(lake, worn)
    with _kept_marks(lake) as connection:
        now = datetime.now(UTC)
        expired = _expire(lake, connection, now - timedelta(days=keep_days))
        deleted = _rows(
            connection,
            f"CALL ducklake_cleanup_old_files('{ALIAS}', older_than => {_safe_moment(now, grace)})",
        )
        orphans = _rows(
            connection,
            f"CALL ducklake_delete_orphaned_files('{ALIAS}', older_than => {_moment(now - grace)})",
        )
    return Maintained(merged, rewritten, expired, deleted, orphans)


def tidy(lake: "Lake", schema: str) -> int:
    """Only merge the small files of one schema, for whoever writes many. Returns files merged."""
    with lake.write() as connection:
        worn = [one for one in _worn_tables(lake, connection) if one[0] == schema]
    return _mend(lake, worn)[0]


def rewrite_deleted(lake: "Lake") -> int:
    """Write every file anew that still holds a deleted row, so that it goes with the older snapshots. Files rewritten."""
    with lake.write() as connection:
        worn = _worn_tables(lake, connection, deleted_share=0)
    return _mend(lake, worn, deleted_share=0)[1]


def _mend(
    lake: "Lake", worn: list[tuple[str, str]], deleted_share: float = DELETED_SHARE
) -> tuple[int, int]:
    """Files merged and files rewritten."""
    merged = rewritten = 0
    for schema, table in worn:
        with _kept_marks(lake) as connection:
            if (schema, table) not in catalog.existing_tables(connection, lake.address):
                continue  # dropped while others had the lock
            where = f"'{ALIAS}', {literal(table)}, schema => {literal(schema)}"
            rewritten += _files(
                connection,
                f"CALL ducklake_rewrite_data_files({where}, delete_threshold => {deleted_share})",
            )
            merged += _files(
                connection,
                f"CALL ducklake_merge_adjacent_files({where}, max_file_size => {SMALL_FILE_BYTES})",
            )
    return merged, rewritten


def _worn_tables(
    lake: "Lake",
    connection: "duckdb.DuckDBPyConnection",
    deleted_share: float = DELETED_SHARE,
) -> list[tuple[str, str]]:
    names = {
        name: catalog.metadata(lake.address, f"ducklake_{name}")
        for name in ("table", "schema", "data_file", "delete_file")
    }
    query = _WORN.format(small=SMALL_FILE_BYTES, share=deleted_share, **names)
    return [(row[0], row[1]) for row in connection.execute(query).fetchall()]


@contextmanager
def _kept_marks(lake: "Lake") -> "Iterator[duckdb.DuckDBPyConnection]":
    with lake.write() as connection:
        before = catalog.tables(connection, lake.address)
        yield connection
        _keep_marks_rising(lake, connection, before)


def _moment(at: datetime) -> str:
    return f"{literal(at.isoformat())}::TIMESTAMPTZ"


def _safe_moment(now: datetime, grace: timedelta) -> str:
    """No later than `grace` ago, also where only dates are compared.

    With a SQLite catalog, DuckLake 1.0 compares `2026-11-20 21:00` with `2026-11-20T20:00` as texts, so that
    everything of the same day counts as older (2026-11-20).
    """
    return _moment(now - grace - timedelta(days=1) if grace else now)


def _expire(lake: "Lake", connection: "duckdb.DuckDBPyConnection", keep_since: datetime) -> int:
    """Forget snapshots by number: their times are texts in a SQLite catalog, see above."""
    snapshots = catalog.metadata(lake.address, "ducklake_snapshot")
    old = [
        str(row[0])
        for row in connection.execute(
            f"SELECT snapshot_id FROM {snapshots} WHERE CAST(snapshot_time AS TIMESTAMPTZ) < "
            f"{_moment(keep_since)} AND snapshot_id < (SELECT max(snapshot_id) FROM {snapshots})"
        ).fetchall()
    ]
    if old:
        connection.execute(
            f"CALL ducklake_expire_snapshots('{ALIAS}', versions => [{', '.join(old)}])"
        )
    return len(old)


def _rows(connection: "duckdb.DuckDBPyConnection", call: str) -> int:
    return len(connection.execute(call).fetchall())


def _files(connection: "duckdb.DuckDBPyConnection", call: str) -> int:
    return sum(int(row[2]) for row in connection.execute(call).fetchall())


def _keep_marks_rising(
    lake: "Lake", connection: "duckdb.DuckDBPyConnection", before: list[catalog.LakeTable]
) -> None:
    """Caches go by a table's `changed_snapshot`. It must not fall when the traces of old changes are deleted."""
    marks = {(table.schema, table.name): table.changed_snapshot for table in before}
    for table in catalog.tables(connection, lake.address):
        mark = marks.get((table.schema, table.name), 0)
        if table.changed_snapshot < mark:
            target = f"{ALIAS}.{quote(table.schema)}.{quote(table.name)}"
            connection.execute(
                f"COMMENT ON TABLE {target} IS {literal(f'unchanged since snapshot {mark}')}"
            )
