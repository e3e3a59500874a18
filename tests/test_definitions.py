"""Dagster loads what the store holds: on an empty home, on a full one, quickly and without a warning of ours."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from pwh_assets.core.frequency import Frequency
from pwh_assets.core.source import Column, SyncMode
from pwh_assets.definitions import build_defs
from pwh_assets.orchestration.instance import INSTANCE_YAML, instance_for
from pwh_assets.platform import open_platform
from pwh_assets.settings import Settings
from pwh_assets.store import NewTable

ROOT = Path(__file__).parent.parent


@pytest.fixture
def platform(tmp_path):
    opened = open_platform(Settings.from_env({"PWH_HOME": str(tmp_path / "home")}))
    yield opened
    opened.lakes.close()
    opened.store.close()


@pytest.fixture
def filled(platform):
    columns = (Column("id", "BIGINT"),)
    facts = {"columns": columns, "primary_key": ("id",), "mode": SyncMode.FULL}
    tables = [NewTable(name=name, **facts) for name in ("invoice", "customer")]
    platform.store.add_source(1, "stripe", "", "Payments", {}, {"api_key": "sk_secret_1"}, tables)
    store = platform.store
    store.save_view(1, "paid", "SELECT 1 AS n", columns, ("stripe_invoice",))
    kept = store.save_view(1, "paid_daily", "SELECT * FROM paid", columns, ("paid", "events"))
    store.update_view(kept.id, is_materialized=True, frequency=Frequency("24hour"))
    return platform


def run(code, home, *flags):
    environment = {**os.environ, "PWH_HOME": str(home), "DAGSTER_HOME": str(home / "dagster")}
    (home / "dagster").mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        [sys.executable, *flags, *code], env=environment, cwd=ROOT, capture_output=True, text=True
    )


def test_an_empty_home_loads_through_the_workspace(tmp_path):
    code = ("-m", "dagster", "definitions", "validate", "-w", "workspace.yaml")
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "All code locations passed validation" in done.stderr + done.stdout


def test_every_asset_is_where_its_graph_says(filled):
    specs = {
        spec.key.to_user_string(): spec for spec in build_defs(filled).resolve_all_asset_specs()
    }
    assert set(specs) == {
        "external/stripe/customer",
        "external/stripe/invoice",
        "stripe/customer",
        "stripe/invoice",
        "product/events",
        "product/persons",
        "product/person_distinct_ids",
        "product/exchange_rates",
        "product/groups",
        "product/cohort_people",
        "product/sessions",
        "views/paid",
        "views/paid_daily",
        "lake/maintenance",
    }
    upstream = {
        name: sorted(dep.asset_key.to_user_string() for dep in spec.deps)
        for name, spec in specs.items()
    }
    assert upstream["stripe/invoice"] == ["external/stripe/invoice"]
    assert upstream["views/paid"] == ["stripe/invoice"]
    assert upstream["views/paid_daily"] == ["product/events", "views/paid"]
    virtual = {name for name, spec in specs.items() if spec.is_virtual}
    assert virtual == {"views/paid", "product/sessions"}
    assert all(spec.owners and spec.kinds and spec.group_name for spec in specs.values())


def test_no_secret_reaches_what_dagster_shows(filled):
    defs = build_defs(filled)
    shown = [
        str((spec.description, spec.metadata, spec.tags)) for spec in defs.resolve_all_asset_specs()
    ]
    assert "sk_secret_1" not in "".join(shown)
    configured = build_defs(filled, resources={}).get_repository_def().get_top_level_resources()
    assert not any("sk_secret_1" in str(resource.config_schema) for resource in configured.values())


def test_definitions_carry_the_version_they_were_built_from(filled):
    version = filled.store.catalog_version(1)
    assert build_defs(filled).metadata["catalog_version_1"].value == version
    filled.store.save_view(1, "another", "SELECT 2 AS n", (Column("n", "BIGINT"),), ())
    assert build_defs(filled).metadata["catalog_version_1"].value != version


def test_a_schedule_asks_for_one_run_with_its_tables_and_waits_for_its_last(filled):
    repository = build_defs(filled).get_repository_def()
    schedule = repository.get_schedule_def("sync_stripe_every_6hour")
    with (
        instance_for(filled.settings) as instance,
        dg.build_schedule_context(instance, datetime(2026, 11, 20, 6, tzinfo=UTC)) as context,
    ):
        (request,) = schedule.evaluate_tick(context).run_requests
        asked = sorted(key.to_user_string() for key in request.asset_selection)
        assert asked == ["stripe/customer", "stripe/invoice"]
        job = repository.get_job("sync_stripe")
        instance.create_run_for_job(
            job, tags=dict(request.tags), status=dg.DagsterRunStatus.NOT_STARTED
        )
        again = schedule.evaluate_tick(context)
    assert not again.run_requests and "not ended" in again.skip_message


def test_loading_imports_neither_dlt_nor_dbt_nor_pandas(tmp_path):
    heavy = ["dlt", "dagster_dlt", "dbt", "pandas", "pandera", "clickhouse_connect"]
    code = f"""
import sys
from pwh_assets.definitions import defs
defs.get_repository_def()
print([name for name in {heavy!r} if name in sys.modules])
"""
    done = run(("-c", code), tmp_path)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_loading_raises_no_deprecation_of_ours(tmp_path):
    code = "from pwh_assets.definitions import defs; defs.get_repository_def()"
    done = run(("-c", code), tmp_path, "-W", "error::DeprecationWarning")
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr


def test_the_instance_file_at_the_top_is_the_one_homes_get(filled):
    top = (ROOT / "dagster.yaml").read_text().split("\n", 1)[1]
    assert top == INSTANCE_YAML.split("\n", 1)[1]
    with instance_for(filled.settings) as instance:
        assert not instance.telemetry_enabled
        assert instance.run_monitoring_enabled
        assert type(instance.event_log_storage).__name__ == "PooledEventLog"


def test_an_instance_file_somebody_made_their_own_is_left_alone(filled):
    with instance_for(filled.settings):
        own = filled.settings.dagster_home / "dagster.yaml"
    own.write_text("telemetry:\n  enabled: false\n")
    with instance_for(filled.settings) as instance:
        assert type(instance.event_log_storage).__name__ == "SqliteEventLogStorage"
    assert own.read_text() == "telemetry:\n  enabled: false\n"


def test_an_instance_that_was_entered_twice_leaves_nothing_behind(filled):
    from dagster._core.storage.defs_state.base import DefsStateStorage

    with instance_for(filled.settings) as instance, instance:
        assert DefsStateStorage.get() is not None
    assert DefsStateStorage.get() is None
