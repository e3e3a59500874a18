import gzip
import json
import uuid
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pwh_assets.errors import InvalidInputError
from pwh_assets.lake import Lakes
from pwh_assets.services.platform import Platform
from pwh_assets.services.product.files import BadRowError
from pwh_assets.services.product.loading import import_distinct_ids, import_events, import_persons
from pwh_assets.settings import Settings
from pwh_assets.store import Store

ANN, BOB = (str(uuid.UUID(int=n)) for n in (1, 2))


@pytest.fixture
def platform(tmp_path):
    settings = Settings.from_env({"PWH_HOME": str(tmp_path / "home")})
    settings.home.mkdir()
    store, lakes = Store.open(settings.store_url), Lakes(settings)
    store.ensure_project(1)
    yield Platform(settings, store, lakes, {}, {})
    lakes.close()
    store.close()


def rows(platform, sql):
    with platform.lakes.of(1).read() as connection:
        return connection.execute(sql).fetchall()


def lines(path: Path, *values):
    path.write_text("\n".join(v if isinstance(v, str) else json.dumps(v) for v in values) + "\n")
    return path


def event(**more):
    return {
        "uuid": str(uuid.uuid4()),
        "event": "$pageview",
        "distinct_id": "ann",
        "timestamp": "2026-05-01T10:00:00+02:00",
        "properties": {"$session_id": "s1", "$browser": "Firefox", "nested": {"a": [1, None]}},
    } | more


def test_events_of_json_lines_arrive_with_session_properties_and_utc_times(platform, tmp_path):
    file = lines(tmp_path / "e.jsonl", event(), "", event(properties='{"a": "é\\ud83d\\ude00"}'))
    result = import_events(platform, 1, file)
    assert (result.rows, result.rows_new, result.row_count) == (2, 2, 2)
    found = rows(
        platform,
        'select event, "$session_id", "timestamp"::varchar, properties->>\'$.nested.a[0]\', '
        "properties->>'$.a', person_id from lake.product.events order by 2 nulls last",
    )
    assert found == [
        ("$pageview", "s1", "2026-05-01 08:00:00", "1", None, None),
        ("$pageview", None, "2026-05-01 08:00:00", None, "é😀", None),
    ]


def test_importing_a_file_twice_changes_nothing_even_without_uuids(platform, tmp_path):
    bare = event()
    del bare["uuid"]
    file = lines(
        tmp_path / "e.jsonl", event(), bare, event(uuid=BOB), event(uuid=BOB, event="later")
    )
    first, second = import_events(platform, 1, file), import_events(platform, 1, file)
    assert (first.rows, first.rows_new) == (3, 3)
    assert (second.rows, second.rows_new, second.row_count) == (3, 0, 3)
    assert rows(platform, f"select event from lake.product.events where uuid = '{BOB}'") == [
        ("later",)
    ]


def test_events_know_their_person_whichever_file_came_first(platform, tmp_path):
    ids = [{"distinct_id": "ann", "person_id": ANN}, {"distinct_id": "bob", "person_id": BOB}]
    import_events(platform, 1, lines(tmp_path / "early.jsonl", event()))
    linked = import_distinct_ids(platform, 1, lines(tmp_path / "ids.jsonl", *ids))
    import_events(platform, 1, lines(tmp_path / "late.jsonl", event(distinct_id="bob")))
    import_events(
        platform, 1, lines(tmp_path / "own.jsonl", event(distinct_id="bob", person_id=ANN))
    )
    assert (linked.rows_new, linked.events_filled) == (2, 1)
    found = rows(
        platform, "select distinct_id, person_id::varchar from lake.product.events order by all"
    )
    assert found == [("ann", ANN), ("bob", ANN), ("bob", BOB)]


def test_the_highest_version_of_a_distinct_id_stays(platform, tmp_path):
    def link(person, version):
        return {"distinct_id": "ann", "person_id": person, "version": version}

    import_distinct_ids(platform, 1, lines(tmp_path / "a.jsonl", link(BOB, 10), link(ANN, 9)))
    import_distinct_ids(platform, 1, lines(tmp_path / "b.jsonl", link(ANN, 8)))
    query = "select person_id::varchar, version from lake.product.person_distinct_ids"
    assert rows(platform, query) == [(BOB, 10)]
    import_distinct_ids(platform, 1, lines(tmp_path / "c.jsonl", link(ANN, 11)))
    assert rows(platform, query) == [(ANN, 11)]


def test_persons_are_replaced_by_id(platform, tmp_path):
    def person(email):
        return {"id": ANN, "properties": {"email": email}, "is_identified": True}

    import_persons(platform, 1, lines(tmp_path / "p.jsonl", person("old@example.com")))
    result = import_persons(platform, 1, lines(tmp_path / "p.jsonl", person("new@example.com")))
    assert (result.rows, result.rows_new) == (1, 0)
    query = "select properties->>'email', is_identified, created_at is not null from lake.product.persons"
    assert rows(platform, query) == [("new@example.com", True, True)]


