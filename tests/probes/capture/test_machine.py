"""A capture, replayed, gives the channels and the powers of the machine that it was taken on."""

import importlib.machinery
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from effmeter.channel import Component, Provenance
from effmeter.clock import SystemClock
from effmeter.probes.base import Discovery
from effmeter.probes.capture.machine import FORMAT, capture_machine, text_of
from effmeter.probes.nvidia.probe import NvmlProbe
from effmeter.probes.search import discover
from tests.probes.nvidia.nvml_bench import NvmlBench
from tests.probes.rapl.rapl_bench import LONG_AGO_UJ, RaplBench, dies, write_modalias
from tests.simulated.amd.gpu import SimulatedAmdGpu
from tests.simulated.amd.library import SimulatedAmdSmi
from tests.simulated.clock import ManualClock
from tests.simulated.cray import SimulatedCray
from tests.simulated.hwmon import SimulatedHwmon, SimulatedRail, grace_devices
from tests.simulated.ioreport import SimulatedMonitor
from tests.simulated.jetson import AGX_ORIN, NANO, place_jetson, place_older_jetson
from tests.simulated.nvml import AVERAGE, INSTANT, SimulatedGpu, SimulatedSamples
from tests.simulated.pci import place_pci_device
from tests.simulated.power_pmu import build_power_pmu
from tests.simulated.powercap import package
from tests.simulated.powermetrics import sample_text
from tests.simulated.replay import ReplayedMachine, cover_of, total_w
from tests.simulated.waveforms import Waveform, constant, square

GPU_UUID = "GPU-1a2b3c4d-0000-4000-8000-00000000000f"


def captured(
    sysfs: Path, clock: ManualClock, pause: Callable[[float], None], **environ: str
) -> dict[str, Any]:
    """Four seconds of a machine, as they come back from a file."""
    environ = {"EFFMETER_SYSFS": str(sysfs), "PATH": "", **environ}
    capture = capture_machine(environ, 4.0, clock, pause)
    read: dict[str, Any] = json.loads(text_of(capture))
    return read


def measured(found: Discovery, *components: Component) -> list[str]:
    return [
        channel.name
        for channel in found.channels
        if channel.component in components and channel.provenance is not Provenance.ESTIMATED
    ]


def test_counters_that_are_one_are_one_in_the_replay(tmp_path: Path) -> None:
    zones = dies(0, 0, 200.0, LONG_AGO_UJ, 4) + dies(1, 4, 180.0, LONG_AGO_UJ + 4_000_000, 4)
    bench = RaplBench(tmp_path / "sys", zones)
    write_modalias(tmp_path / "sys", "0002")
    capture = captured(tmp_path / "sys", bench.clock, bench.pause)
    replay = ReplayedMachine(capture, tmp_path / "replay")
    with replay.libraries():
        found = replay.discover()
        powers_w = replay.powers_w(found)
    assert measured(found, Component.CPU) == ["cpu0", "cpu1"]
    assert powers_w["cpu0"] + powers_w["cpu1"] == pytest.approx(380.0, rel=0.01)


def test_a_hidden_zone_is_hidden_in_the_replay(tmp_path: Path) -> None:
    bench = RaplBench(tmp_path / "sys", [package(0, constant(70.0), start_uj=10**9)])
    (tmp_path / "sys/class/powercap/intel-rapl:1").symlink_to("../../devices/virtual/nowhere")
    capture = captured(tmp_path / "sys", bench.clock, bench.pause)
    replay = ReplayedMachine(capture, tmp_path / "replay")
    with replay.libraries():
        found = replay.discover()
        powers_w = replay.powers_w(found)
    assert powers_w["cpu0"] == pytest.approx(70.0, rel=0.03)
    assert cover_of(found, powers_w).partial == ("cpu1",)


def grace(sysfs: Path) -> None:
    waveforms = [constant(power_w) for power_w in (700.0, 250.0, 180.0, 40.0)]
    SimulatedHwmon(sysfs, grace_devices(0, *waveforms))


def jetson(sysfs: Path) -> None:
    place_jetson(sysfs, AGX_ORIN)


