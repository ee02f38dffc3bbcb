"""The totals of many windows of a run over one cover, computed together."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from effmeter.channel import Provenance
from effmeter.cover import Cover
from effmeter.energy import Energy
from effmeter.energy.energies import Energies, summed, with_least_factor
from effmeter.energy.part_time import Times
from effmeter.recorded.recording import Recording
from effmeter.recorded.second_sensor import factor_beside

Window = tuple[int, int]
"""Beginning and end (run clock, ns)."""


@dataclass(frozen=True, slots=True)
class Totals:
    """The energies of some windows over one cover."""

    cover: Cover
    places: dict[Window, int]
    energies: Energies

    def of(self, window_ns: Window) -> Energy | None:
        """The energy of one of the windows; None where it is unknown."""
        return self.energies.at(self.places[window_ns])


def totals_over(recording: Recording, cover: Cover, windows_ns: Iterable[Window]) -> Totals | None:
    """The totals of windows; None for a cover that is empty or changes with time."""
    places = {window: place for place, window in enumerate(dict.fromkeys(windows_ns))}
    if cover.stretches or not cover.channels or not places:
        return None
    begins_ns, ends_ns = np.array(list(places), np.int64).T
    parts = [_counted(recording, name, begins_ns, ends_ns) for name in cover.names]
    return Totals(cover, places, summed(parts))


def _counted(recording: Recording, name: str, begins_ns: Times, ends_ns: Times) -> Energies:
    """As ``counted_energy`` of each window."""
    energies = recording.channel_energies(name, begins_ns, ends_ns)
    for other in recording.disagreeing.get(name, ()):
        energies = energies.holding(recording.channel_energies(other, begins_ns, ends_ns))
    if recording.channels[name].provenance is Provenance.ESTIMATED:
        energies = with_least_factor(energies, factor_beside(recording, name))
    return energies
