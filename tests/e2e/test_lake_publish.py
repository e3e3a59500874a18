"""Publishing staged files: rows and columns afterwards, and that failures change nothing."""

from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pwh_assets.core.source import Column, SyncMode
from pwh_assets.lake import Lakes, Publish, SyncState
from pwh_assets.lake.errors import LakeBusyError, PublishError
from pwh_assets.settings import Settings

FULL, MERGE, APPEND = SyncMode.FULL, SyncMode.INCREMENTAL, SyncMode.APPEND


class Shelf:
    """One table of a fresh lake, and files staged for it."""

    def __init__(self, path):
        self.path = path
        self.lakes = Lakes(Settings(home=path / "home"))
        self.lake = self.lakes.of(1)
        self.staged = 0

    def stage(self, **columns):
        self.staged += 1
        file = self.path / f"staged-{self.staged}.parquet"
        pq.write_table(pa.table(columns), file)
        return file

    def publish(
        self, mode, *files, columns=(), key=("id",), load=None, watermark=None, timeout_s=60, **more
    ):
        declared = tuple(Column(*column) for column in columns)
        at = datetime(2026, 1, 1)
        state = SyncState("the-table", load, watermark, 0, at) if load else None
        return self.lake.publish(
            Publish(
                "shop", "orders", mode, files, declared, key if mode is MERGE else (), state, **more
            ),
            timeout_s,
        )

    def rows(self, columns="*"):
        with self.lake.read() as connection:
            return connection.execute(
                f"SELECT {columns} FROM lake.shop.orders ORDER BY ALL"
            ).fetchall()

    def types(self):
        found = next(t for t in self.lake.tables() if t.schema == "shop")
        return {column.name: column.type for column in found.columns}


@pytest.fixture
def shelf(tmp_path):
    made = Shelf(tmp_path)
    yield made
    made.lakes.close()


def test_a_full_publish_puts_its_rows_in_the_place_of_all(shelf):
    shelf.publish(FULL, shelf.stage(id=[1, 2], v=["a", "b"]))
    done = shelf.publish(FULL, shelf.stage(id=[3], v=["c"]))
    assert shelf.rows() == [(3, "c")]
    assert (done.row_count, done.rows_written, done.was_new) == (1, 1, False)


def test_a_full_publish_of_nothing_empties_the_table(shelf):
    shelf.publish(FULL, shelf.stage(id=[1, 2]))
    before = shelf.lake.tables()[-1].changed_snapshot
    done = shelf.publish(FULL, columns=[("id", "BIGINT")])
    assert shelf.rows() == [] and done.row_count == 0
    assert shelf.lake.tables()[-1].changed_snapshot > before


def test_a_table_is_made_even_when_there_is_no_row_yet(shelf):
    done = shelf.publish(MERGE, columns=[("id", "int8"), ("at", "timestamptz")])
    assert done.was_new and shelf.rows() == []
    assert shelf.types() == {"id": "BIGINT", "at": "TIMESTAMP WITH TIME ZONE"}


def test_a_merge_replaces_by_key_and_adds_the_rest(shelf):
    shelf.publish(MERGE, shelf.stage(id=[1, 2], v=["a", "b"]))
    done = shelf.publish(MERGE, shelf.stage(id=[2, 3], v=["B", "c"]))
    assert shelf.rows() == [(1, "a"), (2, "B"), (3, "c")]
    assert (done.row_count, done.rows_written) == (3, 2)


def test_of_rows_with_the_same_key_the_last_staged_one_counts_across_files(shelf):
    first = shelf.stage(id=[1, 1, 2], v=["old", "newer", "x"])
    second = shelf.stage(id=[1, 3], v=["newest", "y"])
    shelf.publish(MERGE, first, second)
    assert shelf.rows() == [(1, "newest"), (2, "x"), (3, "y")]


def test_a_merge_on_two_columns_matches_null_with_null(shelf):
    shelf.publish(MERGE, shelf.stage(a=[1, None], b=["x", None], v=[1, 2]), key=("a", "b"))
    shelf.publish(MERGE, shelf.stage(a=[None, 1], b=[None, "y"], v=[3, 4]), key=("a", "b"))
    assert sorted(map(str, shelf.rows())) == ["(1, 'x', 1)", "(1, 'y', 4)", "(None, None, 3)"]


def test_rows_that_are_as_they_were_make_no_new_snapshot(shelf):
    shelf.publish(MERGE, shelf.stage(id=[1, 2], v=["a", None]), load="l1", watermark="2")
    before = shelf.lake.snapshot_id()
    done = shelf.publish(
        MERGE, shelf.stage(id=[2], v=pa.array([None], pa.string())), load="l2", watermark="2"
    )
    assert done.rows_written == 0
    assert shelf.lake.snapshot_id() == before


