"""Clocks, temperature, limit and throttling of the simulated GPUs."""

from dataclasses import replace
from pathlib import Path

import pytest

from effmeter.channel import Condition
from effmeter.probes.base import Conditions
from effmeter.probes.nvidia.probe import NvmlProbe
from tests.probes.nvidia.nvml_bench import NvmlBench
from tests.simulated.nvml import SimulatedConditions, SimulatedGpu
from tests.simulated.waveforms import constant

GPU = SimulatedGpu(constant(300.0), conditions=SimulatedConditions())


def shown(bench: NvmlBench, *gpus: SimulatedGpu) -> dict[str, Conditions]:
    probe = bench.probe(gpus)
    conditions = probe.conditions()
    probe.close()
    return conditions


@pytest.mark.parametrize("older_driver", [False, True])
def test_a_gpu_shows_its_conditions_by_either_call(bench: NvmlBench, older_driver: bool) -> None:
    own = SimulatedConditions(reasons=0x04 | 0x01, older_driver=older_driver)
    conditions = shown(bench, replace(GPU, conditions=own))["gpu0"]
    assert conditions.values == {
        Condition.CLOCK: 1.98e9,
        Condition.MEMORY_CLOCK: 2.619e9,
        Condition.TEMPERATURE: 55.0,
        Condition.POWER_LIMIT: 700.0,
    }
    active = {reason for reason, share in conditions.throttled.items() if share}
    assert active == {"power limit"}, "an idle GPU is not held down"
    assert len(conditions.throttled) == 6


def test_what_does_not_answer_is_left_out(bench: NvmlBench) -> None:
    assert shown(bench, replace(GPU, conditions=None)) == {"gpu0": Conditions({}, {})}


def test_a_sleeping_gpu_is_not_looked_at(bench: NvmlBench, tmp_path: Path) -> None:
    gpus = [replace(GPU, bus_id="00000000:17:00.0"), replace(GPU, bus_id="00000000:65:00.0")]
    folder = tmp_path / "bus/pci/devices/0000:17:00.0/power"
    folder.mkdir(parents=True)
    (folder / "runtime_status").write_text("suspended\n")
    bench.show(gpus)
    probe = NvmlProbe(bench.clock, tmp_path)
    assert [*probe.conditions()] == ["gpu1"]
    probe.close()
