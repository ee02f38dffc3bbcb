import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from effmeter.channel import Component, Provenance
from effmeter.energy import trace
from effmeter.energy.counter import Counter, CounterLimits
from effmeter.probes.apple.ioreport import STILL_AFTER_S, IoreportProbe
from effmeter.probes.base import Failure
from tests.simulated.clock import ManualClock
from tests.simulated.ioreport import SimulatedMonitor, install
from tests.simulated.powermetrics import SimulatedPowermetrics
from tests.simulated.waveforms import Sine, Waveform, constant

CHIP: Mapping[str, Waveform] = {
    "cpu_total_mj": Sine(12.0, 6.0, 3.1),
    "gpu_mj": Sine(20.0, 9.0, 0.7),
    "dram_mj": constant(2.0),
    "ane_mj": constant(0.0),
    "gpu_sram_mj": constant(0.4),
}
WINDOWS_NS = ((10_200_000_000, 41_700_000_000), (20_000_000_000, 25_100_000_000))
SEARCH = """
import json, os
from effmeter.clock import SystemClock
from effmeter.probes.apple import discovery as apple
found = apple.find(os.environ, SystemClock())
readings = [reading for probe in found.probes for reading in probe.read()]
print(json.dumps({
    "channels": {c.name: [c.component, c.contained_in] for c in found.channels},
    "values": {r.channel: r.value for r in readings},
    "refusals": [[r.component, r.reason] for r in found.refusals],
}))
for probe in found.probes:
    probe.close()
"""


def test_the_energy_of_a_window_is_the_truth_within_its_interval_despite_batches() -> None:
    clock = ManualClock()
    monitor = SimulatedMonitor(CHIP, clock)
    probe = IoreportProbe(monitor, clock)
    times_ns: list[int] = []
    counts: dict[str, list[int]] = {channel.name: [] for channel in probe.channels}
    for _ in range(120):
        clock.advance(0.5)
        readings = probe.read()
        times_ns.append(clock.time_ns)
        for reading in readings:
            assert isinstance(reading.value, int)
            counts[reading.channel].append(reading.value)
    fields = dict(zip(counts, CHIP, strict=True))
    for channel in probe.channels:
        counter = Counter(CounterLimits.of(channel))
        joules = [
            counter.update(t, count)
            for t, count in zip(times_ns, counts[channel.name], strict=True)
        ]
        measured = trace(channel, np.array(times_ns), np.array(joules, float))
        for begin_ns, end_ns in WINDOWS_NS:
            energy = measured.energy(begin_ns, end_ns)
            assert energy is not None
            true_j = monitor.true_energy_j(fields[channel.name], begin_ns, end_ns)
            assert energy.low_j <= true_j <= energy.high_j


def test_fields_become_channels_and_those_that_are_none_do_not() -> None:
    fields = {"cpu_total_mj": constant(5.0), "gpu_mj": constant(5.0)}
    probe = IoreportProbe(SimulatedMonitor(fields, ManualClock()), ManualClock())
    assert [channel.name for channel in probe.channels] == ["cpu0", "gpu0"]
    assert {channel.provenance for channel in probe.channels} == {Provenance.DERIVED}
    cpu, gpu = probe.channels
    assert cpu.refresh_s > 2.0 > gpu.refresh_s


def test_what_another_probe_gives_already_is_contained_in_its_channel() -> None:
    clock = ManualClock()
    probe = IoreportProbe(SimulatedMonitor(CHIP, clock), clock, ["cpu0", "gpu0", "ane0"])
    assert {channel.name: channel.contained_in for channel in probe.channels} == {
        "cpu0-ioreport": "cpu0",
        "gpu0-ioreport": "gpu0",
        "dram0": None,
        "ane0-ioreport": "ane0",
        "gpu0-sram": "gpu0",
    }


def values(probe: IoreportProbe) -> dict[str, Any]:
    return {reading.channel: reading.value for reading in probe.read()}


