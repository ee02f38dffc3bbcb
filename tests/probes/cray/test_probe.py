from pathlib import Path

import numpy as np
import pytest

from effmeter.channel import Channel, Component, Kind, Provenance, Refusal
from effmeter.cover import choose_cover
from effmeter.energy import trace
from effmeter.probes.base import Discovery, Failure, Reading
from effmeter.probes.cray.probe import STALE, find
from effmeter.probes.search import discover
from tests.simulated.clock import ManualClock
from tests.simulated.cray import SimulatedCray
from tests.simulated.pci import place_pci_device
from tests.simulated.powercap import SimulatedPowercap, dram, package
from tests.simulated.waveforms import constant

NODE = {
    "": 900.0,
    "cpu_": 200.0,
    "memory_": 60.0,
    "accel0_": 250.0,
    "accel1_": 150.0,
}
STEADY = constant(50.0)
NOTHING = Discovery()


class OtherFamilies:
    """A probe of another family, whose channels a node's counters must not repeat."""

    name = "other"
    period_s = 1.0

    def __init__(self, *channels: Channel) -> None:
        self.channels = channels

    def read(self) -> list[Reading]:
        return []

    def close(self) -> None:
        pass


def channel(name: str, component: Component, contained_in: str | None = None) -> Channel:
    return Channel(
        name,
        component,
        Kind.COUNTER,
        Provenance.MEASURED,
        "elsewhere",
        0.1,
        device=f"device of {name}",
        contained_in=contained_in,
    )


def beside(*channels: Channel) -> Discovery:
    return Discovery((OtherFamilies(*channels),))


def names_of_total(found: Discovery, other: Discovery = NOTHING) -> tuple[str, ...]:
    channels = (*other.channels, *found.channels)
    return choose_cover(channels, [c.name for c in channels]).names


def test_a_machine_of_another_maker_has_none(tmp_path: Path) -> None:
    assert find(tmp_path, ManualClock(), NOTHING) == Discovery()


def test_the_parts_are_counted_and_the_node_stands_apart(tmp_path: Path) -> None:
    SimulatedCray(tmp_path, NODE)
    found = find(tmp_path, ManualClock(), NOTHING)
    components = {c.name: c.component for c in found.channels}
    assert components == {
        "cray-node": Component.WALL,
        "cray-cpu": Component.CPU,
        "cray-memory": Component.RAM,
        "cray-accel0": Component.GPU,
        "cray-accel1": Component.GPU,
    }
    assert names_of_total(found) == ("cray-accel0", "cray-accel1", "cray-cpu", "cray-memory")
    assert found.covered == {Component.GPU, Component.CPU, Component.RAM}


def test_the_energy_of_a_window_is_the_truth_within_its_interval(tmp_path: Path) -> None:
    clock = ManualClock()
    node = SimulatedCray(tmp_path, NODE)
    (probe,) = find(tmp_path, clock, NOTHING).probes
    described = {c.name: c for c in probe.channels}
    seen: dict[str, list[Reading]] = {name: [] for name in described}
    for _ in range(400):
        node.advance_to(clock.advance(0.05))
        for reading in probe.read():
            seen[reading.channel].append(reading)
    for name, power_w in (("cray-node", 900.0), ("cray-accel1", 150.0)):
        times_ns = np.array([reading.end_ns for reading in seen[name]])
        values = np.array([reading.value for reading in seen[name]])
        energy = trace(described[name], times_ns, values).energy(2_000_000_000, 12_000_000_000)
        assert energy is not None
        assert energy.low_j <= power_w * 10 <= energy.high_j
    probe.close()


def test_what_rapl_reads_is_not_counted_again(tmp_path: Path) -> None:
    SimulatedPowercap(tmp_path, [package(0, STEADY), package(1, STEADY), dram(0, STEADY)])
    SimulatedCray(tmp_path, NODE)
    found = discover(tmp_path, {}, ManualClock())
    cover = choose_cover(found.channels, found.names, found.refusals)
    assert cover.names == ("cray-accel0", "cray-accel1", "cpu0", "cpu1", "dram0")


