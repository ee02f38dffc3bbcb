"""One GPU of AMD: what its counter and its gauge show over time, faults included."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from effmeter.clock import now_ns
from tests.simulated.waveforms import Waveform, parse

COUNTER_UNIT_J = 2.0**-16
_FOREVER_S = 1e9


@dataclass(frozen=True, slots=True)
class SimulatedAmdGpu:
    """A GPU that works; by default an MI300X. Times count from the origin."""

    waveform: Waveform
    model: str = "AMD Instinct MI300X"
    address: str = "0000:c1:00.0"
    averages: bool = False
    """Whether its gauge shows an average over ``window_s``, as MI200 and Navi do."""
    window_s: float = 1.0
    limit_w: int | None = 750
    start_count: int = 5_104_503_354
    refresh_s: float = 0.001
    frozen_from_s: float = _FOREVER_S
    frozen_until_s: float = _FOREVER_S
    counts_while_frozen: bool = False
    """Whether a freeze is only one of what is shown, and is caught up with at its end."""
    step_back_s: float = _FOREVER_S
    step_back_j: float = 0.0
    """When its counter falls, and by how much."""
    odd_count: Any = None
    odd_power: Any = None
    """Shown in place of the count or the power: N/A, the highest value of a type, zero."""
    error: str | None = None
    """What every call about it fails with."""

    def count(self, t_s: float) -> Any:
        """What its counter shows."""
        if self.odd_count is not None:
            return self.odd_count
        counted_j = self.waveform.energy_j(0.0, self._counted_s(t_s // self.refresh_s))
        if t_s >= self.step_back_s:
            counted_j -= self.step_back_j
        return self.start_count + int(counted_j / COUNTER_UNIT_J)

    def power_w(self, t_s: float) -> Any:
        """What its gauge shows, in whole watts."""
        if self.odd_power is not None:
            return self.odd_power
        if not self.averages:
            return round(self.waveform.power_w(t_s))
        return round(self.waveform.energy_j(t_s - self.window_s, t_s) / self.window_s)

    def _counted_s(self, refreshes: float) -> float:
        """The time up to which its counter has counted."""
        t_s = refreshes * self.refresh_s
        if t_s < self.frozen_from_s:
            return t_s
        if t_s < self.frozen_until_s:
            return self.frozen_from_s
        return t_s if self.counts_while_frozen else t_s - self.frozen_until_s + self.frozen_from_s


@dataclass(frozen=True, slots=True)
class Machine:
    """The GPUs of a machine and its clock."""

    gpus: tuple[SimulatedAmdGpu, ...]
    origin_ns: int
    now_ns: Callable[[], int] = now_ns

    @property
    def t_s(self) -> float:
        """The time since the origin."""
        return (self.now_ns() - self.origin_ns) * 1e-9


def save(path: Path, gpus: Sequence[SimulatedAmdGpu], origin_ns: int, at_ns: int | None) -> None:
    """Write a machine for another program, in one step; ``at_ns``: its clock stands there."""
    described = [{**asdict(gpu), "waveform": gpu.waveform.to_text()} for gpu in gpus]
    apart = path.with_suffix(".new")
    apart.write_text(json.dumps({"gpus": described, "origin_ns": origin_ns, "at_ns": at_ns}))
    apart.replace(path)


def load(path: Path) -> Machine:
    """The machine that was written."""
    saved = json.loads(path.read_text())
    gpus = tuple(
        SimulatedAmdGpu(**{**gpu, "waveform": parse(gpu["waveform"])}) for gpu in saved["gpus"]
    )
    at_ns = saved["at_ns"]
    return Machine(gpus, saved["origin_ns"], now_ns if at_ns is None else lambda: int(at_ns))
