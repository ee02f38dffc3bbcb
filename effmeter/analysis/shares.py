"""Whose the energy of a device is: attributed by the time for which each program used it.

**The rule.** The energy above idle is divided in proportion to the time of use: processor time of
the processors, busy time of a GPU. What an idle device draws is nobody's.

**The bounds.** Programs differ in power per use. Let a program use a device for ``t`` and all
others for ``T``, and let ``c`` and ``C`` be the mean powers above idle that a unit of their use
costs. Its true part of the active energy is ``c t / (c t + C T) = t / (t + (C / c) T)``. If the
powers of any two programs differ by at most the factor ``r``, then ``1 / r <= C / c <= r``: ``C``
is a mean of the other programs' powers weighted by their times, and each of these lies between
``c / r`` and ``c r``. The part falls with ``C / c``, so that it lies between ``t / (t + r T)`` and
``t / (t + T / r) = r t / (r t + T)``. It grows with ``t`` and falls with ``T``: the ends between
which these lie give the ends of the part. Nothing in this needs constant powers; ``c`` and ``C``
are means over the stretch.

A run is divided into stretches, each with its own times and energy. The bounds of all stretches
together and those of the run as one stretch both hold, so that the narrower ends count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from effmeter.energy import Energy
from effmeter.recorded.work import UsedTime

DEFAULT_POWER_RATIO = 3.0


class Holder(StrEnum):
    """Whom a share belongs to."""

    RUN = "this run"
    RECORDED = "other recorded programs"
    OTHERS = "other processes"
    IDLE = "idle"
    UNATTRIBUTED = "unattributed"


PROGRAMS = (Holder.RUN, Holder.RECORDED, Holder.OTHERS)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a whole, between 0 and 1, and the ends between which it lies."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Share:
    """An energy that is attributed (J), and the ends between which it lies."""

    value_j: float | None
    """None: only the ends are known."""
    low_j: float
    high_j: float
    systematic_j: float = 0.0
    """Half-width of what the sensors' gain and offset errors can add to the ends."""

    def __add__(self, other: "Share") -> "Share":
        """The sum; the ends add."""
        values = [v for v in (self.value_j, other.value_j) if v is not None]
        return Share(
            sum(values) if len(values) == 2 else None,
            self.low_j + other.low_j,
            self.high_j + other.high_j,
            self.systematic_j + other.systematic_j,
        )


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a run on one device."""

    energy: Energy
    idle: Energy | None
    """What the idle device draws in it; None: unknown."""
    most_idle_j: float
    """Where that is unknown: more than the idle device can draw."""
    used: Mapping[Holder, UsedTime]
    """Of each of ``PROGRAMS``."""
    everything: UsedTime

    @property
    def active(self) -> Share:
        """The energy above idle; all of it where idle is unknown, with the ends that leaves."""
        if self.idle is None:
            value_j, low_j = self.energy.value_j, self.energy.low_j - self.most_idle_j
            return Share(value_j, max(0.0, min(low_j, value_j)), self.energy.high_j)
        net = (self.energy - self.idle).not_below_zero()
        return Share(net.value_j, net.low_j, net.high_j)


def part_of(own: UsedTime, rest: UsedTime, power_ratio: float) -> Part:
    """The part of the active energy that belongs to those who used a device for ``own``.

    ``rest``: for how long all others used it. ``power_ratio``: by which factor at most the power
    per use of two programs differs.
    """
    used_s = own.value_s + rest.value_s
    value = own.value_s / used_s if used_s > 0 else 0.0
    low = _fraction(own.low_s, power_ratio * rest.high_s, 0.0)
    high = _fraction(power_ratio * own.high_s, rest.low_s, 1.0)
    return Part(value, min(low, value), max(high, value))


def _fraction(own_s: float, rest_s: float, undefined: float) -> float:
    return own_s / (own_s + rest_s) if own_s + rest_s > 0 else undefined


def attributed(
    whole: Stretch, stretches: Sequence[Stretch], power_ratio: float
) -> dict[Holder, Share]:
    """The shares of one device's energy, which sum to it.

    ``stretches`` divide ``whole``; empty where their energies are unknown.
    """
    divided = stretches or [whole]
    active = whole.active
    values_j = [stretch.active.value_j or 0.0 for stretch in divided]
    sum_j = sum(values_j)
    weights = [v / sum_j if sum_j > 0 else 1 / len(divided) for v in values_j]
    active_j = active.value_j or 0.0
    shares: dict[Holder, Share] = {}
    for holder in PROGRAMS:
        parts = [_part(stretch, holder, power_ratio) for stretch in divided]
        value_j = active_j * sum(w * p.value for w, p in zip(weights, parts, strict=True))
        as_one = _part(whole, holder, power_ratio)
        ends = [(s.active, p) for s, p in zip(divided, parts, strict=True)]
        low_j = max(sum(a.low_j * p.low for a, p in ends), active.low_j * as_one.low)
        high_j = min(sum(a.high_j * p.high for a, p in ends), active.high_j * as_one.high)
        shares[holder] = Share(value_j, min(low_j, value_j), max(high_j, value_j))
    unused = [s for s in divided if s.everything.value_s <= 0]
    unused_j = max(0.0, active_j - sum(share.value_j or 0.0 for share in shares.values()))
    most_j = sum(stretch.active.high_j for stretch in unused)
    shares[Holder.UNATTRIBUTED] = Share(unused_j if unused else 0.0, 0.0, max(unused_j, most_j))
    shares[Holder.IDLE] = idle_share(whole)
    return {holder: _with_sensor_error(share, whole.energy) for holder, share in shares.items()}


def unattributed(whole: Stretch) -> dict[Holder, Share]:
    """The shares of a device whose use by programs is not known."""
    shares = {Holder.IDLE: idle_share(whole), Holder.UNATTRIBUTED: whole.active}
    return {holder: _with_sensor_error(share, whole.energy) for holder, share in shares.items()}


def idle_share(whole: Stretch) -> Share:
    """What the idle device would have drawn, as far as it drew that much."""
    if whole.idle is None:
        return Share(None, 0.0, min(whole.most_idle_j, whole.energy.high_j))
    value_j = whole.energy.value_j - (whole.active.value_j or 0.0)
    low_j, high_j = max(0.0, whole.idle.low_j), min(whole.idle.high_j, whole.energy.high_j)
    return Share(value_j, min(low_j, value_j), max(high_j, value_j))


def _part(stretch: Stretch, holder: Holder, power_ratio: float) -> Part:
    own = stretch.used[holder]
    everything = stretch.everything
    known_s = sum(stretch.used[other].low_s for other in PROGRAMS if other is not holder)
    rest = UsedTime(
        max(0.0, everything.value_s - own.value_s),
        max(known_s, everything.low_s - own.high_s),
        max(known_s, everything.high_s - own.low_s),
    )
    return part_of(own, rest, power_ratio)


def _with_sensor_error(share: Share, energy: Energy) -> Share:
    whole_j = energy.value_j
    part = (share.value_j or 0.0) / whole_j if whole_j > 0 else 0.0
    return Share(share.value_j, share.low_j, share.high_j, energy.systematic_j * part)
