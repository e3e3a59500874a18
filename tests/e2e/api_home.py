"""A project with one of everything the API tells of, for tests that go through the whole of it."""

from dataclasses import dataclass

from pwh_assets.core.access import Caller, Role
from pwh_assets.core.frequency import Frequency
from pwh_assets.core.job import JobKind, JobStatus
from pwh_assets.core.language import TableJoin
from pwh_assets.core.source import Column
from pwh_assets.services import editor
from pwh_assets.services.alerts import add_channel
from pwh_assets.services.hogql import joins
from pwh_assets.services.product.actions import save_action
from pwh_assets.services.product.cohorts import save_cohort
from pwh_assets.services.quality import add_check
from pwh_assets.services.semantic.declaring import declare
from pwh_assets.services.views.saved import materialize_view, save_view
from pwh_assets.store import NewTable

DAILY = "SELECT toStartOfDay(timestamp) AS day, count() AS n FROM events GROUP BY day"
SECRET = "a-mark-that-no-other-project-may-see"


@dataclass(frozen=True, slots=True)
class Ids:
    """What to put in the place of a path's parameters, by the parameter's name."""

    source_id: str
    schema_id: str
    view_id: str
    join_id: str
    table_id: str
    cohort_id: str
    action_id: str
    check_id: str
    channel_id: str
    job_id: str
    folder_id: str
    draft_id: str
    state_id: str
    annotation_id: str


def seed(served, project=1, mark=SECRET):
    """Names are the same in every project; ids and the mark are not."""
    platform = served.platform
    store = platform.store
    store.ensure_project(project)
    with platform.lakes.of(project).write() as connection:
        connection.execute(
            "INSERT INTO lake.product.events (uuid, event, distinct_id, timestamp, properties) "
            "SELECT uuid(), 'seen', 'a', TIMESTAMP '2026-01-01' + interval (i) hour, ? FROM range(48) t(i)",
            ['{"mark": "' + mark + '"}'],
        )
    columns = (Column("id", "VARCHAR"), Column("email", "VARCHAR"))
    tables = [NewTable("customer", columns, ("id",), frequency=Frequency.parse("never"))]
    source = store.add_source(project, "stripe", "", mark, {}, {"api_key": "sk_test_1"}, tables)
    (table,) = store.tables(project, source.id)
    job = store.start_job(project, JobKind.SYNC, table.id, table.table_name)
    store.finish_job(job.id, JobStatus.FAILED, 0, 0, error=mark)
    view = save_view(platform, project, "daily", DAILY, description=mark)
    save_view(platform, project, "weekly", "SELECT max(n) AS most FROM daily")
    kept = save_view(platform, project, "kept", DAILY)
    materialize_view(platform, project, kept.name, "24hour")
    build = store.start_job(project, JobKind.VIEW, kept.id, kept.name)
    store.finish_job(build.id, JobStatus.COMPLETED, 2, 10)
    join = joins.add_join(
        platform, project, TableJoin("daily", "n", "weekly", "most", "of_week", {})
    )
    cohort = save_cohort(platform, project, "people", None, mark)
    action = save_action(platform, project, "look", [{"event": "seen"}], mark)
    check = add_check(platform, project, "daily", "not_null", {"columns": ["n"]}, description=mark)
    channel = add_channel(
        platform,
        project,
        {"name": "ops", "kind": "slack", "url": "https://8.8.8.8/" + mark},
    ).channel
    somebody = Caller("somebody", {project: Role.OWNER})
    editor.make_folder(platform, project, mark, somebody.name)
    (folder,) = store.folders(project)
    draft = editor.make_draft(platform, project, somebody, f"SELECT '{mark}'", view_id=view.id)
    tabs = editor.save_tabs(platform, project, somebody, {"mark": mark})
    note = editor.annotate(platform, project, somebody, view.id, "n", mark, of_views=True)
    metric = {"name": "daily", "source": "daily", "measure": "sum", "expression": "n"}
    metric |= {"time": "day", "description": mark}
    declare(platform, project, somebody, "metrics", metric)
    return Ids(
        source.id,
        table.id,
        view.id,
        join.id,
        "events",
        str(cohort.id),
        str(action.id),
        check.id,
        channel.id,
        build.id,
        folder.id,
        draft.id,
        tabs.id,
        note.id,
    )
