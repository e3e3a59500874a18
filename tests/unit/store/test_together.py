"""Several changes of the store as one."""

import threading

import pytest

from pwh_assets.core.view import Refresh
from pwh_assets.store import Store


def names(store: Store) -> list[str]:
    return [view.name for view in store.views(1)]


def test_what_is_done_together_is_kept_together(store: Store) -> None:
    before = store.catalog_version(1)
    with store.all_or_nothing(1):
        view = store.save_view(1, "a", "SELECT 1 AS a", (), ())
        store.update_view(view.id, is_materialized=True, refresh=Refresh.MANUAL)
        assert names(store) == ["a"]
    assert store.view(1, "a").refresh is Refresh.MANUAL
    assert store.catalog_version(1) != before


def test_what_is_undone_leaves_nothing_and_its_versions_never_come_again(store: Store) -> None:
    store.save_view(1, "kept", "SELECT 1 AS a", (), ())
    seen = {store.catalog_version(1)}

    def work() -> None:
        with store.all_or_nothing(1):
            store.save_view(1, "a", "SELECT 1 AS a", (), ())
            seen.add(store.catalog_version(1))
            store.remove_view(store.view(1, "kept").id)
            seen.add(store.catalog_version(1))
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        work()
    assert names(store) == ["kept"]
    assert store.catalog_version(1) not in seen
    store.save_view(1, "a", "SELECT 2 AS a", (), ())
    assert store.view(1, "a").version == 1 and store.catalog_version(1) not in seen


def test_others_see_nothing_of_it_before_its_end(store: Store) -> None:
    seen: list[list[str]] = []
    with store.all_or_nothing(1):
        store.save_view(1, "a", "SELECT 1 AS a", (), ())
        reader = threading.Thread(target=lambda: seen.append(names(store)))
        reader.start()
        reader.join()
    assert seen == [[]] and names(store) == ["a"]
