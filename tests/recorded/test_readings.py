"""The readings of a channel joined over the files of a run: nothing added, nothing lost unsaid."""

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from effmeter.channel import Channel, Kind
from effmeter.energy.counter import Loss
from effmeter.recorded.readings import BETWEEN_RECORDERS, ChannelReadings, channel_readings
from effmeter.recorded.records import Gap
from effmeter.runfile.part import Part
from effmeter.runfile.reader import read_part
from tests.runfile.writing import RunFile, at, counter, every, gauge, metadata

COUNTER = counter()
GAUGE = gauge()
COUNTED_W = 20.0
SHOWN_W = 100.0


def part(
    folder: Path, channel: Channel, begin_s: float, end_s: float, absolute_j: float | None = None
) -> Part:
    """One file with a reading each half second; ``absolute_j`` is what the counter showed first."""
    described = metadata(started_time_ns=at(begin_s), channels=(channel,))
    with RunFile(folder / f"{begin_s}.arrow", described) as file:
        if absolute_j is not None:
            file.introduce(begin_s, channel, absolute_j)
        if channel.kind is Kind.COUNTER:
            file.count(channel.name, every(0.5, begin_s, end_s), COUNTED_W)
        else:
            file.show(channel.name, every(0.5, begin_s, end_s), SHOWN_W)
    return read_part(file.path)


def joined(channel: Channel, parts: Sequence[Part], *gaps: Gap) -> ChannelReadings:
    events = [row for index, part in enumerate(parts) for row in part.events(index)]
    found = channel_readings(channel, parts, events, gaps)
    assert found is not None
    return found


def test_the_readings_of_one_file_are_as_they_were_taken(tmp_path: Path) -> None:
    found = joined(COUNTER, [part(tmp_path, COUNTER, 0, 2)])
    assert found.samples.times_ns.tolist() == [at(t) for t in (0, 0.5, 1, 1.5, 2)]
    assert found.samples.values.tolist() == [0, 10, 20, 30, 40]
    assert found.readings[:4] == (at(0), at(2), (), ())
    energy = found.trace.energy(at(0), at(2))
    assert energy is not None
    assert energy.value_j == pytest.approx(40)


