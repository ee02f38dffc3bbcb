"""A stand-in for ``zeus_apple_silicon``: counters of waveforms, published as a chip does.

The GPU's count is of the moment; the others are published in batches. ``install`` writes the
package into a folder for the programs that a test starts, where it follows the run clock.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

from effmeter.clock import Clock, SystemClock, now_ns
from tests.simulated.waveforms import Waveform, parse

SPEC_VARIABLE = "EFFMETER_FAKE_IOREPORT"


class SimulatedMonitor:
    """``AppleEnergyMonitor`` over the fields given, such as ``cpu_total_mj``; others are None."""

    def __init__(
        self,
        fields: Mapping[str, Waveform],
        clock: Clock,
        origin_ns: int = 0,
        batch_s: float = 2.0,
        start_mj: int = 5_000_000,
    ) -> None:
        self.fields = dict(fields)
        self.frozen_at_s: float | None = None
        """From when on nothing is published any more."""
        self._clock = clock
        self._origin_ns = origin_ns
        self._batch_s = batch_s
        self._start_mj = start_mj

    def get_cumulative_energy(self) -> SimpleNamespace:
        """The counts since the chip was started (mJ)."""
        now_s = (self._clock.now_ns() - self._origin_ns) * 1e-9
        now_s = now_s if self.frozen_at_s is None else min(now_s, self.frozen_at_s)
        batch_s = now_s // self._batch_s * self._batch_s
        counts: dict[str, int | None] = {"cpu_total_mj": None, "gpu_mj": None, "dram_mj": None}
        counts |= {"ane_mj": None, "gpu_sram_mj": None, "efficiency_core_manager_mj": None}
        for field, waveform in self.fields.items():
            passed_j = waveform.energy_j(0.0, now_s if field == "gpu_mj" else batch_s)
            counts[field] = self._start_mj + int(passed_j * 1e3)
        return SimpleNamespace(**counts)

    def true_energy_j(self, field: str, begin_ns: int, end_ns: int) -> float:
        """The exact energy between two moments of the run clock."""
        begin_s, end_s = ((t - self._origin_ns) * 1e-9 for t in (begin_ns, end_ns))
        return self.fields[field].energy_j(begin_s, end_s)


class AppleEnergyMonitor(SimulatedMonitor):
    """What the installed package shows; RuntimeError where the chip shows nothing."""

    def __init__(self) -> None:
        spec = json.loads(os.environ[SPEC_VARIABLE])
        if not spec["fields"]:
            raise RuntimeError("Failed to create IOReport subscription.")
        fields = {field: parse(text) for field, text in spec["fields"].items()}
        super().__init__(fields, SystemClock(), spec["origin_ns"])


def install(folder: Path, fields: Mapping[str, Waveform]) -> dict[str, str]:
    """Put the package into a folder; the environment in which programs import it from there."""
    folder.mkdir(exist_ok=True)
    source = "from tests.simulated.ioreport import AppleEnergyMonitor as AppleEnergyMonitor\n"
    (folder / "zeus_apple_silicon.py").write_text(source)
    texts = {field: waveform.to_text() for field, waveform in fields.items()}
    repository = str(Path(__file__).parents[2])
    return {
        "PYTHONPATH": os.pathsep.join((str(folder), repository)),
        SPEC_VARIABLE: json.dumps({"fields": texts, "origin_ns": now_ns()}),
    }