def test_the_node_s_counter_stands_in_for_a_single_package_without_figures(
    tmp_path: Path,
) -> None:
    SimulatedCray(tmp_path, NODE)
    cpu0, core = channel("cpu0", Component.CPU), channel("cpu0-core", Component.CPU, "cpu0")
    other = beside(cpu0, core)
    found = find(tmp_path, ManualClock(), other)
    channels = (*other.channels, *found.channels)
    known = [c.name for c in channels if c.name != "cpu0"]
    assert "cray-cpu" in choose_cover(channels, known).names
    two = beside(cpu0, channel("cpu1", Component.CPU))
    found = find(tmp_path, ManualClock(), two)
    channels = (*two.channels, *found.channels)
    known = [c.name for c in channels if c.name != "cpu0"]
    assert "cray-cpu" not in choose_cover(channels, known).names


def test_accelerators_stand_apart_where_their_vendor_s_tool_reads(tmp_path: Path) -> None:
    SimulatedCray(tmp_path, NODE)
    other = beside(channel("amd-gpu0", Component.GPU), channel("amd-gpu1", Component.GPU))
    found = find(tmp_path, ManualClock(), other)
    accelerators = [c for c in found.channels if c.name.startswith("cray-accel")]
    assert {c.component for c in accelerators} == {Component.BOARD}
    names = names_of_total(found, other)
    assert names == ("amd-gpu0", "amd-gpu1", "cray-cpu", "cray-memory")
    assert Component.GPU not in found.covered


def test_cards_that_no_tool_reads_are_not_missing_where_the_node_counts_them(
    tmp_path: Path,
) -> None:
    SimulatedCray(tmp_path, NODE)
    found = find(tmp_path, ManualClock(), NOTHING)
    refused = Refusal("amdsmi", Component.GPU, "not installed", leaves_unread="AMD GPUs")
    cover = choose_cover(found.channels, found.names, [refused])
    assert cover.missing == ()
    assert Component.GPU in found.covered  # discover() then drops what the refusal leaves unread


def test_gpus_whose_driver_comes_late_are_counted_once(tmp_path: Path) -> None:
    place_pci_device(tmp_path, device="0x7408")
    SimulatedCray(tmp_path, NODE)
    found = find(tmp_path, ManualClock(), NOTHING)
    assert names_of_total(found)[:2] == ("cray-accel0", "cray-accel1")
    late = beside(channel("amd-gpu0", Component.GPU), channel("amd-gpu1", Component.GPU))
    assert names_of_total(found, late)[:2] == ("amd-gpu0", "amd-gpu1")
    assert "cray-accel0" not in names_of_total(found, late)


def test_the_superchips_of_a_node_are_left_to_their_vendor_s_tool(tmp_path: Path) -> None:
    SimulatedCray(tmp_path, {"": 2000.0, "accel0_": 600.0, "cpu0_": 200.0, "cpu1_": 210.0})
    other = beside(channel("cpu0", Component.CPU), channel("cpu1", Component.CPU))
    found = find(tmp_path, ManualClock(), other)
    described = {c.name: c for c in found.channels}
    assert described["cray-accel0"].component is Component.BOARD
    assert described["cray-cpu1"].contained_in == "cpu1"
    assert names_of_total(found, other) == ("cpu0", "cpu1")
    assert names_of_total(find(tmp_path, ManualClock(), NOTHING)) == ("cray-cpu0", "cray-cpu1")


def test_memory_inside_a_processor_s_figure_is_not_added(tmp_path: Path) -> None:
    SimulatedCray(tmp_path, NODE)
    other = Discovery((), (), frozenset({Component.RAM}))
    described = {c.name: c for c in find(tmp_path, ManualClock(), other).channels}
    assert described["cray-memory"].component is Component.BOARD


