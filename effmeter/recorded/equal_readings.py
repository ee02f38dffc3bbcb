"""Meters whose readings are equal to the digit: one meter under several names.

Two meters that were read at the same moments and never differ are one, provided that what they
showed varies: two independent meters do not agree in twenty moves.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from effmeter.channel import Kind
from effmeter.recorded.readings import Samples

LEAST_MOVES = 20
"""Readings that differ from the one before, in which both agree."""
LEAST_SHARED_FRACTION = 0.95
"""Of the shorter record, the readings that lie at moments of the other."""
Meter = tuple[Kind, Callable[[], Samples]]
"""A channel's kind and how to get its readings."""
_FINGERPRINT = 16
_RESOLUTION_J = 1e-6
_MIX_TIME, _MIX_VALUE = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


class EqualMeters(NamedTuple):
    """Meters with equal readings, by their names."""

    names: tuple[str, ...]
    readings: int
    """How many readings the first two share."""
    moves: int
    """How many of them differ from the one before."""


class _Record(NamedTuple):
    times_ns: NDArray[np.int64]
    shown: NDArray[np.float64]


def equal_meters(
    meters: Mapping[str, Meter],
) -> tuple[EqualMeters, ...]:
    """The groups of meters with equal readings, in the order of the meters.

    Args:
        meters: By name, the kind of a channel and how to get its readings, which are not kept;
            moments are of a clock that the meters share, such as the wall clock.
    """
    groups: dict[str, EqualMeters] = {}
    taken: set[str] = set()
    for one, other in _candidates(meters):
        if one in taken or other in taken:
            continue
        shared = _agreement(_record(*meters[one]), _record(*meters[other]))
        if shared is not None:
            earlier = groups.get(one)
            names = (one,) if earlier is None else earlier.names
            readings, moves = shared if earlier is None else earlier[1:]
            groups[one] = EqualMeters((*names, other), readings, moves)
            taken.add(other)
    return tuple(groups.values())


def _record(kind: Kind, samples: Callable[[], Samples]) -> _Record:
    """What a meter showed: power, or the energy since the reading before."""
    times_ns, values = samples()
    if kind is Kind.COUNTER:
        steps_j = np.round(np.diff(values) / _RESOLUTION_J) * _RESOLUTION_J
        return _Record(times_ns[1:], steps_j)
    return _Record(times_ns, values)


def _candidates(
    meters: Mapping[str, Meter],
) -> Iterator[tuple[str, str]]:
    """The pairs that share a reading of their fingerprints, in the order of the meters.

    Comparing all pairs of many hosts would take long. Equal records have equal fingerprints, and
    records that overlap for the most part share most of theirs.
    """
    prints = {name: _fingerprint(_record(*meter)) for name, meter in meters.items()}
    for one, other in combinations(meters, 2):
        if not prints[one].isdisjoint(prints[other]):
            yield one, other


def _fingerprint(record: _Record) -> frozenset[int]:
    """The least hashes of the readings that moved."""
    moved = np.flatnonzero(np.diff(record.shown)) + 1
    times = record.times_ns[moved].view(np.uint64)
    shown = np.ascontiguousarray(record.shown[moved]).view(np.uint64)
    hashes = (times * _MIX_TIME) ^ (shown * _MIX_VALUE)
    hashes ^= hashes >> np.uint64(31)
    hashes *= _MIX_TIME
    return frozenset(np.sort(hashes)[:_FINGERPRINT].tolist())


def _agreement(one: _Record, other: _Record) -> tuple[int, int] | None:
    """The readings and moves in which two meters agree; None where they are two."""
    shorter = min(len(one.times_ns), len(other.times_ns))
    _, ours, theirs = np.intersect1d(one.times_ns, other.times_ns, return_indices=True)
    if not shorter or len(ours) < LEAST_SHARED_FRACTION * shorter:
        return None
    shown = one.shown[ours]
    moves = int(np.count_nonzero(np.diff(shown)))
    is_equal = np.array_equal(shown, other.shown[theirs])
    return (len(ours), moves) if is_equal and moves >= LEAST_MOVES else None
