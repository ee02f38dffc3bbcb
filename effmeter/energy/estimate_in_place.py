"""Estimates in the place of sensors that fail: how far they may be off, by what was seen before.

While both were recorded, the sensor shows how far the estimate was off. In the sensor's place the
estimate may be off by as much, and somewhat more.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from effmeter.cover import Cover
from effmeter.energy.value import Energy

CHANGED_LOAD_FACTOR = 1.5
"""How much further an estimate may be off than it was beside a sensor: the load changes."""
LEAST_EVIDENCE_NS = 500_000_000
"""A shorter time beside a sensor says little of an estimate."""


def factor_beside_sensors(
    cover: Cover,
    estimate: str,
    window_ns: tuple[int, int],
    energy_of: Callable[[str, int, int], Energy | None],
) -> float:
    """The factor by which an estimate was off while sensors were counted in its place.

    Args:
        cover: With the stretches in which each channel is counted.
        estimate: The channel of the estimate.
        window_ns: What was recorded, on the run clock.
        energy_of: The energy of a channel between two moments.
    """
    channels = {channel.name: channel for channel in cover.channels}
    component = channels[estimate].component
    begins_ns = [window_ns[0], *(s.begin_ns for s in cover.stretches[1:]), window_ns[1]]
    estimated_j = measured_j = 0.0
    evidence_ns = 0
    for (begin_ns, end_ns), stretch in zip(pairwise(begins_ns), cover.stretches, strict=True):
        sensors = [name for name in stretch.names if channels[name].component is component]
        if estimate in sensors or not sensors or end_ns <= begin_ns:
            continue
        beside = energy_of(estimate, begin_ns, end_ns)
        shown = [energy_of(name, begin_ns, end_ns) for name in sensors]
        known = [energy.value_j for energy in shown if energy is not None]
        if beside is not None and len(known) == len(sensors):
            estimated_j += beside.value_j
            measured_j += sum(known)
            evidence_ns += end_ns - begin_ns
    return estimate_factor(estimated_j, measured_j) if evidence_ns >= LEAST_EVIDENCE_NS else 1.0


def estimate_factor(estimated_j: float, measured_j: float) -> float:
    """The factor by which an estimate was off beside a sensor, or somewhat more; 1 if unknown."""
    if not (0 < estimated_j < math.inf and 0 < measured_j < math.inf):
        return 1.0
    ratio = measured_j / estimated_j
    return CHANGED_LOAD_FACTOR * max(ratio, 1 / ratio)


def with_estimate_factor(energy: Energy, least: float) -> Energy:
    """An energy whose estimates are off by at least this factor."""
    parts = {
        name: replace(part, factor=max(part.factor, least))
        for name, part in energy.estimates.items()
    }
    if parts == dict(energy.estimates):
        return energy
    measured = energy.without_estimates()
    ends_j = [part.bounds_j for part in parts.values()]
    low_j = measured.low_j + math.fsum(low_j for low_j, _ in ends_j)
    high_j = measured.high_j + math.fsum(high_j for _, high_j in ends_j)
    return replace(energy, low_j=low_j, high_j=high_j, estimates=parts)
