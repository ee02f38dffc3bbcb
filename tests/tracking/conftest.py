"""A training loop of this process on the simulated machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulated.machine import SimulatedMachine


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedMachine]:
    """The machine that this process and the recorders it starts see."""
    with SimulatedMachine(tmp_path / "machine") as simulated:
        for name, value in simulated.environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("EFFMETER_RUNS", str(tmp_path / "runs"))
        yield simulated


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Where runs are recorded."""
    return tmp_path / "runs"
