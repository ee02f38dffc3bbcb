"""Who gets a place, and what happens when nothing is free."""

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from effmeter.recorder.allowance import Allowances
from effmeter.recorder.disposal import Disposal
from effmeter.recorder.entrance import (
    CLOSED_NS,
    MAX_CONNECTIONS_OF_OTHERS,
    Entrance,
    Places,
    most_connections,
)
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.served_client import ServedClient
from effmeter.wire.peer import Peer
from tests.simulated.clock import ManualClock

OWNER, GROUP = 500, 77
POLICY = ServicePolicy("shared", OWNER, GROUP)


def member(uid: int) -> Peer:
    return Peer(1, uid, 1, (GROUP,))


def test_places_are_kept_for_the_owner_and_root() -> None:
    places = Places(POLICY, most=200)
    for uid in range(1000, 1010):
        while places.refusal(member(uid)) is None:
            places.take(member(uid))
    assert places.refusal(Peer(1, 0, 0)) is None
    assert places.refusal(Peer(1, OWNER, 1)) is None
    for _ in range(50):
        places.take(Peer(1, OWNER, 1))
    assert places.refusal(Peer(1, OWNER, 1)) is not None


def test_one_user_has_some_of_the_places_and_gets_them_again() -> None:
    places = Places(POLICY, most=200)
    for _ in range(MAX_CONNECTIONS_OF_OTHERS):
        assert places.refusal(member(1000)) is None
        places.take(member(1000))
    assert "no more programs" in str(places.refusal(member(1000)))
    assert places.refusal(member(1001)) is None
    places.leave(member(1000))
    assert places.refusal(member(1000)) is None
    for _ in range(MAX_CONNECTIONS_OF_OTHERS - 1):
        places.leave(member(1000))
    assert list(places.uids) == []


def test_a_stranger_has_no_place() -> None:
    assert "does not serve" in str(Places(POLICY, most=200).refusal(Peer(1, 1000, 1)))


def test_there_are_no_more_places_than_descriptors() -> None:
    assert 8 <= most_connections() <= 512


class NothingFree(socket.socket):
    """A listening socket of a process that has no descriptor left."""

    def accept(self) -> tuple[socket.socket, object]:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


class Open:
    """An entrance, and who came in."""

    def __init__(self) -> None:
        self.clock = ManualClock(time_ns=10**9)
        self.clients: list[ServedClient] = []
        policy = ServicePolicy("shared", os.getuid())
        self.entrance = Entrance(
            policy, self.clock, Allowances(), Disposal(idle_s=0.0), self.clients.append
        )


@pytest.fixture
def opened() -> Iterator[Open]:
    made = Open()
    yield made
    for client in made.clients:
        for descriptor in client.detach():
            os.close(descriptor)


def test_all_who_wait_come_in_at_once(opened: Open, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        listener.setblocking(False)
        programs = [socket.socket(socket.AF_UNIX) for _ in range(3)]
        for program in programs:
            program.connect(str(tmp_path / "s"))
        opened.entrance.accept_from(listener)
        for program in programs:
            program.close()
    assert len(opened.clients) == 3
    assert opened.entrance.closed_until_ns is None


def test_nothing_is_accepted_for_a_second_where_no_descriptor_is_free(opened: Open) -> None:
    with NothingFree(socket.AF_UNIX) as listener:
        opened.entrance.accept_from(listener)
    assert opened.entrance.closed_until_ns == opened.clock.now_ns() + CLOSED_NS
