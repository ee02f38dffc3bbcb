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
    run: Recording, cover: Cover, name: str, begin_ns: int, end_ns: int
) -> Energy | None:
    """The energy that a total takes from a channel, with what other sensors say of it.

    A cover in stretches counts a channel that shows nothing only where nothing else shows more:
    there it is bounded.
    """
    energy = run.channel_energy(name, begin_ns, end_ns)
    if energy is None and cover.stretches:
        energy = run.bounded_energy(name, begin_ns, end_ns)
    if energy is None:
        return None
    for other in run.disagreeing.get(name, ()):
        shown = run.channel_energy(other, begin_ns, end_ns)
        energy = energy if shown is None else holding_both(energy, shown)
    if run.channels[name].provenance is Provenance.ESTIMATED:
        energy = with_estimate_factor(energy, _factor_beside(run, name))
    return energy


def _factor_beside(run: Recording, estimate: str) -> float:
    """The factor by which an estimate was off while sensors were counted in its place."""
    if estimate not in run.estimate_factors:
        window_ns = (run.metadata.started_time_ns, run.recorded_until_ns)
        known = {name for name in run.channels if run.channel_energy(name, *window_ns) is not None}
        cover = cover_between(run, known, *window_ns)
        factor = 1.0
        if cover.stretches and estimate in cover.names:
            factor = factor_beside_sensors(cover, estimate, window_ns, run.channel_energy)
        run.estimate_factors[estimate] = factor
    return run.estimate_factors[estimate]
