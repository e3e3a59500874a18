import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from pwh_assets.core.source import Column
from pwh_assets.core.view import Refresh
from pwh_assets.services.dbt_project.adopting import SETTING, state_of
from pwh_assets.services.dbt_project.description import (
    DbtModel,
    DbtProject,
    DbtTest,
    from_json,
    to_json,
)
from pwh_assets.services.dbt_project.workspace import signature, sources
from pwh_assets.settings import Settings


def platform(tmp_path, named="", **kept):
    store = SimpleNamespace(project_settings=lambda _: {SETTING: json.dumps(kept)} if kept else {})
    return SimpleNamespace(settings=Settings(home=tmp_path, dbt_project=named), store=store)


def test_a_project_that_was_read_is_the_same_from_its_description():
    model = DbtModel(
        "spent",
        "model.shop.spent",
        "model",
        "table",
        "select 1",
        "fqn:shop.spent",
        columns=(Column("id", "BIGINT", True, "Who"),),
        inputs=("app_orders",),
        refresh=Refresh.INPUTS,
    )
    test = DbtTest("u", "test.shop.u", "fqn:shop.u", "dbt.spent", "warn", inputs=("dbt.spent",))
    project = DbtProject("shop", "s", (model,), (test,), ("app_orders",), True)
    assert from_json(to_json(project)) == project
    assert project.model("DBT.Spent") is model and project.tests_of("dbt.SPENT") == (test,)


@pytest.mark.parametrize("project_id", [1, 2])
def test_the_environment_names_the_folder_of_the_first_project_alone(tmp_path, project_id):
    found = state_of(platform(tmp_path, str(tmp_path)), project_id)
    assert (found.path if found else None) == (str(tmp_path) if project_id == 1 else None)


def test_another_value_of_the_variable_is_another_folder_and_what_was_added_counts_more(tmp_path):
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    kept = state_of(platform(tmp_path, one, path=one, signature="s", is_from_environment=True), 1)
    assert kept.signature == "s"
    moved = state_of(platform(tmp_path, two, path=one, signature="s", is_from_environment=True), 1)
    assert (moved.path, moved.signature, moved.is_from_environment) == (two, "", True)
    added = state_of(platform(tmp_path, two, path=one, signature="s"), 1)
    assert added.path == one
    assert state_of(platform(tmp_path), 1) is None


def test_names_of_tables_are_no_jinja_and_the_signature_follows_files_and_tables(tmp_path: Path):
    assert "{{ env_var" not in sources(["{{ env_var('HOME') }}"])
    (tmp_path / "a.sql").write_text("select 1")
    (tmp_path / "target").mkdir()
    before = signature(tmp_path, ["t"])
    (tmp_path / "target" / "made.sql").write_text("select 1")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.sql").write_text("select 1")
    assert signature(tmp_path, ["t"]) == before
    assert signature(tmp_path, ["t", "u"]) != before
    (tmp_path / "a.sql").write_text("select 12")
    assert signature(tmp_path, ["t"]) != before
