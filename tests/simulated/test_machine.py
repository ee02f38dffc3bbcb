import json
import os
import subprocess
import sys
from pathlib import Path

from effmeter.clock import now_ns
from effmeter.probes.base import Failure, Reading
from effmeter.probes.rapl.powercap import PowercapProbe
from tests.simulated.machine import SimulatedMachine
from tests.simulated.nvml import SimulatedGpu
from tests.simulated.powercap import USUAL_RANGE_UJ, package
from tests.simulated.waveforms import Sine, constant

LIST_CHANNELS = """
import json
from effmeter.probes.search import discover
print(json.dumps([channel.name for channel in discover().channels]))
"""


def channels_seen_by_a_program(machine: SimulatedMachine) -> list[str]:
    command = [sys.executable, "-c", LIST_CHANNELS]
    answer = subprocess.run(command, env=machine.environ, capture_output=True, check=True)
    names: list[str] = json.loads(answer.stdout)
    return names


def test_a_program_sees_the_zones_and_gpus_of_the_simulated_machine(tmp_path: Path) -> None:
    with SimulatedMachine(tmp_path, gpus=[SimulatedGpu(constant(300.0))] * 2) as machine:
        gpus = ["gpu0", "gpu0-power", "gpu1", "gpu1-power"]
        in_reserve = ["cpu-estimate", "ram-estimate"]
        assert channels_seen_by_a_program(machine) == ["cpu0", "dram0", "cpu1", *gpus, *in_reserve]


def test_a_machine_without_gpus_hides_the_real_ones(tmp_path: Path) -> None:
    with SimulatedMachine(tmp_path, zones=[]) as machine:
        assert channels_seen_by_a_program(machine) == ["cpu-estimate", "ram-estimate"]


def only_reading(probe: PowercapProbe) -> Reading:
    (reading,) = probe.read()
    return reading


def test_the_driver_keeps_the_counters_at_the_truth_in_real_time(tmp_path: Path) -> None:
    zone = package(0, Sine(60.0, 30.0, 0.2), range_uj=USUAL_RANGE_UJ)
    with SimulatedMachine(tmp_path, [zone]) as machine:
        probe = PowercapProbe(machine.sysfs)
        machine.driver.lateness_s()
        readings = []
        until_ns = now_ns() + 200_000_000
        while now_ns() < until_ns:
            readings.append(only_reading(probe))
        late_ns = round(machine.driver.lateness_s() * 1e9) + 2_000_000
        probe.close()
        origin_ns = machine.origin_ns
        assert len({reading.value for reading in readings}) > 2
        for reading in readings:
            assert isinstance(reading.value, int)
            shown_j = reading.value * 1e-6
            most_j = machine.true_energy_j("cpu0", origin_ns, reading.end_ns)
            least_j = machine.true_energy_j("cpu0", origin_ns, reading.begin_ns - late_ns)
            assert least_j - 1e-5 <= shown_j <= most_j + 1e-5


def test_the_driver_fails_restores_and_adds_zones_on_command(tmp_path: Path) -> None:
    with SimulatedMachine(tmp_path, [package(0, constant(50.0))]) as machine:
        probe = PowercapProbe(machine.sysfs)
        machine.driver.fail("cpu0")
        assert isinstance(only_reading(probe).value, Failure)
        machine.driver.restore("cpu0")
        assert isinstance(only_reading(probe).value, int)
        machine.add_zone(package(1, constant(70.0)))
        probe.close()
        probe = PowercapProbe(machine.sysfs)
        assert [channel.name for channel in probe.channels] == ["cpu0", "cpu1"]
        probe.close()


def test_the_driver_ends_with_the_machine(tmp_path: Path) -> None:
    with SimulatedMachine(tmp_path, [package(0, constant(50.0))]) as machine:
        pid = machine.driver.pid
        os.kill(pid, 0)
    assert not Path(f"/proc/{pid}").exists()
