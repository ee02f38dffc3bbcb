"""The energy of the whole machine beside the sum of its parts.

A wall meter contains everything that a total sums, and fans, drives, mainboard and power supply
besides, so it stands apart. The ratio tells how much of the machine the total covers. Where nothing
but the wall was read, the total is the machine's own, and nothing stands beside it.
"""

from dataclasses import dataclass

from effmeter.channel import Channel, Component
from effmeter.energy import Energy, EnergyRatio
from effmeter.recorded.breakdown import Breakdown


@dataclass(frozen=True, slots=True)
class WallEnergy:
    """The energy of a run by one meter of the whole machine."""

    channel: Channel
    energy: Energy
    total_ratio: EnergyRatio | None
    """The total over this energy; None where there is no total, or it is of several hosts."""


def wall_energies(breakdown: Breakdown) -> tuple[WallEnergy, ...]:
    """Each wall meter beside the total that determined the energy of the window."""
    total = breakdown.total
    return tuple(
        WallEnergy(seen.channel, seen.energy, None if total is None else total / seen.energy)
        for seen in breakdown.channels
        if seen.channel.component is Component.WALL
        and seen.energy is not None
        and seen.channel.name not in breakdown.cover.names
    )
