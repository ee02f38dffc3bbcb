"""What a cover sums, and that it names every device that gives it no figure."""

from typing import Any

from effmeter.channel import Channel, Component, Provenance, Refusal
from effmeter.cover import Cover, choose_cover
from tests.runfile.writing import counter, gauge

ESTIMATED = Provenance.ESTIMATED


def refused(
    leaves_unread: str, component: Component = Component.CPU, present: bool = True
) -> Refusal:
    return Refusal("a file", component, "only root may", "", present, leaves_unread)


def cover(
    *channels: Channel, unread: tuple[str, ...] = (), refusals: tuple[Refusal, ...] = ()
) -> Cover:
    return choose_cover(channels, {c.name for c in channels} - set(unread), refusals)


def test_package_that_refuses_beside_one_that_is_read_makes_the_cover_partial() -> None:
    chosen = cover(counter("cpu0"), refusals=(refused("cpu1"),))
    assert (chosen.names, chosen.missing, chosen.partial) == (("cpu0",), (), ("cpu1",))


def test_device_that_another_sensor_reads_is_not_partial() -> None:
    assert cover(counter("cpu0"), counter("cpu1"), refusals=(refused("cpu1"),)).partial == ()


def test_device_that_a_sensor_of_another_family_reads_is_not_partial() -> None:
    by_perf = counter("cpu1-perf", contained_in="cpu1")
    assert cover(counter("cpu0"), by_perf, refusals=(refused("cpu1"),)).partial == ()


def test_channels_are_in_the_order_of_their_numbers() -> None:
    names = [f"cpu{i}" for i in range(12)]
    assert cover(*(counter(name) for name in reversed(names))).names == tuple(names)


def test_device_that_two_sensors_refuse_is_named_once() -> None:
    refusals = (refused("cpu1"), refused("cpu1"))
    assert cover(counter("cpu0"), refusals=refusals).partial == ("cpu1",)


def test_refusal_of_what_something_else_reads_makes_nothing_partial() -> None:
    assert cover(counter("cpu0"), refusals=(refused(""),)).partial == ()


def test_device_that_the_machine_does_not_have_is_not_partial() -> None:
    assert cover(counter("cpu0"), refusals=(refused("cpu1", present=False),)).partial == ()


def test_component_without_any_figure_is_missing_rather_than_partial() -> None:
    chosen = cover(counter("cpu0"), refusals=(refused("gpu0", Component.GPU),))
    assert (chosen.missing, chosen.partial) == ((Component.GPU,), ())


def test_estimate_stands_for_all_devices_of_its_component() -> None:
    estimate = counter("ram-estimate", Component.RAM, provenance=ESTIMATED)
    chosen = cover(counter("cpu0"), estimate, refusals=(refused("dram0", Component.RAM),))
    assert (chosen.missing, chosen.partial) == ((), ())


def test_channel_that_was_never_read_makes_the_cover_partial() -> None:
    assert cover(counter("cpu0"), counter("cpu1"), unread=("cpu1",)).partial == ("cpu1",)


def test_gauge_that_stands_in_for_its_counter_leaves_nothing_out() -> None:
    gpu = counter("gpu0", Component.GPU)
    chosen = cover(gpu, gauge(contained_in="gpu0"), unread=("gpu0",))
    assert (chosen.names, chosen.partial) == (("gpu0-power",), ())


def test_device_none_of_whose_channels_is_read_is_named_once() -> None:
    gpus = [counter(f"gpu{i}", Component.GPU) for i in (0, 1)]
    inner = gauge("gpu1-power", contained_in="gpu1")
    assert cover(*gpus, inner, unread=("gpu1", "gpu1-power")).partial == ("gpu1",)


def test_what_lies_in_a_board_that_is_read_is_still_a_device() -> None:
    packages = [counter(f"cpu{i}", contained_in="psys") for i in (0, 1)]
    board = counter("psys", Component.BOARD)
    assert cover(board, *packages, unread=("cpu1",)).partial == ("cpu1",)


def test_measured_chip_leaves_no_room_for_estimates_of_its_processors() -> None:
    chip = counter("soc", Component.SOC)
    estimate = counter("cpu-estimate", provenance=ESTIMATED)
    chosen = cover(chip, estimate)
    assert chosen.names == ("soc",)
    assert chosen.left_out == (("cpu-estimate", "cpu is measured"),)


def test_containers_that_name_each_other_do_not_go_round_for_ever() -> None:
    one, two = counter("cpu0", contained_in="cpu1"), counter("cpu1", contained_in="cpu0")
    assert cover(one, two, unread=("cpu1",)).names == ("cpu0",)


def test_estimate_counts_where_only_parts_of_a_package_are_read() -> None:
    core = counter("cpu0-core", contained_in="cpu0", device="cores")
    estimate = counter("cpu-estimate", provenance=ESTIMATED)
    assert cover(counter("cpu0"), core, estimate, unread=("cpu0",)).names == ("cpu-estimate",)
    assert cover(counter("cpu0"), core, estimate).names == ("cpu0",)


def wall(name: str, **more: Any) -> Channel:
    return gauge(name, Component.WALL, **more)


def test_a_wall_meter_stands_apart_wherever_the_machine_has_a_channel_of_a_part() -> None:
    assert cover(counter("cpu0"), wall("wall")).names == ("cpu0",)
    assert cover(counter("cpu0"), wall("wall"), unread=("cpu0",)).names == ()


def test_a_machine_with_a_wall_meter_alone_counts_there_and_lacks_nothing() -> None:
    chosen = cover(wall("wall"), refusals=(refused("gpu0", Component.GPU),))
    assert (chosen.names, chosen.missing, chosen.partial) == (("wall",), (), ())


def test_two_meters_of_one_machine_count_once() -> None:
    stated = wall("a-stated", provenance=ESTIMATED)
    chosen = cover(stated, wall("wall"), wall("wall-ipmi"), wall("psu0", is_feed=True))
    assert chosen.names == ("wall",)
    same = "the same machine as wall"
    assert set(chosen.left_out) == {
        ("a-stated", "wall is measured"),
        ("wall-ipmi", same),
        ("psu0", same),
    }


def test_feeds_of_a_machine_add_up_and_one_without_a_reading_is_named() -> None:
    feeds = [wall(f"psu{i}", is_feed=True) for i in range(3)]
    chosen = cover(*feeds, unread=("psu2",))
    assert (chosen.names, chosen.partial) == (("psu0", "psu1"), ("psu2",))
