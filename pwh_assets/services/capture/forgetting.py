"""A person is forgotten: rows of the product tables, and what waits in the log for them."""

from collections.abc import Sequence
from dataclasses import dataclass

from pwh_assets.services.capture.loading import load
from pwh_assets.services.platform import Platform


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
    from pwh_assets.lake.captured import forget
    from pwh_assets.lake.locks import hold
    from pwh_assets.services.capture.people import person_id_of

    while load(platform, project_id, timeout_s=60).is_more:
        pass
    alone = [person_id_of(project_id, one) for one in distinct_ids]
    lake = platform.lakes.of(project_id)
    with (
        hold(platform.settings, f"product-{project_id}", timeout_s=60),
        lake.write() as connection,
    ):
        connection.execute("BEGIN")
        counts = forget(connection, distinct_ids, alone)
        connection.execute("COMMIT")
    return Forgotten(*counts)
