"""Figures of a run while it goes on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from effmeter.energy import Energy
from effmeter.reason import Reason
from effmeter.status import DetailedStatus
from effmeter.units import format_duration, format_energy
from effmeter.wire.protocol import Message


@dataclass(frozen=True, slots=True)
class LiveEnergy:
    """Energy used since the run began, asked for while it goes on.

    A live figure is coarser than the report's, which knows what came after.
    """

    total: Energy
    components: Mapping[str, Energy]
    cover: tuple[str, ...]
    """The channels that the total sums."""
    estimated: tuple[str, ...]
    """Those of them that are estimates."""
    missing: tuple[str, ...]
    """Components that the machine has and nothing measures."""
    unread: tuple[str, ...] = ()
    """Channels of the cover that cannot be read just now."""
    partial: tuple[str, ...] = ()
    """Devices without a figure, of components that others measure."""

    def __str__(self) -> str:
        """The total with its interval and what it leaves out, on one line."""
        low, high = format_energy(self.total.low_j), format_energy(self.total.high_j)
        text = f"{format_energy(self.total.value_j)} [{low}, {high}] over {', '.join(self.cover)}"
        if self.estimated:
            text += f"; estimated: {', '.join(self.estimated)}"
        without = ", ".join((*self.missing, *self.partial))
        return text + (f"; without {without}" if without else "")


@dataclass(frozen=True, slots=True)
class Summary:
    """A run at a glance."""

    name: str
    path: Path | None
    status: DetailedStatus
    duration_s: float
    epochs: int
    stopped_by: Reason | None
    overshoot: Energy | None
    """Used beyond the energy budget that ended the epochs; negative where one was not begun."""
    metrics: Mapping[str, float]
    energy: LiveEnergy | None

    def __str__(self) -> str:
        """A few words for a log."""
        parts = [f"{self.name}: {self.status}", f"{self.epochs} epochs"]
        parts.append(format_duration(self.duration_s))
        parts += [f"stopped by {self.stopped_by}"] if self.stopped_by else []
        parts += [f"{name} {value:.4g}" for name, value in self.metrics.items()]
        parts.append("energy not known" if self.energy is None else str(self.energy))
        return ", ".join(parts)


def live_energy(total: Message | None, baseline: Message | None) -> LiveEnergy | None:
    """What a recorder's total says of a run; what was used before the run is taken off."""
    if total is None or not total.get("energy"):
        return None
    before = baseline or {}
    earlier = before.get("components", {})
    return LiveEnergy(
        _difference(total["energy"], before.get("energy")),
        {c: _difference(e, earlier.get(c)) for c, e in total["components"].items()},
        tuple(total["cover"]),
        tuple(total["estimated"]),
        tuple(total["missing"]),
        tuple(total["unread"]),
        tuple(total.get("partial", ())),
    )


def _difference(now: Sequence[float], before: Sequence[float] | None) -> Energy:
    value_j, low_j, high_j, systematic_j = now
    if before is None:
        return Energy(value_j, low_j, high_j, systematic_j)
    return Energy(
        max(0.0, value_j - before[0]),
        max(0.0, low_j - before[2]),
        max(0.0, high_j - before[1]),
        max(0.0, systematic_j - before[3]),
    )
