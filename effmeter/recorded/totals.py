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


def compute_in_stretches(recording: Recording, cover: Cover, windows_ns: Iterable[Window]) -> None:
    """Compute what windows take from each channel of a cover that changes with time.

    Channel by channel: of a large recording, the readings of few are held at a time.
    """
    wanted: dict[str, set[Window]] = {}
    for window_ns in windows_ns if cover.stretches else ():
        for name, first_ns, last_ns in cover.counted(*window_ns):
            for shown in (name, *recording.disagreeing.get(name, ())):
                wanted.setdefault(shown, set()).add((first_ns, last_ns))
    for name, of_channel_ns in wanted.items():
        recording.compute(name, of_channel_ns)
        for window_ns in of_channel_ns:
            if recording.channel_energy(name, *window_ns) is None:
                recording.bounded_energy(name, *window_ns)


def _counted(recording: Recording, name: str, begins_ns: Times, ends_ns: Times) -> Energies:
    """As ``counted_energy`` of each window."""
    energies = recording.channel_energies(name, begins_ns, ends_ns)
    for other in recording.disagreeing.get(name, ()):
        energies = energies.holding(recording.channel_energies(other, begins_ns, ends_ns))
    if recording.channels[name].provenance is Provenance.ESTIMATED:
        energies = with_least_factor(energies, factor_beside(recording, name))
    return energies
