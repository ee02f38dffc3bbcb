"""Figures of a run while it goes on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from effmeter.energy import POWER_HEADROOM, Energy
from effmeter.energy.message import energy_of_message
from effmeter.reason import Reason
from effmeter.status import DetailedStatus
from effmeter.units import format_duration


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

    def since(self, earlier: "LiveEnergy") -> "LiveEnergy":
        """What was used after an earlier figure of the same recording."""
        parts = {c: _less(used, earlier.components.get(c)) for c, used in self.components.items()}
        return replace(self, total=_less(self.total, earlier.total), components=parts)

    def share(self, fraction: float) -> "LiveEnergy":
        """What was used in the first part of the time that the figures cover."""
        parts = {name: _share(used, fraction) for name, used in self.components.items()}
        return replace(self, total=_share(self.total, fraction), components=parts)

    def as_mapping(self) -> dict[str, Any]:
        """The figures in plain types, for JSON."""
        return {
            "total": self.total.as_mapping(),
            "components": {name: part.as_mapping() for name, part in self.components.items()},
            "cover": list(self.cover),
            "estimated": list(self.estimated),
            "missing": list(self.missing),
            "unread": list(self.unread),
            "partial": list(self.partial),
        }

    def __str__(self) -> str:
        """The total with its interval, its cover and what it lacks, on one line."""
        text = f"{self.total} over {', '.join(self.cover)}"
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

    def as_mapping(self) -> dict[str, Any]:
        """The summary in plain types, for JSON."""
        return {
            "name": self.name,
            "path": None if self.path is None else str(self.path),
            "status": str(self.status),
            "duration_s": self.duration_s,
            "epochs": self.epochs,
            "stopped_by": None if self.stopped_by is None else str(self.stopped_by),
            "overshoot": None if self.overshoot is None else self.overshoot.as_mapping(),
            "metrics": dict(self.metrics),
            "energy": None if self.energy is None else self.energy.as_mapping(),
        }

    def __str__(self) -> str:
        """A few words for a log."""
        parts = [f"{self.name}: {self.status}"]
        if self.epochs:  # a command has none: those of the programs in it are of runs of their own
            parts.append(f"{self.epochs} epoch{'' if self.epochs == 1 else 's'}")
        parts.append(format_duration(self.duration_s))
        parts += [f"stopped by {self.stopped_by}"] if self.stopped_by else []
        parts += [f"{name} {value:.4g}" for name, value in self.metrics.items()]
        parts.append("energy not known" if self.energy is None else str(self.energy))
        return ", ".join(parts)


def live_energy(total: Mapping[str, Any] | None) -> LiveEnergy | None:
    """The figures of a recorder's total, since the recording began; None where it is unknown."""
    if total is None or not total.get("energy"):
        return None
    return LiveEnergy(
        energy_of_message(total["energy"]),
        {name: energy_of_message(part) for name, part in total["components"].items()},
        tuple(total["cover"]),
        tuple(total["estimated"]),
        tuple(total["missing"]),
        tuple(total["unread"]),
        tuple(total.get("partial", ())),
    )


def _less(now: Energy, earlier: Energy | None) -> Energy:
    """What was used after an earlier figure; energy is never given back."""
    return now if earlier is None else (now - earlier).not_below_zero()


def _share(used: Energy, fraction: float) -> Energy:
    """The energy of a fraction of a stretch, whose power is at most twice its mean."""
    unsure_j = used.value_j * fraction
    return used * fraction + Energy(0.0, -unsure_j, (POWER_HEADROOM - 1) * unsure_j)
