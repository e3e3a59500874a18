"""Saved queries as files in Git: out, in, and out again."""

import json

import pytest

from pwh_assets.cli.entry import run as pwh
from pwh_assets.core.frequency import Frequency
from pwh_assets.core.view import Refresh
from pwh_assets.errors import InvalidInputError
from pwh_assets.services.quality.declare import add_check
from pwh_assets.services.views.files import FilesRefusedError, export_views, parse_file, render
from pwh_assets.services.views.importing import import_views, plan_import
from pwh_assets.services.views.saved import (
    build_view,
    describe_view,
    materialize_view,
    save_view,
    view_history,
)
from tests.e2e.homes import Warehouse, orders, people

SPENT = "SELECT user_id, sum(amount) AS spent\nFROM app_orders\nGROUP BY user_id"


@pytest.fixture
def home(tmp_path):
    warehouse = Warehouse(tmp_path / "home")
    warehouse.write("users", people())
    warehouse.write("orders", orders())
    yield warehouse
    warehouse.close()


FACTS = (
    *("name", "sql", "description", "owner", "folder", "is_materialized", "refresh"),
    *("frequency", "incremental", "freshness_target", "columns", "inputs"),
)


def fill(home):
    """Views of every sort."""
    platform = home.platform
    save_view(
        platform,
        1,
        "spent",
        SPENT,
        description="What users spent.\nIn euros: all of it",
        owner="ann",
    )
    describe_view(platform, 1, "spent", folder="money")
    materialize_view(platform, 1, "spent", "24hour", "02:30")
    add_check(platform, 1, "spent", "not_null", {"column": "user_id"}, description="Who: known")
    add_check(platform, 1, "spent", "row_count", {"min": 1}, severity="warn", every="24hour")
    save_view(
        platform, 1, "money.top", "-- the best\nSELECT user_id FROM spent WHERE spent > 49000"
    )
    materialize_view(platform, 1, "money.top", refresh=Refresh.INPUTS)
    save_view(platform, 1, "plain", "-- ---\nSELECT 'äöü' AS word")


def state(home):
    checks = home.store.quality_checks(1)
    names = {view.id: view.name for view in home.store.views(1)}
    return (
        [[getattr(v, fact) for fact in FACTS] for v in home.store.views(1)],
        sorted((names[c.subject_id], c.name, c.kind, str(c.options), c.severity) for c in checks),
    )


def write(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name.replace('__', '.')}.sql").write_text(text)


def mistakes(home, folder, **options):
    plan = plan_import(home.platform, 1, folder, **options)
    return [str(each) for each in plan.problems]


def test_out_and_in_again_is_the_same_and_the_same_views_give_the_same_bytes(home, tmp_path):
    fill(home)
    folder, before = tmp_path / "views", state(home)
    first = export_views(home.platform, 1, folder)
    assert first.written == ("money.top.sql", "plain.sql", "spent.sql")
    assert export_views(home.platform, 1, folder).written == ()
    assert (folder / "spent.sql").read_text() == (
        "-- ---\n"
        "-- description: |-\n--   What users spent.\n--   In euros: all of it\n"
        "-- owner: ann\n-- folder: money\n"
        "-- materialized:\n--   every: 24hour\n--   at: 02:30\n"
        "-- checks:\n"
        "-- - name: not_null_user_id\n--   kind: not_null\n--   columns:\n--   - user_id\n"
        "--   severity: error\n--   description: 'Who: known'\n"
        "-- - name: row_count\n--   kind: row_count\n--   min: 1\n"
        "--   severity: warn\n--   every: 24hour\n"
        "-- ---\n" + SPENT + "\n"
    )
    plan = import_views(home.platform, 1, folder)
    assert (plan.added, plan.changed, plan.problems) == ((), (), ())
    other = Warehouse(tmp_path / "other")
    try:
        other.write("users", people())
        other.write("orders", orders())
        plan = import_views(other.platform, 1, folder, author="ci")
        assert [each.name for each in plan.added] == ["money.top", "plain", "spent"]
        assert state(other) == before
        assert view_history(other.platform, 1, "spent")[0].author == "ci"
        build_view(other.platform, other.store.view(1, "spent"))
        assert other.ask("SELECT count() FROM spent") == [(10,)]
        again = tmp_path / "again"
        export_views(other.platform, 1, again)
        assert {f.name: f.read_bytes() for f in again.iterdir()} == {
            f.name: f.read_bytes() for f in folder.iterdir()
        }
    finally:
        other.close()


