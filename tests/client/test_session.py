"""A program's part in a recording, against a recorder in a thread of this process."""

import os
import signal
import socket
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from effmeter.client.request import RecordingRequest
from effmeter.client.session import Session
from effmeter.clock import now_ns
from effmeter.errors import EffmeterWarning, RunFileError
from effmeter.probes.base import Discovery
from effmeter.recorded.reading import read_run
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.server import Server
from effmeter.wire.paths import RECORDING_VARIABLE, SOCKET_VARIABLE


class Recorder:
    """A shared recorder without sensors."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "s"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen()
        self._server = Server(Discovery(), ServicePolicy("shared", os.getuid()))
        self._server.listen(self._listener)
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        self.environ = {
            SOCKET_VARIABLE: str(self.path),
            "EFFMETER_RUNS": str(folder / "runs"),
            "XDG_RUNTIME_DIR": str(folder),
        }

    def begin(self, name: str = "x", **environ: str) -> Session:
        request = RecordingRequest(name, recorder="shared")
        return Session.begin(request, {**self.environ, **environ})

    def stop(self) -> None:
        self._server.stop()
        self._thread.join(20)
        assert not self._thread.is_alive()
        self._listener.close()


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    made = Recorder(tmp_path)
    yield made
    made.stop()


def note(session: Session, name: str, time_ns: int = 1) -> None:
    session.mark({"op": "mark", "event": "note", "time_ns": time_ns, "name": f"user:{name}"})


def test_marks_of_a_session_stand_in_its_file(recorder: Recorder) -> None:
    session = recorder.begin()
    assert session.is_owner
    assert session.is_alive
    assert session.recorder_pid == os.getpid()
    note(session, "hello")
    session.end("completed", now_ns())
    assert session.path is not None
    run = read_run(session.path)
    assert run.status == "completed"
    assert "user:hello" in {n.name for n in run.notes}


def test_after_its_end_a_session_is_not_alive_and_marks_do_no_harm(recorder: Recorder) -> None:
    session = recorder.begin()
    session.end("completed", now_ns())
    note(session, "late")
    session.check()
    session.end("again", now_ns())
    assert not session.is_alive
    assert session.recorder_pid is None
    assert session.ask_total() is None
    assert session.latest_total() is None


def test_a_child_joins_by_the_variables_and_leaves_the_recording_open(recorder: Recorder) -> None:
    outer = recorder.begin()
    assert outer.surroundings is not None
    variables = outer.surroundings.variables()
    assert variables[RECORDING_VARIABLE]
    inner = recorder.begin("inner", **variables)
    assert not inner.is_owner
    assert inner.path == outer.path
    inner.end("completed", now_ns())
    note(outer, "after")
    outer.end("completed", now_ns())
    assert outer.path is not None
    assert "user:after" in {n.name for n in read_run(outer.path).notes}


def test_an_outer_run_that_ends_first_leaves_the_inner_one_its_file(recorder: Recorder) -> None:
    outer = recorder.begin()
    assert outer.surroundings is not None
    inner = recorder.begin("inner", **outer.surroundings.variables())
    outer.end("completed", now_ns())
    note(inner, "alone")
    inner.end("completed", now_ns())
    assert inner.path is not None
    assert "user:alone" in {n.name for n in read_run(inner.path).notes}


def test_totals_are_asked_for_and_pushed(recorder: Recorder) -> None:
    session = recorder.begin()
    total = session.ask_total()
    assert total is not None
    assert total["energy"] is None, "there are no sensors"
    assert session.latest_total() is not None
    session.end("completed", now_ns())


def test_an_existing_file_is_an_error_before_anything_begins(
    recorder: Recorder, tmp_path: Path
) -> None:
    (tmp_path / "x.arrow").touch()
    with pytest.raises(RunFileError, match="there already"):
        recorder.begin(str(tmp_path / "x.arrow"))


def test_without_the_recorder_asked_for_the_session_only_warns(tmp_path: Path) -> None:
    request = RecordingRequest("x", recorder="shared")
    environ = {SOCKET_VARIABLE: str(tmp_path / "absent"), "EFFMETER_RUNS": str(tmp_path)}
    with warnings.catch_warnings(record=True) as issued:
        warnings.simplefilter("always")
        session = Session.begin(request, environ)
    (warning,) = [str(w.message) for w in issued if issubclass(w.category, EffmeterWarning)]
    assert "no recorder answers" in warning
    assert "the run is not measured" in warning
    assert session.failure is not None
    assert session.path is None
    assert not session.is_alive
    assert session.surroundings is None
    session.end("completed", now_ns())
    assert list(tmp_path.glob("*.arrow")) == [], "no empty file stays behind"


@pytest.mark.real_time
def test_a_recorder_that_dies_while_the_program_waits_for_the_end_has_a_successor(
    tmp_path: Path,
) -> None:
    environ = {**os.environ, "EFFMETER_RUNS": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    session = Session.begin(RecordingRequest("x", recorder="private"), environ)
    pid, path = session.recorder_pid, session.path
    assert pid is not None
    assert path is not None
    os.kill(pid, signal.SIGSTOP)
    note(session, "last", now_ns())
    killer = threading.Timer(0.3, os.kill, (pid, signal.SIGKILL))
    killer.start()
    with pytest.warns(EffmeterWarning, match="the recorder died: a successor continues"):
        session.end("completed", now_ns())
    killer.join()
    run = read_run(path)
    assert "user:last" in {n.name for n in run.notes}
    assert run.status == "completed"
