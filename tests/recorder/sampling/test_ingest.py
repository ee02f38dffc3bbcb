"""From raw readings to what recordings are told."""

from effmeter.channel import Channel, Component, Kind, Provenance
from effmeter.probes.base import Failure, Reading
from effmeter.recorder.sampling.ingest import (
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