def test_a_counter_at_zero_has_no_sensor_behind_it(tmp_path: Path) -> None:
    SimulatedCray(tmp_path, {**NODE, "accel1_": 0.0, "memory_": 0.0, "accel_": 400.0})
    found = find(tmp_path, ManualClock(), NOTHING)
    assert found.names == {"cray-node", "cray-cpu", "cray-accel0"}
    assert found.refusals == ()


def values(found: Discovery) -> dict[str, object]:
    return {r.channel: r.value for probe in found.probes for r in probe.read()}


@pytest.mark.parametrize(
    "shown", ["", "J", "-5 J", "12 W 5 us", "1e3 J", "9" * 25 + " J", "12 J extra"]
)
def test_what_is_no_energy_is_a_failure_of_its_channel_alone(tmp_path: Path, shown: str) -> None:
    node = SimulatedCray(tmp_path, NODE)
    found = find(tmp_path, ManualClock(), NOTHING)
    (node.folder / "cpu_energy").write_text(shown)
    seen = values(found)
    assert isinstance(seen["cray-cpu"], Failure)
    assert seen["cray-node"] == 1_000
    (node.folder / "cpu_energy").unlink()
    assert isinstance(values(found)["cray-cpu"], Failure)
    (node.folder / "cpu_energy").write_text("77 J\n")
    assert values(found)["cray-cpu"] == 77


def test_a_part_that_cannot_be_read_is_refused_and_its_component_not_whole(
    tmp_path: Path,
) -> None:
    node = SimulatedCray(tmp_path, NODE)
    (node.folder / "accel1_energy").write_text("")
    found = find(tmp_path, ManualClock(), NOTHING)
    (refusal,) = found.refusals
    assert refusal.component is Component.GPU
    assert Component.GPU not in found.covered
    cover = choose_cover(found.channels, found.names, found.refusals)
    assert cover.partial == ("cray-accel1",)


def test_counters_that_are_not_refreshed_are_old(tmp_path: Path) -> None:
    clock = ManualClock()
    node = SimulatedCray(tmp_path, NODE)
    found = find(tmp_path, clock, NOTHING)
    for _ in range(30):
        clock.advance(0.1)
        seen = values(found)
    assert set(seen.values()) == {Failure(STALE)}
    node.advance_to(clock.advance(0.1))
    assert not any(isinstance(value, Failure) for value in values(found).values())


def test_a_node_that_does_not_tell_its_refreshes_is_read_all_the_same(tmp_path: Path) -> None:
    clock = ManualClock()
    node = SimulatedCray(tmp_path, NODE)
    (node.folder / "freshness").unlink()
    found = find(tmp_path, clock, NOTHING)
    for _ in range(30):
        clock.advance(0.1)
        assert not any(isinstance(value, Failure) for value in values(found).values())


class RefreshingClock(ManualClock):
    """The node refreshes between the reading's beginning and its end, a few times."""

    def __init__(self, node: SimulatedCray, times: int) -> None:
        super().__init__()
        self._node = node
        self._left = times

    def now_ns(self) -> int:
        now_ns = super().now_ns()
        if self._left > 0:
            self._left -= 1
            self._node.advance_to(self.advance(0.1))
        return now_ns


def test_a_look_during_which_the_node_refreshed_is_repeated(tmp_path: Path) -> None:
    node = SimulatedCray(tmp_path, NODE)
    (probe,) = find(tmp_path, RefreshingClock(node, 3), NOTHING).probes
    seen = {reading.channel: reading for reading in probe.read()}
    # 0.3 s have passed by three refreshes, and all counters show the last of them.
    assert seen["cray-node"].value == 1_270
    assert seen["cray-cpu"].value == 1_060
    assert seen["cray-node"].begin_ns == seen["cray-cpu"].begin_ns
