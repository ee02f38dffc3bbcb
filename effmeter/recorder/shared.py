"""A shared recorder's life: the daemon that serves a machine's users."""

import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from effmeter.client.connection import connect
from effmeter.errors import RecorderError
from effmeter.probes import discover
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.server import Server
from effmeter.runfile.loading import keep_pandas_out
from effmeter.wire.paths import is_trusted_socket, make_own_directory


@dataclass(frozen=True, slots=True)
class Access:
    """Whom a shared recorder serves beside its own user and root."""

    group_gid: int | None = None
    others_rate_hz: float = 10.0


def serve_shared(path: Path, access: Access) -> None:
    """Serve at a socket until told to stop; RecorderError where that cannot be."""
    keep_pandas_out()
    policy = ServicePolicy("shared", os.getuid(), access.others_rate_hz, access.group_gid)
    with _listening(path, access.group_gid) as listener:
        server = Server(discover(), policy)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: server.stop())
        server.listen(listener)
        server.run()


@contextlib.contextmanager
def _listening(path: Path, group_gid: int | None) -> Iterator[socket.socket]:
    _prepare_directory(path, group_gid)
    _clear_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    earlier_mask = os.umask(0o177)  # nobody may connect before the group is set
    try:
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        raise RecorderError(f"{path} cannot be listened at: {error.strerror or error}") from error
    finally:
        os.umask(earlier_mask)
    try:
        if group_gid is not None:
            os.chown(path, -1, group_gid)
            path.chmod(0o660)
        listener.listen()
        yield listener
    finally:
        listener.close()
        with contextlib.suppress(OSError):
            path.unlink()


def _prepare_directory(path: Path, group_gid: int | None) -> None:
    if path.parent.is_dir() and path.parent.stat().st_uid != os.getuid():
        return  # a directory that the administrator made; bind tells whether it can be used
    if not path.parent.exists():
        everybody = os.getuid() == 0 or group_gid is not None
        make_own_directory(path.parent, 0o755 if everybody else 0o700)


def _clear_stale(path: Path) -> None:
    """Remove the socket of a dead daemon; RecorderError where one still answers."""
    if not path.exists():
        return
    if not is_trusted_socket(path):
        raise RecorderError(f"{path} is not a socket of yours: remove it or use --socket")
    try:
        running = connect(path)
    except RecorderError:
        path.unlink()
        return
    pid = running.recorder_pid
    running.close()
    raise RecorderError(f"a recorder runs at {path} already (process {pid})")
