"""``python -P -m effmeter.recorder.device_helper``: lists the devices that a program sees.

``track()`` starts it in the program's environment, cgroup and container, and does not wait for it:
drivers' libraries load here, never in the measured program. Arguments: the recorder's socket, and
the program's own number.
"""

import contextlib
import os
import socket
import sys
from pathlib import Path

from effmeter.clock import now_ns
from effmeter.errors import RecorderError
from effmeter.probes import sysfs_of
from effmeter.probes.devices import list_devices, listing_to_texts
from effmeter.wire.handshake import hello, open_socket
from effmeter.wire.protocol import encode, receive

_TIMEOUT_S = 10.0


def send_listing(place: Path, program_id: str) -> None:
    """List the devices and send the list; silent where the recorder is gone."""
    texts = listing_to_texts(list_devices(sysfs_of(os.environ)))
    message = {"op": "devices", "program_id": program_id, "listing": texts}
    with contextlib.suppress(OSError, RecorderError), open_socket(place, _TIMEOUT_S) as sock:
        sock.sendall(encode(hello(now_ns())) + encode(message))
        sock.shutdown(socket.SHUT_WR)
        while receive(sock)[0]:  # hanging up first would lose what the recorder has not read
            pass


if __name__ == "__main__":
    send_listing(Path(sys.argv[1]), sys.argv[2])
