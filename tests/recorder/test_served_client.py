"""One client of the recorder: what it may cost, and what it is sent."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from effmeter.recorder.served_client import (
    MAX_UNSENT_BYTES,
    RESTRICTED_UNSENT_BYTES,
    ServedClient,
)
from effmeter.wire.protocol import ProtocolError, encode
from tests.recorder.served import Pair, hellos


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.close()


@pytest.fixture
def stranger() -> Iterator[Pair]:
    made = Pair(restricted=True)
    yield made
    made.close()


def test_messages_are_read_whole(pair: Pair) -> None:
    pair.say(*hellos(3))
    read = pair.read()
    assert read is not None
    assert [message["op"] for message in read] == ["hello"] * 3
    assert pair.read() == []


def test_a_client_that_hung_up_gives_none(pair: Pair) -> None:
    pair.program.close()
    assert pair.read() is None


@pytest.mark.parametrize("line", [b"nonsense\n", b'{"op":"erase"}\n', b"[1]\n"])
def test_nonsense_is_a_protocol_error(pair: Pair, line: bytes) -> None:
    pair.program.sendall(line)
    with pytest.raises(ProtocolError):
        pair.read()


def test_a_client_that_never_reads_costs_a_bounded_queue(pair: Pair) -> None:
    for number in range(20_000):
        pair.client.send({"op": "total", "number": number, "text": "x" * 100})
    assert pair.client.has_unsent
    assert len(pair.client._unsent) <= MAX_UNSENT_BYTES


def test_a_push_is_left_out_where_something_waits(pair: Pair) -> None:
    while not pair.client.has_unsent:
        pair.client.send({"op": "total", "text": "x" * 1000})
    before = len(pair.client._unsent)
    pair.client.push({"op": "total", "number": 0})
    assert len(pair.client._unsent) == before


def test_a_restricted_client_that_never_reads_costs_less(stranger: Pair) -> None:
    for number in range(20_000):
        stranger.client.send({"op": "total", "number": number, "text": "x" * 100})
    assert len(stranger.client._unsent) <= RESTRICTED_UNSENT_BYTES


def test_messages_wait_until_they_are_asked_for(pair: Pair) -> None:
    pair.say(*hellos(2))
    assert pair.client.receive()
    waiting = []
    for _ in range(2):
        waiting.append(pair.client.has_received)
        assert pair.client.next_request() is not None
    assert waiting == [True, True]
    assert pair.client.next_request() is None


def test_a_descriptor_that_no_request_has_taken_is_an_error(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    with (tmp_path / "f").open() as file:
        socket.send_fds(pair.program, [encode(hellos()[0])], [file.fileno()])
    assert pair.client.receive()
    assert pair.client.next_request() is not None
    with pytest.raises(ProtocolError, match="a request that takes one"):
        pair.client.next_request()


def test_one_descriptor_is_accepted_and_two_are_not(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    descriptor = os.open(tmp_path / "f", os.O_RDWR)
    try:
        socket.send_fds(pair.program, [b"\n"[:0] + b"{"], [descriptor])
        assert pair.read() == []
        received = pair.client.pop_descriptor()
        assert received is not None
        assert os.path.samestat(os.fstat(received), os.fstat(descriptor))
        os.close(received)
        socket.send_fds(pair.program, [b"{"], [descriptor, descriptor])
        with pytest.raises(ProtocolError, match="one descriptor"):
            pair.read()
    finally:
        os.close(descriptor)


def test_a_close_releases_every_descriptor(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    pair = Pair()
    (tmp_path / "f").touch()
    with (tmp_path / "f").open() as file:
        socket.send_fds(pair.program, [b"{"], [file.fileno()])
    pair.read()
    pair.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_clients_are_told_apart_by_their_key(pair: Pair, stranger: Pair) -> None:
    assert isinstance(pair.client, ServedClient)
    assert pair.client.key != stranger.client.key
