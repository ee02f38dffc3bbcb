"""The shared recorder's socket: never taken from a daemon that lives."""

import os
import socket
import stat
from pathlib import Path

import pytest

from effmeter.errors import RecorderError
from effmeter.recorder.listening import _clear_stale, listeners_at


def test_the_socket_is_the_owners_alone_and_goes_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "own" / "s"
    with listeners_at(path, None):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == (0o755 if os.getuid() == 0 else 0o700)
    assert not path.exists()


def test_a_group_may_connect(tmp_path: Path) -> None:
    path = tmp_path / "own" / "s"
    with listeners_at(path, os.getgid()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o755


def test_the_socket_of_a_dead_daemon_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with listeners_at(path, None):
        assert path.is_socket()


def test_a_daemon_that_listens_is_left_alone_though_it_never_answers(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(path))
        hung.listen()
        with pytest.raises(RecorderError, match=rf"runs at .* already \(process {os.getpid()}\)"):
            _clear_stale(path)
    assert path.exists()


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("precious")
    with pytest.raises(RecorderError, match="remove it or use --socket"):
        _clear_stale(tmp_path / "s")
    assert (tmp_path / "s").read_text() == "precious"


def test_a_path_that_is_too_long_is_an_error_with_a_reason(tmp_path: Path) -> None:
    with (
        pytest.raises(RecorderError, match="cannot be listened at"),
        listeners_at(tmp_path / ("x" * 120), None),
    ):
        pass
