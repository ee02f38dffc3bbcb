"""Which readings a recording keeps of those that faster ones caused."""

from dataclasses import replace

from effmeter.channel import Channel, Component, Kind, Provenance
from effmeter.recorder.sampling.downsampling import Downsampler
from effmeter.recorder.sampling.ingest import Sample
from effmeter.recorder.sampling.schedule import CLOSE_NS

MS = 1_000_000
COUNTER = Channel("c", Component.CPU, Kind.COUNTER, Provenance.MEASURED, "test", 0.001)
COARSE = replace(COUNTER, refresh_s=0.1)


def kept(sampler: Downsampler, times_ms: range, channel: str = "c") -> list[int]:
    return [t for t in times_ms if sampler.keeps(Sample(channel, t * MS, 0.0, None, None))]


def slow(channel: Channel = COUNTER) -> Downsampler:
    sampler = Downsampler(0.1, 0)
    sampler.introduce(channel)
    sampler.set_needed(True)
    return sampler


def test_everything_is_kept_while_nothing_faster_is_recorded() -> None:
    sampler = Downsampler(0.1, 0)
    assert not sampler.is_needed
    assert kept(sampler, range(5)) == [0, 1, 2, 3, 4]


def test_a_slow_recording_keeps_one_reading_a_period() -> None:
    assert kept(slow(), range(0, 301, 10)) == [0, 100, 200, 300]


def test_channels_are_followed_apart() -> None:
    sampler = slow()
    assert kept(sampler, range(5)) == [0]
    assert kept(sampler, range(5), channel="other") == [0]


def test_after_a_pause_the_periods_count_from_the_first_reading() -> None:
    sampler = slow()
    assert kept(sampler, range(1)) == [0]
    assert kept(sampler, range(1000, 1200, 10)) == [1000, 1100]


def test_the_next_reading_of_a_boundary_is_kept_once() -> None:
    sampler = slow()
    kept(sampler, range(1))
    sampler.keep_next(["c"], 10 * MS)
    assert kept(sampler, range(20, 30)) == [20]


def test_a_coarse_counter_is_kept_whole_for_a_while_after_a_boundary() -> None:
    sampler = slow(COARSE)
    sampler.keep_next(["c"], 0)
    close_ms = CLOSE_NS // MS
    assert kept(sampler, range(0, close_ms, 100)) == list(range(0, close_ms, 100))
    assert len(kept(sampler, range(close_ms, close_ms + 1000, 10))) == 10


def test_a_capped_user_gets_one_reading_in_each_slot() -> None:
    sampler = Downsampler(0.001, 50 * MS, cap_hz=10.0)
    assert sampler.is_needed
    assert kept(sampler, range(60, 400, 10)) == [100, 200, 300]


def test_a_boundary_gives_a_capped_user_its_one_reading() -> None:
    sampler = Downsampler(0.001, 50 * MS, cap_hz=10.0)
    sampler.keep_next(["c"], 60 * MS)
    assert kept(sampler, range(60, 100, 10)) == [60]
