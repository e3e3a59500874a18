"""Saved queries that are built in parts, from the command line through dbt to the table."""

import json

import pytest

from pwh_assets.cli import main
from pwh_assets.errors import NotFoundError
from pwh_assets.services.incremental import NotIncrementalError, check_incremental
from pwh_assets.services.sync.leftovers import clear_leftovers
from pwh_assets.services.views.plan import BuildMode
from pwh_assets.services.views.saved import build_view, save_view
from tests.e2e.homes import Warehouse, orders, people

SPENT = (
    "SELECT o.user_id AS user_id, u.plan AS plan, sum(o.amount) AS spent, count() AS orders FROM app_orders o "
    "JOIN app_users u ON u.id = o.user_id GROUP BY user_id, plan"
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    warehouse = Warehouse(tmp_path / "home")
    monkeypatch.setenv("PWH_HOME", str(tmp_path / "home"))
    warehouse.write("users", people())
    warehouse.write("orders", orders())
    save_view(warehouse.platform, 1, "spent", SPENT)
    yield warehouse
    warehouse.close()


def pwh(capsys, *words, status=0):
    assert main([*words, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def equals_the_whole(home):
    columns = "user_id, plan, spent, orders"
    table = home.ask(f"SELECT {columns} FROM spent ORDER BY user_id")
    return table == home.ask(f"SELECT {columns} FROM ({SPENT}) ORDER BY user_id")


def test_a_view_is_checked_materialized_and_built_in_parts(home, capsys):
    found = pwh(capsys, "view", "check-incremental", "spent")
    assert found["eligible"]
    assert [each["name"] for each in found["key_candidates"]] == ["user_id", "plan"]
    assert found["unique_key_candidates"] == [["user_id", "plan"]]
    found = pwh(
        capsys, "view", "check-incremental", f"{SPENT} LIMIT 3", "--key", "user_id", status=1
    )
    assert "LIMIT" in found["blockers"][0]
    assert main(["view", "check-incremental", "spent", "--key", "spent"]) == 1
    assert "It cannot be built in parts." in capsys.readouterr().out
    assert main(["view", "materialize", "spent", "--incremental", "spent"]) != 0
    assert "`spent` cannot be the key" in capsys.readouterr().err
    assert not home.store.view(1, "spent").is_materialized
    assert main(["view", "materialize", "spent", "--lookback", "2d"]) != 0
    assert "`--incremental KEY`" in capsys.readouterr().err

    words = ("--incremental", "USER_ID", "--unique-key", "user_id,plan", "--manual")
    view = pwh(capsys, "view", "materialize", "spent", *words)
    assert view["incremental"]["key"] == "user_id"
    assert view["last_build"] is None

    view = home.store.view(1, "spent")
    first = build_view(home.platform, view)
    assert (first.mode, first.reason) == (
        BuildMode.FULL,
        "It is the first build of the view in parts.",
    )
    schema = home.table("app_orders").source.slug
    with home.lake.write() as connection:
        connection.execute(f"DELETE FROM lake.{schema}.orders WHERE user_id = 3 AND id > 500")
        connection.execute(f"INSERT INTO lake.{schema}.orders VALUES (5000, 7, 10.0, 1)")
        connection.execute(f"UPDATE lake.{schema}.users SET plan = 'max' WHERE id = 4")
    clear_leftovers(home.platform, 1)
    second = build_view(home.platform, view)
    assert (second.mode, second.rows) == (BuildMode.INCREMENTAL, 10)
    assert second.reason.startswith("3 buckets were touched by changes of")
    assert equals_the_whole(home)
    shown = pwh(capsys, "view", "show", "spent")["last_build"]
    assert (shown["mode"], shown["buckets"], shown["engine"]) == ("incremental", 3, "duckdb")
    newest = pwh(capsys, "view", "runs", "spent")["results"][0]
    assert [newest[word] for word in ("engine", "mode", "reason")] == [
        "duckdb",
        "incremental",
        second.reason,
    ]
    state = home.store.view(1, "spent").incremental_state
    assert set(state["inputs"]) == {f"{schema}.orders", f"{schema}.users"}

    save_view(home.platform, 1, "spent", SPENT.replace("SELECT", "SELECT\n "))
    assert build_view(home.platform, view).mode is BuildMode.INCREMENTAL
    home.write("users", people())
    third = build_view(home.platform, view)
    assert (third.mode, third.reason.split()[0]) == (BuildMode.INCREMENTAL, "1")
    assert build_view(home.platform, view, full=True).reason == "A full build was asked for."
    save_view(home.platform, 1, "spent", f"{SPENT} ORDER BY spent LIMIT 4", force=True)
    limited = build_view(home.platform, view)
    assert limited.mode is BuildMode.FULL
    assert "cannot be built in parts: LIMIT" in limited.reason
    assert limited.rows == 4
    whole = pwh(capsys, "view", "materialize", "spent", "--whole", "--manual")
    assert whole["incremental"] is None and whole["last_build"]["reason"] == limited.reason


def test_what_is_wrong_with_a_request_is_said(home):
    with pytest.raises(NotFoundError):
        check_incremental(home.platform, 1, "nosuch")
    from pwh_assets.services.incremental import IncrementalConfig, checked_config, parse_lookback

    with pytest.raises(
        NotIncrementalError, match="View `spent` cannot be built in parts: `x` is not a column"
    ):
        checked_config(home.platform, 1, "spent", IncrementalConfig("x"))
    for text in ("31d", "soon", "-1"):
        with pytest.raises(Exception, match=r"30 days at most|not a length of time"):
            parse_lookback(text)
    assert parse_lookback("6h") == 21_600
