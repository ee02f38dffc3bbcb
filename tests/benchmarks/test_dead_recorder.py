"""A recorder that dies during a measurement leaves no figures, but a loud failure."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.programs.lasting import RecorderDiedError, recorded
from benchmarks.surroundings import Surroundings
from benchmarks.usage import usage_of
from benchmarks.windows import Duration, observe
from effmeter.errors import EffmeterWarning
from tests.recording import kill, recorder_of
from tests.simulated.machine import COARSE_REFRESH_S, SimulatedMachine

pytestmark = pytest.mark.untimed


@pytest.fixture
def place(tmp_path: Path) -> Any:
    with SimulatedMachine(tmp_path / "machine", refresh_s=COARSE_REFRESH_S) as machine:
        yield Surroundings(tmp_path, dict(machine.environ), (), 0)


def test_a_process_that_has_ended_cannot_be_measured() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read()  # it has closed its output: its end is near, and is not waited for
        kill(process.pid)
        with pytest.raises(ProcessLookupError, match="has ended"):
            usage_of(process.pid)


def test_a_program_whose_recorder_was_replaced_fails(
    place: Surroundings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in place.environ.items():
        monkeypatch.setenv(name, value)

    def record() -> None:
        with recorded(str(tmp_path / "run.arrow"), recorder="private") as run:
            kill(recorder_of(run))

    with pytest.warns(EffmeterWarning, match="the recorder died"):  # noqa: SIM117 - order matters
        with pytest.raises(RecorderDiedError, match="died during the benchmark"):
            record()


@pytest.mark.slow
def test_a_window_of_a_recorder_that_dies_while_it_is_watched_has_no_figures(
    place: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recorder ends itself after a part of the window, as a crash of a driver would."""
    hook = place.folder / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(
        "import os, sys, threading\n"
        "if any('effmeter.recorder' in word for word in sys.orig_argv):\n"
        "    os.register_at_fork(after_in_child=lambda:\n"
        "        threading.Timer(1.5, lambda: os.kill(os.getpid(), 9)).start())\n"
    )
    root = str(Path(__file__).parents[2])
    environ = {**place.environ, "PYTHONPATH": f"{hook}:{root}"}
    dying = Surroundings(place.folder, environ, (), 0)
    with pytest.raises((RuntimeError, ProcessLookupError)):
        observe(dying, "recorder", 10, Duration(0.2, 4.0))
