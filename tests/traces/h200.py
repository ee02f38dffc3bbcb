"""What an NVIDIA H200 (driver 580) showed under loads that are known, replayed.

``h200-power-samples.npz``: ``S`` (us of the wall clock, mW), every value of the driver's buffer;
``E`` (ns before, ns after, mJ, us) each change of the energy counter, read without pause; ``off``,
the wall clock less CLOCK_BOOTTIME (ns). ``h200-counter-and-gauges.npz``: ``E`` without the driver's
stamp, no samples. ``*-load.json``: the phases of the load and the bursts in them, ns of
CLOCK_BOOTTIME. A burst multiplies matrices; between bursts the GPU idles.

The truth is the load itself, as a power between bursts and one in them, both fitted to each phase:
a sensor's gain and offset fall out of the comparison. Power overshoots at the beginning of a burst,
so the fitted load is itself off by some per cent at a quarter of a second.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from effmeter.channel import Channel, Component, Kind, Provenance
from effmeter.energy import Energy, Trace, trace
from effmeter.energy.shape import NOWHERE, Shape
from effmeter.probes.nvidia.device import COUNTER_PERIOD_NS

FOLDER = Path(__file__).parent
SAMPLES, COUNTER = "h200-power-samples", "h200-counter-and-gauges"
COUNTER_PERIOD_S = COUNTER_PERIOD_NS * 1e-9
LENGTHS_S = (0.1, 0.25, 0.5, 1.0, 2.0)
_DEVICE = "NVIDIA H200 GPU-0"
_SETTLED_NS, _BEFORE_END_NS = 50_000_000, 20_000_000
"""What is left out at the beginning of a phase and at its end."""

COUNTER_CHANNEL = Channel(
    "gpu0",
    Component.GPU,
    Kind.COUNTER,
    Provenance.MEASURED,
    "nvmlDeviceGetTotalEnergyConsumption",
    refresh_s=0.1,
    device=_DEVICE,
    unit_j=1e-3,
    resolution=1e-3,
    noise_fraction=0.01,
    max_power_w=1400.0,
)
SAMPLE_CHANNEL = Channel(
    "gpu0-power-samples",
    Component.GPU,
    Kind.GAUGE,
    Provenance.MEASURED,
    "nvmlDeviceGetSamples(TOTAL_POWER_SAMPLES)",
    refresh_s=0.02,
    device=_DEVICE,
    contained_in="gpu0",
    resolution=1e-3,
    window_s=0.025,
    lag_s=0.015,
)

Times = NDArray[np.int64]
Values = NDArray[np.float64]


class Phase(NamedTuple):
    """One load: idle, steady, or bursts with a period."""

    kind: str
    begin_ns: int
    end_ns: int
    bursts_ns: Times

    def on_s(self, moments_ns: Times | Values) -> Values:
        """The time in bursts since the phase began (n,)."""
        if not len(self.bursts_ns):
            return np.zeros(len(moments_ns))
        lengths_s = (self.bursts_ns[:, 1] - self.bursts_ns[:, 0]) * 1e-9
        passed_s = np.repeat(np.cumsum(lengths_s), 2)
        passed_s[::2] -= lengths_s
        return np.asarray(np.interp(moments_ns, self.bursts_ns.ravel(), passed_s))


class Readings(NamedTuple):
    """A counter's readings: (n,) moments, joules, and how long each call took."""

    times_ns: Times
    energy_j: Values
    read_s: Values


class Window(NamedTuple):
    """What a window showed."""

    phase: Phase
    found: Energy
    true_j: float

    @property
    def is_held(self) -> bool:
        return self.found.low_j <= self.true_j <= self.found.high_j

    @property
    def half_width(self) -> float:
        return self.found.half_width_j / self.true_j

    @property
    def error(self) -> float:
        return abs(self.found.value_j - self.true_j) / self.true_j


