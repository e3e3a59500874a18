"""Sources and their tables in the store."""

import sqlite3
from datetime import UTC, datetime

import pytest

from pwh_assets.core.frequency import Frequency
from pwh_assets.core.source import Column, Source, SyncMode, TableStatus
from pwh_assets.errors import ConflictError, NotFoundError
from pwh_assets.store import NewTable, Store
from pwh_assets.store.names import NameClashError
from pwh_assets.store.part import SecretsClosedError
from pwh_assets.store.sources import SourceExistsError

USERS = NewTable(
    "Users",
    columns=(Column("id", "BIGINT", False, "key"), Column("updated_at", "TIMESTAMP")),
    primary_key=("id",),
    cursors=("updated_at", "id"),
    mode=SyncMode.INCREMENTAL,
    cursor="updated_at",
    frequency=Frequency("24hour", "02:30"),
)


def add(store: Store, prefix: str = "prod_", project: int = 1, **more: object) -> Source:
    values = {
        "config": {"host": "db"},
        "secrets": {"password": "s3cret-planted"},
        "tables": [USERS],
    }
    return store.add_source(project, "postgres", prefix, "the app", **{**values, **more})  # type: ignore[arg-type]


def test_a_source_comes_back_as_it_was_given(store: Store) -> None:
    source = add(store)
    assert store.sources(1) == [source]
    assert source.slug == "postgres_prod"
    assert source.created_at is not None and source.created_at.tzinfo is UTC
    (table,) = store.tables(source_id=source.id)
    assert table == store.table(table.id)
    assert (table.columns, table.primary_key, table.cursors) == (
        USERS.columns,
        ("id",),
        USERS.cursors,
    )
    assert table.frequency == Frequency("24hour", "02:30")
    assert table.mode is SyncMode.INCREMENTAL
    assert table.status is TableStatus.NEVER_RUN
    assert table.source == source


def test_secrets_come_out_in_one_place_only(store: Store) -> None:
    source = add(store)
    assert store.source_config(source.id) == {"host": "db", "password": "s3cret-planted"}
    assert "s3cret" not in repr(store.source(source.id))
    assert "s3cret" not in repr(store.tables(1))
    assert "s3cret" not in repr(store)


def test_a_table_is_found_by_every_spelling(store: Store) -> None:
    add(store)
    spellings = ("prod_users", "PROD_USERS", "postgres.prod.users", "prod_postgres_users")
    for name in (*spellings, "postgres_prod.users", "postgres_prod/Users"):
        found = store.find_table(1, name)
        assert found is not None and found.name == "Users", name
    assert store.find_table(1, "users") is None
    assert store.nearest_table(1, "prod_user") == "prod_users"


def test_another_projects_things_do_not_exist(store: Store) -> None:
    source = add(store)
    (table,) = store.tables(1)
    assert store.sources(2) == [] and store.tables(2) == []
    assert store.find_table(2, table.id) is None
    with pytest.raises(NotFoundError, match="no source"):
        store.source(source.id, 2)
    assert add(store, project=2).slug == source.slug


def test_unknown_ids_are_not_found(store: Store) -> None:
    for call in (
        lambda: store.source("nope"),
        lambda: store.source_config("nope"),
        lambda: store.update_source("nope", description="x"),
        lambda: store.remove_source("nope"),
        lambda: store.table("nope"),
        lambda: store.update_table("nope", status="Failed"),
        lambda: store.remove_table("nope"),
        lambda: store.add_tables("nope", [USERS]),
        lambda: store.view(1, "nope"),
        lambda: store.update_view("nope", owner="x"),
        lambda: store.remove_view("nope"),
        lambda: store.finish_job("nope", "Failed"),
        lambda: store.add_source(9, "postgres", "", "", {}, {}, []),
        lambda: store.save_view(9, "v", "SELECT 1", [], []),
    ):
        with pytest.raises(NotFoundError):
            call()


def test_one_type_and_prefix_is_connected_once(store: Store) -> None:
    add(store)
    with pytest.raises(
        SourceExistsError, match=r"prefix `prod`.*`postgres_prod`.*another `prefix`"
    ):
        add(store, prefix="prod")
    add(store, prefix="staging")


def test_a_clash_of_names_names_both_sides_and_adds_nothing(store: Store) -> None:
    add(store)
    with pytest.raises(NameClashError) as clash:
        store.add_source(1, "mysql", "prod", "", {}, {}, [NewTable("orders"), NewTable("users")])
    assert "table `users` of this mysql source" in str(clash.value).lower()
    assert "table `Users` of the postgres source with prefix `prod_`" in str(clash.value)
    assert len(store.sources(1)) == 1 and len(store.tables(1)) == 1
    with pytest.raises(NameClashError, match="product's own table"):
        store.add_source(1, "person", "", "", {}, {}, [NewTable("distinct_ids")])


