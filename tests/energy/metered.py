"""Cards beside an external meter: their readings replayed through the product's own arithmetic.

The folder that ``EFFMETER_TRACES`` names holds ``NAME.npz`` for each of ``TRACES``: ``meter_ms``
and ``meter_j`` (the energy by an external meter), and ``default``, ``average``, ``instant`` (ms
and W as nvidia-smi showed them), all on one clock. Source: Yang, Adamek and Armour, "Part-time
power measurements" (arXiv 2312.02741) and its data.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pynvml
from numpy.typing import NDArray

from effmeter.channel import Calibration, Channel
from effmeter.energy import Energy, trace
from effmeter.energy.calibrating import CalibrationFit, fit_calibration
from effmeter.energy.curve import Curve
from effmeter.probes.nvidia.channels import AVERAGED_GAUGE, describe_gpu, gauge_channel

VARIABLE = "EFFMETER_TRACES"
TRACES = {
    "3090-square": "NVIDIA GeForce RTX 3090",
    "3090-transient": "NVIDIA GeForce RTX 3090",
    "a5000-transient": "NVIDIA RTX A5000",
}
"""The card of each trace."""
GAUGES = ("default", "average", "instant")
LENGTHS_S = (0.2, 0.5, 1.0, 2.0)
BLOCK_S = 1.0
"""Windows that begin within one block are drawn together by the bootstrap."""
MOST_SHIFT_S = 1.0
_ORIGIN_S = 1000.0
_SEED = 12


class _Driver:
    """What NVML answers of an Ampere card of the consumer's or workstation's kind."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(pynvml, name)

    def nvmlDeviceGetName(self, handle: object) -> str:  # noqa: N802 (NVML's own name)
        return self._name

    def nvmlDeviceGetUUID(self, handle: object) -> str:  # noqa: N802
        return "GPU-00000000-0000-0000-0000-000000000000"

    def nvmlDeviceGetArchitecture(self, handle: object) -> int:  # noqa: N802
        return int(pynvml.NVML_DEVICE_ARCH_AMPERE)

    def nvmlDeviceGetCudaComputeCapability(self, handle: object) -> tuple[int, int]:  # noqa: N802
        return 8, 6

    def nvmlDeviceGetPowerManagementLimitConstraints(self, handle: object) -> None:  # noqa: N802
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    def nvmlDeviceGetMigMode(self, handle: object) -> None:  # noqa: N802
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)


def describe_gauges(card: str) -> Mapping[str, Channel]:
    """The channels of a card, by the name that the traces give their readings."""
    gpu = describe_gpu(_Driver(card), 0, None)
    timings = {
        "default": gpu.usage_timing,
        "average": AVERAGED_GAUGE,
        "instant": gpu.instant_timing,
    }
    return {name: gauge_channel(gpu, name, "nvidia-smi", timings[name]) for name in GAUGES}


class Window(NamedTuple):
    """One window: what the product says, and what the meter measured."""

    begin_s: float
    energy: Energy
    true_j: float

    @property
    def is_held(self) -> bool:
        """Whether the interval holds the truth."""
        return self.energy.low_j <= self.true_j <= self.energy.high_j

    @property
    def is_held_with_sensor_errors(self) -> bool:
        """The same with the gain and offset errors added at both ends."""
        more_j = self.energy.systematic_j
        return self.energy.low_j - more_j <= self.true_j <= self.energy.high_j + more_j

    @property
    def half_width(self) -> float:
        """As a part of the truth."""
        return self.energy.half_width_j / self.true_j


