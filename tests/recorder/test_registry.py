"""What the recorder will write to, and what a client may do."""

import contextlib
import fcntl
import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from effmeter.client.connection import Connection
from effmeter.clock import SystemClock
from effmeter.errors import RecorderError
from effmeter.probes.base import Discovery, ListedDevice
from effmeter.probes.devices import listing_to_texts
from effmeter.recorded.reading import read_run
from effmeter.recorder.descriptor import unfit_for_writing
from effmeter.recorder.guard import FaultLog
from effmeter.recorder.log_folder import LogFolder
from effmeter.recorder.machine_log import LogPlan
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.remote_probe import RemoteReader
from effmeter.recorder.server import Server
from effmeter.status import Status
from effmeter.wire.peer import Peer
from effmeter.wire.protocol import PROTOCOL_VERSION
from tests.recorder.test_visibility import FixedProbe, gpu
from tests.recording import eventually

pytestmark = pytest.mark.untimed
ME = Peer(os.getpid(), os.getuid(), os.getgid())
SOURCE = {"name": "n", "labels": {}, "host": "h", "program": {}, "id": 1}
BEGIN = {"op": "begin", **SOURCE, "run_id": "r", "part": 1, "rate_hz": 10.0, "versions": {}}

END = {"op": "end", "status": "completed", "time_ns": 0, "final": True, "dropped_marks": 0}


@contextlib.contextmanager
def opened(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> Iterator[int]:
    descriptor = os.open(path, flags, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def served_by(policy: ServicePolicy) -> Iterator[Connection]:
    """A greeted connection to a recorder without sensors, in a thread of this process."""
    ours, theirs = socket.socketpair()
    server = Server(Discovery(), policy)
    server.adopt(theirs)
    thread = threading.Thread(target=server.run)
    thread.start()
    connection = Connection(ours)
    connection.greet(5.0)
    yield connection
    connection.close()
    server.stop()
    thread.join(10)
    assert not thread.is_alive()


@pytest.fixture
def connection() -> Iterator[Connection]:
    with served_by(ServicePolicy("private", os.getuid())) as connection:
        yield connection


def test_an_empty_file_of_the_peers_own_will_do(tmp_path: Path) -> None:
    with opened(tmp_path / "run") as descriptor:
        assert unfit_for_writing(descriptor, ME) is None


def test_a_file_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("precious")
    with opened(tmp_path / "run") as descriptor:
        assert unfit_for_writing(descriptor, ME) == "the file is not empty"


def test_another_users_file_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path / "run") as descriptor:
        somebody = Peer(1, os.getuid() + 1, os.getgid())
        assert unfit_for_writing(descriptor, somebody) == "the file belongs to another user"


def test_a_file_open_for_reading_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with opened(tmp_path / "run", os.O_RDONLY) as descriptor:
        assert unfit_for_writing(descriptor, ME) == "the file is not open for writing"


def test_what_is_no_regular_file_is_refused() -> None:
    reading, writing = os.pipe()
    try:
        assert unfit_for_writing(writing, ME) == "the descriptor is not a regular file"
    finally:
        os.close(reading)
        os.close(writing)


def test_a_file_that_is_recorded_to_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path / "run") as descriptor, opened(tmp_path / "run") as again:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        assert unfit_for_writing(again, ME) == "the file is locked by another program"


def test_a_recording_begins_only_with_an_open_file(connection: Connection) -> None:
    connection.send(BEGIN)
    with pytest.raises(RecorderError, match="begins with one open file"):
        connection.expect("begun", 5.0)


def test_a_connection_has_one_recording(connection: Connection, tmp_path: Path) -> None:
    with opened(tmp_path / "one") as descriptor:
        connection.send_descriptor(BEGIN, descriptor)
    connection.expect("begun", 5.0)
    with opened(tmp_path / "two") as descriptor:
        connection.send_descriptor(BEGIN, descriptor)
    with pytest.raises(RecorderError, match="has begun a recording already"):
        connection.expect("begun", 5.0)


def test_a_recording_that_is_not_there_cannot_be_joined(connection: Connection) -> None:
    connection.send({"op": "join", **SOURCE, "recording": "made-up"})
    with pytest.raises(RecorderError, match="no such recording"):
        connection.expect("begun", 5.0)


def test_a_client_cannot_write_what_only_the_recorder_knows(
    connection: Connection, tmp_path: Path
) -> None:
    with opened(tmp_path / "run") as descriptor:
        connection.send_descriptor(BEGIN, descriptor)
    connection.expect("begun", 5.0)
    connection.send({"op": "mark", "event": "anchor", "time_ns": 1})
    with pytest.raises(RecorderError, match="cannot write the event 'anchor'"):
        connection.expect("total", 5.0)


