"""A program that is told which GPUs to use is charged for those alone; all are recorded."""

import json
from pathlib import Path

import pytest

from effmeter.analysis.run_analysis import analyse
from effmeter.recorded.run import RecordedRun
from tests.recording import only_run, run_program
from tests.simulated.machine import SimulatedMachine
from tests.simulated.nvml import SimulatedGpu, uuid
from tests.simulated.waveforms import constant

PROGRAM = """
    import effmeter, json, time
    with effmeter.track("train") as run:
        time.sleep(0.4)
        live = run.energy()
    print(json.dumps(live.cover))
"""


def recorded(folder: Path, **environ: str) -> tuple[list[str], RecordedRun]:
    """The cover of the live total, and the run, of a program on a machine with two GPUs."""
    gpus = [SimulatedGpu(constant(300.0)), SimulatedGpu(constant(200.0))]
    with SimulatedMachine(folder, gpus=gpus) as machine:
        runs = {"EFFMETER_RUNS": str(folder / "runs")}
        program = run_program(PROGRAM, {**machine.environ, **runs, **environ})
    assert program.returncode == 0, program.stderr
    return json.loads(program.stdout), only_run(folder / "runs")


@pytest.mark.parametrize("listed", ["1", uuid(1), "GPU-00000000-0000-4000-8000-000000000001"])
def test_the_total_counts_the_gpu_that_the_program_can_see(tmp_path: Path, listed: str) -> None:
    cover, run = recorded(tmp_path, CUDA_VISIBLE_DEVICES=listed)
    assert cover == ["gpu1", "cpu0", "cpu1", "dram0"]
    assert run.breakdown().cover.names == ("gpu1", "cpu0", "cpu1", "dram0")
    energies = {seen.channel.name: seen.energy for seen in run.breakdown().channels}
    assert energies["gpu0"] is not None, "it is recorded all the same"
    warnings = analyse(run).warnings
    assert any("gpu0, gpu0-power: hidden from the program" in text for text in warnings)
    assert run.sources[0].program["visible_gpus"] == [uuid(1)]


def test_a_program_that_sees_no_gpu_is_charged_for_none(tmp_path: Path) -> None:
    cover, run = recorded(tmp_path, CUDA_VISIBLE_DEVICES="")
    assert cover == ["cpu0", "cpu1", "dram0"]
    assert run.breakdown().missing == ()


def test_a_program_that_is_not_restricted_is_charged_for_all(tmp_path: Path) -> None:
    cover, run = recorded(tmp_path)
    assert cover[:2] == ["gpu0", "gpu1"]
    assert "visible_gpus" not in run.sources[0].program
    assert not any("hidden from" in text for text in analyse(run).warnings)