def test_every_mistake_of_every_file_is_told_at_its_place_and_nothing_is_imported(home, tmp_path):
    save_view(home.platform, 1, "kept", "SELECT id, plan FROM app_users")
    save_view(home.platform, 1, "reader", "SELECT plan FROM kept")
    before, folder = state(home), tmp_path / "views"
    write(
        folder,
        ring_a="SELECT id\nFROM ring_b",
        ring_b="SELECT id FROM ring_c",
        ring_c="-- ---\n-- owner: bob\n-- ---\n\nSELECT id FROM ring_a",
        after_ring="SELECT id FROM ring_a",
        typo="-- ---\n-- owner: bob\n-- ---\nSELECT\n  nope,\n  other FROM app_users",
        unknown="SELECT id FROM app_user",
        head="-- ---\n-- ownr: bob\n-- materialized:\n--   every: 3hour\n-- ---\nSELECT 1 AS a",
        broken_head="-- ---\n-- owner: [\n-- ---\nSELECT 1 AS a",
        open_head="-- ---\n-- owner: bob\nSELECT 1 AS a",
        often="-- ---\n-- description: x\n-- materialized: {every: 5min}\n-- ---\nSELECT 1 AS a",
        nameless="SELECT count() FROM app_users",
        events="SELECT 1 AS a",
        kept="SELECT id FROM app_users",
        top__one="SELECT 1 AS a",
    )
    write(folder, empty="\n")
    (folder / "top__one.sql").write_text("SELECT 1 AS a")
    found = mistakes(home, folder)
    expected = [
        "broken_head.sql:2:12: The head is not YAML",
        "empty.sql:1:1: View `empty` has no text",
        "events.sql:1:1: `events` is a name of the product table `events`",
        "head.sql:2:4: `ownr` is not understood. Did you mean `owner`?",
        "kept.sql:1:1: View `reader`, which has no file here, would break:",
        "nameless.sql:1:1: View `nameless` has columns without a name",
        "often.sql:3:4: A view can be rebuilt every `15min` at most",
        "open_head.sql:1:1: The head that begins with `-- ---` does not end",
        "ring_a.sql:2:6: It would read itself: `ring_a -> ring_b -> ring_c -> ring_a`",
        "top__one.sql:1:1: `top__one` and `top.one` would be one dbt model",
        "typo.sql:5:3:",
        "typo.sql:6:3:",
        "unknown.sql:1:16:",
    ]
    assert len(found) == len(expected), "\n".join(found)
    for one, start in zip(found, expected, strict=True):
        assert one.startswith(start), (one, start)
    with pytest.raises(FilesRefusedError, match="Nothing was imported"):
        import_views(home.platform, 1, folder)
    assert state(home) == before


def test_changed_columns_are_followed_through_files_that_change_together(home, tmp_path):
    folder = tmp_path / "views"
    write(folder, base="SELECT id, plan FROM app_users", top="SELECT plan FROM base")
    import_views(home.platform, 1, folder)
    write(folder, base="SELECT id, plan AS tier FROM app_users")
    (problem,) = mistakes(home, folder)
    assert problem.startswith("top.sql:1:8:") and "plan" in problem
    write(folder, top="SELECT tier FROM base")
    plan = import_views(home.platform, 1, folder)
    assert [(each.name, each.words) for each in plan.changed] == [
        ("base", ("query",)),
        ("top", ("query",)),
    ]
    assert home.ask("SELECT count() FROM top WHERE tier = 'paid'") == [(5,)]
    assert len(view_history(home.platform, 1, "top")) == 2


def test_pruning_removes_what_has_no_file_unless_somebody_reads_it(home, tmp_path):
    fill(home)
    build_view(home.platform, home.store.view(1, "spent"))
    folder = tmp_path / "views"
    export_views(home.platform, 1, folder)
    (folder / "spent.sql").unlink()
    assert plan_import(home.platform, 1, folder).left == ("spent",)
    (problem,) = mistakes(home, folder, prune=True)
    assert problem.startswith("money.top.sql:6:21:") and "would be removed" in problem
    (folder / "money.top.sql").unlink()
    plan = import_views(home.platform, 1, folder, prune=True)
    assert plan.removed == ("money.top", "spent")
    assert [view.name for view in home.store.views(1)] == ["plain"]
    assert not home.lake.has_table("views", "spent") and home.store.quality_checks(1) == []
    write(folder, broken="-- ---\n")
    assert plan_import(home.platform, 1, folder, prune=True).removed == ()


def test_facts_alone_make_no_version_and_a_view_becomes_plain_again(home, tmp_path):
    fill(home)
    build_view(home.platform, home.store.view(1, "spent"))
    folder = tmp_path / "views"
    write(folder, spent=f"-- ---\n-- owner: bob\n-- ---\n{SPENT};\n")
    plan = import_views(home.platform, 1, folder)
    ((name, words),) = [(each.name, each.words) for each in plan.changed]
    assert name == "spent" and set(words) == {
        "description",
        "owner",
        "folder",
        "materialized",
        "checks",
    }
    view = home.store.view(1, "spent")
    assert (view.owner, view.description, view.version, view.is_materialized) == (
        "bob",
        "",
        1,
        False,
    )
    assert not home.lake.has_table("views", "spent")
    assert home.store.quality_checks(1, view.id) == []


