"""Which readings a recording keeps of those that faster ones caused."""

from dataclasses import replace

from effmeter.channel import Channel, Component, Kind, Provenance
from effmeter.recorder.sampling.downsampling import Downsampler, SlotMeans
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


SAMPLES = Channel(
    "s",
    Component.GPU,
    Kind.GAUGE,
    Provenance.MEASURED,
    "test",
    0.02,
    window_s=0.025,
    lag_s=0.015,
)


def means_of(means: SlotMeans, times_ms: range) -> list[tuple[int, float]]:
    taken = [means.take(Sample("s", t * MS, None, float(t), None)) for t in times_ms]
    return [(mean.time_ns // MS, mean.power_w or 0.0) for mean in taken if mean is not None]


def test_a_capped_user_gets_the_mean_of_the_stamped_values_of_each_slot() -> None:
    means = SlotMeans(0, cap_hz=10.0)
    assert means_of(means, range(100, 420, 20)) == [(140, 140.0), (240, 240.0), (340, 340.0)]
    described = means.describe(SAMPLES)
    assert (described.refresh_s, described.window_s, described.lag_s) == (0.1, 0.1, 0.015)


def test_the_mean_of_the_slot_in_which_a_recording_begins_is_passed_over() -> None:
    one, two = SlotMeans(0, cap_hz=10.0), SlotMeans(150 * MS, cap_hz=10.0)
    early, late = means_of(one, range(20, 500, 20)), means_of(two, range(160, 500, 20))
    assert set(late) <= set(early)
    assert [t for t, _ in late] == [240, 340]
