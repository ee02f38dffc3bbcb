"""The strata over which coverage is proven: sensor kind x waveform x window length.

Every run draws the phases of sensor, recorder and load and the exact lengths of its windows anew,
and gives one window to each stratum, so that the windows of a stratum are independent and the
binomial law holds for the number of those that contain the truth.
"""

import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from effmeter.energy.confidence import CONFIDENCE
from effmeter.probes.nvidia.probe import PERIOD_S
from tests.simulated.sensors import (
    Seconds,
    SimulatedCounter,
    SimulatedGauge,
    SimulatedRecorder,
    SimulatedSensor,
    at_ns,
    record,
)
from tests.simulated.waveforms import PiecewiseLinear, Sine, Waveform, bursts, constant, square

LENGTHS_S = (0.05, 0.2, 1.0, 2.0, 5.0, 10.0)
LENGTH_SPREAD = 0.1
"""A window is shorter or longer than its stratum says by up to this part of it."""
PERIODS_S = (0.025, 0.033, 0.1 / 3, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""25, 33 1/3, 50 and 100 ms keep step with a gauge that updates each 100 ms; 33 ms beats."""
MODULUS = 200_000
"""In millijoules: at the loads here a counter wraps every few seconds."""
MAX_POWER_W = 250.0
SURELY_BELOW = 0.01
"""A stratum is below 95 % if so few or fewer windows would hold the truth less often than this."""


class Instrument(NamedTuple):
    """A sensor, how it is recorded, and how long it is before and after each window."""

    name: str
    sensor: SimulatedSensor
    recorder: SimulatedRecorder
    around_s: float

    @property
    def is_gauge(self) -> bool:
        return isinstance(self.sensor, SimulatedGauge)


class Load(NamedTuple):
    """A waveform by its shape and period; a steady one has no period."""

    shape: str
    period_s: float | None
    waveform: Waveform

    @property
    def is_slow(self) -> bool:
        return self.period_s is not None and self.period_s >= 1


class Stratum(NamedTuple):
    """What the windows of one stratum showed; widths and errors are fractions of the truth."""

    instrument: Instrument
    load: Load
    length_s: float
    held: int
    half_widths: tuple[float, ...]
    errors: tuple[float, ...]

    @property
    def windows(self) -> int:
        return len(self.errors)

    @property
    def coverage(self) -> float:
        return self.held / self.windows

    @property
    def is_below(self) -> bool:
        """Whether the interval holds the truth in fewer cases than it says, beyond chance."""
        return _chance_of_at_most(self.held, self.windows) < SURELY_BELOW


def _counter(refresh_s: float, jitter_fraction: float = 0.0) -> SimulatedCounter:
    return SimulatedCounter(
        refresh_s,
        modulus=MODULUS,
        jitter_fraction=jitter_fraction,
        max_power_w=MAX_POWER_W,
    )


CLOSE_TO_MARKS = SimulatedRecorder(0.1, close_period_s=PERIOD_S)
"""At 10 Hz, and after marks as NVIDIA's counters are read."""

INSTRUMENTS = (
    Instrument("counter 1 ms, read at 10 Hz", _counter(0.001), SimulatedRecorder(0.1), 2.0),
    Instrument("counter 20 ms, read at 50 Hz", _counter(0.02), SimulatedRecorder(0.02), 2.0),
    Instrument(
        "counter 100 ms, read at 10 Hz, closely after marks", _counter(0.1), CLOSE_TO_MARKS, 2.0
    ),
    Instrument(
        "gauge 100 ms, window 25 ms, read at 50 Hz",
        SimulatedGauge(max_power_w=MAX_POWER_W),
        SimulatedRecorder(0.02),
        11.0,
    ),
)
FURTHER_INSTRUMENTS = (
    Instrument(
        "counter 100 ms, read closely after marks, begun 8 s after one",
        _counter(0.1),
        CLOSE_TO_MARKS,
        8.0,
    ),
    Instrument("counter 100 ms, read at 50 Hz", _counter(0.1), SimulatedRecorder(0.02), 2.0),
    Instrument("counter 100 ms, read at 10 Hz", _counter(0.1), SimulatedRecorder(0.1), 2.0),
    Instrument(
        "counter 70 to 100 ms, read at 50 Hz", _counter(0.1, 0.3), SimulatedRecorder(0.02), 2.0
    ),
    Instrument(
        "counter 70 to 100 ms, read at 10 Hz, closely after marks",
        _counter(0.1, 0.3),
        CLOSE_TO_MARKS,
        2.0,
    ),
    Instrument(
        "gauge 90 to 100 ms, window 25 ms, read at 50 Hz",
        SimulatedGauge(jitter_fraction=0.1, max_power_w=MAX_POWER_W),
        SimulatedRecorder(0.02),
        11.0,
    ),
    Instrument(
        "gauge 0.1 to 1 s, window 1 s, read at 50 Hz",
        SimulatedGauge(1.0, 1.0, jitter_fraction=0.9, max_power_w=MAX_POWER_W),
        SimulatedRecorder(0.02),
        4.0,
    ),
)


def sawtooth(low_w: float, high_w: float, period_s: float) -> PiecewiseLinear:
    """A ramp that starts again."""
    return PiecewiseLinear(((period_s, low_w, high_w),), repeats=True)


def loads(periods_s: Iterable[float] = PERIODS_S) -> Iterator[Load]:
    """A steady load, and each shape at each period."""
    yield Load("constant", None, constant(60.0))
    for period_s in periods_s:
        yield Load("square", period_s, square(20.0, 100.0, period_s))
        yield Load("sine", period_s, Sine(60.0, 40.0, period_s))
        yield Load("ramp", period_s, sawtooth(20.0, 100.0, period_s))
        pattern_s = (0.5 * period_s, 0.1 * period_s, 0.15 * period_s, 0.25 * period_s)
        yield Load("bursts", period_s, bursts(15.0, 110.0, pattern_s))


def observe(
    instrument: Instrument,
    load: Load,
    runs: int,
    lengths_s: Sequence[float] = LENGTHS_S,
    seed: int = 0,
) -> list[Stratum]:
    """One stratum for each length, of a window from each of so many runs."""
    period_us = round((load.period_s or 0) * 1e6)
    name = [ord(letter) for letter in instrument.name + load.shape]
    random = np.random.default_rng([seed, period_us, *name])
    held = [0] * len(lengths_s)
    widths: list[list[float]] = [[] for _ in lengths_s]
    errors: list[list[float]] = [[] for _ in lengths_s]
    for _ in range(runs):
        for place, (is_held, width, error) in enumerate(_run(instrument, load, lengths_s, random)):
            held[place] += is_held
            widths[place].append(width)
            errors[place].append(error)
    return [
        Stratum(instrument, load, length_s, held[i], tuple(widths[i]), tuple(errors[i]))
        for i, length_s in enumerate(lengths_s)
    ]


def _run(
    instrument: Instrument, load: Load, lengths_s: Sequence[float], random: np.random.Generator
) -> Iterator[tuple[bool, float, float]]:
    """Of each window of one run: is the truth held, half-width and error as parts of it."""
    start_s = 1000 * random.random()
    begin_s = start_s + instrument.around_s + random.random()
    spread = LENGTH_SPREAD * random.uniform(-1, 1, len(lengths_s))
    ends_s = begin_s + np.array(lengths_s) * (1 + spread)
    # Close reading after the end of one window would help another that ends later.
    together = (
        [ends_s] if instrument.recorder.close_period_s is None else np.split(ends_s, len(ends_s))
    )
    for some_s in together:
        yield from _windows(instrument, load, start_s, begin_s, some_s, random)


def _windows(
    instrument: Instrument,
    load: Load,
    start_s: float,
    begin_s: float,
    ends_s: Seconds,
    random: np.random.Generator,
) -> Iterator[tuple[bool, float, float]]:
    """The windows that are marked in one recording; they begin together."""
    until_s = float(ends_s.max()) + instrument.around_s
    times_s = instrument.recorder.times_s(start_s, until_s, np.array([begin_s, *ends_s]), random)
    trace = record(instrument.sensor, load.waveform, times_s, random)
    for end_s in map(float, ends_s):
        found = trace.energy(at_ns(begin_s), at_ns(end_s))
        assert found is not None
        true_j = load.waveform.energy_j(begin_s, end_s)
        is_held = found.low_j - 1e-6 <= true_j <= found.high_j + 1e-6
        yield is_held, found.half_width_j / true_j, abs(found.value_j - true_j) / true_j


def median_half_width(strata: Iterable[Stratum]) -> float:
    """Over all windows of the strata, as a fraction of the truth."""
    return statistics.median(width for stratum in strata for width in stratum.half_widths)


def median_error(strata: Iterable[Stratum]) -> float:
    """Over all windows of the strata, as a fraction of the truth."""
    return statistics.median(error for stratum in strata for error in stratum.errors)


def by_instrument(strata: Iterable[Stratum]) -> Mapping[str, list[Stratum]]:
    """The strata of each instrument, by its name."""
    grouped: dict[str, list[Stratum]] = {}
    for stratum in strata:
        grouped.setdefault(stratum.instrument.name, []).append(stratum)
    return grouped


def _chance_of_at_most(held: int, windows: int) -> float:
    """How likely so few windows or fewer hold the truth, if each does in 95 % of cases."""
    return math.fsum(
        math.comb(windows, k) * CONFIDENCE**k * (1 - CONFIDENCE) ** (windows - k)
        for k in range(held + 1)
    )
