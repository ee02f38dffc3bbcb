"""From raw readings to what recordings are told."""

from dataclasses import replace

from effmeter.channel import Channel, Component, Kind, Provenance
from effmeter.energy.standstill import NEVER_COUNTED, NOT_READ, STANDS_STILL
from effmeter.probes.base import Failure, Reading
from effmeter.recorder.sampling.ingest import (
    FORGOTTEN,
    OUT_OF_LINE,
    ChannelGap,
    ChannelStart,
    ChannelTracker,
    Item,
    Sample,
)

MS = 1_000_000
COUNTER = Channel(
    "cpu0",
    Component.CPU,
    Kind.COUNTER,
    Provenance.MEASURED,
    "test",
    refresh_s=0.001,
    unit_j=1e-3,
    modulus=1_000_000,
    max_power_w=100.0,
)
GAUGE = Channel("gpu0-power", Component.GPU, Kind.GAUGE, Provenance.MEASURED, "test", refresh_s=0.1)


def counted(time_ms: int, value: int | Failure, took_ms: float = 0.0) -> Reading:
    return Reading("cpu0", time_ms * MS, int((time_ms + took_ms) * MS), value)


def told(*readings: Reading) -> list[Item]:
    return list(ChannelTracker([COUNTER, GAUGE]).process(readings))


def test_a_channel_starts_with_what_its_counter_shows_at_its_first_reading() -> None:
    tracker = ChannelTracker([COUNTER, GAUGE])
    readings = [counted(5, 7000), Reading("gpu0-power", 5 * MS, 5 * MS, 215.5), counted(6, 7010)]
    first, *_ = tracker.process(readings)
    assert first == Sample("cpu0", 5 * MS, 0.0, None, None)
    assert tracker.started == {
        "cpu0": ChannelStart(COUNTER, 7.0),
        "gpu0-power": ChannelStart(GAUGE, None),
    }


def test_a_channel_that_fails_has_not_started() -> None:
    tracker = ChannelTracker([COUNTER])
    assert len(list(tracker.process([counted(5, Failure("EIO"))]))) == 1
    assert not tracker.started


def test_a_counter_is_told_as_joules_since_its_first_reading() -> None:
    items = told(counted(0, 999_990), counted(100, 10), counted(200, 30))
    energies = [item.energy_j for item in items if isinstance(item, Sample)]
    assert energies == [0.0, 0.02, 0.04]


def test_a_gauge_is_told_in_watts() -> None:
    (seen,) = told(Reading("gpu0-power", 0, 2, 215.5))
    assert seen == Sample("gpu0-power", 1, None, 215.5, None)


def test_failures_are_one_gap_that_closes_with_the_next_reading_and_hide_nothing_of_a_counter() -> (
    None
):
    lost = Failure("permission denied")
    items = told(counted(0, 0), counted(10, lost), counted(20, lost), counted(30, 5))
    opened, closed = [item for item in items if isinstance(item, ChannelGap)]
    assert opened == ChannelGap("cpu0", 1, 0, None, "permission denied", None)
    assert closed == ChannelGap("cpu0", 1, 0, 30 * MS, "permission denied", 0.0)
    assert [i.energy_j for i in items if isinstance(i, Sample)] == [0.0, 0.005]


def test_what_a_gap_of_a_gauge_hides_is_not_known() -> None:
    items = told(
        Reading("gpu0-power", 0, 0, 100.0),
        Reading("gpu0-power", 10, 10, Failure("lost")),
        Reading("gpu0-power", 20, 20, 100.0),
    )
    assert [i.hidden_j for i in items if isinstance(i, ChannelGap) and i.end_ns] == [None]


def test_a_value_out_of_line_is_a_gap_and_never_energy() -> None:
    items = told(counted(0, 100), counted(10, 900_000), counted(20, 105))
    assert [i.energy_j for i in items if isinstance(i, Sample)] == [0.0, 0.005]
    assert [i.reason for i in items if isinstance(i, ChannelGap)] == [OUT_OF_LINE, OUT_OF_LINE]


def test_a_reset_is_a_gap_with_the_most_it_can_have_hidden() -> None:
    items = told(counted(0, 900_000), counted(10, 1), counted(20, 3))
    resets = [i for i in items if isinstance(i, ChannelGap) and i.reason == "the counter was reset"]
    assert [(g.begin_ns, g.end_ns) for g in resets] == [(0, 10 * MS)]
    assert resets[0].hidden_j is not None
    assert 1.0 <= resets[0].hidden_j <= 1.2


def test_only_slow_readings_tell_how_long_they_took() -> None:
    items = told(counted(0, 0, took_ms=0.5), counted(10, 1, took_ms=4))
    assert [i.read_s for i in items if isinstance(i, Sample)] == [None, 0.004]


def test_a_channel_that_was_never_read_fails_as_a_gap_from_its_first_failure() -> None:
    assert told(counted(7, Failure("EIO"))) == [ChannelGap("cpu0", 1, 7 * MS, None, "EIO", None)]


