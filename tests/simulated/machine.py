"""A whole simulated machine, in real time, for the programs that a test starts."""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from effmeter.clock import now_ns
from tests.simulated.nvml import (
    SimulatedGpu,
    compile_fake_nvml,
    configure_fake_nvml,
    fake_nvml_environ,
    hide_nvml,
)
from tests.simulated.powercap import SimulatedZone, dram, package
from tests.simulated.powercap_driver import PowercapDriver
from tests.simulated.waveforms import Sine, Waveform, constant, square

COARSE_REFRESH_S = 0.01
"""For tests that measure no energy to the millisecond: the driver takes a tenth of the time."""


def two_packages(range_uj: int = 150_000_000) -> list[SimulatedZone]:
    """Two packages and a memory zone whose counters wrap every few seconds, with their limits."""
    return [
        package(
            0, square(40.0, 90.0, 0.7), range_uj=range_uj, start_uj=1_000, limit_uw=100_000_000
        ),
        package(1, Sine(55.0, 20.0, 1.3), range_uj=range_uj, limit_uw=100_000_000),
        dram(0, constant(6.0), range_uj=range_uj, limit_uw=20_000_000),
    ]


class SimulatedMachine:
    """RAPL zones that a driver process advances, and GPUs of a compiled library.

    ``environ`` is for the programs that shall see this machine instead of the real one; a
    machine without GPUs hides the real ones too, and needs no C compiler. Recorders of the
    user who runs the tests are out of its sight.
    """

    def __init__(
        self,
        folder: Path,
        zones: Sequence[SimulatedZone] | None = None,
        gpus: Sequence[SimulatedGpu] = (),
        *,
        refresh_s: float = 0.001,
        gpu_refresh_s: float = 0.02,
    ) -> None:
        self.sysfs = folder / "sys"
        self.origin_ns = now_ns()
        self.zones = two_packages() if zones is None else list(zones)
        self.gpus = list(gpus)
        self._folder = folder
        self._refresh_s = refresh_s
        self._gpu_refresh_s = gpu_refresh_s
        self._driver: PowercapDriver | None = None
        self._nvml_environ: dict[str, str] = {}
        self._runtime = ""

    def __enter__(self) -> Self:
        self.sysfs.mkdir(parents=True, exist_ok=True)
        self._nvml_environ = self._prepare_nvml()
        self._runtime = tempfile.mkdtemp(prefix="effmeter-")  # short: a socket's path must fit
        if self.zones:
            self._driver = PowercapDriver(self.sysfs, self.zones, self.origin_ns, self._refresh_s)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._driver is not None:
            self._driver.close()
        _remove(Path(self._runtime))

    @property
    def environ(self) -> dict[str, str]:
        """The whole environment of a program that sees this machine, and all its GPUs."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("CUDA_")}
        return {
            **own,
            "EFFMETER_SYSFS": str(self.sysfs),
            "XDG_RUNTIME_DIR": self._runtime,
            **self._nvml_environ,
        }

    @property
    def driver(self) -> PowercapDriver:
        """The process behind the zones: it fails, restores and adds them."""
        assert self._driver is not None, "the machine has no zones, or is not entered"
        return self._driver

    def set_gpus(self, gpus: Sequence[SimulatedGpu]) -> None:
        """Change the GPUs under a program that uses them: a fault, say."""
        self.gpus = list(gpus)
        configure_fake_nvml(
            self._folder / "nvml.txt",
            self.gpus,
            origin_ns=self.origin_ns,
            refresh_s=self._gpu_refresh_s,
        )

    def add_zone(self, zone: SimulatedZone) -> None:
        """A zone appears."""
        self.zones.append(zone)
        self.driver.add(zone)

    def true_energy_j(self, channel: str, begin_ns: int, end_ns: int) -> float:
        """The exact energy of a channel between two moments of the run clock."""
        begin_s, end_s = ((t - self.origin_ns) * 1e-9 for t in (begin_ns, end_ns))
        return self.waveform(channel).energy_j(begin_s, end_s)

    def slack_j(self, channel: str) -> float:
        """What the driver's lateness since this was last asked can have moved by, at both ends.

        Only a simulated sensor is ever late; GPUs never are.
        """
        if channel.startswith("gpu"):
            return 0.0
        return 2 * self.driver.lateness_s() * self.waveform(channel).peak_w

    def waveform(self, channel: str) -> Waveform:
        """The power over time of a channel: ``cpu0``, ``dram0``, ``gpu0``."""
        if channel.startswith("gpu"):
            return self.gpus[int(channel.removeprefix("gpu").removesuffix("-power"))].waveform
        return next(zone.waveform for zone in self.zones if zone.channel == channel)

    def _prepare_nvml(self) -> dict[str, str]:
        if sys.platform != "linux" and not self.gpus:
            return {}
        library_folder = self._folder / "lib"
        if not self.gpus:
            return fake_nvml_environ(hide_nvml(library_folder), self._folder / "nvml.txt")
        library = compile_fake_nvml(library_folder)
        self.set_gpus(self.gpus)
        return fake_nvml_environ(library, self._folder / "nvml.txt")


def _remove(folder: Path) -> None:
    """Remove a folder in which a recorder that ends removes its own."""
    while folder.exists():
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)
