"""``python -P -m effmeter.recorder.device_helper``: lists the devices that a program sees.

``track()`` starts it in the program's environment, cgroup and container, and does not wait for it:
drivers' libraries load here, never in the measured program. Arguments: the recorder's socket, and
the program's own number. A private recorder asks it to read the devices that only it can see; it
then stays until that recorder ends.
"""

import contextlib
import json
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from effmeter.clock import SystemClock, now_ns
from effmeter.errors import RecorderError
from effmeter.probes.base import DeviceListing, Failure
from effmeter.probes.devices import VENDORS, list_devices, listing_to_texts
from effmeter.probes.sysfs import sysfs_of
from effmeter.recorder.remote_probe import RemoteReader
from effmeter.wire.handshake import hello, open_socket
from effmeter.wire.protocol import LineBuffer, Message, ProtocolError, decode, encode, receive

_TIMEOUT_S = 10.0


def help_program(place: Path, program_id: str, environ: Mapping[str, str]) -> None:
    """List the devices for the recorder at a socket, and read those that it asks for."""
    listing = list_devices(sysfs_of(environ))
    own = {"program_id": program_id, "listing": listing_to_texts(listing)}
    with contextlib.suppress(OSError, RecorderError), open_socket(place, _TIMEOUT_S) as sock:
        sock.sendall(encode(hello(now_ns())) + encode({"op": "devices", **own}))
        wanted = _answer(sock, "unread")["devices"]
        if wanted:
            _read_for(sock, own, listing, frozenset(map(str, wanted)), environ)


def _read_for(
    sock: socket.socket,
    own: Message,
    listing: DeviceListing,
    wanted: frozenset[str],
    environ: Mapping[str, str],
) -> None:
    """Hand the recorder a socket by which it asks for readings, and answer there."""
    probes = [
        probe
        for name, listed in listing.items()
        if not isinstance(listed, Failure)
        and any(not wanted.isdisjoint(device.ids) for device in listed)
        for probe in VENDORS[name].find(sysfs_of(environ), environ, SystemClock()).probes
    ]
    reader = RemoteReader(probes, lambda c: not wanted.isdisjoint(c.device.split()))
    if reader.is_empty:
        return
    mine, theirs = socket.socketpair()
    with mine:
        with theirs:
            message = {"op": "sensors", **own, "sensors": {"text": reader.describe(os.getpid())}}
            socket.send_fds(sock, [encode(message)], [theirs.fileno()])
        _answer(sock, "sensors")
        sock.close()
        reader.serve(mine)


def _answer(sock: socket.socket, operation: str) -> dict[str, Any]:
    """The recorder's answer; RecorderError where it hangs up or refuses."""
    lines = LineBuffer()
    while data := receive(sock)[0]:
        for message in map(decode, lines.feed(data)):
            if message["op"] == operation:
                return message
            if message["op"] == "refused":
                raise ProtocolError(json.dumps(message))
    raise RecorderError("the recorder ended")


if __name__ == "__main__":
    help_program(Path(sys.argv[1]), sys.argv[2], os.environ)
