"""When a stream has brought everything there is."""

from pwh_assets.sources.postgres import replication
from pwh_assets.sources.postgres.replication import QUIET_ASKS, Receiver


class Line:
    """Stands for libpq: counts what is said."""

    socket = -1

    def __init__(self):
        self.said = 0

    def put_copy_data(self, data):
        self.said += 1

    def flush(self):
        return 0


def test_a_server_that_comes_closer_from_behind_is_not_quiet():
    receiver = Receiver({}, Line(), sent=1_000, flushed=1_000)
    for position in range(100, 100 + 3 * QUIET_ASKS):
        receiver._heard(position, 0)
        assert not receiver.is_quiet and receiver.sent == 1_000
    for _ in range(QUIET_ASKS):
        receiver._heard(2_000, 0)
    assert not receiver.is_quiet
    receiver._heard(2_000, 0)
    assert receiver.is_quiet and receiver.sent == 2_000


def test_a_question_is_asked_again_only_when_it_was_answered(monkeypatch):
    monkeypatch.setattr(replication, "ASK_EVERY_S", 0.0)
    line = Line()
    receiver = Receiver({}, line, sent=0, flushed=0)
    for _ in range(5):
        receiver.ask()
    assert line.said == 1
    receiver._heard(5, 0)
    receiver.ask()
    assert line.said == 2
