"""An operator's own dbt project beside the saved queries, on a real lake with real dbt."""

import json
from datetime import UTC, datetime

import dagster as dg
import pytest

from pwh_assets.cli.entry import run as pwh
from pwh_assets.core.source import TableStatus
from pwh_assets.core.view import Refresh, ViewOrigin
from pwh_assets.definitions import build_defs
from pwh_assets.errors import ConflictError, InvalidInputError, PwhError
from pwh_assets.orchestration.dbt_assets import dbt_sensors
from pwh_assets.orchestration.inventory import read_inventories
from pwh_assets.orchestration.run import run_views
from pwh_assets.services.dbt_project.adopting import (
    ProjectRefusedError,
    add_project,
    refresh_project,
    remove_project,
    state_of,
)
from pwh_assets.services.dbt_project.building import DbtModelError
from pwh_assets.services.dbt_project.reading import ProjectBrokenError
from pwh_assets.services.dbt_project.selecting import selected
from pwh_assets.services.dbt_project.testing import run_tests
from pwh_assets.services.dbt_project.workspace import project_of
from pwh_assets.services.health import health
from pwh_assets.services.lineage.tracing import lineage
from pwh_assets.services.quality.audit import QualityFailedError
from pwh_assets.services.quality.declare import add_check, remove_check
from pwh_assets.services.verify import verify
from pwh_assets.services.views.saved import build_view, materialize_view, remove_view, save_view
from tests.e2e.homes import Warehouse, orders, people

FILES = {
    "dbt_project.yml": "name: shop\nversion: '1.0'\nprofile: theirs\nseed-paths: [seeds]\n"
    "model-paths: [models]\ntest-paths: [tests]\nsnapshot-paths: [snapshots]\n",
    "models/stg_orders.sql": "{{ config(materialized='ephemeral') }}\n"
    "select id, user_id, amount from {{ source('pwh', 'app_orders') }}\n",
    "models/spent.sql": "select user_id, sum(amount) as spent, count(*) as orders\n"
    "from {{ ref('stg_orders') }} group by 1\n",
    "models/labelled.sql": "{{ config(materialized='table', schema='marts') }}\n"
    "select s.*, l.label from {{ ref('spent') }} s join {{ ref('labels') }} l using (user_id)\n",
    "models/big.sql": "{{ config(materialized='incremental', unique_key='id') }}\n"
    "select id, amount from {{ source('pwh', 'big_orders') }}\n"
    "{% if is_incremental() %}where id > (select max(id) from {{ this }}){% endif %}\n",
    "models/schema.yml": """
models:
  - name: spent
    description: What users spent
    config: {meta: {owner: ann@example.com, pwh: {every: 1hour}}}
    columns:
      - name: user_id
        description: Who
        data_tests: [unique, not_null]
      - name: orders
        data_tests: [{accepted_values: {arguments: {values: [7], quote: false}, config: {severity: warn}}}]
""",
    "seeds/labels.csv": "user_id,label\n1,one\n2,two\n",
    "snapshots/plans.yml": "snapshots:\n  - name: plans\n    relation: source('pwh', 'app_users')\n"
    "    config: {unique_key: id, strategy: check, check_cols: [plan]}\n",
    "tests/nobody_spends_little.sql": "select * from {{ ref('labelled') }} where spent < 100000",
}
SPENT = FILES["models/spent.sql"]


class Shop:
    def __init__(self, folder, home):
        self.folder, self.home = folder, home
        for name, text in FILES.items():
            self.write(name, text)

    def write(self, name, text):
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def build(self, *names):
        for name in names:
            build_view(self.home.platform, self.home.store.view(1, f"dbt.{name}"))

    def model(self, name):
        return self.home.store.view(1, f"dbt.{name}")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    home = Warehouse(folder / "home")
    home.write("users", people())
    home.write("orders", orders())
    save_view(
        home.platform, 1, "big_orders", "SELECT id, amount FROM app_orders WHERE amount > 500"
    )
    shop = Shop(folder / "shop", home)
    add_project(home.platform, 1, shop.folder, refresh=Refresh.INPUTS)
    shop.build("labels", "spent", "labelled", "big", "plans")
    yield shop
    home.close()


def test_models_seeds_and_snapshots_are_tables_that_hogql_reads(shop):
    ask = shop.home.ask
    assert ask("SELECT spent, orders FROM dbt.spent WHERE user_id = 1") == [(49600.0, 100)]
    assert ask("SELECT label FROM dbt.labelled ORDER BY user_id") == [("one",), ("two",)]
    assert ask("SELECT count() FROM dbt.big") == [(499,)]
    assert ask("SELECT count() FROM dbt.plans WHERE dbt_valid_to IS NULL") == [(10,)]
    spent = shop.model("spent")
    assert (spent.origin, spent.owner, spent.status) == (
        ViewOrigin.DBT,
        "ann@example.com",
        TableStatus.COMPLETED,
    )
    assert next((c.name, c.type, c.description) for c in spent.columns) == (
        "user_id",
        "BIGINT",
        "Who",
    )
    assert spent.frequency.name == "1hour" and shop.model("big").refresh is Refresh.INPUTS


