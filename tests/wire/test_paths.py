"""Where recorders listen, and which sockets a client trusts."""

import os
import socket
import stat
from pathlib import Path

import pytest

from effmeter.errors import RecorderError
from effmeter.wire import paths
from effmeter.wire.paths import LOG_NAME, SOCKET_NAME, sweep_private_directories


def listening(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    return listener


def test_the_users_directory_lies_in_the_runtime_directory(tmp_path: Path) -> None:
    assert paths.user_directory({"XDG_RUNTIME_DIR": str(tmp_path)}) == tmp_path / "effmeter"


@pytest.mark.parametrize("base", [None, "", "/no/such/folder"])
def test_without_a_runtime_directory_the_users_lies_in_tmp(base: str | None) -> None:
    environ = {} if base is None else {"XDG_RUNTIME_DIR": base}
    assert paths.user_directory(environ) == Path(f"/tmp/effmeter-{os.getuid()}")


def test_the_runtime_directory_of_another_user_is_left_alone(tmp_path: Path) -> None:
    """As that of the user who called ``sudo -E``."""
    base = tmp_path if os.getuid() == 0 else Path("/")
    if os.getuid() == 0:
        os.chown(base, 12345, -1)
    environ = {"XDG_RUNTIME_DIR": str(base)}
    assert paths.user_directory(environ) == Path(f"/tmp/effmeter-{os.getuid()}")


def test_the_users_directory_is_made_and_an_own_one_keeps_its_mode(tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    made = paths.user_directory_at_hand(environ)
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    made.chmod(0o755)
    assert stat.S_IMODE(paths.user_directory_at_hand(environ).stat().st_mode) == 0o755


def test_a_users_directory_that_others_can_write_to_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "effmeter").mkdir()
    (tmp_path / "effmeter").chmod(0o777)
    with pytest.raises(RecorderError, match="not this user's alone"):
        paths.user_directory_at_hand({"XDG_RUNTIME_DIR": str(tmp_path)})


def test_a_link_is_no_users_directory(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "effmeter").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RecorderError, match="not this user's alone"):
        paths.user_directory_at_hand({"XDG_RUNTIME_DIR": str(tmp_path)})


def test_a_plain_file_and_a_missing_path_are_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not paths.is_trusted_socket(tmp_path / "file")
    assert not paths.is_trusted_socket(tmp_path / "absent")


def test_a_socket_of_this_user_is_trusted_and_a_link_to_it_is_not(tmp_path: Path) -> None:
    with listening(tmp_path / "s"):
        (tmp_path / "link").symlink_to(tmp_path / "s")
        assert paths.is_trusted_socket(tmp_path / "s")
        assert not paths.is_trusted_socket(tmp_path / "link")


def test_shared_sockets_are_those_that_exist(tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    folder = tmp_path / "effmeter"
    assert folder / paths.SOCKET_NAME not in list(paths.shared_sockets(environ))
    folder.mkdir()
    with listening(folder / paths.SOCKET_NAME):
        assert next(paths.shared_sockets(environ)) == folder / paths.SOCKET_NAME


def test_a_private_directory_is_the_users_alone_and_goes_with_its_files(tmp_path: Path) -> None:
    home = paths.make_private_directory({"XDG_RUNTIME_DIR": str(tmp_path)[:60] or "/tmp"})
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    (home / "recorder.log").touch()
    paths.remove_private_directory(home)
    assert not home.exists()


def test_a_directory_with_files_of_others_stays(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "precious").touch()
    paths.remove_private_directory(home)
    assert (home / "precious").exists()


def test_a_long_runtime_directory_is_passed_over(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 90)
    deep.mkdir()
    home = paths.make_private_directory({"XDG_RUNTIME_DIR": str(deep)})
    assert deep not in home.parents
    paths.remove_private_directory(home)


def test_an_own_directory_gets_the_mode_asked_for(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir(mode=0o777)
    paths.make_own_directory(tmp_path / "own", 0o700)
    assert stat.S_IMODE((tmp_path / "own").stat().st_mode) == 0o700


def test_a_users_mask_shuts_nobody_out_of_a_directory_for_others(tmp_path: Path) -> None:
    mask = os.umask(0o077)
    try:
        paths.make_own_directory(tmp_path / "of" / "all", 0o755)
    finally:
        os.umask(mask)
    made = (tmp_path / "of", tmp_path / "of" / "all")
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in made] == [0o755, 0o755]


def test_a_link_in_the_place_of_an_own_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "own").symlink_to(tmp_path / "real")
    with pytest.raises(RecorderError):
        paths.make_own_directory(tmp_path / "own", 0o700)


def test_directories_of_dead_recorders_are_swept_and_all_others_are_left(tmp_path: Path) -> None:
    def made(name: str, age_s: float, *, listens: bool = False) -> Path:
        home = tmp_path / name
        home.mkdir(mode=0o700)
        (home / LOG_NAME).touch()
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(str(home / SOCKET_NAME))
        if listens:
            sock.listen()
            alive.append(sock)
        else:
            sock.close()
        os.utime(home, (now_s - age_s, now_s - age_s))
        return home

    now_s, alive = 1e9, list[socket.socket]()
    dead = made("effmeter-abcd1234", 3600)
    kept = [
        made("effmeter-abcd1235", 3600, listens=True),
        made("effmeter-abcd1236", 10),
        made("elsewhere", 3600),
    ]
    full = made("effmeter-abcd1237", 3600)
    (full / "precious").touch()
    os.utime(full, (now_s - 3600, now_s - 3600))
    sweep_private_directories(tmp_path, now_s)
    assert not dead.exists()
    assert all(home.exists() for home in [*kept, full])
    for sock in alive:
        sock.close()
