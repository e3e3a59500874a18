import os
import threading

import pytest

from pwh_assets.services.capture.errors import CaptureUnavailableError
from pwh_assets.services.capture.log import Journal, folder_of, record, records, segments

MANY = 1 << 30


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path)
    yield journal
    journal.close()


def read(tmp_path, position=0, limit=MANY):
    (segment,) = segments(folder_of(tmp_path, 1))
    return [payload for payload, _ in records(segment, position, limit)]


def written(tmp_path, data):
    folder = folder_of(tmp_path, 1)
    folder.mkdir(parents=True)
    (folder / "1.log").write_bytes(data)


def test_what_is_acknowledged_is_in_the_file_in_order(journal, tmp_path):
    for number in range(20):
        journal.append(1, b"%d" % number).result(30)
    journal.append(2, b"other").result(30)
    assert read(tmp_path) == [b"%d" % number for number in range(20)]
    (segment,) = segments(folder_of(tmp_path, 1))
    assert not segment.is_closed and segment.path.stat().st_mode & 0o077 == 0


def test_all_who_wait_share_one_sync(journal, tmp_path, monkeypatch):
    gate, real = threading.Event(), os.fdatasync
    journal.append(1, b"opens").result(30)

    def slow(file):
        gate.wait(30)
        real(file)

    monkeypatch.setattr(os, "fdatasync", slow)
    before = journal.syncs
    waiting = [journal.append(1, b"x") for _ in range(500)]
    assert not any(one.done() for one in waiting)
    gate.set()
    for one in waiting:
        one.result(30)
    assert journal.syncs - before <= 3 and len(read(tmp_path)) == 501


def test_a_disk_that_refuses_is_told_and_what_was_half_written_is_not_read(
    journal, tmp_path, monkeypatch
):
    journal.append(1, b"before").result(30)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", lambda file: (_ for _ in ()).throw(OSError(28, "No space")))
        with pytest.raises(CaptureUnavailableError):
            journal.append(1, b"lost").result(30)
    journal.append(1, b"after").result(30)
    found = segments(folder_of(tmp_path, 1))
    payloads = [p for segment in found for p, _ in records(segment, 0, MANY)]
    assert payloads == [b"before", b"after"]


def test_a_torn_tail_is_passed_and_of_an_open_segment_awaited(tmp_path):
    whole, torn = record(b"whole"), record(b"torn away")
    for cut in range(1, len(torn)):
        folder = tmp_path / str(cut)
        written(folder, whole + torn[:cut])
        (segment,) = segments(folder_of(folder, 1))
        assert list(records(segment, 0, MANY)) == [(b"whole", len(whole)), (b"", segment.size)]
    with (folder_of(folder, 1) / "1.log").open("ab") as writer:
        import fcntl

        fcntl.flock(writer, fcntl.LOCK_EX)
        (segment,) = segments(folder_of(folder, 1))
        assert [position for _, position in records(segment, 0, MANY)] == [len(whole)]


def test_records_after_a_damaged_one_are_found_again(tmp_path):
    one, two, three = record(b"one"), bytearray(record(b"two")), record(b"three")
    two[-1] ^= 1
    written(tmp_path, one + bytes(two) + three)
    assert read(tmp_path) == [b"one", b"", b"three"]


def test_reading_goes_on_where_it_stopped(tmp_path):
    written(tmp_path, b"".join(record(b"%d" % n * 10) for n in range(9)))
    (segment,) = segments(folder_of(tmp_path, 1))
    position, found = 0, []
    while position < segment.size:
        part = list(records(segment, position, 50))
        found += [payload for payload, _ in part]
        position = part[-1][1]
    assert found == [b"%d" % n * 10 for n in range(9)]


def test_a_closed_journal_takes_nothing_and_leaves_its_segments_to_others(tmp_path):
    journal = Journal(tmp_path)
    journal.append(1, b"x").result(30)
    journal.close()
    with pytest.raises(CaptureUnavailableError):
        journal.append(1, b"y")
    (segment,) = segments(folder_of(tmp_path, 1))
    assert segment.is_closed
