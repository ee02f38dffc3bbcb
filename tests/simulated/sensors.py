"""Sensors and the recorder that reads them as pure arithmetic: no real time, no files.

A counter shows the energy at its last refresh in whole units, and starts again at its modulus; a
gauge shows the mean power over its window before its last update. Refreshes come each
``refresh_s`` or, with jitter, up to that fraction of it sooner, as a channel that states its
longest period may. Times are seconds of the waveform; a sensor's phase is its first refresh.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from effmeter.channel import Channel, Component, Kind, Provenance
from effmeter.energy import Trace, trace
from effmeter.energy.counter import Counter, CounterLimits, Loss
from effmeter.recorder.sampling.schedule import CLOSE_NS
from tests.simulated.waveforms import PiecewiseLinear, Sine, Waveform

Seconds = NDArray[np.float64]

ORIGIN_NS = 10**15
"""The run clock when a waveform begins."""


def at_ns(time_s: float) -> int:
    """The run clock so many seconds after a waveform began."""
    return ORIGIN_NS + round(time_s * 1e9)


def passed_j(waveform: Waveform, times_s: Seconds) -> Seconds:
    """``waveform.energy_j(0, t)`` of many times at once."""
    match waveform:
        case Sine(mean_w, amplitude_w, period_s):
            turn = 2 * np.pi / period_s
            return mean_w * times_s + amplitude_w * (1 - np.cos(turn * times_s)) / turn
        case PiecewiseLinear(segments, repeats):
            return _passed_in_segments_j(np.array(segments), repeats, times_s)
    return np.array([waveform.energy_j(0.0, float(t)) for t in times_s])


def _passed_in_segments_j(segments: Seconds, repeats: bool, times_s: Seconds) -> Seconds:
    durations_s, begins_w, ends_w = segments.T
    edges_s = np.concatenate(([0.0], np.cumsum(durations_s)))
    edges_j = np.concatenate(([0.0], np.cumsum(durations_s * (begins_w + ends_w) / 2)))
    whole, rest_s = np.divmod(times_s, edges_s[-1]) if repeats else (0.0, times_s)
    number = np.clip(np.searchsorted(edges_s, rest_s, "right") - 1, 0, len(segments) - 1)
    since_s = rest_s - edges_s[number]
    inside_s = np.clip(since_s, 0.0, durations_s[number])
    slope = (ends_w - begins_w)[number] / durations_s[number]
    inside_j = inside_s * (begins_w[number] + slope * inside_s / 2)
    beyond_j = np.where(since_s > 0, ends_w[number], begins_w[number]) * (since_s - inside_s)
    return np.asarray(whole * edges_j[-1] + edges_j[number] + inside_j + beyond_j)


@dataclass(frozen=True, slots=True)
class SimulatedCounter:
    """An energy counter; raw values are whole units."""

    refresh_s: float
    unit_j: float = 1e-3
    modulus: int | None = None
    jitter_fraction: float = 0.0
    max_power_w: float | None = None

    @property
    def channel(self) -> Channel:
        """What a probe would say of it."""
        return Channel(
            "counter",
            Component.GPU,
            Kind.COUNTER,
            Provenance.MEASURED,
            "a simulated counter",
            refresh_s=self.refresh_s,
            unit_j=self.unit_j,
            modulus=self.modulus,
            resolution=self.unit_j,
            max_power_w=self.max_power_w,
        )

    def shown(
        self, waveform: Waveform, times_s: Seconds, random: np.random.Generator
    ) -> NDArray[np.int64]:
        """The raw values read at ascending times."""
        refreshes_s = _refreshes_s(self.refresh_s, self.jitter_fraction, times_s, random)
        units = (passed_j(waveform, refreshes_s) / self.unit_j).astype(np.int64)
        return units if self.modulus is None else units % self.modulus


@dataclass(frozen=True, slots=True)
class SimulatedGauge:
    """A power gauge that averages over a window before each of its updates."""

    refresh_s: float = 0.1
    window_s: float = 0.025
    resolution_w: float = 1e-3
    jitter_fraction: float = 0.0
    max_power_w: float | None = None

    @property
    def channel(self) -> Channel:
        """What a probe would say of it."""
        return Channel(
            "gauge",
            Component.GPU,
            Kind.GAUGE,
            Provenance.MEASURED,
            "a simulated gauge",
            refresh_s=self.refresh_s,
            window_s=self.window_s,
            resolution=self.resolution_w,
            max_power_w=self.max_power_w,
        )

    def shown(self, waveform: Waveform, times_s: Seconds, random: np.random.Generator) -> Seconds:
        """The watts read at ascending times."""
        updates_s = _refreshes_s(self.refresh_s, self.jitter_fraction, times_s, random)
        averaged_j = passed_j(waveform, updates_s) - passed_j(waveform, updates_s - self.window_s)
        return np.round(averaged_j / self.window_s / self.resolution_w) * self.resolution_w


SimulatedSensor = SimulatedCounter | SimulatedGauge


def _refreshes_s(
    refresh_s: float, jitter_fraction: float, times_s: Seconds, random: np.random.Generator
) -> Seconds:
    """The last refresh before each time, of a sensor that began at a random phase."""
    lasts_s = times_s[-1] - times_s[0]
    count = int(lasts_s / refresh_s / (1 - jitter_fraction)) + 3
    steps_s = refresh_s * (1 - jitter_fraction * random.random(count))
    refreshes_s = times_s[0] - refresh_s * random.random() + np.cumsum(steps_s) - steps_s[0]
    return np.asarray(refreshes_s[np.searchsorted(refreshes_s, times_s, "right") - 1])


@dataclass(frozen=True, slots=True)
class SimulatedRecorder:
    """Reads every ``period_s``, late by up to ``late_s``; once more right after each mark.

    With ``close_period_s`` it reads so often for ``close_lasts_s`` after its beginning and after
    each mark.
    """

    period_s: float
    late_s: float = 2e-4
    close_period_s: float | None = None
    close_lasts_s: float = CLOSE_NS * 1e-9

    def times_s(
        self, begin_s: float, end_s: float, marks_s: Seconds, random: np.random.Generator
    ) -> Seconds:
        """When it reads, ascending."""
        regular_s = np.arange(begin_s, end_s, self.period_s)
        times_s = np.concatenate((regular_s, marks_s, *self._close_s(begin_s, end_s, marks_s)))
        return np.sort(times_s + self.late_s * random.random(len(times_s)))

    def _close_s(self, begin_s: float, end_s: float, marks_s: Seconds) -> Iterator[Seconds]:
        """What it reads closely, after each mark up to the next."""
        if self.close_period_s is None:
            return
        nexts_s = np.concatenate((np.sort(marks_s), [end_s]))
        for mark_s, next_s in pairwise([begin_s, *nexts_s]):
            until_s = min(mark_s + self.close_lasts_s, next_s)
            yield np.arange(mark_s, until_s, self.close_period_s)[1:]


def record(
    sensor: SimulatedSensor, waveform: Waveform, times_s: Seconds, random: np.random.Generator
) -> Trace:
    """The trace of a sensor read at these times, unwrapped as a recorder does."""
    channel = sensor.channel
    times_ns = ORIGIN_NS + np.rint(times_s * 1e9).astype(np.int64)
    if isinstance(sensor, SimulatedGauge):
        return trace(channel, times_ns, sensor.shown(waveform, times_s, random))
    raw = sensor.shown(waveform, times_s, random)
    energy_j, losses = _unwrapped(channel, times_ns, raw)
    known = np.isfinite(energy_j)
    return trace(channel, times_ns[known], energy_j[known], None, losses)


def _unwrapped(
    channel: Channel, times_ns: NDArray[np.int64], raw: NDArray[np.int64]
) -> tuple[Seconds, list[Loss]]:
    counter, energy_j, losses = Counter(CounterLimits.of(channel)), [], []
    for time_ns, value in zip(times_ns.tolist(), raw.tolist(), strict=True):
        energy_j.append(counter.update(time_ns, value))
        if counter.loss is not None:
            losses.append(counter.loss)
    return np.array(energy_j, np.float64), losses
