"""Connections found by their port and ended from outside, on loopback."""

import socket

import pytest

from pwh_assets.sources.network import sockets


@pytest.fixture
def pair():
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as ours,
        listener.accept()[0] as theirs,
    ):
        yield ours, theirs, listener


def test_our_ends_of_connections_to_a_port_are_found(pair):
    ours, _, listener = pair
    assert sockets.to_port(listener.getsockname()[1]) == {ours.getsockname()}


def test_one_that_is_ended_wakes_its_reader_and_no_other_is(pair):
    ours, theirs, listener = pair
    with (
        socket.create_connection(listener.getsockname()) as other,
        listener.accept()[0] as others,
    ):
        sockets.end({ours.getsockname()})
        assert (ours.recv(1), theirs.recv(1)) == (b"", b"")
        others.send(b"x")
        assert other.recv(1) == b"x"


def test_what_is_closed_already_is_no_error(pair):
    ours, _, listener = pair
    known = sockets.to_port(listener.getsockname()[1])
    ours.close()
    sockets.end(known)
