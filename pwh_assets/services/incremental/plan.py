"""The plan of one build of a view that is built in parts."""

from pwh_assets.core.view import SavedQuery
from pwh_assets.services.hogql.catalog import build_catalog
from pwh_assets.services.incremental.build import IncrementalBuild
from pwh_assets.services.incremental.config import IncrementalConfig
from pwh_assets.services.platform import Platform


def incremental_plan(
    platform: Platform, view: SavedQuery, *, full: bool = False, engine: str | None = None
) -> IncrementalBuild | str:
    """How to build the view now; of one that cannot be built in parts any more, a sentence that says why.

    Raises:
        HogQLError: the text no longer fits its inputs.
        EngineUnfitError: the engine that was asked for cannot compute it.
        EngineUnavailableError: the view is built in ClickHouse, which is not there.
    """
    from pwh_assets.hogql.incremental import analysis_of, eligibility
    from pwh_assets.services.views.warehouse import in_clickhouse

    config = IncrementalConfig.of(view.incremental or {})
    analysis = analysis_of(view.sql, build_catalog(platform, view.project_id))
    found = eligibility(analysis, config.key, config.unique_key, looks_back=False)
    if not found.eligible:
        return f"The view cannot be built in parts: {found.blockers[0]}"
    key = next(name for name in analysis.names if name.lower() == config.key.lower())
    config = IncrementalConfig(key, config.unique_key, config.lookback_seconds)
    asked = "A full build was asked for." if full else ""
    text, why_not = in_clickhouse(platform, view, engine)
    note = why_not if text is None else "ClickHouse computed it."
    lake = platform.lakes.of(view.project_id)
    return IncrementalBuild(view, lake, analysis, config, asked, note=note, elsewhere=text)
