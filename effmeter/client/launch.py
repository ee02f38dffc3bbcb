"""Starting a private recorder: a process of its own, outside the program's session."""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from effmeter.client.connection import Connection
from effmeter.errors import RecorderError
from effmeter.wire.handshake import open_socket
from effmeter.wire.paths import LOG_NAME, SOCKET_NAME, make_own_directory, make_private_directory

START_TIMEOUT_S = 20.0
CONNECT_TIMEOUT_S = 2.0
_WAITING_CONNECTIONS = 128
_DETACHED = ("/bin/sh", "-c", '"$@" </dev/null >/dev/null 2>&1 &', "sh")
"""Runs a command in the background and ends at once: it is never a child of the program."""
_helped: set[tuple[str, int]] = set()
"""The recorders that have the list of this program's devices: one list serves all of its runs."""
_DETACH_TIMEOUT_S = 2.0
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class PrivateRecorder:
    """A recorder that this program started, and the connection to it."""

    def __init__(self, connection: Connection, directory: Path) -> None:
        self.connection = connection
        self.directory = directory

    @property
    def socket_path(self) -> Path:
        """The socket at which children and ranks of this program join."""
        return self.directory / SOCKET_NAME

    def connect(self) -> Connection:
        """Another connection, not greeted yet; RecorderError where it has ended.

        It succeeds from the start on: what is sent before the recorder is ready waits.
        """
        return Connection(open_socket(self.socket_path, CONNECT_TIMEOUT_S))

    def last_log_line(self) -> str:
        """The last line of the recorder's log; empty if there is none."""
        try:
            lines = (self.directory / LOG_NAME).read_text(errors="replace").splitlines()
        except OSError:
            return ""
        return lines[-1] if lines else ""


def start_device_helper(
    environ: Mapping[str, str], socket_path: str, recorder_pid: int, program_id: str
) -> None:
    """Start the process that lists this program's devices for a recorder; does not wait for it.

    Where it cannot be started, the recorder says what it does not know.
    """
    if not sys.executable or (socket_path, recorder_pid) in _helped:
        return
    module = "effmeter.recorder.device_helper"
    command = [sys.executable, "-P", "-m", module, socket_path, program_id]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(
            [*_DETACHED, *command],
            env={**environ, **_ONE_THREAD},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            check=True,
            timeout=_DETACH_TIMEOUT_S,
        )
        _helped.add((socket_path, recorder_pid))


def launch_private(environ: Mapping[str, str], directory: Path | None = None) -> PrivateRecorder:
    """Start a private recorder, not greeted yet. RecorderError if it cannot start.

    It can be used at once: what is sent before the recorder is ready waits in the socket, and so
    do further connections. In the ``directory`` of a dead recorder it listens where that one did.
    """
    if not sys.executable:
        raise RecorderError("the recorder needs a Python to run in, and sys.executable is empty")
    try:
        if directory is None:
            directory = make_private_directory(environ)
        else:  # another program may have removed what the dead recorder left
            make_own_directory(directory, 0o700)
        listener = _listen_in(directory)
        ours, theirs = socket.socketpair()
    except OSError as error:
        raise RecorderError(f"the recorder cannot be started: {error}") from error
    inherited = (theirs.fileno(), listener.fileno())
    command = [sys.executable, "-P", "-m", "effmeter.recorder", *map(str, inherited)]
    try:
        with theirs, listener, (directory / LOG_NAME).open("wb") as log:
            parent = subprocess.Popen(
                [*command, str(directory)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=inherited,
                start_new_session=True,
                env={**environ, **_ONE_THREAD},
            )
            parent.wait(START_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        ours.close()
        raise RecorderError(f"the recorder cannot be started: {error}") from error
    recorder = PrivateRecorder(Connection(ours), directory)
    if parent.returncode != 0:
        recorder.connection.close()
        raise RecorderError(f"the recorder cannot be started: {recorder.last_log_line()}")
    return recorder


def _listen_in(directory: Path) -> socket.socket:
    """The listening socket of a recorder, in the place of a dead one's."""
    place = directory / SOCKET_NAME
    place.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(place))
        listener.listen(_WAITING_CONNECTIONS)
    except OSError:
        listener.close()
        raise
    return listener
