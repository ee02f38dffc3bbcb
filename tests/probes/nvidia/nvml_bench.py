"""GPUs of the simulated library in the test's own process, on a clock that it moves by hand."""

from collections.abc import Sequence
from pathlib import Path

from effmeter.probes.nvidia.probe import NvmlProbe
from tests.simulated.clock import ManualClock
from tests.simulated.nvml import SimulatedGpu, WallSetting, configure_fake_nvml


class NvmlBench:
    """Shows GPUs to the library, and makes probes of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.clock = ManualClock()
        anchor = self.clock.anchor()
        self._wall = [WallSetting(0, anchor.wall_ns - anchor.time_ns)]

    def set_wall(self, seconds: float) -> None:
        """Set the wall clock forward, or back."""
        self.clock.set_wall(seconds)
        anchor = self.clock.anchor()
        self._wall.append(WallSetting(anchor.time_ns, anchor.wall_ns - anchor.time_ns))

    def show(self, gpus: Sequence[SimulatedGpu], init_code: int = 0) -> None:
        """What the library answers from now on."""
        now_ns = self.clock.time_ns
        configure_fake_nvml(self._path, gpus, now_ns=now_ns, init_code=init_code, wall=self._wall)

    def probe(self, gpus: Sequence[SimulatedGpu]) -> NvmlProbe:
        """A probe that finds these GPUs."""
        self.show(gpus)
        return NvmlProbe(self.clock)
