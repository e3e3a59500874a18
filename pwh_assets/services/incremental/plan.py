"""The plan of one build of a view that is built in parts."""

from pwh_assets.core.view import SavedQuery
from pwh_assets.services.hogql.catalog import build_catalog
from pwh_assets.services.incremental.build import IncrementalBuild
from pwh_assets.services.incremental.config import IncrementalConfig
from pwh_assets.services.platform import Platform
from pwh_assets.services.views.plan import BuildPlan, FullBuild


def incremental_plan(platform: Platform, view: SavedQuery, *, full: bool = False) -> BuildPlan:
    """How to build the view now. One that cannot be built in parts any more is built as a whole, which says why.

    Raises:
        HogQLError: the text no longer fits its inputs.
    """
    from pwh_assets.hogql.incremental import analysis_of, eligibility

    config = IncrementalConfig.of(view.incremental or {})
    analysis = analysis_of(view.sql, build_catalog(platform, view.project_id))
    found = eligibility(analysis, config.key, config.unique_key, looks_back=False)
    if not found.eligible:
        reason = f"The view cannot be built in parts: {found.blockers[0]}"
        return FullBuild(reason, after={"incremental_state": None})
    key = next(name for name in analysis.names if name.lower() == config.key.lower())
    config = IncrementalConfig(key, config.unique_key, config.lookback_seconds)
    asked = "A full build was asked for." if full else ""
    return IncrementalBuild(view, platform.lakes.of(view.project_id), analysis, config, asked)
