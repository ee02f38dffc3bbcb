"""A RAPL tree in a folder, whose counters advance as the waveforms say."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.simulated.waveforms import Waveform

USUAL_RANGE_UJ = 262_143_328_850
"""The range of a 32-bit counter of 2^-14 J, as kernels print it."""
_WIDTH = 23
"""Digits of a count: with its newline three machine words, the low digits within one of them, so
that a reader beside the writer never sees a torn number."""


@dataclass(frozen=True, slots=True)
class SimulatedZone:
    """One zone: its folder, its name, the channel it becomes, and how its counter behaves."""

    folder: str
    name: str
    channel: str
    waveform: Waveform
    range_uj: int | None = USUAL_RANGE_UJ
    """The counter starts again after this; None: the file is missing, and it never wraps."""
    start_uj: int = 0
    limit_uw: int | None = None
    """What ``constraint_0_max_power_uw`` shows; None: no such file."""

    def count_uj(self, elapsed_s: float) -> int:
        """What the counter shows once so many seconds of the waveform have passed."""
        passed_uj = self.start_uj + int(self.waveform.energy_j(0.0, elapsed_s) * 1e6)
        return passed_uj if self.range_uj is None else passed_uj % (self.range_uj + 1)


def package(
    number: int,
    waveform: Waveform,
    *,
    range_uj: int | None = USUAL_RANGE_UJ,
    start_uj: int = 0,
    limit_uw: int | None = None,
) -> SimulatedZone:
    """The zone of a processor package: channel ``cpu0`` for number 0.

    Its folder is numbered as the kernel does it, in hexadecimal.
    """
    folder = f"intel-rapl:{number:x}"
    name = f"package-{number}"
    return SimulatedZone(folder, name, f"cpu{number}", waveform, range_uj, start_uj, limit_uw)


def dram(
    number: int,
    waveform: Waveform,
    *,
    range_uj: int | None = USUAL_RANGE_UJ,
    start_uj: int = 0,
    limit_uw: int | None = None,
) -> SimulatedZone:
    """The memory zone of a package: channel ``dram0`` for number 0."""
    folder = f"intel-rapl:{number:x}:0"
    return SimulatedZone(folder, "dram", f"dram{number}", waveform, range_uj, start_uj, limit_uw)


def psys(
    waveform: Waveform, *, folder: str = "intel-rapl:9", range_uj: int | None = USUAL_RANGE_UJ
) -> SimulatedZone:
    """The platform zone, which contains the packages: channel ``psys``."""
    return SimulatedZone(folder, "psys", "psys", waveform, range_uj)


class SimulatedPowercap:
    """A tree under ``sysfs`` that ``advance_to`` moves on.

    Counters begin at ``start_uj`` at ``origin_ns`` and step every ``refresh_s``.
    """

    def __init__(
        self,
        sysfs: Path,
        zones: Sequence[SimulatedZone],
        origin_ns: int = 0,
        refresh_s: float = 0.001,
    ) -> None:
        self.sysfs = sysfs
        self.zones = list(zones)
        self.origin_ns = origin_ns
        self.refresh_ns = round(refresh_s * 1e9)
        self._failed: set[str] = set()
        self._descriptors: dict[str, int] = {}
        self._now_ns = origin_ns
        self._powercap = sysfs / "class" / "powercap"
        (self._powercap / "intel-rapl").mkdir(parents=True, exist_ok=True)
        for zone in self.zones:
            self._build(zone)

    def path(self, channel: str) -> Path:
        """The counter's file of a channel."""
        return self._folder(self.zone(channel)) / "energy_uj"

    def zone(self, channel: str) -> SimulatedZone:
        """The zone of a channel."""
        return next(zone for zone in self.zones if zone.channel == channel)

    def add(self, zone: SimulatedZone) -> None:
        """A zone appears, as it does when a module is loaded."""
        self.zones.append(zone)
        self._build(zone)

    def advance_to(self, t_ns: int) -> None:
        """Show what the counters show at a moment of the run clock."""
        self._now_ns = t_ns
        for zone in self.zones:
            if zone.channel not in self._failed:
                os.pwrite(self._descriptors[zone.folder], self._text(zone), 0)

    def fail(self, channel: str) -> None:
        """The zone goes away: reads give nothing, and the file cannot be opened."""
        zone = self.zone(channel)
        self._failed.add(channel)
        descriptor = self._descriptors.pop(zone.folder)
        self.path(channel).unlink()
        os.ftruncate(descriptor, 0)
        os.close(descriptor)

    def restore(self, channel: str) -> None:
        """The zone comes back, with what its counter shows now."""
        self._failed.discard(channel)
        zone = self.zone(channel)
        self._open(zone, self._folder(zone))

    def true_energy_j(self, channel: str, begin_ns: int, end_ns: int) -> float:
        """The exact energy between two moments of the run clock."""
        begin_s, end_s = ((t - self.origin_ns) * 1e-9 for t in (begin_ns, end_ns))
        return self.zone(channel).waveform.energy_j(begin_s, end_s)

    def close(self) -> None:
        """Let go of the files; the tree stays."""
        for descriptor in self._descriptors.values():
            os.close(descriptor)
        self._descriptors.clear()

    def _folder(self, zone: SimulatedZone) -> Path:
        return self._powercap / zone.folder

    def _build(self, zone: SimulatedZone) -> None:
        """The folder appears whole: built apart, then renamed."""
        folder = self._powercap / ".building"
        folder.mkdir()
        (folder / "name").write_text(zone.name + "\n")
        if zone.range_uj is not None:
            (folder / "max_energy_range_uj").write_text(f"{zone.range_uj}\n")
        if zone.limit_uw is not None:
            (folder / "constraint_0_max_power_uw").write_text(f"{zone.limit_uw}\n")
        self._open(zone, folder)
        folder.rename(self._folder(zone))

    def _open(self, zone: SimulatedZone, folder: Path) -> None:
        """The counter's file appears whole: written apart, then renamed."""
        apart = folder / ".energy_uj"
        descriptor = os.open(apart, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o400)
        os.pwrite(descriptor, self._text(zone), 0)
        apart.rename(folder / "energy_uj")
        self._descriptors[zone.folder] = descriptor

    def _text(self, zone: SimulatedZone) -> bytes:
        refreshes = max(0, self._now_ns - self.origin_ns) // self.refresh_ns
        return b"%0*d\n" % (_WIDTH, zone.count_uj(refreshes * self.refresh_ns * 1e-9))
