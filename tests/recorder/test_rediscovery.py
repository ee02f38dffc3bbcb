"""Sensors that appear while a recorder runs: searched in a thread, awaited for a bounded time."""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from effmeter.channel import Channel, Component
from effmeter.client.connection import Connection
from effmeter.probes.base import Discovery, Reading
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.rediscovery import PATIENCE_NS, RECENT_NS, Rediscovery
from effmeter.recorder.server import Server
from effmeter.wire.protocol import PROTOCOL_VERSION
from tests.recorder.served import BEGIN
from tests.runfile.writing import counter
from tests.simulated.clock import ManualClock

TIMEOUT_S = 20.0


class LateProbe:
    """The sensor of a driver that has just been loaded."""

    name = "late"
    period_s = 0.01

    def __init__(self) -> None:
        self.channels: tuple[Channel, ...] = (counter("gpu0", Component.GPU),)

    def read(self) -> list[Reading]:
        return []

    def close(self) -> None:
        pass


LATE = Discovery((LateProbe(),))


class Machine:
    """A search that ends when it is let go on, and says when it has begun."""

    def __init__(self, found: Discovery | None = LATE) -> None:
        self.found = found
        self.begun = threading.Semaphore(0)
        self.goes_on = threading.Semaphore(0)
        self.ended = threading.Semaphore(0)

    def search(self) -> Discovery | None:
        self.begun.release()
        assert self.goes_on.acquire(timeout=TIMEOUT_S)
        if self.found is None:
            raise OSError("the driver is broken")
        return self.found

    def is_done(self) -> None:
        assert self.ended.acquire(timeout=TIMEOUT_S)


@contextlib.contextmanager
def searching(
    machine: Machine, clock: ManualClock, period_s: float = 3600.0
) -> Iterator[Rediscovery]:
    rediscovery = Rediscovery(machine.search, clock, machine.ended.release, period_s)
    rediscovery.start()
    yield rediscovery
    machine.goes_on.release()
    rediscovery.stop()


def test_a_search_that_is_asked_for_gives_what_it_finds_once() -> None:
    machine, clock = Machine(), ManualClock()
    with searching(machine, clock) as rediscovery:
        clock.advance(RECENT_NS * 1e-9)
        rediscovery.request()
        machine.goes_on.release()
        machine.is_done()
        assert rediscovery.pop() is LATE
        assert rediscovery.pop() is None


def test_a_search_that_was_just_made_is_not_repeated() -> None:
    machine, clock = Machine(), ManualClock()
    with searching(machine, clock) as rediscovery:
        rediscovery.request()
        assert not rediscovery.is_awaited(clock.now_ns())
        assert not machine.begun.acquire(blocking=False)


def test_a_search_is_awaited_for_a_bounded_time_though_a_driver_hangs() -> None:
    machine, clock = Machine(), ManualClock()
    with searching(machine, clock) as rediscovery:
        begun_ns = clock.advance(RECENT_NS * 1e-9)
        rediscovery.request()
        assert rediscovery.is_awaited(begun_ns + PATIENCE_NS - 1)
        assert not rediscovery.is_awaited(begun_ns + PATIENCE_NS)
        assert rediscovery.pop() is None


def test_a_search_that_fails_is_followed_by_others() -> None:
    machine, clock = Machine(None), ManualClock()
    with searching(machine, clock, period_s=0.001) as rediscovery:
        machine.goes_on.release()
        machine.is_done()
        machine.found = LATE
        machine.goes_on.release()
        machine.is_done()
        assert rediscovery.pop() is LATE


@contextlib.contextmanager
def served(machine: Machine, clock: ManualClock) -> Iterator[Connection]:
    """A greeted connection to a recorder in a thread, which has found nothing at first."""
    ours, theirs = socket.socketpair()
    policy = ServicePolicy("shared", os.getuid())
    server = Server(Discovery(), policy, clock, machine.search)
    server.adopt(theirs)
    thread = threading.Thread(target=server.run)
    thread.start()
    connection = Connection(ours)
    connection.send({"op": "hello", "version": PROTOCOL_VERSION, "time_ns": clock.now_ns()})
    assert connection.wait_for(lambda m: m["op"] == "hello", TIMEOUT_S)
    yield connection
    connection.close()
    server.stop()
    thread.join(TIMEOUT_S)
    assert not thread.is_alive()


def begin(connection: Connection, folder: Path) -> None:
    descriptor = os.open(folder / "run.arrow", os.O_RDWR | os.O_CREAT | os.O_EXCL)
    connection.send_descriptor(BEGIN, descriptor)
    os.close(descriptor)


def channels_of(connection: Connection) -> list[str]:
    connection.send({"op": "status"})
    answer = connection.expect("status", TIMEOUT_S)
    return list(answer["channels"])


def test_a_recording_begins_with_the_sensors_of_a_driver_that_came_late(tmp_path: Path) -> None:
    machine, clock = Machine(), ManualClock()
    with served(machine, clock) as connection:
        clock.advance(RECENT_NS * 1e-9)
        begin(connection, tmp_path)
        connection.send({"op": "mark", "event": "note", "name": "user:held", "time_ns": 1})
        assert machine.begun.acquire(timeout=TIMEOUT_S)
        assert connection.wait_for(lambda m: m["op"] == "begun", 0.01) is None
        machine.goes_on.release()
        connection.expect("begun", TIMEOUT_S)
        assert channels_of(connection) == ["gpu0"]


def test_a_driver_that_hangs_delays_a_recording_and_does_not_prevent_it(tmp_path: Path) -> None:
    machine, clock = Machine(), ManualClock()
    with served(machine, clock) as connection:
        clock.advance(RECENT_NS * 1e-9)
        begin(connection, tmp_path)
        assert machine.begun.acquire(timeout=TIMEOUT_S)
        clock.advance(PATIENCE_NS * 1e-9)
        connection.expect("begun", TIMEOUT_S)
        machine.goes_on.release()


def test_a_refused_request_is_answered_after_the_search(tmp_path: Path) -> None:
    machine, clock = Machine(), ManualClock()
    with served(machine, clock) as connection:
        clock.advance(RECENT_NS * 1e-9)
        connection.send(BEGIN)
        assert machine.begun.acquire(timeout=TIMEOUT_S)
        machine.goes_on.release()
        answer = connection.wait_for(lambda m: m["op"] == "refused", TIMEOUT_S)
        assert answer is not None
        assert "one open file" in answer["reason"]
        assert channels_of(connection) == ["gpu0"]
