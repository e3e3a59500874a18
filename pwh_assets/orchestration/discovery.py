"""New tables of sources that want them: looked for every ten minutes, synced at once by the change sensor."""

from collections.abc import Iterable

import dagster as dg

from pwh_assets.core.source import Source
from pwh_assets.errors import PwhError
from pwh_assets.orchestration.asking import ask_all
from pwh_assets.orchestration.inventory import Inventory
from pwh_assets.services.platform import Platform

EVERY_S = 600
LOOK_S = 45.0
"""What has not answered by then goes on by itself and is seen the next time (Dagster ends a tick after 60 s)."""


def discovery_sensors(inventories: Iterable[Inventory]) -> list[dg.SensorDefinition]:
    """One sensor when any source has `auto_sync_new_schemas` on; else none."""
    wanting = [
        source
        for inventory in inventories
        for source, _ in inventory.sources.values()
        if source.auto_sync.new_schemas
    ]
    return [_sensor()] if wanting else []


def _sensor() -> dg.SensorDefinition:
    @dg.sensor(
        name="new_tables",
        minimum_interval_seconds=EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks for new tables at sources that want them synced by themselves.",
    )
    def evaluate(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SkipReason:
        found, errors = look(platform)
        for error in errors:
            context.log.warning("A source could not be asked for its tables. %s", error)
        return dg.SkipReason(f"{found} new tables sync from now on.")

    return evaluate


def look(platform: Platform) -> tuple[int, list[str]]:
    """Refresh every source that wants its new tables; how many sync from now on, and what went wrong."""
    from pwh_assets.services.sources.connecting import refresh_source

    def refresh(source: Source) -> tuple[int, str]:
        try:
            counts = refresh_source(platform, source.project_id, source.id)
        except PwhError as error:
            return 0, f"`{source.slug}`: {error.sentence}"
        return counts["auto_enabled"], ""

    wanting = [source for source in platform.store.sources() if source.auto_sync.new_schemas]
    results = ask_all(refresh, wanting, LOOK_S)
    return sum(count for count, _ in results), [error for _, error in results if error]
