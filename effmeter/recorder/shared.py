"""The shared recorder: the daemon that serves the users of a machine."""

import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

from effmeter.errors import RecorderError
from effmeter.probes.search import Search
from effmeter.recorder.log_folder import LogFolder
from effmeter.recorder.machine_log import LogPlan
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.server import Server
from effmeter.runfile.loading import keep_unneeded_out
from effmeter.wire.handshake import open_socket
from effmeter.wire.paths import is_trusted_socket, make_own_directory
from effmeter.wire.peer import peer_of

_ANSWER_TIMEOUT_S = 2.0


def serve_shared(path: Path, policy: ServicePolicy, log: LogPlan | None = None) -> None:
    """Serve at a socket until stopped, and keep the machine's log where one is planned.

    RecorderError where it cannot be served, or the log's folder cannot be used.
    """
    keep_unneeded_out()
    with _listening(path, policy.group_gid) as listener:
        kept = None if log is None else (log, LogFolder(log.folder))
        search = Search()
        server = Server(search.discovery, policy, search_again=search.again, log=kept)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: server.stop())
        server.listen(listener)
        server.run()


@contextlib.contextmanager
def _listening(path: Path, group_gid: int | None) -> Iterator[socket.socket]:
    _prepare_directory(path, group_gid)
    _clear_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    earlier_mask = os.umask(0o177)  # no client may connect before the group is set
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
        return  # a directory that the administrator made; bind fails if it cannot be used
    if not path.parent.exists():
        for_others = os.getuid() == 0 or group_gid is not None
        make_own_directory(path.parent, 0o755 if for_others else 0o700)


def _clear_stale(path: Path) -> None:
    """Remove the socket of a dead daemon; RecorderError where one still listens."""
    if not path.exists():
        return
    if not is_trusted_socket(path):
        raise RecorderError(f"{path} is not a socket of yours: remove it or use --socket")
    try:
        running = open_socket(path, _ANSWER_TIMEOUT_S)
    except RecorderError:
        path.unlink()
        return
    with running:
        pid = peer_of(running).pid
    raise RecorderError(f"a recorder runs at {path} already (process {pid})")
