from types import SimpleNamespace

import pytest

from pwh_assets.services.sync.running import Running
from pwh_assets.sources import pauses


@pytest.fixture
def written():
    return []


@pytest.fixture
def running(written, monkeypatch):
    monkeypatch.setattr(pauses, "_until", 0.0)
    store = SimpleNamespace(note_progress=lambda job_id, now: written.append(now))
    return Running(SimpleNamespace(store=store), None, SimpleNamespace(id="j"))


def test_a_sync_that_reads_nothing_while_its_source_asked_for_a_pause_is_said_to_wait(
    running, written
):
    running.tell("extract", 10)
    running._look()
    pauses.note(60)
    running._look()
    running.tell("extract", 20)
    running._look()
    running.tell("publish", 20)
    running._look()
    assert [(now.phase, now.rows) for now in written] == [
        ("extract", 10),
        ("waiting", 10),
        ("extract", 20),
        ("publish", 20),
    ]