def older_jetson(sysfs: Path) -> None:
    place_older_jetson(sysfs, NANO)


def intel_card(sysfs: Path) -> None:
    address = "0000:83:00.0"
    place_pci_device(sysfs, address, "0x8086", metrics_format=None, device="0x56a0", driver="xe")
    rails = [SimulatedRail("energy1_input", constant(120.0), "card", "label")]
    SimulatedHwmon(sysfs, [("xe", rails)], addresses=[address])


def amd_card(sysfs: Path) -> None:
    address = "0000:83:00.0"
    place_pci_device(sysfs, address, device="0x744c", driver="amdgpu")
    rails = [SimulatedRail("power1_average", constant(95.0), "PPT", "label")]
    SimulatedHwmon(sysfs, [("amdgpu", rails)], addresses=[address])


def cray_node(sysfs: Path) -> None:
    SimulatedCray(sysfs, {"": 700.0, "cpu_": 200.0, "memory_": 40.0, "accel0_": 300.0})


def perf_events(sysfs: Path) -> None:
    build_power_pmu(sysfs, {"energy-pkg": 2}, [(0, 0), (1, 0)])
    write_modalias(sysfs, "0000")


@pytest.mark.parametrize(
    "place", [grace, jetson, older_jetson, intel_card, amd_card, cray_node, perf_events]
)
def test_a_replay_finds_what_was_found(tmp_path: Path, place: Callable[[Path], None]) -> None:
    """The places that are captured are those at which the probes look."""
    sysfs, clock = tmp_path / "sys", ManualClock(50_000_000_000)
    sysfs.mkdir()
    place(sysfs)
    environ = {"EFFMETER_SYSFS": str(sysfs), "PATH": ""}

    def pause(seconds: float) -> None:
        clock.advance(seconds)

    replay = ReplayedMachine(captured(sysfs, clock, pause), tmp_path / "replay")
    found = discover(environ=environ, clock=clock, pause=pause)
    with replay.libraries():
        again = replay.discover()
    assert plain(again, tmp_path / "replay/sys") == plain(found, sysfs)
    for probe in (*found.probes, *again.probes):
        probe.close()


def plain(found: Discovery, sysfs: Path) -> list[str]:
    """Channels and refusals, wherever the tree is; buses are renumbered."""
    texts = [channel.to_json() for channel in found.channels]
    texts += [f"{r.component} {r.source} {r.reason} {r.leaves_unread}" for r in found.refusals]
    alike = ((str(sysfs), ""), (r"0000:\w\w:00", "0000:NN:00"), (r"\([^()]*amdsmi[^()]*\)", ""))
    for pattern, instead in alike:
        texts = [re.sub(pattern, instead, text) for text in texts]
    return texts


def test_a_counter_that_stands_still_has_no_power_in_the_replay(tmp_path: Path) -> None:
    zones = [package(0, constant(0.0), start_uj=10**9), package(1, constant(70.0))]
    bench = RaplBench(tmp_path / "sys", zones)
    capture = captured(tmp_path / "sys", bench.clock, bench.pause)
    replay = ReplayedMachine(capture, tmp_path / "replay")
    with replay.libraries():
        powers_w = replay.powers_w(replay.discover())
    assert "cpu0" not in powers_w
    assert powers_w["cpu1"] == pytest.approx(70.0, rel=0.03)


