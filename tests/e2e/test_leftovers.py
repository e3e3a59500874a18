"""What stays on disk and in the lake of tables that are gone."""

from pwh_assets.core.source import SyncMode
from pwh_assets.services.sources.connecting import remove_source
from pwh_assets.services.sync.leftovers import clear_leftovers
from tests.e2e.notebooks import Desk


def test_a_removed_source_leaves_nothing_and_others_keep_theirs(tmp_path):
    desk = Desk(tmp_path)
    try:
        gone = desk.table("gone", SyncMode.APPEND, cursor="v")
        desk.write("gone", [{"v": 1}])
        desk.sync(gone)
        folder = desk.home / "pipelines" / gone.id
        folder.mkdir(parents=True, exist_ok=True)
        source, desk.source = desk.source, None
        other = desk.store.add_source(1, "notebook", "other", "", dict(source.config), {}, [])
        assert desk.lake.state_ids() == [gone.id]
        remove_source(desk.platform, 1, source.id)
        assert not folder.exists() and desk.lake.state_ids() == []
        stranger = desk.home / "pipelines" / "a-table-removed-by-a-process-that-died"
        stranger.mkdir()
        stream = desk.home / "pipelines" / f"changes-{other.id}"
        stream.mkdir()
        assert clear_leftovers(desk.platform, 1) == 1
        assert not stranger.exists() and stream.exists()
    finally:
        desk.close()


def test_a_folder_somebody_works_in_is_left(tmp_path):
    from pwh_assets.lake.locks import hold

    desk = Desk(tmp_path)
    try:
        folder = desk.home / "pipelines" / "busy"
        folder.mkdir(parents=True)
        with hold(desk.platform.settings, "sync-busy"):
            assert clear_leftovers(desk.platform, 1) == 0
        assert folder.exists()
        assert clear_leftovers(desk.platform, 1) == 1
    finally:
        desk.close()