def test_lineage_goes_through_models_both_ways_and_views_read_them(shop):
    platform = shop.home.platform
    save_view(platform, 1, "total", "SELECT sum(spent) AS total FROM dbt.spent")
    build_view(platform, materialize_view(platform, 1, "total"))
    assert shop.home.ask("SELECT total FROM total") == [(499500.0,)]
    found = lineage(platform, 1, "dbt.spent", columns=True)
    columns = {
        (each.source, each.source_column, each.target, each.target_column) for each in found.columns
    }
    assert columns >= {
        ("app_orders", "amount", "dbt.spent", "spent"),  # through an ephemeral model
        ("app_orders", "user_id", "dbt.spent", "user_id"),
        ("dbt.spent", "spent", "dbt.labelled", "spent"),
        ("dbt.spent", "spent", "total", "total"),
    }
    assert ("app_orders", "id", "dbt.spent", "orders") not in columns
    assert found.upstream == ("postgres_app/orders", "app_orders")
    assert found.downstream == ("dbt.labelled", "total")
    assert lineage(platform, 1, "app_orders").downstream == (
        "big_orders",
        "dbt.spent",
        "dbt.big",
        "dbt.labelled",
        "total",
    )


def test_an_incremental_model_adds_what_is_new_and_a_snapshot_keeps_what_was(shop):
    home = shop.home
    home.write("orders", orders(1001))
    home.write("users", [{**each, "plan": "gold"} for each in people(2)])
    shop.build("big", "plans", "spent")
    assert home.ask("SELECT count(), max(id) FROM dbt.big") == [(500, 1000)]
    assert home.ask("SELECT count() FROM dbt.plans WHERE plan = 'gold'") == [(2,)]
    assert home.ask("SELECT count() FROM dbt.plans") == [(12,)]
    home.write("orders", orders())
    home.write("users", people())
    shop.build("spent")


def test_tests_are_checks_with_their_severity_and_health_names_what_failed(shop):
    platform = shop.home.platform
    project = project_of(platform.settings, 1)
    outcomes = {each.test.name: each for each in run_tests(platform, 1, project, project.tests)}
    states = {name: (each.state, each.severity) for name, each in outcomes.items()}
    assert states == {
        "unique_spent_user_id": ("passed", "error"),
        "not_null_spent_user_id": ("passed", "error"),
        "accepted_values_spent_orders__False__7": ("failed", "warn"),
        "nobody_spends_little": ("failed", "error"),
    }
    assert outcomes["nobody_spends_little"].failing_rows == 2
    (issue,) = [each for each in health(platform, 1) if each.name == "dbt.labelled"]
    assert issue.kind == "check_failed" and "nobody_spends_little" in issue.error


def test_dagster_has_an_asset_per_model_and_runs_models_with_their_tests(shop):
    platform = shop.home.platform
    defs = build_defs(platform)
    graph = defs.resolve_asset_graph()
    keys = {tuple(key.path) for key in graph.get_all_asset_keys() if key.path[0] == "dbt"}
    assert keys == {("dbt", n) for n in ("labels", "spent", "labelled", "big", "plans")}
    spent = graph.get(dg.AssetKey(["dbt", "spent"]))
    assert spent.parent_keys == {dg.AssetKey(["postgres_app", "orders"])}
    assert spent.group_name == "dbt" and spent.description.startswith("What users spent")
    assert {each.name for each in graph.get_check_keys_for_assets({spent.key})} == {
        "unique_spent_user_id",
        "not_null_spent_user_id",
        "accepted_values_spent_orders__False__7",
    }
    views = [shop.model("labelled"), shop.model("spent")]
    outcome = run_views(platform, views)
    assert [each.trouble for each in outcome.outcomes] == [None, None]
    broken = {each.name: [c.name for c in each.failed_checks] for each in outcome.broken}
    assert broken == {"dbt.labelled": ["nobody_spends_little"]}


def test_quality_checks_look_at_a_models_new_rows_before_anybody_does(shop):
    platform = shop.home.platform
    add_check(platform, 1, "dbt.spent", "row_count", {"min": 50}, name="many")
    with pytest.raises(QualityFailedError, match="many"):
        shop.build("spent")
    assert shop.home.ask("SELECT count() FROM dbt.spent") == [(10,)]
    remove_check(platform, 1, "dbt.spent.many")
    shop.build("spent")
    assert verify(platform, 1).problems == ()


