"""The simulated NVML library holds under calls from several threads."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.simulated.nvml import (
    SimulatedGpu,
    compile_fake_nvml,
    compile_stress,
    configure_fake_nvml,
    fake_nvml_environ,
)
from tests.simulated.waveforms import constant

THREADS = 4


def stressed(folder: Path, calls: int, *options: str) -> "subprocess.CompletedProcess[str]":
    """The outcome of so many calls from each thread, with the sources compiled as asked."""
    library = compile_fake_nvml(folder, *options)
    program = compile_stress(library, *options)
    configuration = folder / "gpus.txt"
    configure_fake_nvml(configuration, [SimulatedGpu(constant(300.0))], now_ns=10**9)
    environ = {**os.environ, **fake_nvml_environ(library, configuration)}
    command = [str(program), str(THREADS), str(calls)]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def test_every_answer_is_right_when_four_threads_call_at_once(tmp_path: Path) -> None:
    finished = stressed(tmp_path, 5_000)
    assert (finished.returncode, finished.stdout) == (0, "0 wrong answers\n"), finished.stderr


def test_a_waveform_without_its_numbers_does_not_crash_the_library(tmp_path: Path) -> None:
    library = compile_fake_nvml(tmp_path)
    program = compile_stress(library)
    configuration = tmp_path / "gpus.txt"
    configuration.write_text("init 0\ngpu \nwaveform segments\n")
    environ = {**os.environ, **fake_nvml_environ(library, configuration)}
    finished = subprocess.run([str(program), "1", "4"], env=environ, check=False)
    assert finished.returncode == 1


@pytest.mark.slow
def test_the_thread_sanitizer_finds_no_race(tmp_path: Path) -> None:
    finished = stressed(tmp_path, 2_000, "-fsanitize=thread", "-g")
    if "unexpected memory mapping" in finished.stderr:
        pytest.skip("the thread sanitizer cannot run on this kernel")
    assert finished.returncode == 0, finished.stderr
