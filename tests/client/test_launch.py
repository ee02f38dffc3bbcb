"""The start of a private recorder, and what is known where it fails."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from effmeter.client.connection import Connection
from effmeter.client.launch import PrivateRecorder, launch_private, start_device_helper
from effmeter.errors import RecorderError
from effmeter.wire.paths import SOCKET_NAME
from tests.recording import children_of, eventually

pytestmark = pytest.mark.untimed


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[PrivateRecorder]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield PrivateRecorder(Connection(ours), tmp_path)


def test_ranks_find_it_in_its_directory(recorder: PrivateRecorder, tmp_path: Path) -> None:
    assert recorder.socket_path == tmp_path / SOCKET_NAME


def test_the_last_line_of_its_log_tells_why_it_failed(
    recorder: PrivateRecorder, tmp_path: Path
) -> None:
    (tmp_path / "recorder.log").write_bytes(b"Traceback\nOSError: no \xff space\n")
    assert recorder.last_log_line() == "OSError: no \ufffd space"


def test_without_a_log_there_is_no_last_line(recorder: PrivateRecorder, tmp_path: Path) -> None:
    assert recorder.last_log_line() == ""
    (tmp_path / "recorder.log").touch()
    assert recorder.last_log_line() == ""


def test_a_program_without_an_interpreter_cannot_start_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(RecorderError, match=r"sys\.executable is empty"):
        launch_private({})


def test_an_interpreter_that_fails_is_an_error_with_its_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no module >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(RecorderError, match="cannot be started: no module"):
        launch_private({"PATH": "/usr/bin:/bin"}, tmp_path)


def note_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where an interpreter that stands in for Python writes its arguments, once it is done."""
    note, stand_in = tmp_path / "note", tmp_path / "python"
    stand_in.write_text(f'#!/bin/sh\necho "$@" > {note}.new && mv {note}.new {note}\n')
    stand_in.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stand_in))
    return note


def test_the_helper_runs_beside_the_program_once_for_each_recorder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = note_of(tmp_path, monkeypatch)
    place, environ = str(tmp_path / "sock"), {"PATH": "/usr/bin:/bin"}
    before = children_of(os.getpid())
    start_device_helper(environ, place, 7, "f00")
    assert children_of(os.getpid()) == before, "it is no child of the program"
    eventually(note.exists, "the helper runs")
    assert note.read_text() == f"-P -m effmeter.recorder.device_helper {place} f00\n"
    note.unlink()
    start_device_helper(environ, place, 7, "f00")
    start_device_helper(environ, place, 8, "f00")
    eventually(note.exists, "the helper of the second recorder runs")


def test_a_program_without_an_interpreter_starts_no_helper(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "")
    start_device_helper({}, "/nowhere", 7, "f00")
