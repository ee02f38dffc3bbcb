"""What other sensors say of a channel's energy: two of one device, an estimate beside a sensor.

Where two sensors of one device differ by more than both errors, nothing tells which is wrong: the
interval holds both. Where an estimate takes the place of a sensor, the time in which both were
recorded shows how far it may be off.
"""

from itertools import pairwise

from effmeter.channel import Provenance
from effmeter.cover import Cover
from effmeter.energy import Energy
from effmeter.energy.widened import estimate_factor, holding_both, with_estimate_factor
from effmeter.recorded.recording import Recording

LEAST_EVIDENCE_NS = 500_000_000
"""A shorter time beside a sensor says little of an estimate."""


def counted_energy(
    run: Recording, cover: Cover, name: str, begin_ns: int, end_ns: int
) -> Energy | None:
    """The energy that a total takes from a channel, with what other sensors say of it."""
    energy = run.channel_energy(name, begin_ns, end_ns)
    if energy is None:
        return None
    for other in run.disagreeing.get(name, ()):
        shown = run.channel_energy(other, begin_ns, end_ns)
        energy = energy if shown is None else holding_both(energy, shown)
    if cover.stretches and run.channels[name].provenance is Provenance.ESTIMATED:
        energy = with_estimate_factor(energy, _factor_beside(run, cover, name))
    return energy


def _factor_beside(run: Recording, cover: Cover, estimate: str) -> float:
    """The factor by which an estimate was off while sensors were counted in its place."""
    key = (cover.stretches, estimate)
    if key not in run.estimate_factors:
        run.estimate_factors[key] = _estimated_factor(run, cover, estimate)
    return run.estimate_factors[key]


def _estimated_factor(run: Recording, cover: Cover, estimate: str) -> float:
    component = run.channels[estimate].component
    first_ns, last_ns = run.metadata.started_time_ns, run.recorded_until_ns
    begins_ns = [first_ns, *(s.begin_ns for s in cover.stretches[1:]), last_ns]
    estimated_j = measured_j = 0.0
    evidence_ns = 0
    for (begin_ns, end_ns), stretch in zip(pairwise(begins_ns), cover.stretches, strict=True):
        sensors = [n for n in stretch.names if run.channels[n].component is component]
        beside = run.channel_energy(estimate, begin_ns, end_ns)
        shown = [run.channel_energy(name, begin_ns, end_ns) for name in sensors]
        known = [energy.value_j for energy in shown if energy is not None]
        if estimate in stretch.names or beside is None or len(known) < max(1, len(sensors)):
            continue
        estimated_j += beside.value_j
        measured_j += sum(known)
        evidence_ns += end_ns - begin_ns
    return estimate_factor(estimated_j, measured_j) if evidence_ns >= LEAST_EVIDENCE_NS else 1.0
