import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from effmeter.channel import Component
from effmeter.clock import now_ns
from effmeter.cover import choose_cover
from effmeter.probes.amd.discovery import find
from effmeter.probes.amd.pci import amd_gpus
from effmeter.probes.base import Discovery
from tests.simulated.amd import (
    SimulatedAmdGpu,
    install_command,
    install_library,
    place_on_bus,
    save,
)
from tests.simulated.clock import ManualClock
from tests.simulated.pci import ACCELERATOR, DISPLAY, NETWORK, place_pci_device
from tests.simulated.waveforms import constant

GPU = SimulatedAmdGpu(constant(300.0))
NO_COMMANDS = {"PATH": "/nonexistent"}
LOOK_TWICE = """
import json, time
from effmeter.probes.search import discover
from effmeter.probes.base import Discovery
from effmeter.channel import Component
found = discover()
looks = []
for _ in range(2):
    looks.append([r for p in found.probes for r in p.read() if r.channel.startswith("amd")])
    time.sleep(0.2)
print(json.dumps({
    "probes": [probe.name for probe in found.probes],
    "looks": looks,
    "amd_refusals": [r.reason for r in found.refusals if "AMD" in r.reason or "amd" in r.source],
}))
"""


def seen_by_a_program(sysfs: Path, **environ: str) -> dict[str, list[object]]:
    """What discover finds in a program of its own, and two looks at it."""
    answer = subprocess.run(
        [sys.executable, "-c", LOOK_TWICE],
        env={**os.environ, "EFFMETER_SYSFS": str(sysfs), **environ},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert answer.stderr == ""
    facts: dict[str, list[object]] = json.loads(answer.stdout)
    return facts


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A file that tells of one GPU in real time; it sits on the bus of ``tmp_path``."""
    path = tmp_path / "machine.json"
    save(path, [GPU], now_ns() - 10_000_000_000, None)
    place_on_bus(tmp_path, [GPU])
    return path


@pytest.mark.parametrize(
    ("vendor", "device_class", "listed"),
    [
        ("0x1002", DISPLAY, True),
        ("0x1002", ACCELERATOR, True),
        ("0x1002", NETWORK, False),
        ("0x10de", DISPLAY, False),
    ],
)
def test_the_bus_tells_which_gpus_there_are(
    tmp_path: Path, vendor: str, device_class: str, listed: bool
) -> None:
    place_pci_device(tmp_path, "0000:C1:00.0", vendor, device_class)
    found = [(gpu.address, gpu.is_integrated) for gpu in amd_gpus(tmp_path)]
    assert found == ([("0000:c1:00.0", False)] if listed else [])


@pytest.mark.parametrize(
    ("metrics_format", "integrated"), [(1, False), (2, True), (3, True), (None, False)]
)
def test_graphics_inside_a_processor_are_told_by_their_metrics(
    tmp_path: Path, metrics_format: int | None, integrated: bool
) -> None:
    place_pci_device(tmp_path, metrics_format=metrics_format)
    (gpu,) = amd_gpus(tmp_path)
    assert gpu.is_integrated is integrated


def test_a_machine_without_a_gpu_of_amd_hears_nothing_of_it(tmp_path: Path) -> None:
    assert find(tmp_path, NO_COMMANDS, ManualClock()) == Discovery()


def test_graphics_inside_the_processor_are_no_missing_gpu(tmp_path: Path) -> None:
    place_pci_device(tmp_path, metrics_format=3)
    (refusal,) = find(tmp_path, NO_COMMANDS, ManualClock()).refusals
    assert not refusal.present
    assert "part of the processor" in refusal.reason


def test_a_gpu_without_any_tool_is_missing_and_the_remedy_is_to_install_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "amdsmi", None)
    place_on_bus(tmp_path, [GPU])
    (refusal,) = find(tmp_path, NO_COMMANDS, ManualClock()).refusals
    assert refusal.present
    assert refusal.component is Component.GPU
    assert "0000:c1:00.0" in refusal.reason
    assert "effmeter[amd]" in refusal.remedy
    assert "rocm-smi" in refusal.remedy


def test_the_library_is_preferred_to_the_commands(tmp_path: Path, machine: Path) -> None:
    install_library(tmp_path / "packages", machine)
    install_command(tmp_path / "bin", "rocm-smi 6", machine)
    found = seen_by_a_program(
        tmp_path,
        PYTHONPATH=os.pathsep.join((str(tmp_path / "packages"), os.environ.get("PYTHONPATH", ""))),
        PATH=os.pathsep.join((str(tmp_path / "bin"), os.environ["PATH"])),
    )
    assert "amdsmi" in found["probes"]
    assert "rocm-smi" not in found["probes"]
    assert found["amd_refusals"] == []
    first, second = found["looks"]
    assert power_between(first, second) == pytest.approx(300.0, rel=0.01)


@pytest.mark.parametrize(
    "broken",
    [
        "print('libamd_smi.so: cannot open shared object file'); {}['libamd_smi.so']",
        "raise OSError('libamd_smi.so: cannot open shared object file')",
        "raise ImportError('no amdsmi here')",
    ],
)
def test_a_library_that_cannot_be_loaded_leaves_it_to_the_commands_and_prints_nothing(
    tmp_path: Path, machine: Path, broken: str
) -> None:
    package = tmp_path / "packages" / "amdsmi"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(broken)
    install_command(tmp_path / "bin", "rocm-smi 6", machine)
    found = seen_by_a_program(
        tmp_path,
        PYTHONPATH=os.pathsep.join((str(tmp_path / "packages"), os.environ.get("PYTHONPATH", ""))),
        PATH=os.pathsep.join((str(tmp_path / "bin"), os.environ["PATH"])),
    )
    assert "rocm-smi" in found["probes"]
    assert found["amd_refusals"] == []
    first, second = found["looks"]
    assert power_between(first, second) == pytest.approx(300.0, rel=0.5)


def power_between(first: object, second: object) -> float:
    """The mean power between two looks, by the counter, in the units of both stand-ins (W)."""
    assert isinstance(first, list)
    assert isinstance(second, list)
    (_, begin_ns, begin_end_ns, begin), (_, end_ns, end_end_ns, end) = first[0], second[0]
    elapsed_s = (end_ns + end_end_ns - begin_ns - begin_end_ns) / 2 * 1e-9
    return float((end - begin) * 2.0**-16 / elapsed_s)


def test_a_single_radeon_that_is_printed_as_a_second_die_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "amdsmi", None)
    place_pci_device(tmp_path, "0000:03:00.0", device_class="0x030000", device="0x73df")
    radeon = SimulatedAmdGpu(
        constant(95.0),
        "Radeon RX 6700 XT",
        "0000:03:00.0",
        odd_count="N/A",
        odd_power="N/A (Secondary die)",
    )
    save(tmp_path / "machine.json", [radeon], 0, 1_000_000_000)
    program = install_command(tmp_path / "bin", "rocm-smi 5", tmp_path / "machine.json")
    environ = {"PATH": os.pathsep.join((str(program.parent), os.defpath))}
    found = find(tmp_path, environ, ManualClock())
    cover = choose_cover(found.channels, (), found.refusals)
    assert cover.missing == (Component.GPU,)
    (refusal,) = found.refusals
    assert "no first die" in refusal.reason
    assert refusal.remedy.startswith("sudo dmesg")


def test_the_second_dies_of_another_vendor_s_boards_are_no_missing_gpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "amdsmi", None)
    name = "AMD INSTINCT MI200 (MCM) OAM LC MBA HPE C2"
    gpus = []
    for place in range(4):
        address = f"0000:c{place}:00.0"
        place_pci_device(tmp_path, address, device="0x7408")
        die = SimulatedAmdGpu(constant(300.0), name, address, averages=True)
        silent = replace(die, odd_count=0, odd_power="N/A (Secondary die)")
        gpus.append(silent if place % 2 else die)
    save(tmp_path / "machine.json", gpus, 0, 1_000_000_000)
    program = install_command(tmp_path / "bin", "rocm-smi 5", tmp_path / "machine.json")
    environ = {"PATH": os.pathsep.join((str(program.parent), os.defpath))}
    found = find(tmp_path, environ, ManualClock())
    cover = choose_cover(found.channels, found.names, found.refusals)
    assert cover.names == ("amd-gpu0", "amd-gpu2")
    assert (cover.missing, cover.partial) == ((), ())
    assert found.channels[0].scope == "both dies of the package"
