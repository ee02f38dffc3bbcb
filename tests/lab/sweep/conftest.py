"""What tests of the grid stand on."""

from collections.abc import Iterator
from contextlib import contextmanager
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
from tests.simulated.machine import COARSE_REFRESH_S, SimulatedMachine


@contextmanager
def own_machine(folder: Path) -> Iterator[SimulatedMachine]:
    """Two RAPL packages and a memory zone; the recorders that this process starts see them."""
    with (
        SimulatedMachine(folder / "machine", refresh_s=COARSE_REFRESH_S) as machine,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in machine.environ.items():
            patch.setenv(name, value)
        yield machine


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[SimulatedMachine]:
    """A machine for one test."""
    with own_machine(tmp_path) as machine:
        yield machine


@pytest.fixture(autouse=True, scope="module")
def workloads() -> Iterator[None]:
    """Small workloads, most of which go wrong."""
    with pytest.MonkeyPatch.context() as patch:
        add_workload(patch, "tiny", linear)
        add_workload(patch, "diverging", diverging)
        add_workload(patch, "too-large", too_large)
        add_workload(patch, "too-large-in-training", too_large_in_training)
        add_workload(patch, "faulty-when-built", faulty_when_built)
        add_workload(patch, "faulty-in-training", faulty_in_training)
        yield
