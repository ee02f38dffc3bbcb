"""Commands called in this process, in a folder of the test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.command_line import CommandLine
from tests.simulated.machine import SimulatedMachine


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Calls ``effmeter`` in the test's folder."""
    return CommandLine(tmp_path, monkeypatch)


@pytest.fixture
def simulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedMachine]:
    """A machine whose only figures are estimates (no sensor, no GPU), also for this process."""
    with SimulatedMachine(tmp_path / "machine", zones=[]) as machine:
        for name, value in machine.environ.items():
            monkeypatch.setenv(name, value)
        yield machine
