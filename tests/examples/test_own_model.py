"""The documented example of a model of one's own."""

import subprocess
import sys
from pathlib import Path

import pytest

from effmeter.recorded.reading import read_run
from tests.simulated.machine import SimulatedMachine

pytestmark = pytest.mark.untimed

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "own_model.py"


def test_it_records_a_labelled_run_for_each_size_and_seed(tmp_path: Path) -> None:
    with SimulatedMachine(tmp_path / "machine", zones=[]) as machine:
        environ = {**machine.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, str(EXAMPLE), "2"]
        finished = subprocess.run(
            command, cwd=tmp_path, env=environ, capture_output=True, text=True
        )
    assert finished.returncode == 0, finished.stderr
    runs = [read_run(path) for path in (tmp_path / "runs").iterdir()]
    trained = sorted((run.labels["size"], run.labels["seed"]) for run in runs)
    assert trained == [(1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 1)]
    for run in runs:
        assert (run.status, run.labels["architecture"]) == ("completed", "mlp")
        assert [set(epoch.metrics) for epoch in run.lead_epochs] == 2 * [
            {"train_accuracy", "accuracy"}
        ]


def test_the_page_on_workloads_shows_it_as_it_is() -> None:
    assert f"```python\n{EXAMPLE.read_text()}```" in (ROOT / "docs" / "workloads.md").read_text()
