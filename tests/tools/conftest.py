"""The machine of each cell."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulated.machine import SimulatedMachine, two_packages
from tests.tools.cell import Cell


@pytest.fixture
def cell(tmp_path: Path) -> Iterator[Cell]:
    """A simulated machine with nothing recorded yet.

    Its counters have the range of real ones: programs that start at once keep the recorder from
    its readings for seconds, in which a shorter counter may wrap unseen.
    """
    zones = two_packages(range_uj=262_143_328_850)
    with SimulatedMachine(tmp_path / "machine", zones) as machine:
        yield Cell(tmp_path, machine)
