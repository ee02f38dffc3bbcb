"""Covers that change where a channel shows nothing, and count every device once at every moment."""

from effmeter.channel import Channel, Component, Provenance
from effmeter.cover import Counted, Cover
from effmeter.cover_in_time import cover_over_time
from tests.runfile.writing import counter, gauge

CPU, CPU1 = counter("cpu0"), counter("cpu1")
CPU_ESTIMATE = counter("cpu-estimate", provenance=Provenance.ESTIMATED)
GPU = counter("gpu0", Component.GPU)
GPU_GAUGE = gauge("gpu0-power", contained_in="gpu0")
GPU1_GAUGE = gauge("gpu1-power", contained_in="gpu1")


def cover(
    *channels: Channel, unread: tuple[str, ...] = (), **blind: list[tuple[int, int]]
) -> Cover:
    """The cover from 0 to 100; channels are blind where ``gpu0=[(begin, end)]`` says."""
    known = {channel.name for channel in channels} - set(unread)
    stretches = {name.replace("_", "-"): found for name, found in blind.items()}
    return cover_over_time(channels, known, (), (), stretches, (0, 100))


def counted(chosen: Cover, begin_ns: int = 0, end_ns: int = 100) -> list[tuple[str, int, int]]:
    return sorted((name, a, b) for name, a, b in chosen.counted(begin_ns, end_ns))


def test_cover_of_channels_that_show_all_the_time_is_one() -> None:
    chosen = cover(CPU, CPU_ESTIMATE, GPU)
    assert chosen.stretches == ()
    assert list(chosen.counted(3, 7)) == [Counted("gpu0", 3, 7), Counted("cpu0", 3, 7)]


def test_estimate_takes_over_from_where_the_counter_stands_still() -> None:
    chosen = cover(CPU, CPU_ESTIMATE, GPU, cpu0=[(40, 999)])
    assert chosen.names == ("gpu0", "cpu0", "cpu-estimate")
    assert chosen.estimated == ("cpu-estimate",)
    assert chosen.left_out == ()
    assert counted(chosen) == [("cpu-estimate", 40, 100), ("cpu0", 0, 40), ("gpu0", 0, 100)]


def test_parts_of_the_window_are_counted_as_in_the_whole() -> None:
    chosen = cover(CPU, CPU_ESTIMATE, cpu0=[(40, 60)])
    assert counted(chosen, 10, 30) == [("cpu0", 10, 30)]
    assert counted(chosen, 45, 50) == [("cpu-estimate", 45, 50)]
    assert counted(chosen, 50, 80) == [("cpu-estimate", 50, 60), ("cpu0", 60, 80)]
    assert counted(chosen, -10, 150) == [
        ("cpu-estimate", 40, 60),
        ("cpu0", -10, 40),
        ("cpu0", 60, 150),
    ]


def test_gauge_takes_over_from_the_counter_of_its_gpu() -> None:
    chosen = cover(GPU, GPU_GAUGE, gpu0=[(-999, 30)])
    assert counted(chosen) == [("gpu0", 30, 100), ("gpu0-power", 0, 30)]


def test_counter_that_shows_nothing_at_all_is_left_out() -> None:
    chosen = cover(GPU, GPU_GAUGE, gpu0=[(-999, 999)])
    assert (chosen.names, chosen.stretches) == (("gpu0-power",), ())
    assert dict(chosen.left_out) == {"gpu0": "no reading"}


def test_channel_that_nothing_stands_in_for_stays() -> None:
    chosen = cover(GPU, CPU, gpu0=[(40, 999)])
    assert (chosen.names, chosen.stretches, chosen.partial) == (("gpu0", "cpu0"), (), ())


def test_gauge_without_a_counter_stays_beside_another_gpu() -> None:
    described = counter("gpu1", Component.GPU)
    chosen = cover(GPU, described, GPU1_GAUGE, unread=("gpu1",), gpu1_power=[(40, 60)])
    assert (chosen.names, chosen.stretches) == (("gpu0", "gpu1-power"), ())


def test_estimate_of_both_packages_does_not_stand_in_for_one() -> None:
    chosen = cover(CPU, CPU1, CPU_ESTIMATE, cpu0=[(40, 999)])
    assert (chosen.names, chosen.stretches) == (("cpu0", "cpu1"), ())


def test_estimate_stands_in_for_all_packages_once_all_stand_still() -> None:
    chosen = cover(CPU, CPU1, CPU_ESTIMATE, cpu0=[(40, 999)], cpu1=[(60, 999)])
    assert counted(chosen) == [("cpu-estimate", 60, 100), ("cpu0", 0, 60), ("cpu1", 0, 60)]


def test_what_stands_in_is_not_blind_itself() -> None:
    chosen = cover(GPU, GPU_GAUGE, gpu0=[(20, 80)], gpu0_power=[(40, 60)])
    assert counted(chosen) == [
        ("gpu0", 0, 20),
        ("gpu0", 40, 60),
        ("gpu0", 80, 100),
        ("gpu0-power", 20, 40),
        ("gpu0-power", 60, 80),
    ]


def test_many_gaps_of_many_channels_cost_little() -> None:
    gpus = [counter(f"gpu{i}", Component.GPU) for i in range(16)]
    gauges = [gauge(f"gpu{i}-power", contained_in=f"gpu{i}") for i in range(16)]
    gaps = {f"gpu{i}": [(k, k + 5) for k in range(i, 10_000, 10)] for i in range(16)}
    chosen = cover_over_time(
        [*gpus, *gauges], {c.name for c in [*gpus, *gauges]}, (), (), gaps, (0, 10_000)
    )
    assert len(chosen.stretches) > 7_000
