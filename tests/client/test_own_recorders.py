"""The runs of a process that overlap share the private recorder that it started."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from effmeter.client.connection import Connection
from effmeter.client.launch import PrivateRecorder
from effmeter.client.own_recorders import OWN_RECORDERS, OwnRecorders
from effmeter.wire.paths import SOCKET_NAME


class Launcher:
    """Starts recorders that only listen, each in a folder of its own unless one is named."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.listeners: list[socket.socket] = []
        self.connections: list[Connection] = []

    def __call__(self, directory: Path | None = None) -> PrivateRecorder:
        home = directory or self.folder / str(len(self.listeners))
        home.mkdir(exist_ok=True)
        (home / SOCKET_NAME).unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(home / SOCKET_NAME))
        listener.listen()
        self.listeners.append(listener)
        ours, theirs = socket.socketpair()
        theirs.close()
        self.connections.append(Connection(ours))
        return PrivateRecorder(self.connections[-1], home)


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launcher]:
    made = Launcher(tmp_path)
    yield made
    for listener in made.listeners:
        listener.close()
    for connection in made.connections:
        connection.close()


def test_a_run_beside_another_is_on_the_same_recorder(launch: Launcher) -> None:
    own = OwnRecorders()
    first, second = own.reach_any(launch), own.reach_any(launch)
    assert (first.is_new, second.is_new) == (True, False)
    assert second.recorder is first.recorder
    assert second.connection is not first.connection
    second.connection.close()


def test_a_run_after_the_last_has_left_starts_another(launch: Launcher) -> None:
    own = OwnRecorders()
    first, second = own.reach_any(launch), own.reach_any(launch)
    second.connection.close()
    own.leave(first.recorder)
    third = own.reach_any(launch)
    assert not third.is_new
    third.connection.close()
    own.leave(first.recorder)
    own.leave(first.recorder)
    assert own.reach_any(launch).is_new
    own.leave(first.recorder)


def test_a_run_that_joins_another_keeps_its_recorder_in_use(launch: Launcher) -> None:
    own = OwnRecorders()
    outer = own.reach_any(launch).recorder
    assert own.enter(str(outer.socket_path)) is outer
    own.leave(outer)
    later = own.reach_any(launch)
    assert not later.is_new
    later.connection.close()
    assert own.enter("/run/effmeter/recorder.sock") is None


def test_a_recorder_that_has_died_is_replaced(launch: Launcher) -> None:
    own = OwnRecorders()
    own.reach_any(launch)
    launch.listeners[0].close()
    assert own.reach_any(launch).is_new


def test_a_dead_recorder_has_one_successor_for_all_of_its_runs(launch: Launcher) -> None:
    own = OwnRecorders()
    dead = own.reach_any(launch).recorder
    launch.listeners[0].close()
    first, second = (own.reach_successor(dead, lambda: launch(dead.directory)) for _ in range(2))
    assert (first.is_new, second.is_new) == (True, False)
    assert first.recorder is second.recorder is not dead
    second.connection.close()
    launch.listeners[1].close()
    assert own.reach_successor(dead, lambda: launch(dead.directory)).is_new, "it is gone again"


def test_threads_that_begin_together_start_one_recorder(launch: Launcher) -> None:
    own, together = OwnRecorders(), threading.Barrier(8)

    def begin() -> None:
        together.wait(20)
        reached = own.reach_any(launch)
        found.append(reached.is_new)
        if not reached.is_new:
            reached.connection.close()

    found: list[bool] = []
    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [False] * 7 + [True]


def test_a_forked_child_has_no_recorder_of_its_parent(launch: Launcher) -> None:
    recorder = OWN_RECORDERS.reach_any(launch).recorder
    child = os.fork()
    if not child:
        os._exit(int(OWN_RECORDERS.enter(str(recorder.socket_path)) is not None))
    assert os.waitpid(child, 0)[1] == 0
    OWN_RECORDERS.leave(recorder)
