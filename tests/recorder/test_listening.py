"""The shared recorder's socket: never taken from a daemon that lives."""

import os
import socket
import stat
from pathlib import Path

import pytest

from effmeter.errors import RecorderError
from effmeter.recorder.listening import _clear_stale, listeners_at
from effmeter.wire.handshake import open_socket
from effmeter.wire.paths import owner_socket


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


def test_a_group_has_a_socket_and_the_owner_one_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with listeners_at(path, os.getgid()) as listeners:
        assert len(listeners) == 2
        kept = owner_socket(path)
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        with open_socket(path, 1.0) as sock:
            assert sock.getpeername() == str(kept)
    assert not kept.exists()
    assert not path.exists()


def test_a_dead_owners_socket_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead, socket.socket(socket.AF_UNIX) as alive:
        dead.bind(str(owner_socket(path)))
        alive.bind(str(path))
        alive.listen()
        dead.close()
        with open_socket(path, 1.0) as sock:
            assert sock.getpeername() == str(path)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can serve a group that it is not in")
def test_the_socket_of_another_group_is_made_with_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "s"
    before = os.getegid(), os.umask(0o022)
    with listeners_at(path, 54_321):
        facts = path.stat()
    assert (facts.st_gid, stat.S_IMODE(facts.st_mode)) == (54_321, 0o660)
    assert (os.getegid(), os.umask(before[1])) == (before[0], 0o022)


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o722])
def test_a_directory_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with (
        pytest.raises(RecorderError, match=r"other users can write to .*: chmod go-w"),
        listeners_at(tmp_path / "s", None),
    ):
        pass
    assert not (tmp_path / "s").exists()


def test_a_sticky_directory_will_do(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    with listeners_at(tmp_path / "s", None):
        pass


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 54_321, 54_321)
    with (
        pytest.raises(RecorderError, match="belongs to another user"),
        listeners_at(tmp_path / "s", None),
    ):
        pass
