"""A daemon whose driver comes late, and a program that numbers its GPUs otherwise."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from effmeter.analysis.run_analysis import analyse
from tests.recording import eventually, is_listened_at, only_run, run_program
from tests.simulated.machine import SimulatedMachine
from tests.simulated.nvml import (
    DRIVER_NOT_LOADED,
    SimulatedConditions,
    SimulatedGpu,
    configure_fake_nvml,
    uuid,
)
from tests.simulated.waveforms import constant

PROGRAM = """
    import effmeter, time
    with effmeter.track("train", recorder="shared") as run:
        time.sleep(1.5)
"""
"""Longer than the list of its devices takes, on a machine that is busy with other tests."""
COOL = SimulatedConditions(limit_w=450.0)
GPUS = [SimulatedGpu(constant(power_w), conditions=COOL) for power_w in (300.0, 100.0)]


def start_daemon(environ: Mapping[str, str], place: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "effmeter", "daemon", "run", "--socket", str(place)]
    daemon = subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL)
    eventually(lambda: is_listened_at(place), "the daemon listens")
    return daemon


def test_a_late_driver_is_found_and_a_confined_program_is_charged_for_its_own_gpu(
    tmp_path: Path,
) -> None:
    with SimulatedMachine(tmp_path, gpus=GPUS) as machine:
        place = Path(machine.environ["XDG_RUNTIME_DIR"]) / "shared.sock"
        shown = Path(machine.environ["EFFMETER_FAKE_NVML"])
        configure_fake_nvml(shown, GPUS, init_code=DRIVER_NOT_LOADED)
        daemon = start_daemon(machine.environ, place)
        machine.set_gpus(GPUS)
        own = tmp_path / "own.txt"
        seen = SimulatedGpu(constant(100.0), uuid=uuid(1))
        configure_fake_nvml(own, [seen], origin_ns=machine.origin_ns)
        environ = {
            **machine.environ,
            "EFFMETER_SOCKET": str(place),
            "EFFMETER_FAKE_NVML": str(own),
            "EFFMETER_RUNS": str(tmp_path / "runs"),
            "CUDA_VISIBLE_DEVICES": "0",
        }
        program = run_program(PROGRAM, environ)
        daemon.terminate()
        daemon.wait(20)
    assert program.returncode == 0, program.stderr
    run = only_run(tmp_path / "runs")
    assert run.breakdown().cover.names == ("gpu1", "cpu0", "cpu1", "dram0")
    assert run.sources[0].program["visible_gpus"] == [uuid(1)]
    assert any("gpu0, gpu0-power: hidden from the program" in w for w in analyse(run).warnings)
    (gpu,) = (c.energy for c in run.breakdown().channels if c.channel.name == "gpu1")
    assert gpu is not None
    limits = {c.device: c.at_start for c in run.conditions if c.condition == "power_limit_w"}
    assert limits == {"gpu0": 450.0, "gpu1": 450.0}
    true_j = 100.0 * run.duration_s
    assert gpu.low_j - gpu.systematic_j <= true_j <= gpu.high_j + gpu.systematic_j