def test_dbts_own_selection_chooses_models_and_tests(shop):
    found = selected(shop.home.platform, 1, ["spent+"], ["resource_type:test"])
    assert ([each.name for each in found.models], found.tests) == (["labelled", "spent"], ())
    found = selected(shop.home.platform, 1, ["test_type:singular"])
    assert [each.name for each in found.tests] == ["nobody_spends_little"]


def test_a_model_that_fails_keeps_its_rows_and_says_why(shop):
    home = shop.home
    shop.write("models/spent.sql", SPENT.replace("sum(amount)", "sum(cast('x' || amount as int))"))
    adoption = refresh_project(home.platform, 1)
    assert adoption.changed == ("dbt.spent",)
    with pytest.raises(DbtModelError, match=r"`dbt\.spent` could not be built: Conversion Error: "):
        shop.build("spent")
    assert shop.model("spent").status is TableStatus.FAILED
    assert home.ask("SELECT count() FROM dbt.spent") == [(10,)]
    assert any(
        each.name == "dbt.spent" and each.kind == "failed" for each in health(home.platform, 1)
    )
    shop.write("models/spent.sql", SPENT)
    refresh_project(home.platform, 1)
    shop.build("spent")


def test_a_broken_project_is_an_issue_of_its_own_and_its_last_good_state_goes_on(shop):
    platform = shop.home.platform
    shop.write("models/lost.sql", "select * from {{ source('pwh', 'nowhere') }}")
    with pytest.raises(ProjectBrokenError, match=r"pwh\.nowhere"):
        refresh_project(platform, 1)
    assert refresh_project(platform, 1) is None
    (issue,) = [each for each in health(platform, 1) if each.type == "dbt_project"]
    assert "nowhere" in issue.error and issue.since <= datetime.now(UTC)
    assert "pwh dbt refresh" in issue.way_out
    build_defs(platform).resolve_asset_graph()
    shop.build("spent")
    (shop.folder / "models" / "lost.sql").unlink()
    (sensor,) = dbt_sensors(read_inventories(platform))
    with dg.build_sensor_context(resources={"platform": platform}) as context:
        ticked = sensor(context)
    assert ticked.skip_message == "Taken over: 1."
    assert not [each for each in health(platform, 1) if each.type == "dbt_project"]


def test_what_would_break_is_refused_naming_both_sides_and_all_at_once(shop, monkeypatch, capsys):
    platform = shop.home.platform
    with pytest.raises(ConflictError, match=r"dbt\.spent"):
        save_view(platform, 1, "dbt.spent", "SELECT 1 AS a")
    save_view(platform, 1, "dbt.taken", "SELECT 1 AS a")
    save_view(platform, 1, "reader", "SELECT spent FROM dbt.labelled")
    shop.write("models/taken.sql", "select 1 as a")
    shop.write(
        "models/spent.sql", SPENT + "union all select total, 1, 1 from {{ source('pwh', 'total') }}"
    )
    (shop.folder / "models" / "labelled.sql").unlink()
    (shop.folder / "tests" / "nobody_spends_little.sql").unlink()
    with pytest.raises(ProjectRefusedError) as caught:
        refresh_project(platform, 1)
    name, circle, gone = caught.value.reasons
    assert "`taken`" in name and "the view `dbt.taken`" in name
    assert "`dbt.spent -> total -> dbt.spent`" in circle
    assert "`labelled` is gone" in gone and "`reader`" in gone
    assert shop.home.ask("SELECT count() FROM dbt.labelled") == [(2,)]
    remove_view(platform, 1, "dbt.taken")
    (shop.folder / "models" / "taken.sql").unlink()
    shop.write("models/spent.sql", SPENT)
    monkeypatch.setenv("PWH_HOME", str(platform.settings.home))
    refresh = ["dbt", "refresh", "--json"]
    assert pwh(refresh) == 2 and "`reader`" in capsys.readouterr().err
    assert shop.home.lake.has_table("dbt", "labelled")
    assert pwh([*refresh, "--force"]) == 0
    assert json.loads(capsys.readouterr().out)["removed"] == ["dbt.labelled"]
    assert not shop.home.lake.has_table("dbt", "labelled")
    remove_view(platform, 1, "reader")