def test_parquet_in_every_usual_shape_is_read(platform, tmp_path):
    from datetime import UTC, datetime

    moment = datetime(2026, 5, 1, 8, tzinfo=UTC)
    texts = pa.table(
        {
            "uuid": [str(uuid.UUID(int=1))],
            "event": ["a"],
            "distinct_id": ["ann"],
            "properties": ['{"x": 1}'],
            "timestamp": pa.array([moment.replace(tzinfo=None)], pa.timestamp("us")),
        }
    )
    nested = pa.table(
        {
            "uuid": pa.array([uuid.UUID(int=2).bytes], pa.binary(16)),
            "event": ["b"],
            "distinct_id": ["ann"],
            "properties": [{"x": 2}],
            "timestamp": pa.array([moment], pa.timestamp("ns", "Europe/Berlin")),
            "unknown": [1],
        }
    )
    (tmp_path / "in").mkdir()
    pq.write_table(texts, tmp_path / "in" / "1.parquet")
    pq.write_table(nested, tmp_path / "in" / "2.parquet")
    lines(
        tmp_path / "in" / "3.jsonl",
        event(uuid=str(uuid.UUID(int=3)), event="c", properties={"x": 3}),
    )
    assert import_events(platform, 1, tmp_path / "in").rows == 3
    found = rows(
        platform,
        "select event, right(uuid::varchar, 1), properties->>'x', \"timestamp\"::varchar from lake.product.events order by 1",
    )
    assert found == [(e, str(n), str(n), "2026-05-01 08:00:00") for n, e in enumerate("abc", 1)]


def test_gzipped_lines_are_read(platform, tmp_path):
    with gzip.open(tmp_path / "e.jsonl.gz", "wt") as file:
        file.write(json.dumps(event()))
    assert import_events(platform, 1, tmp_path / "e.jsonl.gz").rows == 1


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("{not json", "it is not JSON"),
        ("[1]", "it is not a JSON object"),
        ('{"event": NaN}', "`NaN` is not a JSON number"),
        ('{"event": "\\ud800"}', "it is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        (event(event=None), "`event` is missing"),
        (event(distinct_id=""), "`distinct_id` is missing"),
        (event(timestamp=None), "`timestamp` is missing"),
        (event(timestamp="yesterday"), "`timestamp` is `yesterday`, which is not a point in time"),
        (event(timestamp="infinity"), "which is not a point in time"),
        (event(timestamp=1777623600), "which is not a point in time"),
        (event(uuid="12"), "`uuid` is `12`, which is not a UUID"),
        (event(person_id="x'y"), "`person_id` is `x'y`, which is not a UUID"),
        (event(properties="{a: 1}"), "`properties` is not a JSON object"),
        (event(properties=[1]), "`properties` is not a JSON object"),
        (event(properties="7"), "`properties` is not a JSON object"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_imported(platform, tmp_path, bad, words):
    file = lines(tmp_path / "e.jsonl", event(), "", bad, event())
    with pytest.raises(BadRowError) as caught:
        import_events(platform, 1, file)
    assert caught.value.line == 3 and words in str(caught.value)
    assert str(caught.value).startswith("Line 3 of `e.jsonl`: ")
    assert rows(platform, "select count(*) from lake.product.events") == [(0,)]
    assert list((platform.settings.home / "tmp").glob("import-*")) == []


def test_a_bad_row_of_a_later_file_keeps_the_earlier_ones_out(platform, tmp_path):
    (tmp_path / "in").mkdir()
    lines(tmp_path / "in" / "1.jsonl", event())
    pq.write_table(
        pa.table(
            {"event": ["a", None], "distinct_id": ["x", "y"], "timestamp": ["2026-01-01"] * 2}
        ),
        tmp_path / "in" / "2.parquet",
    )
    with pytest.raises(BadRowError, match=r"Row 2 of `2\.parquet`: `event` is missing"):
        import_events(platform, 1, tmp_path / "in")
    assert rows(platform, "select count(*) from lake.product.events") == [(0,)]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("e.csv", b"a,b", "neither Parquet nor JSON lines"),
        ("e.parquet", b"PAR1 no", "is not a Parquet file"),
        ("e.jsonl.gz", b"\x1f\x8b no", "Line 1 of `e.jsonl.gz`"),
        ("e.jsonl", b"\xff\xfe\x00", "Line 1 of `e.jsonl`: it is not JSON"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_words(platform, tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInputError) as caught:
        import_events(platform, 1, tmp_path / name)
    assert words in str(caught.value)


def test_a_file_that_is_not_there_and_an_empty_folder_are_refused(platform, tmp_path):
    with pytest.raises(InvalidInputError, match="There is no file"):
        import_events(platform, 1, tmp_path / "nix.jsonl")
    (tmp_path / "in").mkdir()
    with pytest.raises(InvalidInputError, match="holds no Parquet"):
        import_events(platform, 1, tmp_path / "in")


def test_an_empty_file_imports_nothing(platform, tmp_path):
    (tmp_path / "e.jsonl").write_text("\n\n")
    assert import_events(platform, 1, tmp_path / "e.jsonl").rows == 0
