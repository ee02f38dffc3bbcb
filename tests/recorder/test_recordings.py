"""What a sensor that misbehaves does to the recording, and what it cannot do to the others."""

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from effmeter.channel import Channel, Component, Kind, Provenance
from effmeter.energy.counter_trace import CounterTrace
from effmeter.probes.base import Boundary, Discovery, Probe, Reading
from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun
from effmeter.recorder.recording import Recording
from effmeter.recorder.recordings import Recordings
from effmeter.recorder.sampling.sampler import Sampler
from effmeter.runfile.format import Metadata
from effmeter.runfile.reader import read_rows
from effmeter.runfile.writer import RunWriter
from tests.recording import PATIENCE_S, eventually
from tests.simulated.clock import ManualClock

pytestmark = pytest.mark.untimed


def counter(name: str) -> Channel:
    """It counts whole millijoules, a joule a second."""
    kind, provenance = Kind.COUNTER, Provenance.MEASURED
    return Channel(
        name, Component.CPU, kind, provenance, "test", 0.001, unit_j=1e-3, resolution=1e-3
    )


@dataclass(eq=False)
class StandInSensor(Probe):
    """A family with one counter, which a test can hang, break and mend."""

    name: str
    clock: ManualClock
    period_s: float = 0.001
    answers: threading.Event = field(default_factory=threading.Event)
    failure: BaseException | None = None
    reads: int = 0

    def __post_init__(self) -> None:
        self.channels = (counter(self.name),)
        self.answers.set()

    def read(self) -> Sequence[Reading]:
        begin_ns = self.clock.now_ns()
        self.answers.wait()
        self.reads += 1
        if self.failure is not None:
            raise self.failure
        now_ns = self.clock.now_ns()
        return [Reading(self.name, begin_ns, now_ns, now_ns // 1_000_000)]

    def close(self) -> None:
        self.answers.set()


class CoarseSensor(StandInSensor):
    """One whose counter is worth a close look near boundaries."""

    period_s: float = 0.02
    is_coarse = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.looks = threading.Semaphore(0)

    def read_closely(self) -> Sequence[Reading]:
        self.looks.release()
        return self.read()


class Bench:
    """Two sensors, one recording, and a clock moved by hand."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(time_ns=5_000_000_000)
        self.good, self.bad = (StandInSensor(name, self.clock) for name in ("good", "bad"))
        self.recordings = Recordings(
            Discovery((self.good, self.bad)), self.clock, lambda: None, self._note
        )
        self.faults: list[Exception] = []
        self.path = folder / "run.arrow"
        began = self.clock.anchor()
        metadata = Metadata("id", "test", began.wall_ns, began.time_ns)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        self.writer = RunWriter(descriptor, metadata, lambda _: None)
        self.recording = Recording(metadata, self.writer, self.clock, 3600.0, os.getuid())
        self.recordings.start()
        self.recordings.add("token", self.recording)

    def _note(self, error: Exception) -> bool:
        self.faults.append(error)
        return True

    def read(self, *sensors: StandInSensor) -> None:
        """These sensors are read once more, and what they say is taken in."""
        wanted = {sensor.name: sensor.reads + 1 for sensor in sensors}
        self.clock.advance(0.5)
        self.recordings.request_reading(self.recording)
        eventually(lambda: all(s.reads >= wanted[s.name] for s in sensors), "they are read")
        answered = [
            s
            for s in self.recordings._pool._samplers
            if any(s.probe is sensor for sensor in sensors)
        ]
        eventually(lambda: self._have_answered(answered), "and have answered")
        self.recordings.pump()

    def _have_answered(self, samplers: Sequence[Sampler]) -> bool:
        self.clock.advance(0.001)  # a sampler rests for a while after a slow call
        return all(sampler.is_quiet for sampler in samplers)

    def run(self) -> RecordedRun:
        """End the recording and read it back."""
        self.recording.finish([])
        self.writer.join(20)
        return read_run(self.path)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.bad.answers.set()
    made.recordings.stop()


def counts_of(run: RecordedRun, channel: str) -> int:
    rows = read_rows(run.paths[0]).to_pylist()
    return sum(r["channel"] == channel and r["energy_j"] is not None for r in rows)


def test_a_sensor_that_hangs_delays_no_other_and_is_a_gap_until_it_answers(bench: Bench) -> None:
    bench.read(bench.good, bench.bad)
    bench.bad.answers.clear()
    for _ in range(20):  # ten seconds
        bench.read(bench.good)
    bench.bad.answers.set()
    bench.read(bench.good, bench.bad)
    run = bench.run()
    assert counts_of(run, "good") >= 22
    (gap,) = [gap for gap in run.gaps if gap.channel == "bad"]
    assert gap.reason == "the sensor does not answer"
    assert not gap.open
    assert (gap.end_ns - gap.begin_ns) * 1e-9 == pytest.approx(5.0, abs=5.5)
    trace = run.trace("bad")
    assert isinstance(trace, CounterTrace)
    energy = trace.bounds(run.begin_ns, run.end_ns)
    assert energy is not None
    assert energy.low_j <= run.duration_s <= energy.high_j


@pytest.mark.parametrize(
    "failure",
    [PermissionError(13, "Permission denied"), OSError(5, "Input/output error"), OSError(19, "?")],
)
def test_a_sensor_that_fails_in_mid_run_is_a_gap_with_its_reason(
    bench: Bench, failure: OSError
) -> None:
    bench.read(bench.good, bench.bad)
    bench.bad.failure = failure
    bench.read(bench.good, bench.bad)
    bench.read(bench.good, bench.bad)
    bench.bad.failure = None
    bench.read(bench.good, bench.bad)
    run = bench.run()
    (gap,) = [gap for gap in run.gaps if gap.channel == "bad"]
    assert str(failure) in gap.reason
    assert [gap.channel for gap in run.gaps] == ["bad"]
    rows = read_rows(run.paths[0]).to_pylist()
    energies = [r["energy_j"] for r in rows if r["channel"] == "bad" and r["energy_j"] is not None]
    assert energies[-1] == pytest.approx((gap.end_ns - run.begin_ns) * 1e-9, abs=0.6)
    assert 0.0 not in energies[1:]


def test_coarse_counters_are_read_closely_after_a_boundary() -> None:
    clock = ManualClock(time_ns=5_000_000_000)
    sensor = CoarseSensor("coarse", clock)
    sampler = Sampler(sensor, clock, lambda: None)
    sampler.start()
    sampler.set_period(3600.0)
    sampler.request()
    eventually(lambda: sensor.reads > 0 and sampler.is_quiet, "it is read at the boundary")
    for _ in range(3):
        clock.advance(0.02)
        assert sensor.looks.acquire(timeout=PATIENCE_S), "and again soon after"
    sampler.stop()
    assert sensor.reads <= 3 + 2, "at the beginning and the boundary, and no more by schedule"


class SelectiveSensor(StandInSensor):
    """One that takes other readings at boundaries, the last of them once they have settled."""

    settles_s = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        self.boundaries: list[tuple[Boundary, int]] = []

    def read_at(self, boundary: Boundary) -> Sequence[Reading]:
        self.boundaries.append((boundary, self.clock.now_ns()))
        return self.read()


def test_a_sensor_learns_what_an_extra_reading_is_for_and_settles_before_the_last() -> None:
    clock = ManualClock(time_ns=5_000_000_000)
    sensor = SelectiveSensor("selective", clock)
    sampler = Sampler(sensor, clock, lambda: None)
    sampler.start()
    sampler.request(Boundary.MARK)
    eventually(lambda: len(sensor.boundaries) == 1 and sampler.is_quiet, "it is read at a mark")
    sampler.request(Boundary.END)
    sampler.set_period(3600.0)
    eventually(lambda: sensor.reads == 2, "a deadline comes meanwhile")
    assert not sampler.is_quiet, "the end is still to be read"

    def is_read() -> bool:
        clock.advance(0.01)
        sampler.set_period(1000.0 if clock.time_ns % 20_000_000 else 2000.0)
        return len(sensor.boundaries) == 2

    eventually(is_read, "it is read at the end")
    sampler.stop()
    assert [boundary for boundary, _ in sensor.boundaries] == [Boundary.MARK, Boundary.END]
    assert sensor.boundaries[1][1] >= 5_050_000_000
