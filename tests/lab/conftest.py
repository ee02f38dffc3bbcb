"""What tests of the laboratory share: one recorded sweep for each session."""

import pytest

from tests.lab.command_line import ONE_EPOCH, CommandLine, RecordedSweep
from tests.simulated.machine import SimulatedMachine


@pytest.fixture(scope="session")
def recorded_sweep(tmp_path_factory: pytest.TempPathFactory) -> RecordedSweep:
    """LeNet in two sizes, an epoch each, on a machine whose energies are estimates."""
    folder = tmp_path_factory.mktemp("sweep")
    arguments = (*ONE_EPOCH, "--sizes", "1,2", "--stop", "accuracy=1.5", "-o", "here")
    with (
        SimulatedMachine(folder / "machine", zones=[]) as machine,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in machine.environ.items():
            patch.setenv(name, value)
        result = CommandLine(folder, patch)("sweep", *arguments)
    return RecordedSweep(folder, result)