def restored(name: str, module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library stands for the real one during a test."""
    monkeypatch.setitem(sys.modules, name, module)


@pytest.fixture
def nvml_bench(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NvmlBench:
    monkeypatch.setenv("EFFMETER_FAKE_NVML", str(tmp_path / "nvml.txt"))
    return NvmlBench(tmp_path / "nvml.txt")


@pytest.mark.parametrize("sampled", [False, True])
def test_gpus_of_nvidia_are_replayed_call_by_call(
    nvml_bench: NvmlBench, tmp_path: Path, sampled: bool
) -> None:
    samples = SimulatedSamples() if sampled else None
    waveform: Waveform = square(250.0, 450.0, 0.4)
    gpus = [
        SimulatedGpu(waveform, uuid=GPU_UUID, fields=[INSTANT, AVERAGE], samples=samples),
        SimulatedGpu(constant(80.0), fields=[INSTANT]),
    ]
    nvml_bench.clock.advance(100.0)
    nvml_bench.show(gpus)
    (tmp_path / "sys").mkdir()

    def pause(seconds: float) -> None:
        nvml_bench.clock.advance(seconds)
        nvml_bench.show(gpus)

    capture = captured(tmp_path / "sys", nvml_bench.clock, pause, CUDA_VISIBLE_DEVICES=GPU_UUID)
    assert GPU_UUID.lower() not in text_of(capture).lower()
    assert capture["variables"]["CUDA_VISIBLE_DEVICES"].startswith("GPU-00000000-")
    replay = ReplayedMachine(capture, tmp_path / "replay")
    with replay.libraries():
        found = replay.discover()
        powers_w = replay.powers_w(found)
        (probe,) = (probe for probe in found.probes if isinstance(probe, NvmlProbe))
        assert set(probe.conditions()) == {"gpu0", "gpu1"}
    expected = ["gpu0", *(["gpu0-power-samples"] if sampled else [])]
    expected += ["gpu0-power-average", "gpu0-power-instant", "gpu1", "gpu1-power-instant"]
    assert measured(found, Component.GPU) == expected
    assert powers_w["gpu0"] == pytest.approx(350.0, rel=0.05)
    assert powers_w["gpu1"] == pytest.approx(80.0, rel=0.05)


def test_what_nvml_refuses_is_refused_in_the_replay(nvml_bench: NvmlBench, tmp_path: Path) -> None:
    nvml_bench.show([], init_code=9)
    (tmp_path / "sys/bus/pci/devices/0000:3b:00.0").mkdir(parents=True)
    for name, text in (("vendor", "0x10de"), ("class", "0x030200"), ("device", "0x2330")):
        (tmp_path / "sys/bus/pci/devices/0000:3b:00.0" / name).write_text(f"{text}\n")

    def pause(seconds: float) -> None:
        nvml_bench.clock.advance(seconds)

    replay = ReplayedMachine(
        captured(tmp_path / "sys", nvml_bench.clock, pause), tmp_path / "replay"
    )
    with replay.libraries():
        refusals = replay.discover().refusals
    assert "sudo modprobe nvidia" in [refusal.remedy for refusal in refusals]


def test_gpus_of_amd_are_replayed_call_by_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock(50_000_000_000)
    gpus = [
        SimulatedAmdGpu(constant(600.0), address="0000:c1:00.0"),
        SimulatedAmdGpu(constant(150.0), address="0000:c6:00.0", limit_w=None),
    ]
    restored("amdsmi", SimulatedAmdSmi(gpus, clock.now_ns), monkeypatch)
    for gpu in gpus:
        folder = tmp_path / "sys/bus/pci/devices" / gpu.address
        folder.mkdir(parents=True)
        for name, text in (("vendor", "0x1002"), ("class", "0x120000"), ("device", "0x74a1")):
            (folder / name).write_text(f"{text}\n")

    def pause(seconds: float) -> None:
        clock.advance(seconds)

    capture = captured(tmp_path / "sys", clock, pause)
    assert "c6:00" not in text_of(capture).lower()
    monkeypatch.delitem(sys.modules, "amdsmi")
    replay = ReplayedMachine(capture, tmp_path / "replay")
    with replay.libraries():
        found = replay.discover()
        powers_w = replay.powers_w(found)
    names = ["amd-gpu0", "amd-gpu0-power", "amd-gpu1", "amd-gpu1-power"]
    assert measured(found, Component.GPU) == names
    assert total_w(found, {n: p for n, p in powers_w.items() if n in names}) == pytest.approx(
        750.0, rel=0.02
    )


class AppleLibrary:
    """Stands for ``zeus_apple_silicon``."""

    def __init__(self, clock: ManualClock) -> None:
        self.__spec__ = importlib.machinery.ModuleSpec("zeus_apple_silicon", None)
        fields = {"cpu_total_mj": constant(12.0), "gpu_mj": constant(20.0)}

        class AppleEnergyMonitor(SimulatedMonitor):
            def __init__(self) -> None:
                super().__init__(fields, clock, batch_s=0.5)

        self.AppleEnergyMonitor = AppleEnergyMonitor


def test_an_apple_chip_is_replayed_call_by_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock(50_000_000_000)
    restored("zeus_apple_silicon", AppleLibrary(clock), monkeypatch)
    (tmp_path / "sys").mkdir()

    def pause(seconds: float) -> None:
        clock.advance(seconds)

    capture = captured(tmp_path / "sys", clock, pause)
    monkeypatch.delitem(sys.modules, "zeus_apple_silicon")
    replay = ReplayedMachine(capture, tmp_path / "replay")
    with replay.libraries():
        found = replay.discover()
        powers_w = replay.powers_w(found)
    assert measured(found, Component.CPU, Component.GPU) == ["cpu0", "gpu0"]
    assert powers_w["gpu0"] == pytest.approx(20.0, rel=0.2), "read twice a second"
    assert powers_w["cpu0"] == pytest.approx(12.0, rel=0.3), "published twice a second"


def test_what_a_vendors_command_prints_is_replayed(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "rocm-smi"
    program.parent.mkdir()
    gpu = '{"card0": {"Current Socket Graphics Package Power (W)": "300.0"}}'
    program.write_text(f"#!/bin/sh\necho '{gpu}'\n")
    program.chmod(0o755)
    clock = SystemClock()
    folder = tmp_path / "sys/bus/pci/devices/0000:c1:00.0"
    folder.mkdir(parents=True)
    for name, text in (("vendor", "0x1002"), ("class", "0x030000"), ("device", "0x73df")):
        (folder / name).write_text(f"{text}\n")
    environ = {"EFFMETER_SYSFS": str(tmp_path / "sys"), "PATH": f"{program.parent}:/bin:/usr/bin"}
    capture = capture_machine(environ, 0.1, clock)
    commands = [output["command"][0] for output in capture["programs"]]
    assert commands[:2] == ["rocm-smi", "rocm-smi"]
    replay = ReplayedMachine(json.loads(text_of(capture)), tmp_path / "replay")
    with replay.libraries():
        found = replay.discover()
        (probe,) = (probe for probe in found.probes if probe.name == "rocm-smi")
        readings = {reading.channel: reading.value for reading in probe.read()}
    assert readings["amd-gpu0-power"] == 300.0


def test_what_powermetrics_prints_is_replayed(tmp_path: Path) -> None:
    printed = tmp_path / "printed"
    printed.write_bytes(sample_text({"cpu": 900.0, "gpu": 300.0, "ane": 0.0}, 200_000_000) * 6)
    program = tmp_path / "powermetrics"
    program.write_text(f"#!/bin/sh\nexec cat {printed}\n")
    program.chmod(0o755)
    (tmp_path / "sys").mkdir()
    environ = {"EFFMETER_SYSFS": str(tmp_path / "sys"), "EFFMETER_POWERMETRICS": str(program)}
    capture = capture_machine({**environ, "PATH": "/bin:/usr/bin"}, 0.1, SystemClock())
    replay = ReplayedMachine(json.loads(text_of(capture)), tmp_path / "replay")
    with replay.libraries():
        found = replay.discover()
    for probe in found.probes:
        probe.close()
    assert measured(found, Component.CPU, Component.GPU) == ["cpu0", "gpu0"]


def test_a_capture_says_what_it_is_and_what_was_made_of_it(tmp_path: Path) -> None:
    bench = RaplBench(tmp_path / "sys", [package(0, constant(70.0), start_uj=10**9)])
    capture = captured(tmp_path / "sys", bench.clock, bench.pause)
    assert capture["format"] == FORMAT
    assert (capture["about"], capture["right"]) == ("", {})
    assert capture["effmeter"]["channels"][0]["name"] == "cpu0"
    assert len(capture["effmeter"]["readings"]["cpu0"]) > 50
    assert any("NVML" in refusal for refusal in capture["effmeter"]["refusals"])
