"""Meters that the kernel shows as files with one number each, and the probe that reads them."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

from effmeter.channel import Channel, Kind, Refusal
from effmeter.clock import Clock, SystemClock
from effmeter.probes.base import Failure, Reading

MOST_W = 1e6
"""A meter that shows more shows an error of its firmware (0xFFFFFFFF mW)."""
_MOST_COUNT = 2**63 - 1
"""What a column of the run file holds."""
_LONGEST = 64
_REST_MA = 50
"""The offset of a current sensor, on the safe side."""
_NUMBER = re.compile(rb"\s*(-?[0-9]{1,20})\s*")

SensorError = (OSError, ValueError)
"""What the first reading of a meter raises: the file, or what it shows."""


class NumberFile:
    """A file that shows one whole number, kept open; opened again after a failure.

    ``pattern`` is what the whole file looks like, with the number as its first group.
    """

    def __init__(self, path: Path, pattern: re.Pattern[bytes] = _NUMBER) -> None:
        self.path = path
        self._pattern = pattern
        self._descriptor = -1

    def read(self) -> int:
        """The number; OSError, or ValueError where it shows none."""
        try:
            if self._descriptor < 0:
                self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            shown = os.pread(self._descriptor, _LONGEST, 0)
        except OSError:
            self.close()
            raise
        number = self._pattern.fullmatch(shown)
        if number is None:
            self.close()
            raise ValueError("it does not show a number")
        return int(number[1])

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


class Meter(Protocol):
    """One channel and the files that it is read from."""

    channel: Channel

    def show(self) -> int | float:
        """The count of a counter, the watts of a gauge; a SensorError."""

    def close(self) -> None:
        """Close the files."""


class FileMeter:
    """A counter in a file, or a gauge whose file counts units of ``scale`` watts."""

    def __init__(
        self,
        channel: Channel,
        path: Path,
        scale: float = 1e-6,
        pattern: re.Pattern[bytes] = _NUMBER,
    ) -> None:
        self.channel = channel
        self._file = NumberFile(path, pattern)
        self._scale = scale

    def show(self) -> int | float:
        """The count of a counter, the watts of a gauge; a SensorError."""
        shown = self._file.read()
        if self.channel.kind is Kind.GAUGE:
            return checked_power_w(shown * self._scale)
        if not 0 <= shown <= _MOST_COUNT:
            raise ValueError(f"it shows {shown}, which is no count")
        return shown

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class VoltageTimesCurrent:
    """The power of a rail (W), from its voltage (mV) and its current (mA)."""

    def __init__(self, channel: Channel, voltage: Path, current: Path) -> None:
        self.channel = channel
        self._voltage = NumberFile(voltage)
        self._current = NumberFile(current)

    def show(self) -> float:
        """The power (W); a SensorError. A rail at rest may show a small negative current."""
        voltage_mv, current_ma = self._voltage.read(), self._current.read()
        if current_ma < -_REST_MA:
            raise ValueError(f"it shows {current_ma} mA, which is no consumption")
        return checked_power_w(max(current_ma, 0) * voltage_mv * 1e-6)

    def close(self) -> None:
        """Close the files."""
        self._voltage.close()
        self._current.close()


class MeterProbe:
    """Reads meters one after the other; ``instead`` gives the value of one that must rest."""

    def __init__(
        self,
        name: str,
        meters: Sequence[Meter],
        period_s: float,
        clock: Clock | None = None,
        instead: Callable[[Channel], float | Failure | None] | None = None,
    ) -> None:
        self.name = name
        self.period_s = period_s
        self.channels = tuple(meter.channel for meter in meters)
        self._meters = tuple(meters)
        self._instead = instead or (lambda _: None)
        self._now_ns = (clock or SystemClock()).now_ns

    def read(self) -> list[Reading]:
        """One reading of every channel, back to back."""
        readings = []
        before_ns = self._now_ns()
        for meter in self._meters:
            resting = self._instead(meter.channel)
            value = read_meter(meter) if resting is None else resting
            after_ns = self._now_ns()
            readings.append(Reading(meter.channel.name, before_ns, after_ns, value))
            before_ns = after_ns
        return readings

    def close(self) -> None:
        """Close the files."""
        for meter in self._meters:
            meter.close()


def read_meter(meter: Meter) -> int | float | Failure:
    """What a meter shows, or why it shows nothing."""
    try:
        return meter.show()
    except SensorError as error:
        return Failure(f"{meter.channel.source}: {cause_of(error)}")


def readable(
    meters: Iterable[Meter], refuse: Callable[[Channel, OSError | ValueError], Refusal]
) -> tuple[list[Meter], list[Refusal]]:
    """The meters whose first reading gives a figure, and the refusals of the others."""
    read, refusals = [], []
    for meter in meters:
        try:
            meter.show()
        except SensorError as error:
            meter.close()
            refusals.append(refuse(meter.channel, error))
        else:
            read.append(meter)
    return read, refusals


def checked_power_w(power_w: float) -> float:
    """The power, if it can be one; ValueError."""
    if not 0 <= power_w < MOST_W:
        raise ValueError(f"it shows {power_w:g} W, which is no power")
    return power_w


def cause_of(error: OSError | ValueError) -> str:
    """Why a file could not be read, in words."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
