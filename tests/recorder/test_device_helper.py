"""The helper sends the list of devices to the recorder at a socket."""

import socket
import tempfile
import threading
from pathlib import Path

from effmeter.probes.devices import VENDORS, listing_from_texts
from effmeter.recorder.device_helper import send_listing
from effmeter.wire.protocol import LineBuffer, Message, check_request, decode


def test_the_helper_greets_and_sends_what_it_sees() -> None:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        place = Path(folder) / "s"
        listener.bind(str(place))
        listener.listen()
        helper = threading.Thread(target=send_listing, args=(place, "f00"))
        helper.start()
        hello, devices = heard_by(listener)
        helper.join(10)
    assert hello["op"] == "hello"
    assert (devices["op"], devices["program_id"]) == ("devices", "f00")
    assert listing_from_texts(devices["listing"]).keys() == VENDORS.keys()


def heard_by(listener: socket.socket) -> list[Message]:
    lines, found = LineBuffer(), []
    connection, _ = listener.accept()
    with connection:
        while data := connection.recv(1 << 16):
            found += [check_request(decode(line)) for line in lines.feed(data)]
    return found


def test_a_recorder_that_is_gone_is_no_error(tmp_path: Path) -> None:
    send_listing(tmp_path / "gone", "f00")