def test_a_client_of_another_version_is_told_so_and_left(connection: Connection) -> None:
    connection.send({"op": "hello", "version": 99, "time_ns": 0})
    with pytest.raises(RecorderError, match=f"speaks version {PROTOCOL_VERSION}"):
        connection.expect("total", 5.0)


def test_a_file_that_will_not_do_is_refused_and_left_as_it_is(
    connection: Connection, tmp_path: Path
) -> None:
    (tmp_path / "run").write_text("precious")
    with opened(tmp_path / "run") as descriptor:
        connection.send_descriptor(BEGIN, descriptor)
        with pytest.raises(RecorderError, match="the file is not empty"):
            connection.expect("begun", 5.0)
    assert (tmp_path / "run").read_text() == "precious"
    assert_it_still_serves(connection)


def test_marks_that_are_sent_before_the_file_is_found_fit_are_kept(
    connection: Connection, tmp_path: Path
) -> None:
    with opened(tmp_path / "run.arrow") as descriptor:
        connection.send_descriptor(BEGIN, descriptor)
    for number in range(100):
        connection.send(
            {"op": "mark", "event": "note", "name": f"user:{number}", "time_ns": number}
        )
    connection.send(END)
    assert connection.expect("ended", 10.0)["failure"] is None
    notes = {note.name for note in read_run(tmp_path / "run.arrow").notes}
    assert notes >= {f"user:{number}" for number in range(100)}


def test_nonsense_before_the_file_is_found_fit_ends_the_connection_alone(
    connection: Connection, tmp_path: Path
) -> None:
    with opened(tmp_path / "run.arrow") as descriptor:
        connection.send_descriptor(BEGIN, descriptor)
        connection.send({"op": "mark", "event": "anchor", "time_ns": 1})
        with pytest.raises(RecorderError, match="cannot write the event 'anchor'"):
            connection.expect("total", 5.0)


def test_a_mark_that_comes_after_the_end_does_no_harm(
    connection: Connection, tmp_path: Path
) -> None:
    with opened(tmp_path / "run") as descriptor:
        connection.send_descriptor(BEGIN, descriptor)
    connection.expect("begun", 5.0)
    connection.send(END)
    connection.send({"op": "mark", "event": "note", "name": "late", "time_ns": 1})
    assert connection.expect("ended", 10.0)["failure"] is None
    assert_it_still_serves(connection)


def test_a_rate_that_is_no_number_is_refused(connection: Connection, tmp_path: Path) -> None:
    with opened(tmp_path / "run") as descriptor:
        connection.send_descriptor({**BEGIN, "rate_hz": float("nan")}, descriptor)
    with pytest.raises(RecorderError, match="the rate is not a number"):
        connection.expect("begun", 5.0)
    assert_it_still_serves(connection)