def test_cadences_are_judged_among_all_that_the_folder_says(home, tmp_path):
    folder, before = tmp_path / "views", state(home)
    users = home.table("app_users")
    home.store.update_table(users.id, frequency=Frequency("24hour"))
    head = "-- ---\n-- owner: bob\n-- materialized: {{every: {}}}\n-- ---\n"
    promise = "-- ---\n-- materialized: {every: 24hour}\n-- freshness_target: 6hour\n-- ---\n"
    write(
        folder,
        quick=head.format("1hour") + "SELECT id FROM app_users",
        below="-- ---\n-- materialized: {every: 30min}\n-- ---\nSELECT id FROM plain",
        plain="SELECT id FROM slow",
        slow=head.format("7day") + "SELECT id FROM app_users",
        good=head.format("24hour") + "SELECT id FROM app_users",
        wrong=head.format("1hour") + "SELECT nope FROM app_users",
        promised=f"{promise}SELECT id FROM app_orders",
        timed="-- ---\n-- materialized: {every: 30min, at: '02:30'}\n-- ---\nSELECT 1 AS a",
    )
    found = mistakes(home, folder)
    expected = [
        "below.sql:2:4: `below` would show the same rows again every `30min`: `slow` runs every `7day`. "
        "Write `every: 7day`, or have `slow` run as often first.",
        "promised.sql:2:4: `promised` cannot run every `24hour`: its own target promises rows no older than `6hour`. ",
        "quick.sql:3:4: `quick` would show the same rows again every `1hour`: `app_users` runs every `24hour`. ",
        "timed.sql:2:4: `30min` has no time of day",
        "wrong.sql:5:8:",
    ]
    assert len(found) == len(expected), "\n".join(found)
    for one, start in zip(found, expected, strict=True):
        assert one.startswith(start), (one, start)
    with pytest.raises(FilesRefusedError):
        import_views(home.platform, 1, folder)
    assert state(home) == before
    orders_id = home.table("app_orders").id
    home.store.update_table(orders_id, should_sync=False)
    for name in ("below", "quick", "timed", "wrong"):
        (folder / f"{name}.sql").unlink()
    found = mistakes(home, folder)[-1]
    assert found.startswith(
        "promised.sql:3:4: View `promised` cannot promise `6hour`: `app_orders` is"
    )
    home.store.update_table(orders_id, should_sync=True, frequency=Frequency("1hour"))
    (folder / "promised.sql").write_text(
        f"{promise.replace('24hour', '1hour')}SELECT id FROM app_orders"
    )
    import_views(home.platform, 1, folder)
    assert home.store.view(1, "promised").freshness_target == "6hour"
    assert plan_import(home.platform, 1, folder).changed == ()


def test_when_a_check_is_refused_no_view_was_changed(home, tmp_path):
    folder, before = tmp_path / "views", state(home)
    write(
        folder,
        one="SELECT id FROM app_users",
        two="-- ---\n-- checks:\n-- - {kind: not_null, column: nope}\n-- ---\nSELECT 1 AS a",
    )
    with pytest.raises(FilesRefusedError, match=r"two\.sql:2:4: .*nope"):
        import_views(home.platform, 1, folder)
    assert state(home) == before
    save_view(home.platform, 1, "later", "SELECT id FROM app_users")
    assert home.ask("SELECT count() FROM later") == [(10,)]
    with pytest.raises(Exception, match="one"):
        home.ask("SELECT id FROM one")


def test_a_view_that_cannot_be_built_in_parts_is_refused_at_its_word(home, tmp_path):
    folder = tmp_path / "views"
    head = "-- ---\n-- materialized: {every: 6hour}\n-- incremental:\n--   key: user_id\n-- ---\n"
    write(folder, parts=f"{head}{SPENT} LIMIT 5")
    (problem,) = mistakes(home, folder)
    assert problem.startswith("parts.sql:3:4: It cannot be built in parts:")
    write(folder, parts=f"{head}{SPENT}")
    import_views(home.platform, 1, folder)
    assert home.store.view(1, "parts").incremental["key"] == "user_id"
    export_views(home.platform, 1, folder)
    assert plan_import(home.platform, 1, folder).changed == ()


def test_a_file_says_what_it_said_when_it_is_written_again():
    text = "-- ---\n-- description: 'a: b'\n-- ---\nSELECT '\n-- ---\n' AS a\n"
    assert render(parse_file("x/some.view.sql", text)) == text
    assert parse_file("x/some.view.sql", text).name == "some.view"


def test_the_commands_tell_what_they_do(home, tmp_path, monkeypatch, capsys):
    fill(home)
    monkeypatch.setenv("PWH_HOME", str(home.settings.home))
    folder = tmp_path / "views"
    assert pwh(["view", "export", str(folder), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["written"]) == 3
    write(folder, new="SELECT id FROM app_users")
    assert pwh(["view", "import", str(folder), "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["added"][0]["name"] == "new"
    write(folder, new="SELECT nope FROM app_users")
    assert pwh(["view", "import", str(folder)]) == 1
    assert "new.sql:1:8:" in capsys.readouterr().err
    with pytest.raises(InvalidInputError, match="no folder"):
        plan_import(home.platform, 1, tmp_path / "nowhere")
