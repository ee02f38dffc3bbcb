"""What tests of the grid stand on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.sweep.tiny import (
    add_workload,
    diverging,
    faulty_in_training,
    faulty_when_built,
    linear,
    too_large,
    too_large_in_training,
)
from tests.simulated.machine import SimulatedMachine


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedMachine]:
    """Two RAPL packages and a memory zone; the recorders that this process starts see them."""
    with SimulatedMachine(tmp_path / "machine") as machine:
        for name, value in machine.environ.items():
            monkeypatch.setenv(name, value)
        yield machine


@pytest.fixture(autouse=True)
def workloads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small workloads, most of which go wrong."""
    add_workload(monkeypatch, "tiny", linear)
    add_workload(monkeypatch, "diverging", diverging)
    add_workload(monkeypatch, "too-large", too_large)
    add_workload(monkeypatch, "too-large-in-training", too_large_in_training)
    add_workload(monkeypatch, "faulty-when-built", faulty_when_built)
    add_workload(monkeypatch, "faulty-in-training", faulty_in_training)
