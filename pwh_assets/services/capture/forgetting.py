"""A person is forgotten: rows of the product tables, and what waits in the log for them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pwh_assets.services.capture.loading import load_all
from pwh_assets.services.capture.log import folder_of, segments, wipe
from pwh_assets.services.platform import Platform

if TYPE_CHECKING:
    import duckdb

WAIT_S = 60.0
Whom = tuple[Sequence[str], Sequence[str]]
"""Distinct ids, and ids of persons."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Rows that were removed, by table."""

    persons: int
    distinct_ids: int
    events: int


def forget_person(platform: Platform, project_id: int, distinct_ids: Sequence[str]) -> Forgotten:
    """Remove everybody these distinct ids belong to, with all their distinct ids and events.

    What the log holds is loaded first, so that nothing of them comes afterwards, except what is sent later. Old
    snapshots keep the rows until they expire.

    Raises:
        BusyError: the product tables or the lake are being written all the time.
    """
    from pwh_assets.services.capture.people import person_id_of

    alone = [person_id_of(project_id, one) for one in distinct_ids]
    return forget_found(platform, project_id, lambda connection: (distinct_ids, alone))


def forget_found(
    platform: Platform,
    project_id: int,
    find: "Callable[[duckdb.DuckDBPyConnection], Whom]",
) -> Forgotten:
    """The same for whom `find` names, asked when nobody else can write to the product tables any more.

    Raises:
        BusyError: the product tables or the lake are being written all the time.
    """
    from pwh_assets.lake.captured import forget, make_own_tables
    from pwh_assets.lake.locks import hold

    load_all(platform, project_id, WAIT_S)
    lake = platform.lakes.of(project_id)
    with (
        hold(platform.settings, f"product-{project_id}", timeout_s=WAIT_S),
        lake.write() as connection,
    ):
        make_own_tables(connection)
        distinct_ids, alone = find(connection)
        connection.execute("BEGIN")
        counts = forget(connection, distinct_ids, alone)
        connection.execute("COMMIT")
    return Forgotten(*counts)


def wipe_log(platform: Platform, project_id: int) -> int:
    """Overwrite everything of the log on this machine that is in the lake. Returns bytes.

    Raises:
        BusyError: the log is being loaded all the time.
    """
    from pwh_assets.lake.captured import make_own_tables, read_positions
    from pwh_assets.lake.locks import hold

    load_all(platform, project_id, WAIT_S)
    lake, wiped = platform.lakes.of(project_id), 0
    with hold(platform.settings, f"product-{project_id}", timeout_s=WAIT_S):
        found = segments(folder_of(platform.settings.home, project_id))
        if not found:
            return 0
        with lake.write() as connection:
            make_own_tables(connection)
        with lake.read() as connection:
            positions = read_positions(connection)
        for segment in found:
            if position := positions.get(segment.name, 0):
                wipe(segment, position)
                wiped += position
    return wiped
