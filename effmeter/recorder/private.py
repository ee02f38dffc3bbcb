"""The private recorder: serves the program that started it, and ends with its recordings."""

import contextlib
import os
import signal
import socket
from pathlib import Path

from effmeter.probes.search import discover
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.server import Server
from effmeter.runfile.loading import keep_pandas_out
from effmeter.wire.paths import SOCKET_NAME, remove_private_directory


def serve_private(inherited: int, directory: str) -> int:
    """Serve the client at the inherited socket, and those that join it, until all have ended."""
    keep_pandas_out()
    first_client = socket.socket(fileno=inherited)
    first_client.set_inheritable(False)
    home = Path(directory)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with contextlib.suppress(FileNotFoundError):
        (home / SOCKET_NAME).unlink()
    listener.bind(str(home / SOCKET_NAME))
    listener.listen()
    try:
        server = Server(
            discover(), ServicePolicy("private", os.getuid(), socket=str(home / SOCKET_NAME))
        )
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: server.stop())
        server.listen(listener)
        server.adopt(first_client)
        server.run()
    finally:
        listener.close()
        remove_private_directory(home)
    return 0