def test_a_local_package_is_part_of_the_project_and_a_python_model_is_refused_by_name(shop):
    platform = shop.home.platform
    beside = shop.folder.parent / "shared"
    files = {
        "dbt_project.yml": "name: shared\nversion: '1.0'\n",
        "macros/doubled.sql": "{% macro doubled(x) %}({{ x }} * 2){% endmacro %}",
        "models/calendar.sql": "select 1 as day",
        "packages.yml": "packages: [{local: ../deeper}]",
        "../deeper/dbt_project.yml": "name: deeper\nversion: '1.0'\n",
        "../deeper/macros/one.sql": "{% macro one() %}1{% endmacro %}",
    }
    for name, text in files.items():
        file = beside / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    shop.write("packages.yml", "packages:\n  - local: ../shared\n")
    shop.write(
        "models/twice.sql",
        "select {{ shared.doubled('spent') }} + {{ deeper.one() }} as twice from {{ ref('spent') }} "
        "where user_id = 1 and 1 = (select day from {{ ref('calendar') }})",
    )
    assert refresh_project(platform, 1).added == ("dbt.calendar", "dbt.twice")
    shop.build("calendar", "twice")
    assert shop.home.ask("SELECT twice FROM dbt.twice") == [(99201.0,)]
    assert refresh_project(platform, 1) is None
    (beside / "macros" / "doubled.sql").write_text(
        "{% macro doubled(x) %}({{ x }} * 2.0 / 2){% endmacro %}"
    )
    assert refresh_project(platform, 1) is not None
    shop.build("twice")
    assert shop.home.ask("SELECT twice FROM dbt.twice") == [(49601.0,)]

    shop.write("models/sly.py", "def model(dbt, session):\n    return session.sql('select 1 as a')")
    with pytest.raises(ProjectBrokenError, match=r"`sly` \(models/sly\.py\) is a Python model"):
        refresh_project(platform, 1)
    (shop.folder / "models" / "sly.py").unlink()
    shop.write("packages.yml", "packages: [{local: ../nowhere}]")
    with pytest.raises(InvalidInputError, match=r"`\.\./nowhere`.* is no dbt project"):
        refresh_project(platform, 1)
    (issue,) = [each for each in health(platform, 1) if each.type == "dbt_project"]
    assert "nowhere" in issue.error
    shop.write("packages.yml", "packages: [{package: dbt-labs/dbt_utils, version: 1.3.0}]")
    with pytest.raises(ProjectBrokenError, match="dbt deps"):
        refresh_project(platform, 1)
    for name in ("packages.yml", "models/twice.sql"):
        (shop.folder / name).unlink()
    assert refresh_project(platform, 1).removed == ("dbt.calendar", "dbt.twice")


def test_users_can_neither_edit_nor_remove_a_model(shop):
    platform = shop.home.platform
    for change in (
        lambda: save_view(platform, 1, "dbt.spent", "SELECT 1 AS a"),
        lambda: remove_view(platform, 1, "dbt.spent", force=True),
    ):
        with pytest.raises(PwhError):
            change()
    assert shop.model("spent").sql == SPENT.strip()


def test_their_folder_is_only_read_and_users_texts_are_not_jinja(shop):
    platform = shop.home.platform
    before = {str(file): file.stat().st_mtime_ns for file in shop.folder.rglob("*")}
    save_view(
        platform, 1, "sly", "SELECT '{{ env_var(\"HOME\") }}' AS a", description="{{ 1 / 0 }}"
    )
    shop.write("models/reads_sly.sql", "select a from {{ source('pwh', 'sly') }}")
    refresh_project(platform, 1)
    shop.build("reads_sly")
    assert shop.home.ask("SELECT a FROM dbt.reads_sly") == [('{{ env_var("HOME") }}',)]
    (shop.folder / "models" / "reads_sly.sql").unlink()
    after = {str(file): file.stat().st_mtime_ns for file in shop.folder.rglob("*")}
    assert after.keys() == before.keys()
    refresh_project(platform, 1)


def test_a_folder_that_is_no_project_is_refused(shop, tmp_path):
    with pytest.raises(InvalidInputError, match=r"dbt_project\.yml"):
        add_project(shop.home.platform, 1, tmp_path)
    (tmp_path / "dbt_project.yml").write_text("a: [")
    with pytest.raises(InvalidInputError, match="is not YAML"):
        add_project(shop.home.platform, 1, tmp_path)


def test_the_command_lists_builds_tests_and_forgets(shop, monkeypatch, capsys):
    monkeypatch.setenv("PWH_HOME", str(shop.home.settings.home))
    assert pwh(["dbt", "list", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in facts["models"]] == [
        "dbt.big",
        "dbt.labels",
        "dbt.plans",
        "dbt.spent",
    ]
    assert pwh(["dbt", "test", "--select", "unique_spent_user_id", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["results"][0]["state"] == "passed"
    remove_view(shop.home.platform, 1, "total")
    removed = remove_project(shop.home.platform, 1)
    assert "dbt.spent" in removed and state_of(shop.home.platform, 1) is None
    assert not [t for t in shop.home.lake.tables() if t.schema == "dbt"]
