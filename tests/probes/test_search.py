from pathlib import Path

import pytest

from effmeter.channel import Component, Provenance
from effmeter.clock import Anchor
from effmeter.cover import choose_cover
from effmeter.probes.base import Discovery, ListedDevice
from effmeter.probes.search import Search, discover
from tests.probes.nvidia.nvml_bench import NvmlBench
from tests.simulated.clock import ManualClock
from tests.simulated.nvml import DRIVER_NOT_LOADED, SimulatedGpu, uuid
from tests.simulated.powercap import SimulatedPowercap, SimulatedZone, dram, package, psys
from tests.simulated.waveforms import constant

STEADY = constant(50.0)


def search(sysfs: Path, **environ: str) -> Discovery:
    found = discover(sysfs, environ, ManualClock())
    for probe in found.probes:
        probe.close()
    return found


def covered(found: Discovery) -> list[str]:
    """The channels that a total sums, but for GPUs."""
    cover = choose_cover(found.channels, {channel.name for channel in found.channels})
    return [channel.name for channel in cover.channels if channel.component is not Component.GPU]


def periods_s(found: Discovery) -> dict[str, float]:
    return {p.name: p.period_s for p in found.probes if p.name.startswith("estimate")}


def beside_gpus(found: Discovery) -> list[str]:
    """The channels, but for GPUs that the machine under the test may have."""
    return [c.name for c in found.channels if c.component is not Component.GPU]


ESTIMATES = ["cpu-estimate", "ram-estimate"]


def test_what_is_measured_is_estimated_in_reserve_and_left_out(tmp_path: Path) -> None:
    SimulatedPowercap(tmp_path, [package(0, STEADY), dram(0, STEADY)])
    found = search(tmp_path)
    assert beside_gpus(found) == ["cpu0", "dram0", *ESTIMATES]
    assert covered(found) == ["cpu0", "dram0"]
    assert periods_s(found) == {"estimate-in-reserve": 0.5}


def test_only_what_no_sensor_covers_is_estimated_at_the_usual_rate(tmp_path: Path) -> None:
    SimulatedPowercap(tmp_path, [package(0, STEADY)])
    found = search(tmp_path)
    assert covered(found) == ["cpu0", "ram-estimate"]
    assert periods_s(found) == {"estimate": 0.1, "estimate-in-reserve": 0.5}


def test_wrong_setting_of_an_estimate_in_reserve_refuses_nothing(tmp_path: Path) -> None:
    SimulatedPowercap(tmp_path, [package(0, STEADY), dram(0, STEADY)])
    found = search(tmp_path, EFFMETER_CPU_TDP_W="much")
    assert beside_gpus(found) == ["cpu0", "dram0", "ram-estimate"]
    assert not any("TDP" in refusal.reason for refusal in found.refusals)


def test_the_whole_board_covers_no_component(tmp_path: Path) -> None:
    SimulatedPowercap(tmp_path, [psys(STEADY)])
    assert beside_gpus(search(tmp_path)) == ["psys", *ESTIMATES]


def test_a_machine_without_sensors_is_estimated_and_says_why(tmp_path: Path) -> None:
    found = search(tmp_path)
    assert beside_gpus(found) == ["cpu-estimate", "ram-estimate"]
    assert any("no RAPL zones" in refusal.reason for refusal in found.refusals)


def test_a_gpu_is_never_estimated(tmp_path: Path) -> None:
    found = search(tmp_path)
    estimated = [c for c in found.channels if c.provenance is Provenance.ESTIMATED]
    assert {channel.component for channel in estimated} == {Component.CPU, Component.RAM}


def test_sysfs_is_looked_for_where_the_environment_says(tmp_path: Path) -> None:
    SimulatedPowercap(tmp_path, [package(0, STEADY), dram(0, STEADY)])
    found = discover(environ={"EFFMETER_SYSFS": str(tmp_path)}, clock=ManualClock())
    assert beside_gpus(found) == ["cpu0", "dram0", *ESTIMATES]


class BrokenClock(ManualClock):
    """Its anchors cannot be taken, which the estimator needs."""

    def anchor(self) -> Anchor:
        raise OSError("no such clock")


def test_a_family_that_fails_unforeseen_becomes_a_refusal(tmp_path: Path) -> None:
    SimulatedPowercap(tmp_path, [package(0, STEADY)])
    found = discover(tmp_path, {}, BrokenClock())
    assert beside_gpus(found) == ["cpu0"]
    (refusal,) = (r for r in found.refusals if r.source == "psutil")
    assert refusal.component is Component.RAM
    assert "no such clock" in refusal.reason


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"package-0"])
def test_odd_names_of_zones_stop_nothing(tmp_path: Path, content: bytes) -> None:
    SimulatedPowercap(tmp_path, [SimulatedZone("intel-rapl:0", "package-0", "cpu0", STEADY)])
    (tmp_path / "class/powercap/intel-rapl:0/name").write_bytes(content)
    assert "ram-estimate" in beside_gpus(search(tmp_path))


def test_another_search_finds_what_has_come_and_keeps_what_was_there(tmp_path: Path) -> None:
    search_of_machine = Search(tmp_path, {}, ManualClock())
    first = search_of_machine.discovery
    assert search_of_machine.again() is None
    SimulatedPowercap(tmp_path, [package(0, STEADY)])
    found = search_of_machine.again()
    assert found is search_of_machine.discovery
    assert found is not None
    assert beside_gpus(found) == ["cpu0", "cpu-estimate", "ram-estimate"]
    assert {*map(id, first.probes)} < {*map(id, found.probes)}
    assert not any("no RAPL zones" in refusal.reason for refusal in found.refusals)
    assert search_of_machine.again() is None
    for probe in found.probes:
        probe.close()


def test_a_driver_that_is_loaded_later_is_found(bench: NvmlBench, tmp_path: Path) -> None:
    gpus = [SimulatedGpu(constant(300.0))]
    bench.show(gpus, init_code=DRIVER_NOT_LOADED)
    search_of_machine = Search(tmp_path, {}, bench.clock)
    assert search_of_machine.discovery.devices["nvidia"] == ()
    bench.show(gpus)
    found = search_of_machine.again()
    assert found is not None
    assert "gpu0" in found.names
    assert found.devices["nvidia"] == (ListedDevice((uuid(0),), gpus[0].name),)
    assert not any(refusal.source == "NVML" for refusal in found.refusals)
    for probe in found.probes:
        probe.close()
