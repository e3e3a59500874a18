"""The step of a build in which ClickHouse computes the rows: the whole by dbt, or parts by the publication itself."""

from typing import TYPE_CHECKING

from pwh_assets.engines.clickhouse_site import BuildSite
from pwh_assets.services import models
from pwh_assets.services.incremental.build import IncrementalBuild
from pwh_assets.services.incremental.in_clickhouse import InClickHouse
from pwh_assets.services.models import clickhouse
from pwh_assets.services.views.warehouse import clickhouse as engine_of

if TYPE_CHECKING:
    from pwh_assets.services.views.builds import Build


def compute_there(build: "Build", text: models.ModelText, publication: models.Publication) -> None:
    """Compute, stage, audit and publish the build's view.

    Raises:
        ModelError, WarehouseAwayError, LakeBusyError, PwhError: as `services.models.clickhouse.run`.
    """
    view, plan = build.view, build.plan
    build.watch.tell("compute")
    known = [each.id for each in build.platform.store.views(view.project_id)]
    site = BuildSite(engine_of(build.platform), build.lake, view.id, text.settings, known)

    def on_session(session: object) -> None:
        build.watch.interrupt_with(session.interrupt)  # type: ignore[attr-defined]

    if isinstance(plan, IncrementalBuild):
        there = InClickHouse(site, build.lake, view.name, text.columns, plan.config.key)
        plan.executor = there
        clickhouse.run_parts(
            build.lake, site, view.name, publication, lambda: there.made_whole, on_session
        )
        return
    assert build.project is not None
    clickhouse.run(build.lake, build.project, site, view.name, text, publication, on_session)
