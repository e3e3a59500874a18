"""dbt for real: on a real lake, in this process and in processes that are killed."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pwh_assets.core.view import SavedQuery
from pwh_assets.lake import Lakes
from pwh_assets.services.models import Model, ModelError, ModelText, generate, run
from pwh_assets.services.models.runner import _manifests
from pwh_assets.settings import Settings

ROOT = Path(__file__).parents[2]
ROWS = 20_000
LOOK_S = 0.02
"""Between two looks of a reader or commits of a writer, so that what is built beside them gets the machine too."""


def model(name, sql, **tokens):
    return Model(SavedQuery(f"id-{name}", 1, name, ""), ModelText(sql, tokens))


class Home:
    def __init__(self, path):
        self.settings = Settings(home=path)
        self.lake = Lakes(self.settings).of(1)

    def execute(self, *statements):
        with self.lake.write() as connection:
            for statement in statements:
                connection.execute(statement)

    def rows(self, sql):
        with self.lake.read() as connection:
            return connection.execute(sql).fetchall()

    def run(self, *models, build=None):
        run(self.lake, generate(self.settings, 1, models), build or models[0].view.name)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("models") / "home")
    home.execute(
        "CREATE SCHEMA lake.app",
        f"CREATE TABLE lake.app.orders AS SELECT range AS id, 1 AS version FROM range({ROWS})",
    )
    yield home
    home.lake.close()


ORDERS = {"T0": ("app", "orders")}


def test_a_chain_of_views_is_built_one_on_the_other(home):
    base = model("base", "select id, id % 10 as digit from T0", **ORDERS)
    top = model("top.digits", "select digit, count(*) n from T0 group by 1", T0=("views", "base"))
    home.run(base, top)
    home.run(base, top, build="top.digits")
    assert home.rows('select count(*), sum(n) from lake.views."top.digits"') == [(10, ROWS)]


def test_a_view_that_changes_its_columns_shows_the_new_ones_only(home):
    home.run(model("shape", "select 1 as a, 2 as b"))
    home.run(model("shape", "select 'x' as a, 3 as c"))
    columns = home.rows("select column_name, column_type from (describe lake.views.shape)")
    assert columns == [("a", "VARCHAR"), ("c", "INTEGER")]


def test_the_texts_braces_are_data(home):
    home.run(model("braces", "select '{{ env_var(''HOME'') }} {% x %} {# y #}' as a"))
    assert home.rows("select a from lake.views.braces") == [
        ("{{ env_var('HOME') }} {% x %} {# y #}",)
    ]


def test_now_is_the_moment_of_the_build(home):
    moments = []
    for _ in range(2):
        home.run(model("clock", "select now() as moment"))
        moments += home.rows("select moment from lake.views.clock")
    assert moments[0] < moments[1]


def test_an_error_is_one_sentence_and_the_old_rows_stay(home):
    home.run(model("fragile", "select 1 as a"))
    with pytest.raises(ModelError) as caught:
        home.run(model("fragile", "select cast('abc' || id as int) as a from T0", **ORDERS))
    words = str(caught.value)
    assert words.startswith(
        "View `fragile` could not be built: Conversion Error: Could not convert"
    )
    assert "Traceback" not in words and "\n" not in words and "target/" not in words
    assert home.rows("select a from lake.views.fragile") == [(1,)]


def test_a_run_leaves_no_connection_no_other_folder_and_nothing_in_the_users_home(
    home, tmp_path, monkeypatch
):
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    home.run(model("tidy", "select 1 as a"))
    assert DuckDBConnectionManager._ENV is None
    assert Path.cwd() == tmp_path and list(tmp_path.iterdir()) == []
    script = "import duckdb, sys; from pwh_assets.lake import Lakes; from pwh_assets.settings import Settings\n"
    script += "with Lakes(Settings.from_env()).of(1).write(5) as c: c.execute('create or replace table lake.app.x as select 1 a')"
    environment = {**os.environ, "PWH_HOME": str(home.settings.home), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=60)


def test_a_second_build_reads_no_project_again(home):
    one = model("warm", "select 1 as a")
    home.run(one)
    before = list(_manifests.values())
    started = time.process_time()
    home.run(one)
    assert list(map(id, _manifests.values())) == list(map(id, before))
    assert time.process_time() - started < 1.0


def test_others_write_the_lake_while_a_view_is_computed(home):
    slow = model(
        "slow", "select count(*) n from range(20000) a, range(10000) b where a.range + b.range >= 0"
    )
    home.run(model("slow", "select 1 as n"))
    building = threading.Thread(target=home.run, args=(slow,))
    started = time.monotonic()
    building.start()
    time.sleep(0.3)
    commits = 0
    while building.is_alive():
        home.execute("CREATE OR REPLACE TABLE lake.app.busy AS SELECT 1 a")
        commits += 1
        time.sleep(LOOK_S)
    building.join()
    assert home.rows("select n from lake.views.slow") == [(20000 * 10000,)]
    assert commits > 1, f"the lake was locked for all of {time.monotonic() - started:.1f} s"


def watch(home, stop, seen, failures):
    while not stop.is_set():
        try:
            with home.lake.read() as connection:
                seen.add(
                    connection.execute(
                        "select count(*), count(distinct version), min(version) from lake.views.watched"
                    ).fetchone()
                )
        except Exception as error:
            failures.append(repr(error))
        stop.wait(LOOK_S)


def test_readers_see_the_old_table_or_the_new_one_while_it_is_rebuilt(home):
    watched = model("watched", "select id, version from T0", **ORDERS)
    home.run(watched)
    stop, seen, failures = threading.Event(), set(), []
    reader = threading.Thread(target=watch, args=(home, stop, seen, failures))
    reader.start()
    for version in range(2, 8):
        home.execute(f"UPDATE lake.app.orders SET version = {version}")
        home.run(watched)
    stop.set()
    reader.join()
    assert failures == []
    assert {(rows, versions) for rows, versions, _ in seen} == {(ROWS, 1)}
    assert len(seen) > 2


BUILDER = """
import os
import sys
from pathlib import Path
from pwh_assets.core.view import SavedQuery
from pwh_assets.lake import Lakes
from pwh_assets.services.models import Model, ModelText, generate, run
from pwh_assets.settings import Settings
import dbt.adapters.duckdb, dbt.cli.main
for _ in sys.stdin:
    pid = os.fork()
    if not pid:
        settings = Settings(home=Path(sys.argv[1]))
        lake = Lakes(settings).of(1)
        text = ModelText("select id, version from T0", {"T0": ("app", "orders")})
        project = generate(settings, 1, [Model(SavedQuery("w", 1, "watched", ""), text)])
        run(lake, project, "watched")
        print(os.getpid(), flush=True)
        while True:
            run(lake, project, "watched")
    os.waitpid(pid, 0)
    print("gone", flush=True)
"""
"""Forks a builder per line, so that dbt is imported once; each says its process id when it has built once."""


KILLS = int(os.environ.get("PWH_KILLS", "2"))


@pytest.mark.slow
def test_a_build_killed_at_any_moment_leaves_a_whole_table(home):
    home.run(model("watched", "select id, version from T0", **ORDERS))
    stop, seen, failures = threading.Event(), set(), []
    reader = threading.Thread(target=watch, args=(home, stop, seen, failures))
    reader.start()
    builders = subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(home.settings.home)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        for _ in range(KILLS):
            builders.stdin.write("\n")
            builders.stdin.flush()
            builder = int(builders.stdout.readline())
            time.sleep(random.uniform(0.05, 0.8))
            os.kill(builder, signal.SIGKILL)
            assert builders.stdout.readline() == "gone\n"
            home.run(model("watched", "select id, version from T0", **ORDERS))
    finally:
        builders.stdin.close()
        builders.wait(60)
        builders.stdout.close()
        stop.set()
        reader.join()
    assert failures == []
    assert {(rows, versions) for rows, versions, _ in seen} == {(ROWS, 1)}
