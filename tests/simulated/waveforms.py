"""Power over time as closed formulas, so that the energy of any window is exact."""

import math
from dataclasses import dataclass
from typing import Protocol


class Waveform(Protocol):
    """Power at a time since the waveform's origin, and the energy between two times."""

    @property
    def peak_w(self) -> float:
        """The most power it reaches."""

    def power_w(self, t_s: float) -> float:
        """Power at a time."""

    def energy_j(self, t0_s: float, t1_s: float) -> float:
        """Exact energy between two times."""

    def to_text(self) -> str:
        """The waveform as one line, which ``parse`` and the C library read."""


@dataclass(frozen=True, slots=True)
class Sine:
    """``mean_w + amplitude_w * sin(2 pi t / period_s)``."""

    mean_w: float
    amplitude_w: float
    period_s: float

    @property
    def peak_w(self) -> float:
        """The crest."""
        return self.mean_w + self.amplitude_w

    def power_w(self, t_s: float) -> float:
        """Power at a time."""
        return self.mean_w + self.amplitude_w * math.sin(2 * math.pi * t_s / self.period_s)

    def energy_j(self, t0_s: float, t1_s: float) -> float:
        """Exact energy between two times."""
        return self._passed_j(t1_s) - self._passed_j(t0_s)

    def _passed_j(self, t_s: float) -> float:
        turn = 2 * math.pi / self.period_s
        return self.mean_w * t_s + self.amplitude_w * (1 - math.cos(turn * t_s)) / turn

    def to_text(self) -> str:
        """``sine MEAN AMPLITUDE PERIOD``."""
        return f"sine {self.mean_w!r} {self.amplitude_w!r} {self.period_s!r}"


Segment = tuple[float, float, float]
"""Duration (s), power at its beginning and at its end (W)."""


@dataclass(frozen=True, slots=True)
class PiecewiseLinear:
    """Straight segments one after another; repeated for ever, or holding the last power."""

    segments: tuple[Segment, ...]
    repeats: bool

    @property
    def peak_w(self) -> float:
        """The highest end of a segment."""
        return max(max(begin_w, end_w) for _, begin_w, end_w in self.segments)

    def power_w(self, t_s: float) -> float:
        """Power at a time; at a jump, the power after it."""
        _, rest_s = self._wrapped(t_s)
        if rest_s < 0:
            return self.segments[0][1]
        for duration_s, begin_w, end_w in self.segments:
            if rest_s < duration_s:
                return begin_w + (end_w - begin_w) * rest_s / duration_s
            rest_s -= duration_s
        return self.segments[-1][2]

    def energy_j(self, t0_s: float, t1_s: float) -> float:
        """Exact energy between two times."""
        return self._passed_j(t1_s) - self._passed_j(t0_s)

    def _wrapped(self, t_s: float) -> tuple[float, float]:
        """Whole repetitions before a time, and the time since the last of them."""
        if not self.repeats:
            return 0.0, t_s
        return divmod(t_s, sum(duration_s for duration_s, _, _ in self.segments))

    def _passed_j(self, t_s: float) -> float:
        repetitions, rest_s = self._wrapped(t_s)
        passed_j = repetitions * sum(d * (b + e) / 2 for d, b, e in self.segments)
        if rest_s < 0:
            return passed_j + self.segments[0][1] * rest_s
        for duration_s, begin_w, end_w in self.segments:
            inside_s = min(rest_s, duration_s)
            reached_w = begin_w + (end_w - begin_w) * inside_s / duration_s
            passed_j += inside_s * (begin_w + reached_w) / 2
            rest_s -= inside_s
        return passed_j + self.segments[-1][2] * rest_s

    def to_text(self) -> str:
        """``linear REPEATS COUNT`` and three numbers per segment."""
        numbers = " ".join(repr(float(number)) for segment in self.segments for number in segment)
        return f"linear {int(self.repeats)} {len(self.segments)} {numbers}"


def constant(power_w: float) -> PiecewiseLinear:
    """The same power for ever."""
    return PiecewiseLinear(((1.0, power_w, power_w),), repeats=False)


def square(
    low_w: float, high_w: float, period_s: float, high_fraction: float = 0.5
) -> PiecewiseLinear:
    """High for a fraction of each period, then low."""
    high_s = period_s * high_fraction
    return PiecewiseLinear(
        ((high_s, high_w, high_w), (period_s - high_s, low_w, low_w)), repeats=True
    )


def ramp(begin_w: float, end_w: float, duration_s: float) -> PiecewiseLinear:
    """Straight from one power to another, which it then holds."""
    return PiecewiseLinear(((duration_s, begin_w, end_w),), repeats=False)


def bursts(idle_w: float, peak_w: float, pattern_s: tuple[float, ...]) -> PiecewiseLinear:
    """Idle and peak in turn for the durations given, idle first, repeated."""
    powers_w = (idle_w, peak_w)
    return PiecewiseLinear(
        tuple((duration_s, *(powers_w[i % 2],) * 2) for i, duration_s in enumerate(pattern_s)),
        repeats=True,
    )


def parse(text: str) -> Waveform:
    """The waveform that ``to_text`` wrote."""
    kind, *words = text.split()
    if kind == "sine":
        return Sine(*map(float, words))
    numbers = list(map(float, words[2:]))
    segments = tuple(
        (numbers[i], numbers[i + 1], numbers[i + 2]) for i in range(0, len(numbers), 3)
    )
    return PiecewiseLinear(segments, repeats=words[0] == "1")
