"""What tables that are gone have left behind: folders of their extractions, and where their last syncs ended."""

import shutil

from pwh_assets.errors import BusyError
from pwh_assets.services.platform import Platform


def clear_leftovers(platform: Platform, project_id: int) -> int:
    """Remove them, for all projects' folders and this project's lake. Returns how many there were.

    What is in use is looked up after what there is, so that nothing of a table made meanwhile is taken.
    """
    from pwh_assets.lake.locks import hold
    from pwh_assets.services.changes.tables import stream_id

    lake = platform.lakes.of(project_id)
    pipelines = platform.settings.home / "pipelines"
    folders = sorted(pipelines.iterdir()) if pipelines.is_dir() else []
    states = lake.state_ids()
    live = {table.id for table in platform.store.tables()}
    live |= {view.id for view in platform.store.views()}
    sources = [
        source for one in platform.store.project_ids() for source in platform.store.sources(one)
    ]
    live |= {f"changes-{source.id}" for source in sources}
    live |= {stream_id(source.id) for source in sources}
    count = 0
    for folder in folders:
        if folder.name in live or not folder.is_dir():
            continue
        try:
            with hold(platform.settings, f"sync-{folder.name}"):
                shutil.rmtree(folder, ignore_errors=True)
                count += 1
        except BusyError:
            continue  # its last sync is still ending
    gone = [one for one in states if one not in live]
    lake.forget_states(gone)
    return count + len(gone)
