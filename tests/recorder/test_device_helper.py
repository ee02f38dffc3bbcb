"""The helper lists devices for the recorder at a socket, and reads those that it asks for."""

import contextlib
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from effmeter.probes.base import Failure, Reading
from effmeter.probes.devices import VENDORS, listing_from_texts
from effmeter.recorder.device_helper import help_program
from effmeter.recorder.remote_probe import RemoteProbe
from effmeter.wire.protocol import LineBuffer, Message, check_request, decode, encode

TIMEOUT_S = 20.0


class Recorder:
    """The recorder's end of the helper's connection, played by hand."""

    def __init__(self, listener: socket.socket) -> None:
        listener.settimeout(TIMEOUT_S)
        self._connection, _ = listener.accept()
        self._connection.settimeout(TIMEOUT_S)
        self._lines = LineBuffer()
        self._heard: list[Message] = []
        self.descriptors: list[int] = []

    def hear(self) -> Message:
        while not self._heard:
            data, found, _, _ = socket.recv_fds(self._connection, 1 << 16, 4)
            assert data, "the helper has hung up"
            self.descriptors += found
            self._heard += [check_request(decode(line)) for line in self._lines.feed(data)]
        return self._heard.pop(0)

    def say(self, message: Mapping[str, Any]) -> None:
        self._connection.sendall(encode(message))

    def close(self) -> None:
        self._connection.close()


@contextlib.contextmanager
def helped(environ: Mapping[str, str]) -> Iterator[Recorder]:
    """A helper in a thread, and the recorder that it helps."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        place = Path(folder) / "s"
        listener.bind(str(place))
        listener.listen()
        helper = threading.Thread(target=help_program, args=(place, "f00", environ))
        helper.start()
        recorder = Recorder(listener)
        yield recorder
        recorder.close()
        helper.join(TIMEOUT_S)
        assert not helper.is_alive()


CARD = "0000:03:00.0"


def add_card(sysfs: Path, energy_uj: int) -> Path:
    """An Intel card with an energy counter; its file."""
    device, meter = sysfs / "bus/pci/devices" / CARD, sysfs / "class/hwmon/hwmon0"
    for folder, facts in (
        (device, {"vendor": "0x8086", "class": "0x030000", "device": "0x56a0"}),
        (meter, {"name": "xe", "energy1_input": energy_uj}),
    ):
        folder.mkdir(parents=True)
        for name, text in facts.items():
            (folder / name).write_text(f"{text}\n")
    (meter / "device").symlink_to(device)
    return meter / "energy1_input"


def test_the_helper_greets_and_sends_what_it_sees(tmp_path: Path) -> None:
    with helped({"EFFMETER_SYSFS": str(tmp_path)}) as recorder:
        assert recorder.hear()["op"] == "hello"
        devices = recorder.hear()
        assert (devices["op"], devices["program_id"]) == ("devices", "f00")
        assert listing_from_texts(devices["listing"]).keys() == VENDORS.keys()
        recorder.say({"op": "unread", "devices": []})


def test_the_helper_reads_what_the_recorder_does_not_see(tmp_path: Path) -> None:
    file = add_card(tmp_path, 7_000_000)
    with helped({"EFFMETER_SYSFS": str(tmp_path)}) as recorder:
        recorder.hear()
        listed = listing_from_texts(recorder.hear()["listing"])["intel"]
        assert not isinstance(listed, Failure)
        assert [card.id for card in listed] == [CARD]
        recorder.say({"op": "unread", "devices": [CARD]})
        sensors = recorder.hear()
        assert sensors["op"] == "sensors"
        recorder.say({"op": "sensors"})
        remote = socket.socket(fileno=recorder.descriptors.pop())
        probe = RemoteProbe(remote, sensors["sensors"]["text"], ())
        assert [channel.name for channel in probe.channels] == [f"intel-gpu-{CARD}"]
        first = only(probe.read())
        file.write_text("9000000\n")
        assert [first, only(probe.read())] == [7_000_000, 9_000_000]
        probe.close()


def only(readings: list[Reading]) -> int | float | Failure:
    (reading,) = readings
    assert reading.channel == f"intel-gpu-{CARD}"
    assert reading.begin_ns <= reading.end_ns
    return reading.value


def test_a_device_that_shows_nothing_is_not_offered(tmp_path: Path) -> None:
    add_card(tmp_path, 0).unlink()
    with helped({"EFFMETER_SYSFS": str(tmp_path)}) as recorder:
        recorder.hear()
        recorder.hear()
        recorder.say({"op": "unread", "devices": [CARD]})


def test_a_recorder_that_is_gone_is_no_error(tmp_path: Path) -> None:
    help_program(tmp_path / "gone", "f00", {"EFFMETER_SYSFS": str(tmp_path)})
