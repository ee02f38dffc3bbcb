"""The energy counters of a simulated compute node of Cray's."""

from collections.abc import Mapping
from pathlib import Path

STAMP_US = 7_810_213_855_886


class SimulatedCray:
    """Counters by the name of their file, each at a constant power (W)."""

    def __init__(self, sysfs: Path, powers_w: Mapping[str, float], start_j: int = 1_000) -> None:
        self.folder = sysfs / "cray" / "pm_counters"
        self.folder.mkdir(parents=True)
        self._powers_w = dict(powers_w)
        self._start_j = start_j
        self._refresh = 0
        (self.folder / "raw_scan_hz").write_text("10\n")
        (self.folder / "power").write_text(f"724 W {STAMP_US} us\n")
        self.advance_to(0)

    def advance_to(self, t_ns: int) -> None:
        """Show what the node shows at a moment; it refreshes ten times a second."""
        refresh = t_ns // 100_000_000
        for name, power_w in self._powers_w.items():
            energy_j = self._start_j + int(power_w * refresh / 10) if power_w else 0
            (self.folder / f"{name}energy").write_text(f"{energy_j} J {STAMP_US} us\n")
        (self.folder / "freshness").write_text(f"{refresh}\n")
