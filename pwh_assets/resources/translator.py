"""dagster-dlt's translator for our tables: dlt's conventions under the product's asset keys.

Importing this imports dlt (1.5 CPU seconds, measured 2026-11-20), so it is done where a table was synced and
dlt is loaded anyway, never where definitions are built.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_dlt import DagsterDltTranslator
from dagster_dlt.translator import DltResourceTranslatorData

from pwh_assets.core.names import slug
from pwh_assets.core.source import SyncedTable
from pwh_assets.services.sync.dlt_resource import dlt_resource


class SyncedTableTranslator(DagsterDltTranslator):
    """Puts a dlt resource of a source into the graph where its synced table is.

    `@dlt_assets` takes it too: somebody's own dlt source then gets keys and groups like ours.
    """

    def __init__(self, key_prefix: tuple[str, ...], group: str) -> None:
        self.key_prefix = key_prefix
        self.group = group

    def get_asset_spec(self, data: DltResourceTranslatorData) -> dg.AssetSpec:
        resource = data.resource
        key = dg.AssetKey([*self.key_prefix, slug(resource.name)])
        return (
            super()
            .get_asset_spec(data)
            .replace_attributes(
                key=key, deps=[dg.AssetKey(["external", *key.path])], group_name=self.group
            )
            .merge_attributes(
                metadata={
                    "dlt/resource": resource.name,
                    "dlt/write_disposition": str(resource.write_disposition),
                }
            )
        )


def dlt_metadata(key: dg.AssetKey, group: str, table: SyncedTable) -> Mapping[str, Any]:
    """What the translator says of the table's dlt resource."""
    translator = SyncedTableTranslator(tuple(key.path[:-1]), group)
    data = DltResourceTranslatorData(resource=dlt_resource(table), pipeline=None)
    spec = translator.get_asset_spec(data)
    return {name: value for name, value in spec.metadata.items() if value is not None}
