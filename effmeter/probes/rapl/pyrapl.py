"""RAPL through the package ``pyRAPL``, to check the powercap probe against another program.

Off unless ``EFFMETER_PYRAPL=1``. It reads the same counters at a fixed path, as decimal text,
and knows of no wrap; wraps are dealt with here as for every counter. Each channel is contained in
powercap's of the same zone, so it never enters a total.

============ ========= ======= ==== ======= ===================== ==========
name         component kind    unit refresh scope                 provenance
============ ========= ======= ==== ======= ===================== ==========
cpu0-pyrapl  cpu       counter uJ   1 ms    contained in cpu0     measured
dram0-pyrapl ram       counter uJ   1 ms    contained in dram0    measured
============ ========= ======= ==== ======= ===================== ==========

Source: pyRAPL 0.2.3.1, ``sensor.py``: a flat list, package and memory of socket 0, of socket 1
and so on, in microjoules; -1 for what there is not.
"""

import importlib.util
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from effmeter.channel import Channel, Component, Refusal
from effmeter.clock import Clock, SystemClock
from effmeter.probes.base import Discovery, Failure, Reading

PACKAGE = "pyRAPL"
VARIABLE = "EFFMETER_PYRAPL"
_PER_SOCKET = ("cpu", "dram")


class Sensor(Protocol):
    """What is used of ``pyRAPL.Sensor``."""

    def energy(self) -> Sequence[float]:
        """What the counters show (uJ): package and memory of each socket in turn, -1 for none."""


class PyraplProbe:
    """Reads ``sensor`` beside ``measured``, powercap's channels; the others have nothing to check.

    OSError, ValueError where it cannot be read.
    """

    name = "pyrapl"
    period_s = 0.01

    def __init__(
        self, sensor: Sensor, measured: Iterable[Channel], clock: Clock | None = None
    ) -> None:
        self._sensor = sensor
        self._now_ns = (clock or SystemClock()).now_ns
        checked = {channel.name: channel for channel in measured}
        self._places: list[tuple[int, Channel]] = []
        for place, count_uj in enumerate(sensor.energy()):
            socket, part = divmod(place, len(_PER_SOCKET))
            channel = checked.get(f"{_PER_SOCKET[part]}{socket}")
            if channel is not None and count_uj >= 0:
                self._places.append((place, _check_of(channel)))
        self.channels = tuple(channel for _, channel in self._places)

    def read(self) -> list[Reading]:
        """One reading of every channel, all of one call."""
        before_ns = self._now_ns()
        counts_uj: Sequence[float] | Failure
        try:
            counts_uj = self._sensor.energy()
        except (OSError, ValueError) as error:
            counts_uj = Failure(f"pyRAPL: {error}")
        after_ns = self._now_ns()
        return [
            Reading(channel.name, before_ns, after_ns, _value(counts_uj, place))
            for place, channel in self._places
        ]

    def close(self) -> None:
        """pyRAPL keeps its files for itself."""


def find(environ: Mapping[str, str], clock: Clock, measured: Iterable[Channel]) -> Discovery:
    """pyRAPL's view of the powercap channels, where the user asks for it."""
    if environ.get(VARIABLE, "") in ("", "0"):
        return Discovery()
    if importlib.util.find_spec(PACKAGE) is None:
        remedy = "python3 -m pip install 'effmeter[pyrapl]'"
        return _refused(f"{VARIABLE} asks for it, and it is not installed", remedy)
    try:
        probe = PyraplProbe(_new_sensor(), measured, clock)
    except Exception as error:  # its errors carry no text, and share no base with one
        return _refused(f"it gives no figures: {type(error).__name__} {error}".strip(), "")
    if not probe.channels:
        return _refused("there is no powercap channel that it could check", "")
    return Discovery((probe,))


def _new_sensor() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its sources hold escapes that newer Pythons warn about
        import pyRAPL
    return pyRAPL.Sensor()


def _refused(reason: str, remedy: str) -> Discovery:
    return Discovery((), (Refusal("pyRAPL", Component.CPU, reason, remedy, present=False),))


def _check_of(channel: Channel) -> Channel:
    return replace(
        channel,
        name=f"{channel.name}-pyrapl",
        source=f"pyRAPL.Sensor.energy ({channel.source})",
        contained_in=channel.name,
    )


def _value(counts_uj: Sequence[float] | Failure, place: int) -> int | Failure:
    if isinstance(counts_uj, Failure):
        return counts_uj
    count_uj = counts_uj[place] if place < len(counts_uj) else -1
    return int(count_uj) if count_uj >= 0 else Failure("pyRAPL shows this zone no more")
