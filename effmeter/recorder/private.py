"""The private recorder: serves the program that started it, and ends with its recordings."""

import contextlib
import os
import signal
import socket
from pathlib import Path

from effmeter.probes.search import discover
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.server import Server
from effmeter.runfile.loading import keep_unneeded_out
from effmeter.wire.paths import SOCKET_NAME, remove_private_directory


def serve_private(client: int, listener: int, directory: str) -> int:
    """Serve the client at an inherited socket, and those that connect to the listening one.

    Other runs of the program begin their recordings there, its children join. It ends with the
    last recording.
    """
    keep_unneeded_out()
    sockets = [socket.socket(fileno=number) for number in (client, listener)]
    for inherited in sockets:
        inherited.set_inheritable(False)
    home = Path(directory)
    ours = _identity(home)
    try:
        server = Server(
            discover(), ServicePolicy("private", os.getuid(), socket=str(home / SOCKET_NAME))
        )
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: server.stop())
        server.listen(sockets[1])
        server.adopt(sockets[0])
        server.run()
    finally:
        sockets[1].close()
        if _identity(home) == ours:  # otherwise a successor listens there
            remove_private_directory(home)
    return 0


def _identity(home: Path) -> tuple[int, int] | None:
    """Which socket lies in the directory of a recorder; None: no socket does."""
    with contextlib.suppress(OSError):
        facts = (home / SOCKET_NAME).lstat()
        return facts.st_dev, facts.st_ino
    return None