def test_descriptors_cannot_be_piled_up_in_the_recorder(
    connection: Connection, tmp_path: Path
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with opened(tmp_path / "run") as descriptor:
        with contextlib.suppress(BrokenPipeError):  # it may have hung up already
            for _ in range(3):
                socket.send_fds(connection._socket, [b"{"], [descriptor])
        with pytest.raises(RecorderError, match=r"one descriptor at a time|not a message"):
            connection.expect("begun", 5.0)
        connection.wait_for(lambda _: False, 5.0)
    assert connection.lost
    eventually(lambda: len(os.listdir("/proc/self/fd")) <= before, "descriptors are closed")


def assert_it_still_serves(connection: Connection) -> None:
    connection.send({"op": "status"})
    assert connection.expect("status", 5.0)["clients"] == 1


def test_nonsense_ends_the_connection_and_not_the_recorder(connection: Connection) -> None:
    connection.send({"op": "nonsense"})
    with pytest.raises(RecorderError, match="unknown op"):
        connection.expect("total", 5.0)
    assert connection.wait_for(lambda _: False, 5.0) is None
    assert connection.lost


GPU = ListedDevice(("GPU-b",), "NVIDIA H100")
HELPER = {"program_id": "f00", "listing": listing_to_texts({"nvidia": (GPU,)})}
SENSORS = RemoteReader([FixedProbe((gpu("gpu0", GPU),))], lambda _: True).describe(42)


def offer_sensors(connection: Connection) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        message = {"op": "sensors", **HELPER, "sensors": {"text": SENSORS}}
        connection.send_descriptor(message, theirs.fileno())
        connection.expect("sensors", 5.0)


def channels_of(connection: Connection) -> list[str]:
    connection.send({"op": "status"})
    return list(connection.expect("status", 5.0)["channels"])


def test_a_private_recorder_takes_in_sensors_that_only_a_helper_can_read(
    connection: Connection,
) -> None:
    connection.send({"op": "devices", **HELPER})
    assert connection.expect("unread", 5.0)["devices"] == [GPU.id]
    offer_sensors(connection)
    assert channels_of(connection) == ["gpu0"]
    connection.send({"op": "devices", **HELPER})
    assert connection.expect("unread", 5.0)["devices"] == [], "it is seen now"
    with pytest.raises(RecorderError, match="not wanted"):
        offer_sensors(connection)


def test_a_device_that_two_helpers_offer_is_read_once(connection: Connection) -> None:
    other = ListedDevice(("GPU-c",), "NVIDIA H100")
    both = {"program_id": "f01", "listing": listing_to_texts({"nvidia": (GPU, other)})}
    probe = FixedProbe((gpu("gpu0", GPU), gpu("gpu1", other)))
    sensors = RemoteReader([probe], lambda _: True).describe(43)
    connection.send({"op": "devices", **HELPER})
    connection.send({"op": "devices", **both})
    assert connection.expect("unread", 5.0)["devices"] == [GPU.id]
    assert connection.expect("unread", 5.0)["devices"] == [GPU.id, other.id]
    offer_sensors(connection)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        message = {"op": "sensors", **both, "sensors": {"text": sensors}}
        connection.send_descriptor(message, theirs.fileno())
        connection.expect("sensors", 5.0)
    assert channels_of(connection) == ["gpu0", "gpu2"]


def test_a_file_offered_as_a_helper_s_socket_ends_the_connection_alone(
    connection: Connection, tmp_path: Path
) -> None:
    with opened(tmp_path / "file") as descriptor:
        message = {"op": "sensors", **HELPER, "sensors": {"text": SENSORS}}
        connection.send_descriptor(message, descriptor)
        with pytest.raises(RecorderError, match="no socket"):
            connection.expect("sensors", 5.0)


def test_a_shared_recorder_takes_no_readings_from_a_client() -> None:
    with served_by(ServicePolicy("shared", os.getuid())) as connection:
        connection.send({"op": "devices", **HELPER})
        assert connection.expect("unread", 5.0)["devices"] == []
        with pytest.raises(RecorderError, match="not wanted"):
            offer_sensors(connection)
        assert channels_of(connection) == []


@pytest.mark.parametrize("listing", [{"nvidia": "{"}, {"nvidia": 7}, {"amd": "[7]"}])
def test_a_list_of_devices_that_is_none_ends_the_connection(
    connection: Connection, listing: dict[str, object]
) -> None:
    connection.send({"op": "devices", "program_id": "f00", "listing": listing})
    with pytest.raises(RecorderError, match="devices: "):
        connection.expect("unread", 5.0)


class FailingClock(SystemClock):
    """A clock that fails once it is told to: a fault of the loop itself."""

    def __init__(self) -> None:
        self.thread: threading.Thread | None = None

    def now_ns(self) -> int:
        # Only in the loop's own code: what it does for clients is guarded.
        is_loop = sys._getframe(1).f_code.co_name == "_is_done"
        if is_loop and threading.current_thread() is self.thread:
            self.thread = None
            raise RuntimeError("the clock has stopped")
        return super().now_ns()


def test_a_loop_that_fails_ends_its_recordings_first(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    clock, failures = FailingClock(), list[Exception]()
    server = Server(Discovery(), ServicePolicy("shared", os.getuid()), clock)
    server.adopt(theirs)

    def run() -> None:
        try:
            server.run()
        except RuntimeError as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    connection = Connection(ours)
    connection.greet(5.0)
    path = tmp_path / "run.arrow"
    with opened(path) as descriptor:
        connection.send_descriptor(BEGIN, descriptor)
    connection.expect("begun", 5.0)
    clock.thread = thread
    server.wake()
    thread.join(20)
    assert not thread.is_alive()
    assert len(failures) == 1
    run_read = read_run(path)
    assert str(run_read.detailed_status).startswith(
        "the recorder was stopped: it failed (RuntimeError"
    )
    connection.close()


class FaultyFolder(LogFolder):
    """A folder of the machine's log with a bug."""

    def create(self, host: str, wall_ns: int) -> tuple[str, int]:
        raise RuntimeError("a bug of the log")


def test_a_fault_of_the_machines_log_is_noted_once_and_ends_no_recording(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    written: list[str] = []
    folder = tmp_path / "log"
    server = Server(
        Discovery(),
        ServicePolicy("shared", os.getuid()),
        faults=FaultLog(SystemClock(), written.append),
        log=(LogPlan(folder), FaultyFolder(folder)),
    )
    server.adopt(theirs)
    thread = threading.Thread(target=server.run)
    thread.start()
    connection = Connection(ours)
    try:
        connection.greet(5.0)
        path = tmp_path / "run.arrow"
        with opened(path) as descriptor:
            connection.send_descriptor(BEGIN, descriptor)
        connection.expect("begun", 5.0)
    finally:
        server.stop()
        thread.join(20)
        connection.close()
    assert not thread.is_alive()
    assert read_run(path).status == Status.RECORDER_STOPPED
    assert len(written) == 1
    assert "a bug of the log" in written[0]
