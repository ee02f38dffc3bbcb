"""``python -m benchmarks.peers``: what it prints, never which tool was better."""

import json
import math
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.peers import CONTESTANTS, PEERS
from benchmarks.peers_machine import SCENARIOS, why_no_namespace, why_not

ROOT = Path(__file__).parents[2]
ABSENT = [name for name in PEERS if find_spec(name) is None]


def peers(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run it as ``make bench-peers`` does."""
    command = [sys.executable, "-m", "benchmarks.peers", *arguments]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(not ABSENT, reason="zeus and codecarbon are installed")
def test_without_the_peers_one_line_says_what_to_run() -> None:
    finished = peers()
    assert finished.returncode == 1
    assert finished.stdout == ""
    assert finished.stderr.startswith("Error: not installed: ")
    assert "make bench-peers" in finished.stderr
    assert finished.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.skipif(bool(ABSENT), reason=f"not installed: {', '.join(ABSENT)}")
@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
def test_every_tool_gives_errors_and_costs_of_every_scenario() -> None:
    finished = peers("--quick", "--json")
    assert finished.returncode == 0, finished.stderr
    scenarios = json.loads(finished.stdout)["scenarios"]
    assert list(scenarios) == [scenario.name for scenario in SCENARIOS]
    for found in scenarios.values():
        for contestant in CONTESTANTS:
            figures = found[contestant.name]
            assert {"gpu, 1 s", "processor time, ms/s", "begin, ms", "end, ms"} <= set(figures)
            assert ("cpu, 1 s" in figures) == (why_no_namespace() is None)
            assert all(math.isfinite(v) for values in figures.values() for v in values)
            assert ("inside" in figures) == contestant.name.startswith("effmeter")
