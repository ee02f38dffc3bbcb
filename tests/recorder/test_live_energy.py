"""Live totals hold the truth while readings come, and never take unknown for zero."""

from dataclasses import replace

import pytest

from effmeter.channel import Channel, Component, Provenance, Refusal
from effmeter.energy import Energy
from effmeter.energy.message import energy_of_message
from effmeter.energy.standstill import NOT_READ, STANDS_STILL
from effmeter.recorder.live_energy import MOST_GAPS, LiveTotals
from effmeter.recorder.sampling.ingest import ChannelGap, Sample
from tests.runfile.writing import at, counter, every, gauge

CPU = counter("cpu0", gain_error_fraction=0.1)
GPU = gauge("gpu0")
CPU_W, GPU_W = 20.0, 200.0


def count(totals: LiveTotals, until_s: float, channel: Channel = CPU, begin_s: float = 0) -> None:
    for time_s in every(0.1, begin_s, until_s):
        totals.take(channel, Sample(channel.name, at(time_s), CPU_W * time_s, None, None))


def show(totals: LiveTotals, *powers_w: float) -> None:
    for step, power_w in enumerate(powers_w):
        totals.take(GPU, Sample("gpu0", at(step * 0.1), None, power_w, None))


def energy(totals: LiveTotals, component: str | None = None) -> Energy | None:
    message = totals.as_message(at(10.0))
    found = message["energy"] if component is None else message["components"].get(component)
    return None if found is None else energy_of_message(found)


def known(energy: Energy | None) -> Energy:
    assert energy is not None
    return energy


def test_a_counter_gives_what_it_counted_with_the_last_refresh_as_its_interval() -> None:
    totals = LiveTotals(())
    count(totals, 5.0)
    found = known(energy(totals, "cpu"))
    assert found.value_j == pytest.approx(100.0)
    assert found.low_j < 100.0 < found.high_j
    assert found.half_width_j == pytest.approx(2 * CPU_W * CPU.refresh_s, abs=1e-5)
    assert found.systematic_j == pytest.approx(10.0)


def test_a_gauge_is_integrated_and_its_steps_widen_the_interval() -> None:
    steady, swinging = LiveTotals(()), LiveTotals(())
    show(steady, *[GPU_W] * 11)
    show(swinging, *[0.0, 2 * GPU_W] * 5, 0.0)
    even, uneven = (known(energy(totals, "gpu")) for totals in (steady, swinging))
    assert even.value_j == pytest.approx(GPU_W)
    assert uneven.value_j == pytest.approx(GPU_W)
    assert uneven.half_width_j > even.half_width_j + 100


def test_power_samples_go_on_from_the_last_reading_of_a_counter() -> None:
    counter_ = replace(CPU, component=Component.GPU, device="d", refresh_s=0.1)
    samples = replace(GPU, name="samples", device="d", lag_s=0.015, contained_in="cpu0")
    totals = LiveTotals(())

    def sampled(begin_s: float, end_s: float, power_w: float) -> None:
        for step in range(round((end_s - begin_s) / 0.02)):
            time_ns = at(begin_s + 0.02 * (step + 1))
            totals.take(samples, Sample("samples", time_ns, None, power_w, None))

    for time_s in (0.0, 1.0, 2.0):
        totals.take(counter_, Sample("cpu0", at(time_s), 100.0 * time_s, None, None))
    sampled(1.0, 2.0, 100.0)
    assert known(energy(totals)).value_j == pytest.approx(200.0), "counted already"
    sampled(2.0, 2.5, 300.0)
    found = known(energy(totals))
    assert found.value_j == pytest.approx(350.0)
    assert found.low_j < 350.0 < found.high_j
    message = totals.as_message(at(2.6))
    assert (message["cover"], message["read_ns"]) == (["cpu0"], at(2.5))
    totals.take(counter_, Sample("cpu0", at(2.5), 340.0, None, None))
    assert known(energy(totals)).value_j == pytest.approx(340.0)


def test_a_total_says_from_when_its_channels_count() -> None:
    totals = LiveTotals(())
    count(totals, 2.0, begin_s=0.3)
    show(totals, GPU_W, GPU_W)
    assert totals.as_message(at(2.0))["counted_from_ns"] == [at(0.0), at(0.3)]


def test_one_reading_of_a_gauge_is_no_energy() -> None:
    totals = LiveTotals(())
    show(totals, GPU_W)
    assert energy(totals, "gpu") is None
    assert energy(totals) is None


def test_nothing_read_is_not_zero() -> None:
    message = LiveTotals((), (CPU,)).as_message(at(1.0))
    assert message["energy"] is None
    assert message["cover"] == []


def test_the_total_sums_the_cover_and_names_what_is_missing() -> None:
    refusal = Refusal("dram", Component.RAM, "no permission", "")
    totals = LiveTotals((refusal,))
    count(totals, 5.0)
    show(totals, *[GPU_W] * 11)
    message = totals.as_message(at(5.0))
    assert known(energy(totals)) == known(energy(totals, "gpu")) + known(energy(totals, "cpu"))
    assert message["cover"] == ["gpu0", "cpu0"]
    assert message["missing"] == ["ram"]


