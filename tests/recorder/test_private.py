"""The private recorder in this thread, its programs in another."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from effmeter.client.connection import Connection, connect
from effmeter.recorded.reading import read_run
from effmeter.recorder.private import serve_private
from effmeter.wire.paths import SOCKET_NAME, make_private_directory
from tests.recorder.served import BEGIN, SOURCE

TIMEOUT_S = 20.0
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
END = {"op": "end", "status": "completed", "final": True, "dropped_marks": 0, "time_ns": 0}


@pytest.fixture(autouse=True)
def process() -> Iterator[None]:
    """What a recorder changes in its process, as it was before."""
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    finders, interval_s = [*sys.meta_path], sys.getswitchinterval()
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    sys.meta_path[:] = finders
    sys.setswitchinterval(interval_s)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The recorder's directory, on a machine without sensors."""
    monkeypatch.setenv("EFFMETER_SYSFS", str(tmp_path))
    return make_private_directory(os.environ)


def serve(home: Path, program: Callable[[Connection], None]) -> int:
    """Serve a program until it has hung up; the exit status."""
    ours, theirs = socket.socketpair()
    connection = Connection(ours)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(home / SOCKET_NAME))
    listener.listen()

    def run() -> None:
        try:
            connection.greet(TIMEOUT_S)
            program(connection)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        status = serve_private(theirs.detach(), listener.detach(), str(home))
        running.result(TIMEOUT_S)
    return status


def begin(connection: Connection, path: Path) -> str:
    """Begin a recording; the token by which others join it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    connection.send_descriptor(BEGIN, descriptor)
    os.close(descriptor)
    return str(connection.expect("begun", TIMEOUT_S)["recording"])


def test_it_records_the_program_that_started_it_and_leaves_nothing_behind(
    home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "run.arrow"

    def program(connection: Connection) -> None:
        assert connection.greeting is not None
        assert connection.greeting.mode == "private"
        begin(connection, path)
        connection.send(END)
        assert connection.expect("ended", TIMEOUT_S)["failure"] is None

    assert serve(home, program) == 0
    assert read_run(path).status == "completed"
    assert not home.exists()


def test_others_join_and_begin_at_its_socket_until_the_last_has_ended(
    home: Path, tmp_path: Path
) -> None:
    def program(connection: Connection) -> None:
        token = begin(connection, tmp_path / "run.arrow")
        child = connect(home / SOCKET_NAME)
        child.send({"op": "join", **SOURCE, "id": 2, "recording": token})
        assert child.expect("begun", TIMEOUT_S)["recording"] == token
        sibling = connect(home / SOCKET_NAME)
        assert begin(sibling, tmp_path / "sibling.arrow") != token
        connection.close()
        child.close()
        sibling.send(END)
        assert sibling.expect("ended", TIMEOUT_S)["failure"] is None
        sibling.close()

    assert serve(home, program) == 0
    assert not home.exists()
    assert read_run(tmp_path / "sibling.arrow").status == "completed"


def test_it_leaves_the_place_to_a_successor_that_listens_there_already(
    home: Path, tmp_path: Path
) -> None:
    def program(connection: Connection) -> None:
        begin(connection, tmp_path / "run.arrow")
        (home / SOCKET_NAME).unlink()
        (home / SOCKET_NAME).touch()

    assert serve(home, program) == 0
    assert (home / SOCKET_NAME).exists()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_its_recordings_and_then_itself(
    home: Path, tmp_path: Path, number: signal.Signals
) -> None:
    path = tmp_path / "run.arrow"
    handler = signal.getsignal(number)
    recorders_thread = threading.get_ident()

    def program(connection: Connection) -> None:
        begin(connection, path)
        assert signal.getsignal(number) is not handler
        signal.pthread_kill(recorders_thread, number)
        assert connection.expect("ended", TIMEOUT_S)["status"] == "the recorder was stopped"

    assert serve(home, program) == 0
    assert str(read_run(path).status) == "the recorder was stopped"
    assert not home.exists()
