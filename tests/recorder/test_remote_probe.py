"""Sensors that a helper reads for the recorder, over a socket."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator, Sequence

import pytest

from effmeter.channel import Channel, Component
from effmeter.errors import ProbeError
from effmeter.probes.base import Boundary, BoundaryReader, Failure, Reading, coarse_counters
from effmeter.recorder.remote_probe import RemoteProbe, RemoteReader, numbered_on
from tests.runfile.writing import counter, gauge

LOST = Failure("GPU is lost")


class Sensors:
    """A counter with a gauge inside it, beside a GPU that is not wanted."""

    name = "nvml"
    period_s = 0.02
    is_coarse = True
    settles_s = 0.1

    def __init__(self) -> None:
        self.channels: tuple[Channel, ...] = (
            counter("gpu0", Component.GPU),
            gauge(contained_in="gpu0"),
            counter("gpu1", Component.GPU),
        )
        self.boundaries: list[Boundary] = []

    def read(self) -> Sequence[Reading]:
        values: Sequence[int | float | Failure] = (7, 99.5, LOST)
        return [Reading(c.name, 1, 2, v) for c, v in zip(self.channels, values, strict=True)]

    def read_at(self, boundary: Boundary) -> Sequence[Reading]:
        self.boundaries.append(boundary)
        return [Reading("gpu0", 3, 4, LOST)]

    def read_closely(self) -> Sequence[Reading]:
        return [Reading("gpu0", 5, 6, 8), Reading("gpu1", 5, 6, 9)]

    def close(self) -> None:
        pass


@contextlib.contextmanager
def remote(sensors: Sensors, *taken: str) -> Iterator[RemoteProbe]:
    """The recorder's probe of sensors that a helper reads in a thread."""
    ours, theirs = socket.socketpair()
    reader = RemoteReader([sensors], lambda channel: not channel.name.startswith("gpu1"))
    thread = threading.Thread(target=reader.serve, args=(theirs,))
    thread.start()
    probe = RemoteProbe(ours, reader.describe(42), taken)
    yield probe
    probe.close()
    thread.join(20)
    assert not thread.is_alive(), "the helper ends with the recorder"
    theirs.close()


def test_the_recorder_reads_what_the_helper_reads() -> None:
    sensors = Sensors()
    with remote(sensors) as probe:
        assert probe.read() == [Reading("gpu0", 1, 2, 7), Reading("gpu0-power", 1, 2, 99.5)]
        assert probe.read_closely() == [Reading("gpu0", 5, 6, 8)]
        assert probe.read_at(Boundary.END) == [Reading("gpu0", 3, 4, LOST)]
    assert sensors.boundaries == [Boundary.END]


def test_the_schedule_is_that_of_the_helpers_sensors() -> None:
    with remote(Sensors()) as probe:
        assert isinstance(probe, BoundaryReader)
        assert (probe.period_s, probe.settles_s) == (0.02, 0.1)
        assert coarse_counters(probe) is probe


def test_gpus_are_numbered_on_after_those_of_the_recorder() -> None:
    with remote(Sensors(), "cpu0", "gpu0", "gpu2-power") as probe:
        names = {channel.name: channel.contained_in for channel in probe.channels}
        assert names == {"gpu3": None, "gpu3-power": "gpu3"}
        assert [reading.channel for reading in probe.read()] == ["gpu3", "gpu3-power"]


def test_names_without_a_number_and_of_other_prefixes_stay() -> None:
    names = ["gpu0", "gpu1-power", "amd-gpu0", "intel-gpu-0000:03:00.0"]
    assert numbered_on(names, ["gpu0", "gpu7-power", "cpu0"]) == {
        "gpu0": "gpu8",
        "gpu1-power": "gpu9-power",
        "amd-gpu0": "amd-gpu0",
        "intel-gpu-0000:03:00.0": "intel-gpu-0000:03:00.0",
    }


def test_a_helper_that_has_ended_is_a_failure_of_its_sensors() -> None:
    ours, theirs = socket.socketpair()
    probe = RemoteProbe(ours, RemoteReader([Sensors()], lambda _: True).describe(42), ())
    theirs.close()
    with pytest.raises(ProbeError, match="its helper"):
        probe.read()
    probe.close()


def described(**changed: object) -> str:
    facts = json.loads(RemoteReader([Sensors()], lambda _: True).describe(42))
    return json.dumps({**facts, **changed})


def test_channels_that_the_recorder_has_are_refused() -> None:
    ours, theirs = socket.socketpair()
    text = described(channels=[json.loads(counter("amd-gpu-0", Component.GPU).to_json())])
    with ours, theirs, pytest.raises(ValueError, match="not read already"):
        RemoteProbe(ours, text, {"amd-gpu-0"})


def test_channels_of_devices_that_are_read_already_are_left_out() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        probe = RemoteProbe(ours, described(), (), lambda channel: channel.name == "gpu1")
        assert [channel.name for channel in probe.channels] == ["gpu1"]
        theirs.sendall(json.dumps([["gpu0", 1, 2, 7], ["gpu1", 3, 4, 8]]).encode() + b"\n")
        assert probe.read() == [Reading("gpu1", 3, 4, 8)]


@pytest.mark.parametrize(
    "answer",
    [
        "7",
        "{",
        "[7]",
        '[["gpu0", 1, 2]]',
        '[["gpu0", 1.5, 2, 7]]',
        '[["gpu0", 3, 2, 7]]',
        f'[["gpu0", 1, {2**70}, 7]]',
        '[["gpu0", 1, 2, null]]',
        '[["gpu0", 1, 2, NaN]]',
        '[["gpu0", 1, 2, 7.5]]',
        '[["gpu0-power", 1, 2, Infinity]]',
        '[["gpu0-power", 1, 2, -3.0]]',
        '[[["gpu0"], 1, 2, 7]]',
    ],
)
def test_an_answer_that_is_no_list_of_readings_is_a_failure(answer: str) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        probe = RemoteProbe(ours, described(), ())
        theirs.sendall(answer.encode() + b"\n")
        with pytest.raises(ProbeError, match="no readings"):
            probe.read()


@pytest.mark.parametrize(
    "text",
    [
        "None",
        "[]",
        "{}",
        json.dumps({"pid": 1, "period_s": 1, "settles_s": 0, "is_coarse": 0, "channels": []}),
        json.dumps({"pid": 1, "period_s": 1, "settles_s": 0, "is_coarse": 0, "channels": [{}]}),
        json.dumps({"pid": 1, "period_s": 0, "settles_s": 0, "is_coarse": 0, "channels": [7]}),
        described(period_s=float("inf")),
        described(period_s=float("nan")),
        described(settles_s=-1.0),
        described(settles_s=float("inf")),
        described(pid="x" * 10_000),
        described(channels=[json.loads(counter("cpu0").to_json())]),
        described(channels=[json.loads(counter("gpu7-own", Component.GPU).to_json())] * 2),
    ],
)
def test_sensors_that_are_not_described_are_refused(text: str) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(ValueError):  # noqa: PT011 - json's own message differs
        RemoteProbe(ours, text, ())