def test_an_open_gap_is_said_and_a_closed_one_widens_the_interval() -> None:
    totals = LiveTotals(())
    count(totals, 2.0)
    totals.note_gap(ChannelGap("cpu0", 1, at(2.0), None, "the sensor is gone", None))
    assert totals.as_message(at(3.0))["unread"] == {"cpu0": "the sensor is gone"}
    before = known(energy(totals, "cpu"))
    totals.note_gap(ChannelGap("cpu0", 1, at(2.0), at(4.0), "the sensor is gone", 30.0))
    after = known(energy(totals, "cpu"))
    assert totals.as_message(at(4.0))["unread"] == {}
    assert after.high_j == pytest.approx(before.high_j + 30.0)
    assert after.low_j == before.low_j


@pytest.mark.parametrize(
    ("limit_w", "most_w"),
    [(None, 2 * CPU_W), (500.0, 500.0)],
    ids=["the recent power", "what the device can draw"],
)
def test_a_gap_without_a_bound_is_bounded_by(limit_w: float | None, most_w: float) -> None:
    totals = LiveTotals(())
    count(totals, 2.0, replace(CPU, max_power_w=limit_w))
    before = known(energy(totals, "cpu"))
    totals.note_gap(ChannelGap("cpu0", 1, at(2.0), at(4.0), "the sensor was gone", None))
    assert known(energy(totals, "cpu")).high_j == pytest.approx(before.high_j + 2 * most_w)


def test_an_offset_error_grows_with_the_time() -> None:
    totals = LiveTotals(())
    count(totals, 5.0, counter("cpu0", offset_error_w=2.0), begin_s=1.0)
    assert known(energy(totals)).systematic_j == pytest.approx(2.0 * 4.0, rel=0.05)


ESTIMATE = counter("cpu-estimate", provenance=Provenance.ESTIMATED, estimate_factor=2.5)
CARD = counter("gpu0", Component.GPU, refresh_s=0.1)
CARD_GAUGE = gauge("gpu0-power", contained_in="gpu0")


def stood_still(channel: Channel, begin_s: float, end_s: float | None = None) -> ChannelGap:
    end_ns = None if end_s is None else at(end_s)
    return ChannelGap(channel.name, 1, at(begin_s), end_ns, STANDS_STILL, None)


def stop_at(
    totals: LiveTotals, stops_s: float, seen_s: float, until_s: float, *others: Channel
) -> None:
    """A processor of 20 W whose counter stops, which is seen later, and others of 30 W."""
    has_said = False
    for time_s in every(0.1, 0, until_s):
        energy_j = CPU_W * min(time_s, stops_s)
        totals.take(CPU, Sample("cpu0", at(time_s), energy_j, None, None))
        for other in others:
            totals.take(other, Sample(other.name, at(time_s), 30.0 * time_s, None, None))
        if time_s >= seen_s and not has_said:
            totals.note_gap(stood_still(CPU, stops_s))
            has_said = True


def test_estimate_counts_from_where_a_counter_stood_still_though_that_was_seen_later() -> None:
    totals = LiveTotals(())
    stop_at(totals, 4.0, 5.0, 10.0, ESTIMATE)
    message = totals.as_message(at(10.0))
    found = known(energy(totals))
    assert found.value_j == pytest.approx(4 * CPU_W + 6 * 30.0, rel=1e-6)
    assert found.low_j <= 10 * CPU_W <= found.high_j
    assert message["cover"] == ["cpu0", "cpu-estimate"]
    assert (message["estimated"], message["unread"]) == (["cpu-estimate"], {})


def test_counter_that_counted_on_is_counted_again_in_place_of_its_estimate() -> None:
    totals = LiveTotals(())
    stop_at(totals, 4.0, 5.0, 6.0, ESTIMATE)
    totals.take(CPU, Sample("cpu0", at(6.1), 6.1 * CPU_W, None, None))
    gap = stood_still(CPU, 4.0, 6.1)._replace(hidden_j=0.0)
    totals.note_gap(gap)
    assert known(energy(totals)).value_j == pytest.approx(6.1 * CPU_W)
    assert totals.as_message(at(10.0))["cover"] == ["cpu0"]


def test_counter_that_goes_on_where_it_stopped_counts_again_from_there() -> None:
    totals = LiveTotals(())
    stop_at(totals, 4.0, 5.0, 6.0, ESTIMATE)
    totals.take(ESTIMATE, Sample("cpu-estimate", at(6.1), 6.1 * 30.0, None, None))
    totals.take(CPU, Sample("cpu0", at(6.1), 4.1 * CPU_W, None, None))
    totals.note_gap(stood_still(CPU, 4.0, 6.1))
    for time_s in every(0.1, 6.2, 8.0):
        totals.take(CPU, Sample("cpu0", at(time_s), CPU_W * (time_s - 2.0), None, None))
    found = known(energy(totals))
    assert found.value_j == pytest.approx(4 * CPU_W + 2.1 * 30.0 + 1.9 * CPU_W, rel=0.02)


