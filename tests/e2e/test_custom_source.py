"""An operator's own dlt source through whole syncs, and what stands in the way of everything else."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pwh_assets.errors import InvalidInputError, SourceError
from pwh_assets.platform import open_platform
from pwh_assets.services.platform import Platform
from pwh_assets.services.sources.connecting import create_source, preview_source, show_source
from pwh_assets.services.sync.table import sync_table
from pwh_assets.settings import Settings
from tests.servers import own_sources

PACKAGE = "tests.servers.own_sources"


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    own_sources.ROWS.clear()
    own_sources.CALLS.clear()
    env = {"PWH_HOME": str(tmp_path / "home"), "PWH_CUSTOM_SOURCES": f"acme, {PACKAGE}"}
    platform = open_platform(Settings.from_env(env))
    yield platform
    platform.lakes.close()
    platform.store.close()


def body(function: str = "shop", module: str = PACKAGE, **more: Any) -> dict[str, Any]:
    secrets = {"secret_arguments": {"key": "planted-key"}} if function == "shop" else {}
    return {
        "source_type": "Custom",
        "payload": {"function": f"{module}:{function}", **secrets, **more},
    }


def sync(platform: Platform, name: str) -> Any:
    table = platform.store.find_table(1, f"custom_{name}")
    assert table is not None
    return sync_table(platform, table)


def rows(platform: Platform, sql: str) -> list[Any]:
    with platform.lakes.of(1).read() as connection:
        return connection.execute(sql).fetchall()


def test_resources_are_tables_with_the_keys_and_cursors_of_their_hints(
    platform: Platform,
) -> None:
    source = create_source(platform, 1, body(arguments={"region": "us"}))
    tables = {table.name: table for table in platform.store.tables(1)}
    assert tables["order"].primary_key == ("id",)
    assert tables["order"].cursors == ("updated_at",)
    assert tables["line"].primary_key == ("order_id", "n")
    assert tables["event"].cursors == ("n",)
    shown = show_source(platform, 1, source.id)
    assert shown["job_inputs"]["secret_arguments"] == "***"
    assert "planted-key" not in str(shown)


def test_a_second_sync_begins_at_the_watermark(platform: Platform) -> None:
    own_sources.fill(1, 2, 3)
    create_source(platform, 1, body())
    assert sync(platform, "order").row_count == 3
    own_sources.fill(4)
    second = sync(platform, "order")
    assert (second.rows_synced, second.row_count) == (1, 4)
    assert own_sources.CALLS[-1] == own_sources.moment(3)
    assert rows(platform, "SELECT id, amount, customer->>'name' FROM lake.custom.order") == [
        (n, Decimal("0.0001") * n, "A") for n in (1, 2, 3, 4)
    ]


def test_transformers_and_numbers_work_too(platform: Platform) -> None:
    own_sources.fill(1, 2)
    schema = {"name": "event", "sync_type": "append", "incremental_field": "n"}
    create_source(platform, 1, body(schemas=[schema, {"name": "line"}]))
    assert sync(platform, "line").row_count == 4
    assert sync(platform, "event").row_count == 2
    own_sources.fill(3)
    second = sync(platform, "event")
    assert (second.rows_synced, second.row_count) == (1, 3)


def test_the_preview_shows_first_rows(platform: Platform) -> None:
    own_sources.fill(*range(1, 30))
    found = preview_source(platform, body(), rows=3)
    assert [row["id"] for row in found["order"]] == [1, 2, 3]


@pytest.mark.parametrize(
    ("wrong", "attr"),
    [
        (body("system", "os"), "function"),
        (body("shop", "tests.servers.own_sources_evil"), "function"),
        (body("nobody"), "function"),
        (body("shop", f"{PACKAGE}.none"), "function"),
        (body("x", "acme.missing"), "function"),
        ({"source_type": "custom", "payload": {"function": "import os"}}, "function"),
        (body(arguments={"colour": "red"}), "arguments"),
        (body(arguments={"key": "x"}), "secret_arguments"),
        (body(arguments=["x"]), "arguments"),
    ],
)
def test_what_may_not_or_cannot_be_called_is_told(
    platform: Platform, wrong: dict[str, Any], attr: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        create_source(platform, 1, wrong)
    assert caught.value.attr == attr


def test_what_the_function_says_when_it_fails_is_shown_without_secrets(
    platform: Platform,
) -> None:
    with pytest.raises(SourceError, match="opens nothing in eu") as caught:
        create_source(platform, 1, body(secret_arguments={"key": "another-secret"}))
    assert "another-secret" not in str(caught.value)
    with pytest.raises(SourceError, match="`int`"):
        create_source(platform, 1, body("nothing"))


def test_nothing_is_allowed_unless_the_operator_says_so(tmp_path: Path) -> None:
    platform = open_platform(Settings.from_env({"PWH_HOME": str(tmp_path / "home")}))
    try:
        with pytest.raises(InvalidInputError, match="PWH_CUSTOM_SOURCES"):
            create_source(platform, 1, body("plain"))
    finally:
        platform.lakes.close()
        platform.store.close()
