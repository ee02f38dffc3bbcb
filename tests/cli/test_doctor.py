import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from effmeter.cli import effmeter as command_line
from effmeter.probes.base import Discovery
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.server import Server
from tests.schemas import assert_fits
from tests.simulated.machine import SimulatedMachine
from tests.simulated.nvml import GPU_IS_LOST, Fault, SimulatedGpu, uuid
from tests.simulated.powercap import package
from tests.simulated.waveforms import constant
from tests.snapshot import assert_matches

pytestmark = pytest.mark.untimed

PROGRAM = "from effmeter.cli.doctor import command; command(prog_name='doctor')"


def run_doctor(machine: SimulatedMachine, *options: str, **more: str) -> str:
    command = [sys.executable, "-c", PROGRAM, *options]
    # The kernels have a test of their own: here they would be loaded for nothing, again and again.
    environ = {**machine.environ, "EFFMETER_KERNELS": "torch", **more}
    answer = subprocess.run(
        command, env=environ, capture_output=True, text=True, check=True, timeout=60
    )
    assert answer.stderr == ""
    return answer.stdout


def facts(machine: SimulatedMachine) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(run_doctor(machine, "--json"))
    assert_fits(answer, "doctor")
    return answer


def test_every_channel_is_listed_in_columns_when_piped(tmp_path: Path) -> None:
    with SimulatedMachine(tmp_path) as machine:
        printed = run_doctor(machine)
    header, *rows = printed.partition("\n\n")[0].splitlines()
    assert header.split()[:3] == ["channel", "component", "kind"]
    measured = ["cpu0", "dram0", "cpu1"]
    assert [row.split()[0] for row in rows] == [*measured, "cpu-estimate", "ram-estimate"]
    column = header.index("provenance")
    assert {row[column:].split()[0] for row in rows[:3]} == {"measured"}
    assert "A total sums: cpu0, cpu1, dram0" in printed
    assert "\x1b" not in printed


def test_text_is_that_of_the_snapshot(tmp_path: Path) -> None:
    gpus = [SimulatedGpu(constant(300.0), lost=Fault(GPU_IS_LOST))]
    with SimulatedMachine(tmp_path, gpus=gpus) as machine:
        printed = run_doctor(machine)
    sensors, _, _ = printed.partition("\nRecorder daemon: ")
    assert_matches(sensors, "doctor", folder=tmp_path)


def test_a_total_sums_the_devices_that_a_program_started_here_may_use(tmp_path: Path) -> None:
    gpus = [SimulatedGpu(constant(power_w), mig_instances=("MIG-1",)) for power_w in (300, 200)]
    with SimulatedMachine(tmp_path, zones=[], gpus=gpus) as machine:
        printed = run_doctor(machine, CUDA_VISIBLE_DEVICES="1")
    assert "A total sums: gpu1, cpu-estimate, ram-estimate" in printed
    assert "left out: gpu0, gpu0-power (hidden from the program by its environment" in printed
    assert f"gpu1 ({uuid(1)}) is charged as a whole to a program on a MIG instance" in printed


def test_estimates_are_called_estimates_with_their_factor(tmp_path: Path) -> None:
    with SimulatedMachine(tmp_path, zones=[]) as machine:
        printed = run_doctor(machine)
    assert "estimated: cpu-estimate, true within a factor of 2.5" in printed
    assert "Refused: cpu from" in printed
    assert "sudo modprobe intel_rapl_msr" in printed
    assert "Absent: gpu from NVML: no NVIDIA GPU" in printed


def test_json_gives_the_same_facts(tmp_path: Path) -> None:
    with SimulatedMachine(tmp_path, [package(0, constant(50.0))]) as machine:
        answer = facts(machine)
    channels = [channel["name"] for channel in answer["channels"]]
    assert channels == ["cpu0", "ram-estimate", "cpu-estimate"]
    assert all(channel["failure"] is None for channel in answer["channels"])
    assert answer["cover"]["channels"] == ["cpu0", "ram-estimate"]
    assert answer["cover"]["estimated"] == ["ram-estimate"]
    assert [refusal["present"] for refusal in answer["refusals"]] == [False]


def test_a_gpu_without_a_figure_is_named_as_missing_from_every_total(tmp_path: Path) -> None:
    lost = SimulatedGpu(constant(300.0), lost=Fault(GPU_IS_LOST))
    with SimulatedMachine(tmp_path, gpus=[lost]) as machine:
        printed = run_doctor(machine)
    assert "Refused: gpu from NVML, GPU 0: GPU is lost" in printed
    assert "not measured, and in no total: gpu" in printed


def test_a_package_without_a_figure_makes_the_total_partial(tmp_path: Path) -> None:
    with SimulatedMachine(tmp_path) as machine:
        machine.driver.fail("cpu1")
        printed = run_doctor(machine)
        cover = facts(machine)["cover"]
    assert "A total sums: cpu0, dram0" in printed
    assert "incomplete, without cpu1" in printed
    assert cover["partial"] == ["cpu1"]