def test_counter_that_stands_still_from_the_start_has_no_figure() -> None:
    totals = LiveTotals(())
    stop_at(totals, 0.0, 0.2, 10.0)
    message = totals.as_message(at(10.0))
    assert (message["energy"], message["partial"]) == (None, ["cpu0"])


def test_estimate_counts_alone_where_the_counter_never_moved() -> None:
    totals = LiveTotals(())
    stop_at(totals, 0.0, 0.2, 10.0, ESTIMATE)
    assert known(energy(totals)).value_j == pytest.approx(300.0)
    assert totals.as_message(at(10.0))["cover"] == ["cpu-estimate"]


def test_counter_that_nothing_stands_in_for_is_unread_and_bounded() -> None:
    totals = LiveTotals(())
    stop_at(totals, 4.0, 5.0, 10.0)
    found = known(energy(totals))
    assert found.low_j <= 10 * CPU_W <= found.high_j
    assert totals.as_message(at(10.0))["unread"] == {"cpu0": STANDS_STILL}


def test_gauge_counts_where_the_counter_of_its_gpu_stands_still() -> None:
    totals = LiveTotals(())
    for time_s in every(0.1, 0, 10):
        totals.take(CARD, Sample("gpu0", at(time_s), GPU_W * min(time_s, 3.0), None, None))
        totals.take(CARD_GAUGE, Sample("gpu0-power", at(time_s), None, GPU_W, None))
        if time_s == pytest.approx(4.0):
            totals.note_gap(stood_still(CARD, 3.0))
    assert known(energy(totals)).value_j == pytest.approx(10 * GPU_W, rel=1e-3)


def test_gauge_that_was_not_read_for_a_while_is_bounded_by_what_its_device_can_draw() -> None:
    totals = LiveTotals(())
    show(totals, *[GPU_W] * 11)
    totals.take(GPU, Sample("gpu0", at(9.0), None, GPU_W, None))
    totals.note_gap(ChannelGap("gpu0", 1, at(1.0), at(9.0), NOT_READ, None))
    found = known(energy(totals))
    assert found.value_j == pytest.approx(9 * GPU_W)
    assert found.high_j >= GPU_W + 8 * 700.0


def test_many_gaps_keep_no_more_marks_than_count() -> None:
    totals = LiveTotals(())
    count(totals, 10.0)
    for number in range(500):
        opened = ChannelGap("cpu0", number, at(number * 2), None, "gone", None)
        totals.note_gap(opened)
        totals.note_gap(opened._replace(end_ns=at(number * 2 + 1.5), hidden_j=1.0))
    assert len(totals._passed) <= 2 * MOST_GAPS
    message = totals.as_message(at(1100.0))
    assert energy_of_message(message["energy"]).high_j >= 10 * CPU_W + 500


def test_interval_holds_both_sensors_of_a_device_that_differ() -> None:
    card = replace(CARD, device="A GPU")
    shown = replace(CARD_GAUGE, device="A GPU")
    totals = LiveTotals(())
    for time_s in every(0.1, 0, 10):
        totals.take(card, Sample("gpu0", at(time_s), 2.0 * time_s, None, None))
        totals.take(shown, Sample("gpu0-power", at(time_s), None, GPU_W, None))
    found = known(energy(totals))
    assert found.value_j == pytest.approx(20.0)
    assert found.low_j <= 20.0
    assert found.high_j >= 10 * GPU_W


def test_estimate_that_was_off_beside_a_sensor_is_as_unsure_in_its_place() -> None:
    totals = LiveTotals(())
    strong = replace(CPU, name="cpu0")
    for time_s in every(0.1, 0, 10):
        shown = Sample("cpu0", at(time_s), 200.0 * min(time_s, 4.0), None, None)
        totals.take(strong, shown)
        totals.take(ESTIMATE, Sample("cpu-estimate", at(time_s), 30.0 * time_s, None, None))
        if time_s == pytest.approx(4.5):
            totals.note_gap(stood_still(strong, 4.0))
    found = known(energy(totals))
    assert found.low_j <= 10 * 200.0 <= found.high_j


def test_estimate_does_not_count_for_a_sensor_that_is_about_to_be_read() -> None:
    totals = LiveTotals((), (CPU, ESTIMATE))
    for time_s in every(0.1, 0, 1):
        totals.take(ESTIMATE, Sample("cpu-estimate", at(time_s), 30.0 * time_s, None, None))
    assert totals.as_message(at(1.0))["cover"] == []
    totals.note_gap(ChannelGap("cpu0", 1, at(0.0), None, "no permission", None))
    assert totals.as_message(at(1.0))["cover"] == ["cpu-estimate"]
