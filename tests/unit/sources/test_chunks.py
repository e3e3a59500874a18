import threading

import pytest

from pwh_assets.errors import SourceUnavailableError
from pwh_assets.sources.chunks import Connections


def test_after_an_error_all_who_ask_are_told_it_and_read_nothing():
    connections = Connections[str]()
    connections.add("only")
    told, is_asked = [], threading.Event()

    def waits():
        is_asked.set()
        try:
            with connections.one():
                told.append("read")
        except OSError as error:
            told.append(error)

    def fails():
        with connections.one():
            other.start()
            is_asked.wait()
            raise OSError("full")

    other = threading.Thread(target=waits)
    with pytest.raises(OSError, match="full") as caught:
        fails()
    other.join()
    assert told == [caught.value]
    connections.end()
    with pytest.raises(OSError, match="full"):
        connections.check()


def test_a_reading_that_was_ended_gives_its_connections_back_and_begins_no_chunk():
    connections = Connections[str]()
    connections.add("only")
    connections.end()
    with pytest.raises(SourceUnavailableError, match="was ended"), connections.one():
        pass
    assert connections.returned(0.1) == "only"
