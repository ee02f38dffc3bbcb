"""GPUs of the simulated library in the test's own process, on a clock that it moves by hand."""

from collections.abc import Sequence
from pathlib import Path

from effmeter.probes.nvidia.probe import NvmlProbe
from tests.simulated.clock import ManualClock
from tests.simulated.nvml import SimulatedGpu, configure_fake_nvml


class NvmlBench:
    """Shows GPUs to the library, and makes probes of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.clock = ManualClock()

    def show(self, gpus: Sequence[SimulatedGpu], init_code: int = 0) -> None:
        """What the library answers from now on."""
        configure_fake_nvml(self._path, gpus, now_ns=self.clock.time_ns, init_code=init_code)

    def probe(self, gpus: Sequence[SimulatedGpu]) -> NvmlProbe:
        """A probe that finds these GPUs."""
        self.show(gpus)
        return NvmlProbe(self.clock)
