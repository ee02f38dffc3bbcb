"""A run during which others used the machine is marked, by the recorder that saw them."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import effmeter
from effmeter.analysis.run_analysis import analyse
from effmeter.errors import RunFileError
from effmeter.recorded.reading import read_run
from effmeter.recorded.records import Contention
from effmeter.recorder.observers.processes import sees_all_processes
from tests.recording import busy, eventually, let_pass, only_run, start_program
from tests.simulated.machine import SimulatedMachine
from tests.simulated.nvml import SimulatedGpu
from tests.simulated.waveforms import constant

needs_own_numbers = pytest.mark.skipif(
    not sees_all_processes(), reason="in a container the users of a GPU cannot be told apart"
)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedMachine]:
    """With GPUs that this process uses, and one of them its parent too."""
    me, other = os.getpid(), os.getppid()
    gpus = [
        SimulatedGpu(constant(300.0), computing=(me,)),
        SimulatedGpu(constant(300.0), computing=(me, other)),
    ]
    with SimulatedMachine(tmp_path / "machine", zones=[], gpus=gpus) as simulated:
        for name, value in simulated.environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("EFFMETER_RUNS", str(tmp_path / "runs"))
        yield simulated


@needs_own_numbers
def test_other_processes_on_a_gpu_are_in_the_run_and_its_report(
    machine: SimulatedMachine, runs: Path
) -> None:
    with effmeter.track("shared"):
        let_pass(2.0)
    run = only_run(runs)
    (seen,) = (c for c in run.contentions if c.channel is not None)
    assert (seen.channel, seen.processes) == ("gpu1", 1)
    assert f"({os.getppid()})" in seen.text
    assert "gpu1 was shared with up to 1 other processes" in analyse(run).warnings


@pytest.mark.slow
def test_work_of_others_on_the_processors_is_in_the_run(
    machine: SimulatedMachine, runs: Path
) -> None:
    program = """
        import effmeter, sys
        with effmeter.track("quiet") as run:
            print(run.path, flush=True)
            sys.stdin.read()
    """
    with start_program(program, {**machine.environ, "EFFMETER_RUNS": str(runs)}) as quiet:
        assert quiet.stdout is not None
        assert quiet.stdin is not None
        path = Path(quiet.stdout.readline().strip())

        def told() -> list[Contention]:
            busy(0.5)
            with contextlib.suppress(RunFileError):  # nothing is written in the first second
                return [c for c in read_run(path).contentions if c.channel is None]
            return []

        eventually(lambda: bool(told()), "others are told of", within_s=60)
        seen = told()[0]
        quiet.stdin.close()
    assert seen.processes is not None
    assert seen.processes >= 1
    assert f"({os.getpid()})" in seen.text
    assert "of the processors' work: " in seen.text
