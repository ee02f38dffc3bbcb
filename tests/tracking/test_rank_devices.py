"""Ranks that see one GPU each, all under the number 0, are charged for all of them."""

import contextlib
from pathlib import Path

import pytest

from effmeter.errors import RunFileError
from tests.recording import eventually, only_run, start_program
from tests.simulated.machine import SimulatedMachine
from tests.simulated.nvml import SimulatedGpu, configure_fake_nvml, uuid
from tests.simulated.waveforms import constant

RANK = """
    import sys
    import effmeter
    with effmeter.track("ddp") as run:
        print("trains", flush=True)
        sys.stdin.readline()
"""
POWERS_W = (300.0, 200.0)


@pytest.mark.slow
def test_a_private_recorder_takes_in_the_gpu_that_only_another_rank_sees(tmp_path: Path) -> None:
    first = SimulatedGpu(constant(POWERS_W[0]))
    with SimulatedMachine(tmp_path / "machine", gpus=[first]) as machine:
        launch = {"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_NTASKS": "2"}
        launch |= {"EFFMETER_RUNS": str(tmp_path / "runs"), "CUDA_VISIBLE_DEVICES": "0"}
        ranks = []
        for number, power_w in enumerate(POWERS_W):
            shown = tmp_path / f"rank-{number}.txt"
            gpu = SimulatedGpu(constant(power_w), uuid=uuid(number))
            configure_fake_nvml(shown, [gpu], origin_ns=machine.origin_ns)
            own = {"EFFMETER_FAKE_NVML": str(shown), "SLURM_PROCID": str(number)}
            environ = {**machine.environ, **launch, **own, "SLURM_LOCALID": str(number)}
            ranks.append(start_program(RANK, environ))
        for rank in ranks:
            assert rank.stdout is not None
            assert rank.stdout.readline() == "trains\n"
        eventually(lambda: "gpu1" in channels_in(tmp_path / "runs"), "the second GPU is read")
        for rank in ranks:
            _, said = rank.communicate("go\n")
            assert (rank.returncode, said) == (0, "")
    run = only_run(tmp_path / "runs")
    assert {"gpu0", "gpu1"} < {*run.breakdown().cover.names}
    assert run.breakdown().missing == ()
    for channel in run.channels.values():
        if channel.name in ("gpu0", "gpu1"):
            power_w = POWERS_W[uuid(1) in channel.device]
            energy = run.channel_energy(channel.name, run.begin_ns, run.end_ns)
            assert energy is not None
            assert energy.low_j <= power_w * run.duration_s <= energy.high_j


def channels_in(folder: Path) -> list[str]:
    """The channels of the run so far."""
    with contextlib.suppress(AssertionError, RunFileError):  # nothing is written yet
        return [*only_run(folder).channels]
    return []
