"""All cases of this folder once more in Numba's simulator, which takes a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def test_all_cases_pass_in_the_simulator() -> None:
    root = str(FOLDER.parents[2])
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(FOLDER)],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": root},
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