def test_a_gauge_beside_a_counter_is_left_out_of_the_total(tmp_path: Path) -> None:
    with SimulatedMachine(tmp_path, gpus=[SimulatedGpu(constant(300.0))]) as machine:
        cover = facts(machine)["cover"]
    assert cover["channels"] == ["gpu0", "cpu0", "cpu1", "dram0"]
    assert cover["left_out"] == {
        "gpu0-power": "contained in gpu0",
        "cpu-estimate": "cpu is measured",
        "ram-estimate": "ram is measured",
    }


@pytest.mark.parametrize(
    ("others", "said"),
    [
        pytest.param(1, "package-1 shows", marks=pytest.mark.slow),
        (2, "package-1, package-2 show"),
    ],
)
def test_a_counter_under_several_names_is_listed_once(
    tmp_path: Path, others: int, said: str
) -> None:
    zones = [package(i, constant(70.0), start_uj=10**10) for i in range(1 + others)]
    with SimulatedMachine(tmp_path, zones) as machine:
        printed = run_doctor(machine)
    assert "A total sums: cpu0, ram-estimate" in printed
    assert f"cpu0 counts once: {said} the same counter" in printed


@contextmanager
def shared_recorder(machine: SimulatedMachine) -> Iterator[None]:
    runtime = Path(machine.environ["XDG_RUNTIME_DIR"])
    (runtime / "effmeter").mkdir(mode=0o700)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(runtime / "effmeter" / "recorder.sock"))
    listener.listen()
    server = Server(Discovery(), ServicePolicy("shared", os.getuid()))
    server.listen(listener)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield
    finally:
        server.stop()
        thread.join()
        listener.close()


def test_a_shared_recorder_that_answers_is_shown(tmp_path: Path) -> None:
    with SimulatedMachine(tmp_path) as machine, shared_recorder(machine):
        printed = run_doctor(machine)
        daemon = facts(machine)["daemon"]
    assert f"Recorder daemon: running (pid {os.getpid()}" in printed
    assert daemon["mode"] == "shared"


@pytest.mark.skipif(Path("/run/effmeter").exists(), reason="this machine has a recorder daemon")
def test_a_machine_without_a_daemon_says_so(tmp_path: Path) -> None:
    with SimulatedMachine(tmp_path, zones=[]) as machine:
        assert "Recorder daemon: not running" in run_doctor(machine)
        assert facts(machine)["daemon"] is None


def test_it_says_what_computes_for_the_methods(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFMETER_KERNELS", "torch")
    with SimulatedMachine(tmp_path) as machine:
        printed, known = run_doctor(machine), facts(machine)
    reason = "EFFMETER_KERNELS is set to torch"
    assert f"Kernels of methods on cpu: by PyTorch ({reason})" in printed
    assert known["checks"]["kernels"][1] == {
        "device_type": "cuda",
        "compiled": False,
        "reason": reason,
    }


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--output", "/"], "'--output': File '/' is a directory"),
        (["--jsn"], "No such option '--jsn'"),
        (["cpu0"], "unexpected extra argument (cpu0)"),
    ],
)
def test_a_mistake_of_usage_is_one_line(arguments: list[str], complaint: str) -> None:
    result = CliRunner().invoke(command_line, ["doctor", *arguments])
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert complaint in line


def test_a_wrong_choice_of_kernels_is_one_line(tmp_path: Path) -> None:
    with SimulatedMachine(tmp_path) as machine:
        answer = subprocess.run(
            [sys.executable, "-m", "effmeter", "doctor"],
            env={**machine.environ, "EFFMETER_KERNELS": "fast"},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert answer.returncode == 2
    assert answer.stderr == "effmeter: EFFMETER_KERNELS is auto or torch, not 'fast'\n"


def test_a_counter_that_stands_still_is_named_with_a_remedy(tmp_path: Path) -> None:
    zones = [package(0, constant(0.0), start_uj=123_456)]
    gpu = SimulatedGpu(constant(200.0), counted_share=0.0)
    with SimulatedMachine(tmp_path, zones, gpus=[gpu]) as machine:
        printed = run_doctor(machine)
        answer = facts(machine)
    assert "Stands still: cpu0 from" in printed
    assert "EFFMETER_CPU_TDP_W" in printed
    assert "Stands still: gpu0 from" in printed
    assert answer["cover"]["channels"] == ["gpu0-power", "cpu-estimate", "ram-estimate"]
    failures = {channel["name"]: channel["failure"] for channel in answer["channels"]}
    assert failures["cpu0"] == failures["gpu0"] == "the counter stands still"


def test_a_refused_settings_file_is_named_once(tmp_path: Path) -> None:
    settings = tmp_path / "effmeter" / "config.toml"
    settings.parent.mkdir()
    settings.write_text('[wall]\ncommand = ["/nowhere/read-plug"]\n')
    with SimulatedMachine(tmp_path, zones=()) as machine:
        text = run_doctor(machine, XDG_CONFIG_HOME=str(tmp_path))
    assert f"Refused: wall from {settings}: there is no program '/nowhere/read-plug'" in text
