"""What other sensors say of a channel's energy: two of one device, an estimate beside a sensor.

Where two sensors of one device differ by more than both errors, nothing tells which is wrong: the
interval holds both. Where an estimate takes the place of a sensor, the time in which both were
recorded shows how far it may be off.
"""

from effmeter.channel import Provenance
from effmeter.cover import Cover
from effmeter.energy import Energy
from effmeter.energy.estimate_in_place import factor_beside_sensors, with_estimate_factor
from effmeter.energy.widened import holding_both
from effmeter.recorded.recording import Recording
from effmeter.recorded.run_cover import cover_between


def counted_energy(
    recording: Recording, cover: Cover, name: str, begin_ns: int, end_ns: int
) -> Energy | None:
    """The energy that a total takes from a channel, with what other sensors say of it.

    A cover in stretches counts a channel that shows nothing only where nothing else shows more:
    there it is bounded.
    """
    energy = recording.channel_energy(name, begin_ns, end_ns)
    if energy is None and cover.stretches:
        energy = recording.bounded_energy(name, begin_ns, end_ns)
    if energy is None:
        return None
    for other in recording.disagreeing.get(name, ()):
        shown = recording.channel_energy(other, begin_ns, end_ns)
        energy = energy if shown is None else holding_both(energy, shown)
    if recording.channels[name].provenance is Provenance.ESTIMATED:
        energy = with_estimate_factor(energy, factor_beside(recording, name))
    return energy


def factor_beside(recording: Recording, estimate: str) -> float:
    """The factor by which an estimate was off while sensors were counted in its place."""
    if estimate not in recording.estimate_factors:
        window_ns = (recording.metadata.started_time_ns, recording.recorded_until_ns)
        known = {
            name
            for name in recording.channels
            if recording.channel_energy(name, *window_ns) is not None
        }
        cover = cover_between(recording, recording.sources, known, *window_ns)
        factor = 1.0
        if cover.stretches and estimate in cover.names:
            factor = factor_beside_sensors(cover, estimate, window_ns, recording.channel_energy)
        recording.estimate_factors[estimate] = factor
    return recording.estimate_factors[estimate]
