"""Deletes an incremental sync cannot see: the source's keys against the lake's."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pwh_assets.core.names import slug
from pwh_assets.core.options import TableOptions
from pwh_assets.core.source import SyncedTable, SyncMode
from pwh_assets.services.sync.extract import extract
from pwh_assets.services.sync.masking import Masker
from pwh_assets.services.sync.running import Running
from pwh_assets.services.sync.selection import shaped, with_options
from pwh_assets.sources.base import ReadRequest, SourceType

if TYPE_CHECKING:
    from pwh_assets.lake import Lake


def remove_gone(
    lake: "Lake",
    table: SyncedTable,
    source_type: SourceType,
    config: Mapping[str, Any],
    masker: Masker | None,
    folder: Path,
    running: Running,
) -> tuple[int, int]:
    """Read all keys the source has now, and delete the rows whose keys are not among them.

    Ask after the sync's rows are published: each row of the lake was at the source then, so a key that is missing
    now was deleted (or left the filters). Rows that appear meanwhile have keys the lake does not know yet, which
    changes nothing.

    Returns:
        How many rows went, and how many are left.

    Raises:
        PwhError: the source could not be read; nothing was deleted.
    """
    key = table.primary_key
    options = TableOptions(
        enabled_columns=key,
        row_filters=table.options.row_filters,
        masks=tuple(mask for mask in table.options.masks if mask.column in key),
    )
    only_keys = replace(table, mode=SyncMode.FULL, cursor=None, options=options)
    request = ReadRequest(
        table=table.name, mode=SyncMode.FULL, columns=table.columns, primary_key=key
    )
    request = with_options(request, only_keys)
    try:
        reading = shaped(source_type.read(config, request), request, masker)
        keys = extract(reading, folder, lambda rows, size: running.tell("reconcile", rows, size))
        with lake.write() as connection:
            from pwh_assets.lake.deletes import delete_all_but

            return delete_all_but(
                connection,
                table.source.slug,
                slug(table.name),
                table.id,
                keys.files,
                keys.renames,
                key,
                [column.name for column in table.columns],
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
