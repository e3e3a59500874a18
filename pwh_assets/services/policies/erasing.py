"""What deleted rows leave behind: older files, statistics in the lake's catalog, copies of tables in other engines."""

import multiprocessing
from collections.abc import Callable
from typing import TYPE_CHECKING

from pwh_assets.errors import BusyError
from pwh_assets.services.platform import Platform

if TYPE_CHECKING:
    from pwh_assets.settings import Settings

_HELD = 3


class CopiesHeldError(BusyError):
    """Copies of tables in the in-process ClickHouse could not be dropped."""

    code = "copies_held"

    def __init__(self) -> None:
        super().__init__(
            "Copies of tables in this home's in-process ClickHouse could not be dropped: another process has it open. "
            "The request can go on when no query runs there, at the latest when `pwh up` has ended."
        )


def erase_history(platform: Platform, project_id: int) -> dict[str, int]:
    """No file, no older snapshot and no byte of the catalog holds a row that is deleted now.

    Queries that run on an older snapshot may fail.

    Returns:
        `snapshots` that were let go, `files` that were deleted.

    Raises:
        LakeBusyError: the lake is written or read all the time.
    """
    from pwh_assets.lake.compact import compact
    from pwh_assets.lake.maintenance import rewrite_deleted
    from pwh_assets.services.sources.tables import expire_history

    lake = platform.lakes.of(project_id)
    rewrite_deleted(lake)
    gone = expire_history(platform, project_id)
    compact(lake)
    return gone


def drop_copies(platform: Platform, project_id: int) -> list[str]:
    """Drop copies in other engines of tables that have changed since; the next query that needs one copies it anew.

    Raises:
        CopiesHeldError.
    """
    dropped = []
    for engine in platform.engines.values():
        drop = getattr(engine, "drop_stale", None)
        if drop is None:
            continue
        if platform.settings.clickhouse_url:
            dropped += drop(project_id)
        elif platform.opener is not None and (platform.settings.home / "clickhouse").is_dir():
            _drop_apart(platform.opener, platform.settings, engine.name, project_id)
    return dropped


def _drop_apart(
    opener: "Callable[[Settings], Platform]", settings: "Settings", engine: str, project_id: int
) -> None:
    """In a process of its own: one that opens the in-process ClickHouse keeps it until it ends."""
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_drop, args=(opener, settings, engine, project_id))
    process.start()
    process.join()
    code = process.exitcode
    process.close()
    if code:
        raise CopiesHeldError


def _drop(
    opener: "Callable[[Settings], Platform]", settings: "Settings", engine: str, project_id: int
) -> None:
    platform = opener(settings)
    try:
        getattr(platform.engines[engine], "drop_stale")(project_id)  # noqa: B009
    except BusyError:
        raise SystemExit(_HELD) from None
    finally:
        platform.engines[engine].close()  # type: ignore[attr-defined]
        platform.lakes.close()
        platform.store.close()