def test_where_nothing_is_new_nobody_waits_for_those_who_write(shelf):
    shelf.publish(MERGE, shelf.stage(id=[1, 2], v=["a", "b"]), load="one", watermark="7")
    snapshot, before = shelf.lake.snapshot_id(), shelf.rows()
    same = [{"id": [2], "v": ["b"]}, {"id": [1, 2], "v": ["a", "b"]}, {}]
    others = [
        {"id": [2], "v": ["other"]},
        {"id": [3], "v": ["b"]},
        {"id": [2], "v": ["b"], "more": [1]},
        {"id": [2], "v": [None]},
    ]

    def again(rows, mode=MERGE):
        files = [shelf.stage(**rows)] if rows else []
        more = {"rows_are_unique": True, "timeout_s": 0.1}
        return shelf.publish(mode, *files, load="two", watermark="7", **more)

    with shelf.lake.lock():
        for rows in same:
            done = again(rows)
            assert (done.rows_written, done.row_count, done.snapshot_id) == (0, 2, snapshot)
        assert again({}, APPEND).row_count == 2
        for rows in others:
            with pytest.raises(LakeBusyError):
                again(rows)
        with pytest.raises(LakeBusyError):
            again(same[0], APPEND)
    assert shelf.rows() == before
    assert shelf.lake.state("the-table").load_id == "one"


def test_what_moves_the_watermark_or_replaces_all_is_written_even_where_the_rows_are_the_same(
    shelf,
):
    rows = shelf.stage(id=[1], v=["a"])
    shelf.publish(MERGE, rows, load="one", watermark="7")
    shelf.publish(MERGE, rows, load="two", watermark="8", rows_are_unique=True)
    assert shelf.lake.state("the-table").load_id == "two"
    again = shelf.publish(MERGE, rows, load="three", watermark="8", is_replacement=True)
    assert again.rows_written == 1


