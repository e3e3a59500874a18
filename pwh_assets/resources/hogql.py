"""The HogQL resource: questions, compiled SQL and lineage for assets and checks."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from pwh_assets.core.view import SavedQuery
from pwh_assets.resources.home import platform_of, settings_of
from pwh_assets.services.platform import Platform

if TYPE_CHECKING:
    from pwh_assets.hogql.plan import OutputColumn, Plan
    from pwh_assets.services.hogql.query import QueryResult
    from pwh_assets.services.lineage.tracing import Lineage


class HogQLService:
    """HogQL over one home. Each method takes the project it asks about."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def query(self, project_id: int, sql: str, **options: Any) -> "QueryResult":
        """Run a query; `options` are those of `services.query.run_query`."""
        from pwh_assets.services.hogql.query import run_query

        return run_query(self._platform, project_id, sql, **options)

    def compile(self, project_id: int, sql: str, engine: str = "duckdb") -> "Plan":
        """The plan of a query: SQL for the engine, its columns with their origins, and what it reads."""
        from pwh_assets import hogql
        from pwh_assets.services.hogql.catalog import build_catalog

        return hogql.compile(sql, build_catalog(self._platform, project_id), engine)

    def lineage(self, project_id: int, name: str, columns: bool = False) -> "Lineage":
        from pwh_assets.services.lineage.tracing import lineage

        return lineage(self._platform, project_id, name, columns)

    def origins(self, view: SavedQuery) -> "tuple[OutputColumn, ...]":
        """A view's columns and what each is made of; empty when its text no longer compiles."""
        from pwh_assets.services.lineage.tracing import origins

        return origins(self._platform, view)


class HogQLResource(dg.ConfigurableResource[HogQLService]):
    """Gives assets and checks the HogQL service; they ask for `dg.ResourceParam[HogQLService]`."""

    home: str = ""

    def create_resource(self, context: dg.InitResourceContext) -> HogQLService:
        return HogQLService(platform_of(settings_of(self.home)))