@dataclass(frozen=True)
class MeteredCard:
    """One trace: a meter, and one card's readings."""

    name: str
    meter: Curve
    readings: Mapping[str, tuple[NDArray[np.int64], NDArray[np.float64]]]
    channels: Mapping[str, Channel]

    @classmethod
    def read(cls, folder: Path, name: str) -> "MeteredCard":
        """The trace of a name in a folder."""
        with np.load(folder / f"{name}.npz") as file:
            meter = Curve(_ORIGIN_S + file["meter_ms"] * 1e-3, file["meter_j"])
            shown = {gauge: _readings(file[gauge]) for gauge in GAUGES}
        return cls(name, meter, shown, describe_gauges(TRACES[name]))

    def fit(self, gauge: str) -> CalibrationFit:
        """The card's own gain and offset by one of its readings."""
        channel = self.channels[gauge]
        shown = Curve.of_channel(channel, *self.readings[gauge])
        return fit_calibration(channel, shown, self.meter, -MOST_SHIFT_S, MOST_SHIFT_S)

    def calibrated(self) -> "MeteredCard":
        """The card with its own gain and offset taken off, by the reading that shows most."""
        line = self.fit("instant").line
        own = Calibration(line.slope, line.intercept, 0.0, 0.0, self.name, "")
        channels = {name: channel.calibrated(own) for name, channel in self.channels.items()}
        return MeteredCard(self.name, self.meter, self.readings, channels)

    def windows(self, gauge: str, length_s: float, count: int) -> Iterator[Window]:
        """Windows that begin at random moments."""
        random = np.random.default_rng([_SEED, *map(ord, self.name + gauge), round(length_s * 10)])
        known = trace(self.channels[gauge], *self.readings[gauge])
        first_s, last_s = self.meter.times_s[0], self.meter.times_s[-1] - length_s
        for begin_s in random.uniform(first_s, last_s, count):
            energy = known.energy(round(begin_s * 1e9), round((begin_s + length_s) * 1e9))
            assert energy is not None
            mean_w = float(self.meter.mean_w(np.array([begin_s]), length_s)[0])
            yield Window(begin_s, energy, mean_w * length_s)


def _readings(shown: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    times_ns, first = np.unique(
        np.round((_ORIGIN_S + shown[:, 0] * 1e-3) * 1e9).astype(np.int64), return_index=True
    )
    return times_ns, shown[first, 1]


@dataclass(frozen=True)
class Stratum:
    """The windows of one reading and one length, pooled over the traces."""

    gauge: str
    length_s: float
    held: tuple[bool, ...]
    blocks: tuple[int, ...]
    """Of each window, the block that it begins in."""
    half_widths: tuple[float, ...]

    @property
    def coverage(self) -> float:
        """In which part of the windows the truth is held."""
        return float(np.mean(self.held))

    @property
    def half_width(self) -> float:
        """The median."""
        return float(np.median(self.half_widths))

    def coverage_interval(self, draws: int = 1000) -> tuple[float, float]:
        """95 % interval of the coverage by a bootstrap over blocks of the traces."""
        random = np.random.default_rng(_SEED)
        names, place = np.unique(self.blocks, return_inverse=True)
        held = np.bincount(place, weights=self.held, minlength=len(names))
        count = np.bincount(place, minlength=len(names))
        drawn = random.integers(len(names), size=(draws, len(names)))
        coverages = held[drawn].sum(axis=1) / count[drawn].sum(axis=1)
        low, high = np.percentile(coverages, (2.5, 97.5))
        return float(low), float(high)


def strata(cards: Sequence[MeteredCard], count: int, with_sensor_errors: bool) -> Iterator[Stratum]:
    """Every reading and length of window."""
    for gauge in GAUGES:
        for length_s in LENGTHS_S:
            held, blocks, widths = [], [], []
            for number, card in enumerate(cards):
                for window in card.windows(gauge, length_s, count):
                    if with_sensor_errors:
                        held.append(window.is_held_with_sensor_errors)
                    else:
                        held.append(window.is_held)
                    blocks.append(number * 1_000_000 + int(window.begin_s / BLOCK_S))
                    widths.append(window.half_width)
            yield Stratum(gauge, length_s, tuple(held), tuple(blocks), tuple(widths))