def test_two_tables_of_one_source_may_not_share_a_name(store: Store) -> None:
    with pytest.raises(
        NameClashError, match=r"`order items`.*`Order_Items`|`Order_Items`.*`order items`"
    ):
        add(store, tables=[NewTable("order items"), NewTable("Order_Items")])


def test_the_other_flat_spelling_is_taken_too(store: Store) -> None:
    add(store)
    with pytest.raises(NameClashError, match="prod_postgres_users"):
        store.save_view(1, "prod_postgres_users", "SELECT 1", [], [])
    with pytest.raises(NameClashError, match=r"postgres\.prod\.users"):
        store.save_view(1, "postgres.prod.users", "SELECT 1", [], [])


def test_removing_frees_the_names_and_wipes_the_credentials(store: Store, url: str) -> None:
    source = add(store)
    (table,) = store.tables(1)
    job = store.start_job(1, "sync", table.id, table.table_name)
    store.remove_source(source.id)
    assert store.sources() == [] and store.tables() == []
    assert store.jobs(1) == [job]
    for gone in (lambda: store.source_config(source.id), lambda: store.table(table.id)):
        with pytest.raises(NotFoundError):
            gone()
    again = add(store)
    assert again.id != source.id
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as raw:
            kept = raw.execute(
                "SELECT credentials FROM sources WHERE id = ?", (source.id,)
            ).fetchone()
        raw.close()
        assert kept == (None,)


def test_update_merges_secrets_and_replaces_config(store: Store) -> None:
    source = add(store, secrets={"password": "old", "token": "t"})
    store.update_source(
        source.id,
        description="new",
        config={"host": "h2"},
        secrets={"password": "new", "token": None},
    )
    assert store.source(source.id).description == "new"
    assert store.source_config(source.id) == {"host": "h2", "password": "new"}
    store.update_source(source.id)
    assert store.source_config(source.id)["password"] == "new"


def test_every_field_of_a_table_can_change(store: Store) -> None:
    add(store)
    (table,) = store.tables(1)
    at = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    changed = store.update_table(
        table.id,
        columns=(Column("x", "JSON"),),
        primary_key=("x",),
        cursors=(),
        description="d",
        should_sync=False,
        mode="append",
        cursor=None,
        frequency=Frequency("5min"),
        status=TableStatus.FAILED,
        watermark="2026-01-01",
        last_synced_at=at,
        latest_error="e",
        failed_at=at.replace(tzinfo=None),
        row_count=2**40,
        is_missing=True,
    )
    assert changed == store.table(table.id)
    assert changed.last_synced_at == changed.failed_at == at
    assert changed.mode is SyncMode.APPEND and changed.row_count == 2**40
    with pytest.raises(TypeError, match="no such field: id"):
        store.update_table(table.id, id="other")


def test_the_catalogs_version_follows_definitions_only(store: Store) -> None:
    seen = [store.catalog_version(1)]
    other = store.catalog_version(2)

    def moved() -> bool:
        seen.append(store.catalog_version(1))
        return seen[-1] != seen[-2]

    source = add(store)
    assert moved()
    (table,) = store.tables(1)
    store.update_table(
        table.id, status="Completed", row_count=5, watermark="9", last_synced_at=datetime.now(UTC)
    )
    assert not moved()
    store.update_table(table.id, cursor=table.cursor, columns=table.columns)
    assert not moved()
    store.update_table(table.id, cursor="id")
    assert moved()
    view = store.save_view(1, "v", "SELECT 1", [], [])
    assert moved()
    store.save_view(1, "v", "SELECT 1", [], [])
    assert not moved()
    store.update_view(view.id, status="Completed", row_count=1)
    assert not moved()
    store.update_view(view.id, is_materialized=True, frequency=Frequency("1hour"))
    assert moved()
    store.add_tables(source.id, [NewTable("more")])
    assert moved()
    store.remove_view(view.id)
    assert moved()
    store.remove_source(source.id)
    assert moved()
    assert len(set(seen)) == seen.count(seen[0]) + len(set(seen)) - 1
    assert store.catalog_version(2) == other


def test_adding_a_table_twice_is_refused(store: Store) -> None:
    source = add(store)
    with pytest.raises(ConflictError, match="already"):
        store.add_tables(source.id, [USERS])
    assert [t.name for t in store.add_tables(source.id, [NewTable("orders")])] == ["orders"]


def test_without_keys_no_credential_goes_in(url: str) -> None:
    closed = Store.open(url)
    closed.ensure_project()
    try:
        with pytest.raises(SecretsClosedError):
            closed.add_source(1, "stripe", "", "", {}, {"api_key": "k"}, [])
        assert closed.sources(1) == []
        assert closed.add_source(1, "stripe", "", "", {}, {}, []).slug == "stripe"
    finally:
        closed.close()
