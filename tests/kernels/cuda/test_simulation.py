"""The cases of this folder once more in Numba's simulator, which takes a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


@pytest.mark.parametrize(
    "cases", ["test_channels.py", pytest.param(".", marks=pytest.mark.slow, id="all")]
)
def test_cases_pass_in_the_simulator(cases: str) -> None:
    root = str(FOLDER.parents[2])
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(FOLDER / cases)],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": root},
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