ENDLESS = replace(COUNTER, modulus=None)
PACKAGE = replace(ENDLESS, least_power_w=0.1)
MEMORY = replace(COUNTER, name="dram0", component=Component.RAM)


def read_each(period_ms: int, *values: int, channel: Channel = PACKAGE) -> list[Item]:
    """What a channel with this period, read in time, amounts to."""
    tracker = ChannelTracker()
    tracker.describe([channel], period_ms * 1e-3)
    readings = [
        Reading(channel.name, i * period_ms * MS, i * period_ms * MS, value)
        for i, value in enumerate(values)
    ]
    return list(tracker.process(readings))


def gaps_in(items: list[Item]) -> list[ChannelGap]:
    return [item for item in items if isinstance(item, ChannelGap)]


def test_counter_that_stands_still_is_a_gap_from_its_last_change_on() -> None:
    items = read_each(100, 5000, 6000, *[7000] * 7)
    assert gaps_in(items) == [ChannelGap("cpu0", 1, 200 * MS, None, STANDS_STILL, None)]
    assert len(items) == 10, "its readings are evidence, and kept"


def test_gap_of_a_standstill_ends_when_the_counter_moves() -> None:
    lost = gaps_in(read_each(100, 5000, 6000, *[7000] * 8, 8000))
    assert [(gap.end_ns, gap.hidden_j) for gap in lost] == [(None, None), (1000 * MS, None)]
    late = gaps_in(read_each(100, 5000, 6000, *[7000] * 8, 15000))
    assert [(gap.end_ns, gap.hidden_j) for gap in late] == [(None, None), (1000 * MS, 0.0)]


def test_standstill_that_goes_on_is_among_the_open_gaps() -> None:
    tracker = ChannelTracker([PACKAGE])
    (gap,) = gaps_in(list(tracker.process([counted(i * 100, 5000) for i in range(8)])))
    assert list(tracker.failing) == [gap]


def test_counter_whose_device_may_rest_does_not_stand_still() -> None:
    assert gaps_in(read_each(100, *[5000] * 50, channel=COUNTER)) == []
    assert gaps_in(read_each(100, *[5000] * 50, channel=MEMORY)) == []


def test_memory_that_has_never_counted_is_a_gap_until_it_does() -> None:
    opened, closed = gaps_in(read_each(100, *[0] * 7, 5, channel=MEMORY))
    assert (opened.reason, opened.end_ns) == (NEVER_COUNTED, None)
    assert (closed.end_ns, closed.hidden_j) == (700 * MS, 0.0)


def test_readings_too_far_apart_are_a_gap_which_a_counter_has_counted_through() -> None:
    tracker = ChannelTracker()
    tracker.describe([ENDLESS, GAUGE], 0.1)
    times_ms = (0, 100, 45_000, 45_100)
    gauged = [Reading("gpu0-power", t * MS, t * MS, 100.0) for t in times_ms]
    found = gaps_in(list(tracker.process([*(counted(t, t) for t in times_ms), *gauged])))
    assert [(gap.channel, gap.begin_ns, gap.end_ns, gap.hidden_j) for gap in found] == [
        ("cpu0", 100 * MS, 45_000 * MS, 0.0),
        ("gpu0-power", 100 * MS, 45_000 * MS, None),
    ]
    assert {gap.reason for gap in found} == {NOT_READ}


def test_recorder_that_was_stopped_does_not_make_a_counter_stand_still() -> None:
    tracker = ChannelTracker()
    tracker.describe([PACKAGE], 0.001)
    found = gaps_in(list(tracker.process([counted(0, 5000), counted(45_000, 5000)])))
    assert [gap.reason for gap in found] == [NOT_READ]


def test_reading_that_was_due_at_the_longer_period_before_is_not_late() -> None:
    tracker = ChannelTracker()
    tracker.describe([GAUGE], 10.0)
    shown = [Reading("gpu0-power", t * MS, t * MS, 100.0) for t in (0, 9_000, 9_100, 12_000)]
    assert gaps_in(list(tracker.process(shown[:1]))) == []
    tracker.describe([GAUGE], 0.1)
    (gap,) = gaps_in(list(tracker.process(shown[1:])))
    assert (gap.begin_ns, gap.end_ns) == (9_100 * MS, 12_000 * MS)


def test_readings_that_fell_out_of_the_queue_are_a_gap_however_short() -> None:
    tracker = ChannelTracker()
    tracker.describe([GAUGE], 0.1)
    before, after = (Reading("gpu0-power", t * MS, t * MS, 100.0) for t in (0, 200))
    list(tracker.process([before]))
    tracker.forget([GAUGE])
    (gap,) = gaps_in(list(tracker.process([after])))
    assert (gap.begin_ns, gap.end_ns, gap.reason) == (0, 200 * MS, FORGOTTEN)
