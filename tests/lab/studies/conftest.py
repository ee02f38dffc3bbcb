"""What tests of studies stand on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulated.machine import COARSE_REFRESH_S, SimulatedMachine


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedMachine]:
    """Two RAPL packages and a memory zone; the recorders that this process starts see them."""
    with SimulatedMachine(tmp_path / "machine", refresh_s=COARSE_REFRESH_S) as machine:
        for name, value in machine.environ.items():
            monkeypatch.setenv(name, value)
        yield machine
