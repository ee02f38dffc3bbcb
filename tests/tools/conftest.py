"""The machine of each cell."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulated.machine import SimulatedMachine
from tests.tools.cell import Cell


@pytest.fixture
def cell(tmp_path: Path) -> Iterator[Cell]:
    """A simulated machine with nothing recorded yet."""
    with SimulatedMachine(tmp_path / "machine") as machine:
        yield Cell(tmp_path, machine)
