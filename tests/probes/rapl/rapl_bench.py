"""A powercap tree with a clock of its own, and the power that a total over it comes to."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from effmeter.channel import Component, Refusal
from effmeter.cover import Cover, choose_cover
from effmeter.probes.rapl.powercap import PowercapProbe
from effmeter.recorder.sampling.ingest import ChannelTracker, Sample
from tests.simulated.clock import ManualClock
from tests.simulated.powercap import SimulatedPowercap, SimulatedZone
from tests.simulated.waveforms import constant

LONG_AGO_UJ = 9_881_000_000
AMD_RANGE_UJ = 65_532_610_987
INTEL, AMD, HYGON = "0000", "0002", "0009"


def zone(
    folder: str, name: str, power_w: float, start_uj: int = 0, range_uj: int = AMD_RANGE_UJ
) -> SimulatedZone:
    """A zone of constant power; the channel, which only the simulation uses, is the folder."""
    return SimulatedZone(folder, name, folder, constant(power_w), range_uj, start_uj)


def dies(
    socket: int, first: int, power_w: float, start_uj: int, count: int = 8
) -> list[SimulatedZone]:
    """A zone for each die of a socket, numbered from ``first``, with the same counter in each."""
    return [
        zone(f"intel-rapl:{first + die:x}", f"package-{socket}-die-{die}", power_w, start_uj)
        for die in range(count)
    ]


def write_modalias(sysfs: Path, vendor: str, *features: str) -> None:
    """Which processor the tree is of."""
    cpus = sysfs / "devices" / "system" / "cpu"
    cpus.mkdir(parents=True, exist_ok=True)
    listed = ",".join(("", "0000", *features, "00A0"))
    (cpus / "modalias").write_text(f"cpu:type:x86,ven{vendor}fam0019mod0011:feature:{listed}\n")


def write_topology(sysfs: Path, packages: Sequence[int]) -> None:
    """One CPU for each of the packages."""
    for cpu, package in enumerate(packages):
        topology = sysfs / "devices" / "system" / "cpu" / f"cpu{cpu}" / "topology"
        topology.mkdir(parents=True, exist_ok=True)
        (topology / "physical_package_id").write_text(f"{package}\n")
        (topology / "package_cpus_list").write_text(f"{cpu}\n")


@contextmanager
def unprivileged() -> Iterator[None]:
    """Root reads what it likes: as root, the test looks with another user's eyes."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


class RaplBench:
    """The tree and its clock; time passes where the probe pauses, and in ``total_w``."""

    def __init__(
        self, sysfs: Path, zones: Sequence[SimulatedZone], refresh_s: float = 0.001
    ) -> None:
        self.clock = ManualClock(1_000_000_000)
        self.tree = SimulatedPowercap(sysfs, zones, self.clock.time_ns, refresh_s)
        self.paused_s = 0.0
        self._probe: PowercapProbe | None = None

    @property
    def probe(self) -> PowercapProbe:
        """The probe, found when it is first asked for."""
        if self._probe is None:
            self._probe = PowercapProbe(self.tree.sysfs, self.clock, self.pause)
        return self._probe

    @property
    def names(self) -> list[str]:
        """The channels, in their order."""
        return [channel.name for channel in self.probe.channels]

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """What the probe refuses."""
        return self.probe.refusals

    @property
    def cover(self) -> Cover:
        """The cover of a total over all channels."""
        return choose_cover(self.probe.channels, self.names, self.refusals)

    def pause(self, seconds: float) -> None:
        """Let time pass, a little more than was asked for."""
        self.paused_s += seconds
        self.advance(seconds * 1.07)

    def advance(self, seconds: float) -> None:
        """Let time pass on the clock and in the counters."""
        self.tree.advance_to(self.clock.advance(seconds))

    def total_w(self, seconds: float = 4.0) -> float:
        """The mean power of the total over a stretch from now on."""
        tracker = ChannelTracker(self.probe.channels)
        first: dict[str, float] = {}
        last: dict[str, float] = {}
        for _ in range(41):
            for item in tracker.process(self.probe.read()):
                assert isinstance(item, Sample), item
                assert item.energy_j is not None
                first.setdefault(item.channel, item.energy_j)
                last[item.channel] = item.energy_j
            self.advance(seconds / 40)
        summed = [c.name for c in self.cover.channels if c.component is not Component.BOARD]
        return sum(last[name] - first[name] for name in summed) / seconds
