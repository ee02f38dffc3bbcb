"""The samplers of a machine as one stream: a sensor that hangs, one that grows, a rest between."""

import threading
from collections.abc import Iterator, Sequence

import pytest

from effmeter.channel import Channel
from effmeter.probes.base import Discovery, Probe, Reading
from effmeter.recorder.sampling.ingest import FORGOTTEN, ChannelGap, Item, Sample
from effmeter.recorder.sampling.pool import HUNG_AFTER_NS, SamplerPool
from effmeter.recorder.sampling.sampler import QUEUE_READINGS
from tests.runfile.writing import counter, gauge
from tests.simulated.clock import ManualClock

BEGIN_NS = 5_000_000_000
TIMEOUT_S = 20.0


class Sensor(Probe):
    """A family of gauges that all show 100 W, where ``answers`` lets a reading return."""

    period_s = 0.01

    def __init__(self, name: str, clock: ManualClock) -> None:
        self.name = name
        self.channels: tuple[Channel, ...] = (gauge(name),)
        self.entered = threading.Semaphore(0)
        self.answers = threading.Event()
        self.answers.set()
        self.repeats = 1
        self._clock = clock

    def read(self) -> Sequence[Reading]:
        begin_ns = self._clock.now_ns()
        self.entered.release()
        self.answers.wait()
        now_ns = self._clock.now_ns()
        shown = [Reading(channel.name, begin_ns, now_ns, 100.0) for channel in self.channels]
        return shown * self.repeats

    def close(self) -> None:
        self.answers.set()


class Bench:
    """Two sensors, their pool, and a clock moved by hand; nothing is read but what is asked for."""

    def __init__(self) -> None:
        self.clock = ManualClock(time_ns=BEGIN_NS)
        self.sensors = [Sensor(name, self.clock) for name in ("one", "two")]
        self._extra = threading.Semaphore(0)
        self.pool = SamplerPool(Discovery(tuple(self.sensors)), self.clock, self._extra.release)
        self.pool.restart()
        self.pool.start()

    def request(self, answers: int = 2) -> None:
        """Ask for a reading, and wait until so many sensors have answered."""
        self.pool.request_reading()
        self.wait(answers)

    def wait(self, answers: int) -> None:
        for _ in range(answers):
            assert self._extra.acquire(timeout=TIMEOUT_S)

    def items(self) -> list[Item]:
        return [item for items in self.pool.drain() for item in items]


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    for sensor in made.sensors:
        sensor.answers.set()
    made.pool.stop()


def test_at_rest_nothing_is_read(bench: Bench) -> None:
    assert bench.pool.is_quiet
    assert bench.items() == []
    assert dict(bench.pool.started) == {}


def test_a_reading_that_is_asked_for_is_taken_from_every_sensor(bench: Bench) -> None:
    bench.request()
    assert bench.pool.is_quiet
    assert bench.items() == [Sample(name, BEGIN_NS, None, 100.0, None) for name in ("one", "two")]
    assert list(bench.pool.started) == ["one", "two"]
    assert bench.items() == [], "each reading comes once"


def test_a_sensor_that_hangs_is_waited_for_at_first_and_then_is_a_gap_until_it_answers(
    bench: Bench,
) -> None:
    _, hung = bench.sensors
    hung.answers.clear()
    bench.request(answers=1)
    assert hung.entered.acquire(timeout=TIMEOUT_S)
    quiet = [bench.pool.is_quiet]
    assert [item.channel for item in bench.items()] == ["one"]
    bench.clock.advance(HUNG_AFTER_NS * 1e-9)
    assert [*quiet, bench.pool.is_quiet] == [False, True]
    opened = ChannelGap("two", 1, BEGIN_NS, None, "the sensor does not answer", None)
    assert bench.items() == [opened]
    assert list(bench.pool.failing) == [opened]
    assert bench.items() == [], "one gap, however often it is looked at"
    hung.answers.set()
    bench.wait(1)
    closed, sample = bench.items()
    assert closed.channel == sample.channel == "two"
    assert isinstance(closed, ChannelGap)
    assert closed.end_ns is not None
    assert list(bench.pool.failing) == []


def test_after_a_rest_what_was_read_before_it_is_forgotten(bench: Bench) -> None:
    bench.request()
    bench.pool.restart()
    assert bench.items() == []
    assert dict(bench.pool.started) == {}
    bench.clock.advance(1.0)
    bench.request()
    assert [item.channel for item in bench.items()] == ["one", "two"]


def test_a_channel_that_appears_in_a_sensor_is_read_with_the_others(bench: Bench) -> None:
    grown = bench.sensors[0]
    grown.channels = (*grown.channels, counter("late"))
    bench.request()
    assert [item.channel for item in bench.items()] == ["one", "late", "two"]
    assert bench.pool.started["late"].absolute_j == pytest.approx(100e-6)


def test_a_sensor_that_is_found_later_is_read_too(bench: Bench) -> None:
    late = Sensor("late", bench.clock)
    bench.pool.take_in([*bench.sensors, late])
    bench.request(answers=3)
    assert {item.channel for item in bench.items()} == {"one", "two", "late"}


def test_readings_that_fall_out_of_the_queue_leave_a_gap(bench: Bench) -> None:
    bench.request()
    assert len(bench.items()) == 2
    full, _ = bench.sensors
    full.repeats = QUEUE_READINGS
    for _ in range(2):  # the second one drops all of the first
        bench.clock.advance(1.0)
        bench.request()
    gaps = [item for item in bench.items() if isinstance(item, ChannelGap)]
    lost = ChannelGap("one", 1, BEGIN_NS, BEGIN_NS + 2_000_000_000, FORGOTTEN, None)
    assert gaps == [lost]
    assert bench.items() == []
