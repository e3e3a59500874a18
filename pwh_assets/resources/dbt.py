"""The dbt resource: builds materialized views through the project their HogQL is compiled into."""

from typing import TYPE_CHECKING

import dagster as dg

from pwh_assets.core.view import SavedQuery
from pwh_assets.resources.home import platform_of, settings_of
from pwh_assets.services.platform import Platform

if TYPE_CHECKING:
    from pwh_assets.services.views.saved import ViewResult


class DbtModels:
    """The dbt models of one home. dbt itself is imported at the first build."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def build(
        self, view: SavedQuery, run_id: str | None = None, engine: str | None = None
    ) -> "ViewResult":
        """Build a view's table anew; readers see the old rows until the new ones are whole.

        `engine` is the one that was asked for this time, where one was.
        """
        from pwh_assets.services.views.saved import build_view

        return build_view(self._platform, view, run_id, engine=engine)


class DbtResource(dg.ConfigurableResource[DbtModels]):
    """Gives view assets the builder of their models; they ask for `dg.ResourceParam[DbtModels]`."""

    home: str = ""

    def create_resource(self, context: dg.InitResourceContext) -> DbtModels:
        return DbtModels(platform_of(settings_of(self.home)))
