"""One client of the recorder: what it may cost, and what it is sent."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from effmeter.recorder.served_client import (
    MAX_UNSENT_BYTES,
    RESTRICTED_MESSAGES_PER_S,
    ServedClient,
)
from effmeter.wire.protocol import ProtocolError
from tests.recorder.served import Pair, hellos

S = 1_000_000_000


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
    read = pair.client.read(0)
    assert read is not None
    assert [message["op"] for message in read] == ["hello"] * 3
    assert pair.client.read(0) == []


def test_a_client_that_hung_up_gives_none(pair: Pair) -> None:
    pair.program.close()
    assert pair.client.read(0) is None


@pytest.mark.parametrize("line", [b"nonsense\n", b'{"op":"erase"}\n', b"[1]\n"])
def test_nonsense_is_a_protocol_error(pair: Pair, line: bytes) -> None:
    pair.program.sendall(line)
    with pytest.raises(ProtocolError):
        pair.client.read(0)


def test_the_owner_is_never_paused(pair: Pair) -> None:
    for _ in range(10):
        pair.say(*hellos(500))
        while pair.client.read(0):
            pass
    assert pair.client.paused_until_ns == 0


def test_a_stranger_that_floods_is_paused_for_as_long_as_its_debt(stranger: Pair) -> None:
    sent = 0
    while not stranger.client.paused_until_ns:
        stranger.say(*hellos(500))
        sent += len(stranger.client.read(S) or [])
    assert sent > RESTRICTED_MESSAGES_PER_S
    debt_ns = stranger.client.paused_until_ns - S
    assert debt_ns == pytest.approx((sent - RESTRICTED_MESSAGES_PER_S) * 5e5, rel=1e-6)


def test_a_slow_stranger_is_not_paused(stranger: Pair) -> None:
    for second in range(20):
        stranger.say(*hellos(500))
        stranger.client.read(second * S)
    assert stranger.client.paused_until_ns == 0


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


def test_a_held_client_gets_its_messages_back_in_order(pair: Pair) -> None:
    pair.client.hold()
    assert pair.client.held is not None
    pair.client.held += [{"op": "mark"}, {"op": "end"}]
    assert [m["op"] for m in pair.client.release()] == ["mark", "end"]
    assert pair.client.held is None


def test_one_descriptor_is_accepted_and_two_are_not(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    descriptor = os.open(tmp_path / "f", os.O_RDWR)
    try:
        socket.send_fds(pair.program, [b"\n"[:0] + b"{"], [descriptor])
        assert pair.client.read(0) == []
        received = pair.client.pop_descriptor()
        assert received is not None
        assert os.path.samestat(os.fstat(received), os.fstat(descriptor))
        os.close(received)
        socket.send_fds(pair.program, [b"{"], [descriptor, descriptor])
        with pytest.raises(ProtocolError, match="one descriptor"):
            pair.client.read(0)
    finally:
        os.close(descriptor)


def test_a_close_releases_every_descriptor(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    pair = Pair()
    (tmp_path / "f").touch()
    with (tmp_path / "f").open() as file:
        socket.send_fds(pair.program, [b"{"], [file.fileno()])
    pair.client.read(0)
    pair.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_clients_are_told_apart_by_their_key(pair: Pair, stranger: Pair) -> None:
    assert isinstance(pair.client, ServedClient)
    assert pair.client.key != stranger.client.key
