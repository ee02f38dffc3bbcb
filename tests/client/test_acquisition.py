"""How a program gets to a recording, with recorders that are the other ends of sockets."""

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from effmeter.client.acquisition import Acquisition
from effmeter.client.beginning import Acquired, LaunchRecorder, Recorders
from effmeter.client.connection import Connection
from effmeter.client.journal import Journal
from effmeter.client.launch import PrivateRecorder
from effmeter.client.ordinals import ORDINALS
from effmeter.client.own_recorders import OWN_RECORDERS
from effmeter.client.processes import own_processes
from effmeter.client.request import RecordingRequest
from effmeter.client.surroundings import Endpoint, Surroundings
from effmeter.clock import now_ns
from effmeter.errors import RecorderError, RunFileError
from effmeter.wire.handshake import greeting
from effmeter.wire.paths import RECORDING_VARIABLE, SOCKET_VARIABLE
from effmeter.wire.protocol import LineBuffer, Message, check_request, decode, encode
from tests.client.journal_entries import entry

BEGUN = {"op": "begun", "recording": "token"}


class Launcher:
    """Starts private recorders that have said all they ever say before they are heard."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.says: list[Message] = [BEGUN]
        self.directories: list[Path | None] = []
        self.log = ""
        self.ends: list[socket.socket] = []

    def __call__(self, environ: Mapping[str, str], directory: Path | None) -> PrivateRecorder:
        del environ
        self.directories.append(directory)
        ours, theirs = socket.socketpair()
        self.ends.append(theirs)
        theirs.sendall(b"".join(map(encode, [greeting("private", now_ns(), ()), *self.says])))
        home = directory or self.folder
        home.mkdir(exist_ok=True)
        (home / "recorder.log").write_text(self.log)
        return PrivateRecorder(Connection(ours), home)

    def heard(self) -> tuple[list[Message], list[int]]:
        """What the recorder that was started last was told, and the files that it was given."""
        lines, found, descriptors = LineBuffer(), [], []
        end = self.ends[-1]
        end.setblocking(False)
        with contextlib.suppress(BlockingIOError, ConnectionResetError):
            while True:
                data, given, _, _ = socket.recv_fds(end, 1 << 16, 4)
                descriptors += given
                found += [decode(line) for line in lines.feed(data)]
                if not data:
                    break
        return found, descriptors


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[Launcher]:
    made = Launcher(tmp_path / "recorder")
    yield made
    for end in made.ends:
        end.close()


class Program:
    """A program that asks for a recording, and the warnings that it gets."""

    def __init__(self, folder: Path, launcher: Launcher, environ: Mapping[str, str]) -> None:
        self.path = folder / "run.arrow"
        self._environ = {"XDG_RUNTIME_DIR": str(folder), **environ}
        self._launcher = launcher
        self.warnings: list[str] = []

    def acquisition(self, *, enclosing: Surroundings | None = None, **request: Any) -> Acquisition:
        asked = RecordingRequest(str(self.path), **{"recorder": "private", **request})
        begin_with = partial(Recorders, launch_recorder=self._launcher)
        return Acquisition(asked, self._environ, self.warnings.append, begin_with, enclosing)


def acquire(program: Program, request: RecordingRequest, launch: LaunchRecorder) -> Acquired:
    """Acquire with a private recorder that ``launch`` starts, by an empty environment."""
    begin_with = partial(Recorders, launch_recorder=launch)
    return Acquisition(request, {}, program.warnings.append, begin_with).acquire()


@pytest.fixture
def program(tmp_path: Path, launcher: Launcher) -> Program:
    return Program(tmp_path, launcher, {})


def test_a_private_recorder_gets_the_file_of_the_run_and_begins_it(
    program: Program, launcher: Launcher
) -> None:
    acquisition = program.acquisition(rate_hz=50.0)
    acquired = acquisition.acquire()
    (hello, begin), (descriptor,) = launcher.heard()
    assert (hello["op"], begin["op"]) == ("hello", "begin")
    assert (begin["part"], begin["rate_hz"]) == (1, 50.0)
    assert "recording" not in begin, "the recorder names it"
    assert os.fstat(descriptor).st_ino == program.path.stat().st_ino
    os.close(descriptor)
    assert acquired.is_owner
    assert acquired.endpoint.recording == "token"
    assert acquired.endpoint.run_file == str(program.path)
    assert acquired.endpoint.socket == str(launcher.folder / "recorder.sock")
    assert program.warnings == []
    acquisition.release(acquired)


def test_a_recorder_that_refuses_leaves_no_file_and_an_error_with_its_reason(
    program: Program, launcher: Launcher
) -> None:
    launcher.says = [{"op": "refused", "reason": "no room"}]
    with pytest.raises(RecorderError, match=r"refuses: no room$"):
        program.acquisition().acquire()
    assert not program.path.exists()


def test_a_recorder_that_ends_is_an_error_with_the_last_line_of_its_log(
    program: Program, launcher: Launcher
) -> None:
    launcher.says = []
    launcher.log = "Traceback\nImportError: no module\n"

    def launch(environ: Mapping[str, str], directory: Path | None) -> PrivateRecorder:
        recorder = launcher(environ, directory)
        launcher.ends[-1].close()
        return recorder

    request = RecordingRequest(str(program.path), recorder="private")
    with pytest.raises(RecorderError, match=r"\(ImportError: no module\)"):
        acquire(program, request, launch)
    assert not program.path.exists()


class InterruptedConnection(Connection):
    """One during whose greeting the user presses Ctrl-C."""

    def greet(self, timeout_s: float) -> None:
        raise KeyboardInterrupt


def test_an_interrupt_while_the_recorder_starts_leaves_no_recorder(program: Program) -> None:
    ours, theirs = socket.socketpair()
    recorder = PrivateRecorder(InterruptedConnection(ours), program.path.parent)
    request = RecordingRequest(str(program.path), recorder="private")
    with theirs, pytest.raises(KeyboardInterrupt):
        acquire(program, request, lambda *_: recorder)
    assert recorder.connection.lost
    assert OWN_RECORDERS.enter(str(recorder.socket_path)) is None
    assert not program.path.exists()


def test_a_launch_that_fails_leaves_no_file(program: Program) -> None:
    def launch(environ: Mapping[str, str], directory: Path | None) -> PrivateRecorder:
        del environ, directory
        raise RecorderError("the recorder cannot be started: no memory")

    request = RecordingRequest(str(program.path), recorder="private")
    with pytest.raises(RecorderError, match="no memory"):
        acquire(program, request, launch)
    assert not program.path.exists()


def test_a_file_that_is_there_is_an_error_before_a_recorder_starts(
    program: Program, launcher: Launcher
) -> None:
    program.path.write_text("mine")
    with pytest.raises(RunFileError, match="there already"):
        program.acquisition().acquire()
    assert launcher.directories == []
    assert program.path.read_text() == "mine"


def test_a_successor_begins_a_second_file_of_the_same_recording_where_the_dead_one_listened(
    program: Program, launcher: Launcher
) -> None:
    acquisition = program.acquisition()
    dead = acquisition.acquire()
    (_, first), (descriptor,) = launcher.heard()
    os.close(descriptor)
    successor = acquisition.succeed(dead)
    (hello, begin), (descriptor,) = launcher.heard()
    assert hello["op"] == "hello"
    assert (begin["part"], begin["recording"], begin["run_id"]) == (2, "token", first["run_id"])
    assert os.fstat(descriptor).st_ino == (program.path.parent / "run.2.arrow").stat().st_ino
    os.close(descriptor)
    assert launcher.directories == [None, launcher.folder]
    assert successor.endpoint == dead.endpoint
    assert successor.is_owner
    for acquired in (dead, successor):
        acquisition.release(acquired)


def test_a_recorder_has_one_successor(program: Program, launcher: Launcher) -> None:
    acquisition = program.acquisition()
    dead = acquisition.acquire()
    (program.path.parent / "run.2.arrow").touch()
    with pytest.raises(RunFileError, match=r"run\.2\.arrow is there already"):
        acquisition.succeed(dead)
    assert launcher.directories == [None]
    acquisition.release(dead)


def test_the_release_removes_the_directory_of_a_recorder_that_is_gone(
    program: Program, launcher: Launcher
) -> None:
    acquisition = program.acquisition()
    acquisition.release(acquisition.acquire())
    assert not launcher.folder.exists()


def test_the_release_leaves_the_directory_of_a_recorder_that_others_use(
    program: Program, launcher: Launcher
) -> None:
    acquisition = program.acquisition()
    acquired = acquisition.acquire()
    (launcher.folder / "recorder.sock").touch()
    acquisition.release(acquired)
    assert launcher.folder.exists()


def test_a_surrounding_recording_that_is_gone_is_replaced_without_a_warning(
    tmp_path: Path, launcher: Launcher
) -> None:
    gone = {SOCKET_VARIABLE: str(tmp_path / "gone.sock"), RECORDING_VARIABLE: "old"}
    program = Program(tmp_path, launcher, gone)
    acquisition = program.acquisition()
    acquired = acquisition.acquire()
    assert acquired.is_owner
    assert program.warnings == []
    assert acquisition.identity.parent_run_id is None
    acquisition.release(acquired)


def test_a_run_of_this_process_that_cannot_be_joined_is_warned_of(
    program: Program, tmp_path: Path
) -> None:
    gone = Surroundings(Endpoint(str(tmp_path / "gone.sock"), "old", ""), "around")
    acquisition = program.acquisition(enclosing=gone)
    acquisition.release(acquisition.acquire())
    assert program.warnings == [
        "the surrounding recording cannot be joined: this run records on its own"
    ]


def test_the_socket_of_a_recording_that_is_gone_is_no_recorder_that_the_user_named(
    tmp_path: Path, launcher: Launcher
) -> None:
    gone = {SOCKET_VARIABLE: str(tmp_path / "gone.sock"), RECORDING_VARIABLE: "old"}
    program = Program(tmp_path, launcher, gone)
    acquisition = program.acquisition(recorder="auto")
    acquisition.release(acquisition.acquire())
    assert program.warnings == []


RANK = {
    "RANK": "1",
    "LOCAL_RANK": "1",
    "WORLD_SIZE": "4",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "node1",
    "MASTER_PORT": "29500",
}


def begun(launcher: Launcher) -> Message:
    """The message that began the last recording."""
    (_, begin), descriptors = launcher.heard()
    for descriptor in descriptors:
        os.close(descriptor)
    return begin


def test_a_rank_states_its_job_and_its_host_s_file_has_the_name_of_the_host(
    tmp_path: Path, launcher: Launcher
) -> None:
    program = Program(tmp_path, launcher, RANK)
    acquisition = program.acquisition()
    acquired = acquisition.acquire()
    begin = begun(launcher)
    assert (begin["rank"], begin["job"]["rank"], begin["job"]["world_size"]) == (1, 1, 4)
    assert begin["job"]["launcher"] == "environment"
    assert Path(acquired.endpoint.run_file).name == f"run-{socket.gethostname()}.arrow"
    acquisition.release(acquired)


def test_the_ranks_of_several_hosts_derive_one_run_and_the_next_run_is_another(
    tmp_path: Path, launcher: Launcher
) -> None:
    ids = []
    for host, port in (("a", "1"), ("b", "1"), ("b", "2")):
        folder = tmp_path / (host + port)
        folder.mkdir()
        environ = {**RANK, "MASTER_PORT": port, "MASTER_ADDR": str(tmp_path)}
        acquisition = Program(folder, launcher, environ).acquisition()
        ORDINALS.forget()  # another host's program
        acquired = acquisition.acquire()
        ids.append(begun(launcher)["run_id"])
        acquisition.release(acquired)
    assert ids[0] == ids[1] != ids[2]


def test_the_ranks_of_one_host_take_the_run_of_the_first(
    tmp_path: Path, launcher: Launcher
) -> None:
    alone = {**RANK, "WORLD_SIZE": "2", "MASTER_ADDR": str(tmp_path)}
    first = Program(tmp_path, launcher, alone).acquisition()
    led = first.acquire()
    begin = begun(launcher)
    assert led.endpoint.run_file == str(tmp_path / "run.arrow")
    assert begin["run_id"] == first.identity.run_id
    ORDINALS.forget()
    (tmp_path / "again").mkdir()
    second = Program(tmp_path / "again", launcher, alone).acquisition()
    other = second.acquire()
    assert begun(launcher)["run_id"] != begin["run_id"]
    second.release(other)
    first.release(led)


def test_ranks_that_cannot_meet_record_each_to_a_file_of_its_own(
    tmp_path: Path, launcher: Launcher
) -> None:
    """As where somebody else has made the runtime directory."""
    (tmp_path / "effmeter").touch()
    files, runs, acquired = [], [], []
    for rank in "01":
        environ = {**RANK, "WORLD_SIZE": "2", "RANK": rank, "MASTER_PORT": "29777"}
        program = Program(tmp_path, launcher, environ)
        acquisition = program.acquisition()
        acquired.append((acquisition, acquisition.acquire()))
        files.append(Path(acquired[-1][1].endpoint.run_file).name)
        runs.append(acquisition.identity.run_id)
        (warning,) = program.warnings
        assert "do not find each other" in warning
        ORDINALS.forget()
    assert files == ["run-rank0.arrow", "run-rank1.arrow"]
    assert runs[0] != runs[1]
    for one, recording in acquired:
        one.release(recording)


def test_the_part_of_a_run_stands_in_the_journal_until_it_ends(
    program: Program, tmp_path: Path
) -> None:
    journal = Journal({"XDG_RUNTIME_DIR": str(tmp_path)}, own_processes())
    acquisition = program.acquisition()
    acquired = acquisition.acquire()
    (entry,) = journal.entries()
    assert (entry.pid, entry.end_ns) == (os.getpid(), None)
    assert (entry.run_id, entry.run_file) == (acquisition.identity.run_id, str(program.path))
    assert acquisition.finish(entry.begin_ns + 5) == []
    (entry,) = journal.entries()
    assert entry.end_ns == entry.begin_ns + 5
    acquisition.release(acquired)


def test_a_run_notes_what_overlapped_it(program: Program, tmp_path: Path) -> None:
    processes = own_processes()
    journal = Journal({"XDG_RUNTIME_DIR": str(tmp_path)}, processes)
    acquisition = program.acquisition(root_id=3)
    acquired = acquisition.acquire()
    began_ns = journal.entries()[0].begin_ns
    facts = {"end_ns": began_ns + 10**6, "namespace": processes.namespace}
    other = entry("other", 7, began_ns, **facts)
    journal.begin(other)
    (note,) = acquisition.finish(began_ns + 10**9)
    assert check_request(decode(encode(note)))["value"] == 0.001
    assert (note["id"], note["name"]) == (3, "overlap")
    assert "/runs/other.arrow" in note["text"]
    acquisition.release(acquired)


def test_a_run_that_does_not_join_looks_for_no_surrounding_recording(
    tmp_path: Path, launcher: Launcher
) -> None:
    gone = {SOCKET_VARIABLE: str(tmp_path / "gone.sock"), RECORDING_VARIABLE: "old"}
    program = Program(tmp_path, launcher, gone)
    acquisition = program.acquisition(join=False)
    acquisition.release(acquisition.acquire())
    assert program.warnings == []


def test_a_private_recorder_stands_in_for_a_shared_one_that_does_not_answer(
    tmp_path: Path, launcher: Launcher
) -> None:
    program = Program(tmp_path, launcher, {SOCKET_VARIABLE: str(tmp_path / "gone.sock")})
    acquisition = program.acquisition(recorder="auto")
    acquired = acquisition.acquire()
    assert acquired.private is not None
    (warning,) = program.warnings
    assert "no recorder answers at" in warning
    assert warning.endswith("a private recorder is used instead")
    acquisition.release(acquired)


def test_only_a_shared_recorder_does_where_one_is_asked_for(
    tmp_path: Path, launcher: Launcher
) -> None:
    program = Program(tmp_path, launcher, {SOCKET_VARIABLE: str(tmp_path / "gone.sock")})
    with pytest.raises(RecorderError, match="no recorder answers at"):
        program.acquisition(recorder="shared").acquire()
    assert launcher.directories == []
    assert not program.path.exists()


def test_a_recorder_that_is_killed_while_it_starts_is_started_once_more(
    program: Program, launcher: Launcher
) -> None:
    started: list[PrivateRecorder] = []
    answers = launcher.says

    def launch(environ: Mapping[str, str], directory: Path | None) -> PrivateRecorder:
        launcher.says = answers if started else []
        recorder = launcher(environ, directory)
        if not started:
            launcher.ends[-1].close()
        started.append(recorder)
        return recorder

    acquired = acquire(program, RecordingRequest(str(program.path), recorder="private"), launch)
    assert len(started) == 2
    assert acquired.is_owner
    assert program.path.exists()
    acquired.connection.close()