def test_a_count_that_is_no_longer_published_is_a_failure_and_never_zero_energy() -> None:
    clock = ManualClock()
    monitor = SimulatedMonitor(CHIP, clock)
    probe = IoreportProbe(monitor, clock)
    clock.advance(60.0)
    assert isinstance(values(probe)["cpu0"], int)
    monitor.frozen_at_s = 60.0
    clock.advance(STILL_AFTER_S - 0.1)
    assert isinstance(values(probe)["cpu0"], int), "a batch may still be on its way"
    clock.advance(0.2)
    frozen = values(probe)
    assert isinstance(frozen["cpu0"], Failure)
    assert "stands still" in frozen["cpu0"].reason
    assert isinstance(frozen["dram0"], Failure)
    assert isinstance(frozen["ane0"], int), "a neural engine may well be idle"
    monitor.frozen_at_s = None
    assert isinstance(values(probe)["cpu0"], int)


def test_a_count_stands_still_while_the_machine_sleeps() -> None:
    clock = ManualClock()
    monitor = SimulatedMonitor(CHIP, clock)
    probe = IoreportProbe(monitor, clock)
    monitor.frozen_at_s = 0.0
    clock.sleep(3600.0)
    assert isinstance(values(probe)["cpu0"], int)


def test_a_field_that_goes_away_in_mid_run_is_a_failure() -> None:
    clock = ManualClock()
    monitor = SimulatedMonitor(CHIP, clock)
    probe = IoreportProbe(monitor, clock)
    del monitor.fields["gpu_mj"]
    assert isinstance(values(probe)["gpu0"], Failure)


def test_a_version_without_a_field_is_read_for_the_others() -> None:
    class Older:
        def get_cumulative_energy(self) -> SimpleNamespace:
            return SimpleNamespace(cpu_total_mj=7, gpu_mj=None)

    probe = IoreportProbe(Older(), ManualClock())
    assert [channel.name for channel in probe.channels] == ["cpu0"]


def found_by_a_program(environ: Mapping[str, str]) -> dict[str, Any]:
    answer = subprocess.run(
        [sys.executable, "-c", SEARCH],
        env={**os.environ, **environ},
        capture_output=True,
        check=True,
        timeout=60,
    )
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def test_a_program_reads_the_installed_package(tmp_path: Path) -> None:
    found = found_by_a_program(install(tmp_path, CHIP))
    assert list(found["channels"]) == ["cpu0", "gpu0", "dram0", "ane0", "gpu0-sram"]
    assert all(isinstance(value, int) for value in found["values"].values())
    assert found["refusals"] == []


def test_both_ways_together_count_nothing_twice(tmp_path: Path) -> None:
    rails = {"cpu": constant(5.0), "gpu": constant(5.0), "ane": constant(0.0)}
    machine = SimulatedPowermetrics(tmp_path, rails)
    found = found_by_a_program({**machine.environ, **install(tmp_path / "package", CHIP)})
    counting = [name for name, (_, outer) in found["channels"].items() if outer is None]
    assert counting == ["cpu0", "gpu0", "ane0", "dram0"]


def test_what_one_way_refuses_and_the_other_gives_is_no_refusal(tmp_path: Path) -> None:
    machine = SimulatedPowermetrics(tmp_path, {}, [["exit 1"]])
    environ = {**machine.environ, **install(tmp_path / "package", CHIP)}
    assert found_by_a_program(environ)["refusals"] == []


def test_a_package_that_finds_no_figures_is_refused(tmp_path: Path) -> None:
    found = found_by_a_program(install(tmp_path, {}))
    assert found["channels"] == {}
    assert [component for component, _ in found["refusals"]] == [Component.CPU, Component.GPU]
    assert "subscription" in found["refusals"][0][1]


@pytest.mark.parametrize("field", ["cpu_total_mj", "gpu_mj"])
def test_a_chip_that_lacks_a_figure_says_which(tmp_path: Path, field: str) -> None:
    found = found_by_a_program(install(tmp_path, {field: constant(3.0)}))
    assert len(found["refusals"]) == 1