@dataclass(frozen=True)
class Replay:
    """One recording of the card."""

    name: str

    @cached_property
    def _arrays(self) -> dict[str, NDArray[np.int64]]:
        with np.load(FOLDER / f"{self.name}.npz") as arrays:
            return {key: arrays[key].astype(np.int64) for key in arrays}

    @cached_property
    def phases(self) -> list[Phase]:
        """The loads under which the counter was read."""
        described = json.loads((FOLDER / f"{self.name}-load.json").read_text())
        changes = self._arrays["E"]
        first_ns, last_ns = int(changes[0, 0]), int(changes[-1, 0])
        phases = (
            Phase(p["kind"], p["begin"], p["end"], np.array(p["bursts"], np.int64).reshape(-1, 2))
            for p in described
        )
        return [p for p in phases if p.begin_ns >= first_ns and p.end_ns <= last_ns]

    def read(self, period_s: float, begin_s: float = 0.0) -> Readings:
        """The counter as a recorder with this period would have read it."""
        changes = self._arrays["E"]
        first_ns = int(changes[0, 0]) + round(begin_s * 1e9)
        asked_ns = np.arange(first_ns, changes[-1, 0], round(period_s * 1e9))
        shown = np.searchsorted(changes[:, 0], asked_ns, "right") - 1
        took_ns = changes[shown, 1] - changes[shown, 0]
        energy_j = (changes[shown, 2] - changes[0, 2]) * 1e-3
        return Readings(asked_ns + took_ns // 2, energy_j, took_ns * 1e-9)

    @cached_property
    def samples(self) -> tuple[Times, Values]:
        """The stamps of the driver's values on the run clock (ns), and the values (W)."""
        shown = self._arrays["S"]
        return shown[:, 0] * 1000 - int(self._arrays["off"]), shown[:, 1].astype(np.float64) * 1e-3

    def shape(self, first: int = 0, step: int = 1) -> Shape:
        """The course of the power by the samples, or by some of them."""
        stamps_ns, power_w = self.samples
        every = slice(first, None, step)
        refresh_s = step * SAMPLE_CHANNEL.refresh_s
        channel = Channel.from_mapping(
            {**json.loads(SAMPLE_CHANNEL.to_json()), "refresh_s": refresh_s}
        )
        return Shape(channel, stamps_ns[every], power_w[every])

    def windows(self, phase: Phase, length_s: float, count: int) -> tuple[Times, Times]:
        """Windows at random within a phase; none where it is too short."""
        begin_ns, end_ns = phase.begin_ns + _SETTLED_NS, phase.end_ns - _BEFORE_END_NS
        length_ns = round(length_s * 1e9)
        if end_ns - begin_ns < length_ns + 300_000_000:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        random = np.random.default_rng(phase.begin_ns % 2**32)
        begins_ns = random.integers(begin_ns, end_ns - length_ns, count)
        return begins_ns, begins_ns + length_ns

    def by_load(self, measured: Trace, length_s: float, count: int = 100) -> Iterator[Window]:
        """Windows of all phases beside the load that was fitted to the samples of each."""
        stamps_ns, power_w = self.samples
        half_ns = SAMPLE_CHANNEL.window_s * 5e8
        middles_ns = stamps_ns.astype(np.float64) - (SAMPLE_CHANNEL.lag_s or 0.0) * 1e9
        for phase in self.phases:
            inside = (stamps_ns > phase.begin_ns + 2 * _SETTLED_NS) & (stamps_ns < phase.end_ns)
            on_s = phase.on_s(middles_ns[inside] + half_ns) - phase.on_s(
                middles_ns[inside] - half_ns
            )
            model = np.column_stack([np.ones(len(on_s)), on_s / SAMPLE_CHANNEL.window_s])
            (off_w, on_w), *_ = np.linalg.lstsq(model, power_w[inside], rcond=None)
            begins_ns, ends_ns = self.windows(phase, length_s, count)
            true_j = off_w * length_s + on_w * (phase.on_s(ends_ns) - phase.on_s(begins_ns))
            yield from _observed(phase, measured, begins_ns, ends_ns, true_j)

    def by_shape(
        self, measured: Trace, shape: Shape, length_s: float, count: int = 100
    ) -> Iterator[Window]:
        """Windows of all phases beside the integral of other values."""
        for phase in self.phases:
            begins_ns, ends_ns = self.windows(phase, length_s, count)
            begin, end = shape.places(begins_ns), shape.places(ends_ns)
            is_known = (begin.stretches != NOWHERE) & (end.stretches != NOWHERE)
            true_j = np.where(is_known, end.passed_j - begin.passed_j, np.nan)
            yield from _observed(phase, measured, begins_ns, ends_ns, true_j)

    def by_counter(self, measured: Trace, length_s: float, count: int = 100) -> Iterator[Window]:
        """Windows of the phases with bursts beside the load that was fitted to their energies."""
        for phase in self.phases:
            begins_ns, ends_ns = self.windows(phase, length_s, count)
            if phase.kind != "square" or not len(begins_ns):
                continue
            pairs = zip(begins_ns.tolist(), ends_ns.tolist(), strict=True)
            energies_j = [e.value_j for b, e_ns in pairs if (e := measured.energy(b, e_ns))]
            on_s = phase.on_s(ends_ns) - phase.on_s(begins_ns)
            model = np.column_stack([np.full(count, length_s), on_s])
            fitted, *_ = np.linalg.lstsq(model, np.array(energies_j), rcond=None)
            yield from _observed(phase, measured, begins_ns, ends_ns, model @ fitted)


def _observed(
    phase: Phase, measured: Trace, begins_ns: Times, ends_ns: Times, true_j: Values
) -> Iterator[Window]:
    for begin_ns, end_ns, truth_j in zip(
        begins_ns.tolist(), ends_ns.tolist(), true_j.tolist(), strict=True
    ):
        found = measured.energy(begin_ns, end_ns)
        assert found is not None
        yield Window(phase, found, truth_j)


def counter_trace(readings: Readings, shape: Shape | None = None) -> Trace:
    """The arithmetic over a counter's readings, and its course where that is known."""
    return trace(COUNTER_CHANNEL, *readings, shape=shape)


def joint_trace(replay: Replay, first: int = 0, step: int = 1, begin_s: float = 0.0) -> Trace:
    """The same as effmeter's recorder reads it, with all samples or every so many."""
    return counter_trace(replay.read(COUNTER_PERIOD_S, begin_s), replay.shape(first, step))
