"""Starting a private recorder: a process of its own, outside the program's session."""

import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from effmeter.client.connection import Connection
from effmeter.errors import RecorderError
from effmeter.wire.paths import SOCKET_NAME, make_private_directory

START_TIMEOUT_S = 20.0
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

    def last_log_line(self) -> str:
        """The last line of the recorder's log; empty if there is none."""
        try:
            lines = (self.directory / "recorder.log").read_text(errors="replace").splitlines()
        except OSError:
            return ""
        return lines[-1] if lines else ""


def launch_private(environ: Mapping[str, str], directory: Path | None = None) -> PrivateRecorder:
    """Start a private recorder, not greeted yet. RecorderError if it cannot start.

    The connection can be used at once: what is sent before the recorder is ready waits in the
    socket. In the ``directory`` of a dead recorder it listens where that one did.
    """
    if not sys.executable:
        raise RecorderError("the recorder needs a Python to run in, and sys.executable is empty")
    try:
        directory = directory or make_private_directory(environ)
        ours, theirs = socket.socketpair()
    except OSError as error:
        raise RecorderError(f"the recorder cannot be started: {error}") from error
    command = [sys.executable, "-P", "-m", "effmeter.recorder", str(theirs.fileno())]
    try:
        with theirs, (directory / "recorder.log").open("wb") as log:
            parent = subprocess.Popen(
                [*command, str(directory)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[theirs.fileno()],
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
