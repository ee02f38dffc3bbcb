import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from effmeter.channel import Component, Kind
from effmeter.cover import choose_cover
from effmeter.probes.amd.discovery import find
from effmeter.probes.amd.hwmon import ASLEEP_SCOPE, ASLEEP_W
from effmeter.probes.base import Discovery, Failure
from tests.simulated.amd import SimulatedAmdGpu, install_command, save
from tests.simulated.clock import ManualClock
from tests.simulated.hwmon import SimulatedHwmon, SimulatedRail
from tests.simulated.pci import place_pci_device
from tests.simulated.waveforms import constant

FIRST, SECOND = "0000:03:00.0", "0000:83:00.0"
RADEON, MI250X = "0x73df", "0x7408"
NO_COMMANDS = {"PATH": "/nowhere"}


@pytest.fixture(autouse=True)
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "amdsmi", None)


def place(
    sysfs: Path,
    powers_w: Sequence[float],
    device: str = RADEON,
    file: str = "power1_average",
    **attributes: str,
) -> SimulatedHwmon:
    """A card for each power; a negative power stands for a card without the file."""
    places = (FIRST, SECOND)[: len(powers_w)]
    for address in places:
        place_pci_device(sysfs, address, device=device, driver="amdgpu")
    rails = [
        [SimulatedRail(file, constant(power_w), address, "label", attributes=attributes)]
        for power_w, address in zip(powers_w, places, strict=True)
    ]
    devices = [
        ("amdgpu", rail if power_w >= 0 else [])
        for rail, power_w in zip(rails, powers_w, strict=True)
    ]
    return SimulatedHwmon(sysfs, devices, addresses=places)


def search(sysfs: Path, environ: dict[str, str] | None = None) -> Discovery:
    return find(sysfs, environ or NO_COMMANDS, ManualClock())


def values(found: Discovery) -> dict[str, object]:
    return {r.channel: r.value for probe in found.probes for r in probe.read()}


@pytest.mark.parametrize(("file", "window_s"), [("power1_average", 1.0), ("power1_input", 0.1)])
def test_cards_without_a_tool_are_read_by_the_driver(
    tmp_path: Path, file: str, window_s: float
) -> None:
    place(tmp_path, [95.0, 120.0], file=file, cap_max="230000000")
    found = search(tmp_path)
    assert values(found) == {
        f"amd-gpu-{FIRST}-power": pytest.approx(95.0),
        f"amd-gpu-{SECOND}-power": pytest.approx(120.0),
    }
    channel = found.channels[0]
    assert (channel.component, channel.kind, channel.window_s) == (
        Component.GPU,
        Kind.GAUGE,
        window_s,
    )
    assert channel.max_power_w == pytest.approx(460.0)
    assert channel.device == f"AMD GPU {FIRST}"
    cover = choose_cover(found.channels, found.names, found.refusals)
    assert (cover.missing, cover.partial) == ((), ())
    (hint,) = found.refusals
    assert "effmeter[amd]" in hint.remedy


def test_a_card_that_a_tool_reads_is_not_read_twice(tmp_path: Path) -> None:
    place(tmp_path, [95.0, 120.0])
    gpu = SimulatedAmdGpu(constant(95.0), model="Radeon RX 6700 XT", address=FIRST, averages=True)
    save(tmp_path / "machine.json", [gpu], 0, 1_000_000_000)
    program = install_command(tmp_path / "bin", "rocm-smi 6", tmp_path / "machine.json")
    found = search(tmp_path, {"PATH": f"{program.parent}:/usr/bin:/bin"})
    assert found.names == {"amd-gpu0", "amd-gpu0-power", f"amd-gpu-{SECOND}-power"}


@pytest.mark.parametrize("is_open", [True, False])
def test_a_card_that_the_kernel_hides_from_the_cgroup_is_not_charged(
    tmp_path: Path, is_open: bool
) -> None:
    place(tmp_path, [95.0, 120.0])
    nodes = tmp_path / "class/kfd/kfd/topology/nodes"
    for number, bus in enumerate((0x03, 0x83)):
        (nodes / str(number)).mkdir(parents=True)
        shown = bus == 0x03 or is_open
        facts = f"simd_count 160\nlocation_id {bus << 8}\ndomain 0\n"
        (nodes / str(number) / "properties").write_text(facts if shown else "")
    found = search(tmp_path)
    assert len(found.channels) == (2 if is_open else 1)
    cover = choose_cover(found.channels, found.names, found.refusals)
    assert (cover.missing, cover.partial) == ((), ())


def test_a_card_that_neither_a_tool_nor_the_driver_reads_is_missing(tmp_path: Path) -> None:
    place(tmp_path, [95.0, -1.0])
    found = search(tmp_path)
    cover = choose_cover(found.channels, found.names, found.refusals)
    assert cover.names == (f"amd-gpu-{FIRST}-power",)
    assert cover.partial == (f"amd-gpu-{SECOND}",)


def test_the_second_die_shows_nothing_of_its_own(tmp_path: Path) -> None:
    place(tmp_path, [500.0, 0.0], device=MI250X)
    found = search(tmp_path)
    assert found.names == {f"amd-gpu-{FIRST}-power"}
    assert found.channels[0].scope.startswith("both dies of the package")
    cover = choose_cover(found.channels, found.names, found.refusals)
    assert cover.partial == ()


def test_graphics_inside_the_processor_are_not_read(tmp_path: Path) -> None:
    place_pci_device(tmp_path, FIRST, metrics_format=2)
    rail = SimulatedRail("power1_input", constant(15.0))
    SimulatedHwmon(tmp_path, [("amdgpu", [rail])], addresses=[FIRST])
    assert search(tmp_path).probes == ()


def test_a_sleeping_card_is_not_awakened(tmp_path: Path) -> None:
    tree = place(tmp_path, [95.0])
    power = tmp_path / "bus/pci/devices" / FIRST / "power"
    power.mkdir()
    (power / "runtime_status").write_text("suspended\n")
    tree.path(FIRST).write_text("reading this would wake the card")
    found = search(tmp_path)
    assert values(found) == {f"amd-gpu-{FIRST}-power": ASLEEP_W}
    assert ASLEEP_SCOPE in found.channels[0].scope
    assert found.channels[0].offset_error_w >= 1.0
    (power / "runtime_status").write_text("active\n")
    tree.advance_to(0)
    assert values(found) == {f"amd-gpu-{FIRST}-power": pytest.approx(95.0)}


@pytest.mark.parametrize("shown", ["", "N/A", "-5", "9" * 30])
def test_what_is_no_power_is_a_failure(tmp_path: Path, shown: str) -> None:
    tree = place(tmp_path, [95.0])
    found = search(tmp_path)
    tree.path(FIRST).write_text(shown)
    (value,) = values(found).values()
    assert isinstance(value, Failure)