def test_a_channel_that_was_never_read_has_no_readings(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow") as file:
        file.row(1.0, channel="cpu0")
        file.count("cpu1", every(0.5, 0, 2), COUNTED_W)
    parts = [read_part(file.path)]
    assert channel_readings(COUNTER, parts, [], []) is None
    assert channel_readings(counter("cpu2"), parts, [], []) is None


def test_what_a_counter_showed_at_both_ends_bridges_two_files(tmp_path: Path) -> None:
    parts = [part(tmp_path, COUNTER, 0, 2, 10.0), part(tmp_path, COUNTER, 3, 5, 65.0)]
    found = joined(COUNTER, parts)
    assert found.readings[:4] == (at(0), at(5), (), ())
    assert found.samples.values[4:6].tolist() == [40, pytest.approx(55)]
    assert found.samples.values[-1] == pytest.approx(95)


@pytest.mark.parametrize(
    ("first_j", "second_j"),
    [(50.0, 5.0), (90.0, 45.0)],
    ids=["between the files", "within the first"],
)
def test_a_counter_that_wrapped_is_bridged(tmp_path: Path, first_j: float, second_j: float) -> None:
    channel = counter(modulus=100_000_000, max_power_w=50.0)
    parts = [part(tmp_path, channel, 0, 2, first_j), part(tmp_path, channel, 3, 5, second_j)]
    found = joined(channel, parts)
    assert found.readings.losses == ()
    assert found.samples.values[-1] == pytest.approx(40 + 15 + 40)


@pytest.mark.parametrize("absolutes_j", [(None, None), (10.0, None), (10.0, 0.0)])
def test_what_no_counter_shows_between_two_files_is_a_loss_with_a_bound(
    tmp_path: Path, absolutes_j: tuple[float | None, float | None]
) -> None:
    before_j, after_j = absolutes_j
    parts = [part(tmp_path, COUNTER, 0, 2, before_j), part(tmp_path, COUNTER, 3, 5, after_j)]
    found = joined(COUNTER, parts)
    (loss,) = found.readings.losses
    assert (loss.begin_ns, loss.end_ns, loss.reason) == (at(2), at(3), BETWEEN_RECORDERS)
    assert loss.hidden_j == pytest.approx(500 * 1.001, abs=1e-3)
    assert found.samples.values[-1] == pytest.approx(80)
    energy = found.trace.energy(at(0), at(5))
    assert energy is not None
    assert energy.low_j <= 80 + 1e-3
    assert energy.high_j >= 80 + 500


def test_a_gauge_shows_nothing_of_the_time_between_two_files(tmp_path: Path) -> None:
    found = joined(GAUGE, [part(tmp_path, GAUGE, 0, 2), part(tmp_path, GAUGE, 3, 5)])
    assert found.samples.values.tolist() == [SHOWN_W] * 10
    (loss,) = found.readings.losses
    assert (loss.begin_ns, loss.end_ns, loss.reason) == (at(2), at(3), BETWEEN_RECORDERS)
    assert loss.hidden_j >= 700


@pytest.mark.parametrize(
    ("channel", "gap_channel", "hidden_j", "expected_j"),
    [
        (COUNTER, "cpu0", 12.5, 12.5),
        (COUNTER, "cpu0", None, pytest.approx(500 * 1.001, abs=1e-3)),
        (GAUGE, "gpu0-power", 0.0, 0.0),
        (GAUGE, None, None, pytest.approx(700 * 1.1, abs=2)),
    ],
)
def test_a_gap_hides_what_it_states_or_what_the_device_can_draw(
    tmp_path: Path,
    channel: Channel,
    gap_channel: str | None,
    hidden_j: float | None,
    expected_j: float,
) -> None:
    gap = Gap(gap_channel, at(0.5), at(1.5), "lost", hidden_j)
    found = joined(channel, [part(tmp_path, channel, 0, 2)], gap)
    assert found.readings.losses == (Loss(at(0.5), at(1.5), "lost", expected_j),)


@pytest.mark.parametrize(
    "gap",
    [
        Gap("cpu0", at(0.5), at(1.5), "read late", 0.0),
        Gap(None, at(0.5), at(1.5), "damaged: batch 1 of 2, 1.0 s"),
        Gap("cpu1", at(0.5), at(1.5), "lost", 12.5),
        Gap("cpu0", at(2), at(9), "lost for good", None, open=True),
    ],
    ids=["hides nothing", "counted on", "another channel", "after the last reading"],
)
def test_a_counter_loses_nothing_where_the_readings_around_a_gap_show_its_energy(
    tmp_path: Path, gap: Gap
) -> None:
    found = joined(COUNTER, [part(tmp_path, COUNTER, 0, 2)], gap)
    assert found.readings.losses == ()


def test_a_gap_counts_in_the_file_in_which_it_lies_and_losses_are_in_order(tmp_path: Path) -> None:
    parts = [part(tmp_path, COUNTER, 0, 2), part(tmp_path, COUNTER, 3, 5)]
    gaps = [Gap("cpu0", at(4), at(9), "second", 2.0), Gap("cpu0", at(1), at(2.5), "first", 1.0)]
    first, between, second = joined(COUNTER, parts, *gaps).readings.losses
    assert first == Loss(at(1), at(2), "first", 1.0)
    assert between.reason == BETWEEN_RECORDERS
    assert second == Loss(at(4), at(5), "second", 2.0)


@pytest.mark.parametrize("odd_w", [1e308, math.inf, math.nan])
def test_a_reading_that_cannot_be_right_is_passed_over(tmp_path: Path, odd_w: float) -> None:
    with RunFile(tmp_path / "run.arrow", metadata(channels=(GAUGE,))) as file:
        file.show(GAUGE.name, [0.0, 1.0], SHOWN_W)
        file.row(1.5, channel=GAUGE.name, power_w=odd_w)
        file.show(GAUGE.name, [2.0], SHOWN_W)
    found = joined(GAUGE, [read_part(file.path)])
    assert found.samples.values.tolist() == [SHOWN_W] * 3


def test_power_below_zero_is_passed_over(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow", metadata(channels=(GAUGE,))) as file:
        file.show(GAUGE.name, [0.0, 1.0], SHOWN_W)
        file.show(GAUGE.name, [1.5, 1.6], -SHOWN_W)
        file.show(GAUGE.name, [2.0], SHOWN_W)
    found = joined(GAUGE, [read_part(file.path)])
    assert found.samples.values.tolist() == [SHOWN_W] * 3


def test_energy_that_falls_is_passed_over(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow", metadata(channels=(COUNTER,))) as file:
        for time_s, energy_j in enumerate([0.0, 20.0, 5.0, -40.0, 80.0, 100.0]):
            file.row(time_s, channel=COUNTER.name, energy_j=energy_j)
    found = joined(COUNTER, [read_part(file.path)])
    assert found.samples.values.tolist() == [0.0, 20.0, 80.0, 100.0]
    energy = found.trace.energy(at(1), at(4))
    assert energy is not None
    assert energy.low_j <= energy.value_j <= energy.high_j