def test_a_merge_of_many_rows_touches_only_those(shelf):
    size = 60_000
    shelf.publish(MERGE, shelf.stage(id=list(range(size)), v=[0] * size))
    changed = list(range(0, size, 2)) + list(range(size, size + 10))
    done = shelf.publish(MERGE, shelf.stage(id=changed, v=[1] * len(changed)))
    assert done.row_count == size + 10
    with shelf.lake.read() as connection:
        counts = connection.execute(
            "SELECT v, count(*), count(DISTINCT id) FROM lake.shop.orders GROUP BY v ORDER BY v"
        )
        assert counts.fetchall() == [(0, size // 2, size // 2), (1, size // 2 + 10, size // 2 + 10)]


def test_append_adds_rows_as_they_are(shelf):
    shelf.publish(APPEND, shelf.stage(id=[1, 1]))
    shelf.publish(APPEND, shelf.stage(id=[1]))
    assert shelf.rows() == [(1,), (1,), (1,)]


def test_a_load_that_is_already_there_is_not_published_again(shelf):
    file = shelf.stage(id=[1, 2])
    shelf.publish(APPEND, file, load="the-load", watermark="2")
    done = shelf.publish(APPEND, file, load="the-load", watermark="2")
    assert (done.row_count, done.rows_written) == (2, 0)
    assert shelf.rows() == [(1,), (2,)]
    assert shelf.lake.state("the-table").row_count == 2


def test_new_columns_are_added_and_missing_ones_are_null(shelf):
    shelf.publish(MERGE, shelf.stage(id=[1], old=["o"]))
    done = shelf.publish(MERGE, shelf.stage(id=[2], new=[1.5]))
    assert (done.columns_added, done.columns_missing) == (("new",), ("old",))
    assert shelf.rows("id, old, new") == [(1, "o", None), (2, None, 1.5)]


def test_a_number_column_widens_step_by_step_to_text(shelf):
    steps = [
        (pa.array([1], pa.int32()), "INTEGER"),
        (pa.array([2**40], pa.int64()), "BIGINT"),
        (pa.array([1.5]), "DOUBLE"),
        (pa.array(["x"]), "VARCHAR"),
    ]
    for number, (values, expected) in enumerate(steps):
        done = shelf.publish(MERGE, shelf.stage(id=[number], v=values))
        assert shelf.types()["v"] == expected
        assert done.columns_widened == (("v",) if number else ())
    assert [row[1] for row in shelf.rows("id, v")] == ["1.0", "1099511627776.0", "1.5", "x"]


def test_whole_numbers_too_large_for_a_double_become_text_and_keep_their_digits(shelf):
    shelf.publish(MERGE, shelf.stage(id=[1], v=[2**53 + 1]))
    shelf.publish(MERGE, shelf.stage(id=[2], v=[0.5]))
    assert shelf.rows() == [(1, str(2**53 + 1)), (2, "0.5")]


def test_decimals_widen_to_hold_both(shelf):
    shelf.publish(MERGE, shelf.stage(id=[1], v=[Decimal("1.25")]), columns=[("v", "DECIMAL(10,2)")])
    shelf.publish(
        MERGE, shelf.stage(id=[2], v=[Decimal("2.1234")]), columns=[("v", "DECIMAL(9,4)")]
    )
    assert shelf.types()["v"] == "DECIMAL(12,4)"
    assert shelf.rows("id, v") == [(1, Decimal("1.2500")), (2, Decimal("2.1234"))]


def test_an_append_that_rebuilds_keeps_every_old_row(shelf):
    shelf.publish(APPEND, shelf.stage(v=[1, 1, 2]))
    shelf.publish(APPEND, shelf.stage(v=["x"]))
    assert shelf.rows() == [("1",), ("1",), ("2",), ("x",)]


def test_a_full_publish_takes_the_sources_types_as_they_are_now(shelf):
    shelf.publish(FULL, shelf.stage(id=["x"]))
    shelf.publish(FULL, shelf.stage(id=[1]))
    assert shelf.types() == {"id": "BIGINT"}


def test_declared_types_win_over_the_files(shelf):
    at = datetime(2026, 5, 1, 12, tzinfo=UTC)
    shelf.publish(
        FULL,
        shelf.stage(id=["7"], meta=['{"a": [1]}'], at=[at], day=["2026-05-01"]),
        columns=[
            ("id", "BIGINT"),
            ("meta", "JSON"),
            ("at", "TIMESTAMP"),
            ("day", "DATE"),
            ("none", "UUID"),
        ],
    )
    assert shelf.types() == {
        "id": "BIGINT",
        "meta": "JSON",
        "at": "TIMESTAMP",
        "day": "DATE",
        "none": "UUID",
    }
    assert shelf.rows('id, meta, "at", "none"') == [
        (7, '{"a": [1]}', datetime(2026, 5, 1, 12), None)
    ]


def test_rows_that_do_not_fit_the_declared_type_change_nothing(shelf):
    shelf.publish(MERGE, shelf.stage(id=[1]), columns=[("id", "BIGINT")], load="l1", watermark="1")
    with pytest.raises(PublishError, match=r"do not fit its column types: .*Nothing was changed"):
        shelf.publish(
            MERGE, shelf.stage(id=["x"]), columns=[("id", "BIGINT")], load="l2", watermark="2"
        )
    assert shelf.rows() == [(1,)]
    assert shelf.lake.state("the-table").watermark == "1"


def test_a_merge_without_its_key_among_the_columns_is_refused(shelf):
    with pytest.raises(PublishError, match="`id` is not among its columns"):
        shelf.publish(MERGE, shelf.stage(other=[1]))


def test_strange_names_reserved_words_and_case_are_kept_apart(shelf):
    names = [
        "select",
        "Order",
        "order",
        "ORDER",
        'we"ird',
        "",
        "é ü",
        "file_row_number",
        "filename",
        "rowid",
        "a.b",
    ]
    for round_ in (1, 2):
        shelf.publish(
            MERGE, shelf.stage(id=[1], **{name: [i * round_] for i, name in enumerate(names)})
        )
    columns = list(shelf.types())
    assert columns == ["id", "select", "Order", "order_1", "ORDER_2", 'we"ird', "_", *names[6:]]
    assert shelf.rows() == [(1, *(2 * i for i in range(len(names))))]


def test_files_may_differ_in_their_columns(shelf):
    shelf.publish(FULL, shelf.stage(a=[1]), shelf.stage(b=["x"]), shelf.stage(a=[2.5], b=["y"]))
    assert sorted(map(str, shelf.rows("a, b"))) == ["(1.0, None)", "(2.5, 'y')", "(None, 'x')"]


def test_nested_values_are_stored_as_they_are(shelf):
    shelf.publish(FULL, shelf.stage(tags=[["a", "b"], None], who=[{"x": 1, "Y z": "q"}, None]))
    assert shelf.types() == {"tags": "VARCHAR[]", "who": 'STRUCT(x BIGINT, "Y z" VARCHAR)'}
    assert (["a", "b"], {"x": 1, "Y z": "q"}) in shelf.rows()


def test_replacing_in_merge_mode_also_removes_what_is_gone(shelf):
    shelf.publish(MERGE, shelf.stage(id=[1, 2]))
    shelf.publish(MERGE, shelf.stage(id=[2, 3, 3]), is_replacement=True)
    assert shelf.rows() == [(2,), (3,)]


def test_a_removed_table_and_schema_are_gone(shelf):
    shelf.publish(FULL, shelf.stage(id=[1]))
    shelf.lake.drop_table("shop", "orders")
    assert not shelf.lake.has_table("shop", "orders")
    shelf.publish(FULL, shelf.stage(id=[2]))
    shelf.lake.drop_schema("shop")
    shelf.lake.drop_schema("shop")
    assert [t for t in shelf.lake.tables() if t.schema == "shop"] == []
