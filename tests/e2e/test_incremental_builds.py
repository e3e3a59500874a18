"""One view that is built in parts through everything that happens to its inputs, on a real lake."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from pwh_assets.lake.attach import literal
from pwh_assets.lake.state import STATE
from pwh_assets.services.incremental.build import UniqueKeyError
from tests.e2e import incremental_crashes
from tests.e2e.incremental_lab import Lab

TEXT = (
    "SELECT toDate(f.ts) AS day, u.plan AS plan, count() AS n, sum(f.amount) AS s "
    "FROM facts f LEFT JOIN users u ON u.id = f.user_id GROUP BY day, plan"
)


@pytest.fixture
def lab(tmp_path):
    lab = Lab(tmp_path / "home", 5)
    lab.sql("UPDATE lake.src.users SET id = id + 100", "DELETE FROM lake.src.users WHERE id = 103")
    lab.insert("users", "(3, 1, 'pro', DATE '2000-01-01')")
    lab.add("daily", "day", TEXT)
    yield lab
    lab.close()


def built(lab, **more):
    plan = lab.build("daily", **more)
    assert lab.difference("daily") == ([], []), plan.reason
    return plan.mode.value, plan.buckets, plan.reason


def fact(day, user=3):
    return f"(9000, {user}, TIMESTAMP '{day} 12:00:00', 2.5, 'a', [1], 0)"


def test_a_build_computes_the_touched_buckets_and_says_so_or_why_not(lab):
    assert built(lab) == ("full", None, "It is the first build of the view in parts.")
    before = lab.lake.snapshot_id()
    assert built(lab) == ("incremental", 0, "Nothing that matters to the view has changed.")
    assert lab.lake.snapshot_id() == before, "nothing was written"

    lab.insert("facts", fact("2026-03-05"), fact("2026-03-05"))
    assert built(lab) == ("incremental", 1, "1 bucket was touched by changes of `src.facts`.")
    lab.insert("facts", fact("2019-07-01"))  # years late
    lab.sql("UPDATE lake.src.facts SET ts = ts + INTERVAL 1 DAY WHERE ts = '2026-03-05 12:00:00'")
    assert built(lab)[:2] == ("incremental", 3)
    lab.sql("DELETE FROM lake.src.facts WHERE ts = '2019-07-01 12:00:00'")
    assert built(lab)[:2] == ("incremental", 1)
    assert lab.rows("SELECT 1 FROM lake.views.daily WHERE day < '2020-01-01'") == []

    lab.sql(
        "UPDATE lake.src.facts SET extra = 77, tag = 'z'", "UPDATE lake.src.users SET team_id = 2"
    )
    assert built(lab)[:2] == ("incremental", 0), "columns that the view does not read"
    lab.insert("facts", "(9001, 3, NULL, 1, 'a', [], 0)")
    assert built(lab)[:2] == ("incremental", 1), "the bucket of NULL"
    lab.sql("UPDATE lake.src.users SET plan = 'max' WHERE id = 3")
    mode, buckets, reason = built(lab)
    assert (mode, "`src.users`" in reason) == ("incremental", True)
    days = lab.rows("SELECT DISTINCT ts::DATE FROM lake.src.facts WHERE user_id = 3")
    assert buckets == len(days)

    lab.sql(
        "CREATE TEMP TABLE again AS FROM lake.src.users",
        "DELETE FROM lake.src.users",
        "INSERT INTO lake.src.users FROM again",
    )
    assert built(lab)[:2] == ("incremental", 0), "a full sync of the very same rows"
    lab.sql("CREATE OR REPLACE TABLE lake.src.users AS FROM again")
    assert built(lab)[:2] == ("incremental", 0), "a table made anew with the very same rows"


def test_a_fresh_connection_finds_the_rows_of_earlier_snapshots(lab):
    built(lab)
    lab.maintain()  # what is written of the next build lies in the catalog under that moment's schema
    lab.insert("facts", fact("2026-03-05"))
    built(lab)
    lab.sql("CREATE TABLE lake.src.later AS SELECT 1 AS one")
    lab.sql("CREATE OR REPLACE TABLE lake.src.users AS FROM lake.src.users WHERE id <> 3")
    lab.reopen()
    mode, buckets, reason = built(lab)
    assert (mode, "`src.users`" in reason, buckets > 0) == ("incremental", True, True)


def test_a_build_goes_on_from_the_state_that_an_earlier_version_wrote(lab):
    built(lab)
    state = json.loads(lab.lake.state("id-daily").watermark)
    state |= {"mode": "full", "reason": "It is the first build.", "buckets": None}
    lab.sql(f"UPDATE {STATE} SET watermark = {literal(json.dumps(state))}")
    lab.insert("facts", fact("2026-03-05"))
    assert built(lab)[:2] == ("incremental", 1)


def test_a_build_that_cannot_be_sure_is_a_whole_one(lab):
    built(lab)
    key, text = lab.views["daily"]
    lab.views["daily"] = key, text.replace("SELECT", "select\n  ").replace("count()", "COUNT( )")
    assert built(lab)[0] == "incremental"
    lab.views["daily"] = key, text.replace("GROUP BY", "WHERE f.id > 5 GROUP BY")
    assert built(lab)[::2] == (
        "full",
        "The view, or a view it reads, means something else than at the last build.",
    )
    lab.sql("ALTER TABLE lake.src.users ADD COLUMN other INTEGER")
    assert built(lab)[0] == "incremental"
    lab.sql(
        "ALTER TABLE lake.src.users DROP COLUMN plan",
        "ALTER TABLE lake.src.users ADD COLUMN plan VARCHAR",
    )
    assert "`src.users` that the view reads were added, dropped or retyped" in built(lab)[2]
    lab.sql("CREATE OR REPLACE TABLE lake.views.daily AS FROM lake.views.daily LIMIT 3")
    assert "made by something else" in built(lab)[2]
    assert built(lab, full="Somebody asked.")[::2] == ("full", "Somebody asked.")
    assert built(lab)[0] == "incremental"

    lab.maintain(keep_days=0)
    assert built(lab)[:2] == ("incremental", 0), (
        "what is forgotten does not matter when nothing changed"
    )
    lab.insert("facts", fact("2026-03-05"))
    lab.maintain(keep_days=0)
    assert "maintenance has forgotten it" in built(lab)[2]

    lab.sql(
        "INSERT INTO lake.src.facts SELECT 20000 + i, 1, '2026-02-01', 1, 'a', [], 0 FROM range(1500) t(i)"
    )
    assert (
        "Most of what the view reads was written anew: 1,500 changes of `src.facts`"
        in built(lab)[2]
    )
    lab.sql(
        "INSERT INTO lake.src.facts SELECT 30000 + i, 1, TIMESTAMP '2027-01-01' + i * INTERVAL 1 DAY, 1, 'a', [], 0 "
        "FROM range(200) t(i)"
    )
    assert "buckets were touched" in built(lab)[2]
    assert lab.modes["daily"][-1] == "full"


def test_a_table_that_belongs_to_no_bucket_rebuilds_everything(lab):
    lab.add(
        "crossed",
        "tag",
        "SELECT f.tag AS tag, count() AS n FROM facts f CROSS JOIN teams t GROUP BY tag",
    )
    lab.build("crossed")
    lab.do_insert()
    assert lab.build("crossed").mode.value == "incremental"
    lab.insert("teams", "(77, 'eu')")
    plan = lab.build("crossed")
    assert "`src.teams` changed, which may reach every bucket, because" in plan.reason
    assert lab.difference("crossed") == ([], [])


def test_rows_that_break_the_unique_key_are_not_published(lab):
    built(lab)
    before = lab.rows("FROM lake.views.daily")
    lab.insert("facts", fact("2026-03-05", 3), fact("2026-03-05", 104))
    with pytest.raises(
        UniqueKeyError, match="`day` is its unique key, but 2 rows have `2026-03-05`"
    ):
        lab.build("daily", unique_key=("day",))
    with pytest.raises(UniqueKeyError, match=r"a row has .*NULL"):
        lab.build("daily", unique_key=("day", "plan"), full="Somebody asked.")
    assert lab.rows("FROM lake.views.daily") == before
    lab.sql(
        "UPDATE lake.src.users SET plan = coalesce(plan, 'none')",
        "DELETE FROM lake.src.facts WHERE ts IS NULL",
        "DELETE FROM lake.src.facts WHERE coalesce(user_id, -1) NOT IN (SELECT id FROM lake.src.users)",
    )
    assert built(lab, unique_key=("day", "plan"))[0] == "incremental"
    lab.sql("INSERT INTO lake.src.users FROM lake.src.users WHERE id = 3")
    assert built(lab, unique_key=("plan", "day"))[0] == "incremental"


def test_the_lookback_computes_the_newest_buckets_in_any_case(lab):
    built(lab)
    lab.sql("UPDATE lake.views.daily SET n = -1 WHERE day >= DATE '2026-02-01'")
    plan = lab.build("daily", lookback_seconds=2 * 86_400)
    newest = lab.connection.execute("SELECT max(day) FROM lake.views.daily").fetchone()[0]
    assert plan.reason == f"{plan.buckets} buckets were touched by the lookback."
    assert plan.buckets <= 3
    assert (
        lab.rows(f"SELECT 1 FROM lake.views.daily WHERE n = -1 AND day >= DATE '{newest}' - 2")
        == []
    )
    assert lab.rows("SELECT 1 FROM lake.views.daily WHERE n = -1") != []


def test_a_build_that_is_killed_leaves_the_old_rows_or_the_new_and_the_next_goes_on(tmp_path):
    home, chance = tmp_path / "home", random.Random(11)
    command = [sys.executable, "-m", "tests.e2e.incremental_crashes", str(home)]
    modes = []
    for number in range(3):
        with subprocess.Popen(
            [*command, str(number)], stdout=subprocess.PIPE, text=True
        ) as process:
            for _ in range(2):
                process.stdout.readline()
            time.sleep(chance.random() * 1.5)
            os.kill(process.pid, signal.SIGKILL)
            process.stdout.read()
        lab = Lab(home)
        lab.add("daily", "day", incremental_crashes.TEXT)
        days, rows = lab.connection.execute(
            "SELECT count(DISTINCT day), count(day) FROM lake.views.daily"
        ).fetchone()
        assert days == rows > 0, "no bucket is there twice"
        modes.append(lab.build("daily").mode.value)
        assert lab.difference("daily") == ([], []), number
        lab.close()
    assert modes == ["incremental"] * 3
