"""What macOS' ``powermetrics -f plist`` prints, cut into samples and summed into counters.

Samples are XML property lists with a NUL between them; each tells the energy of its own stretch:
the rails of Apple silicon in millijoules, the package of an Intel processor in joules. Some
versions print energies of 0 beside powers that are not: the powers then count, and another energy
of 0 in the same sample, without a power beside it, is unknown. What is cut off or
cannot be read leaves a stretch whose energy is unknown: the counter then goes on from a number out
of reach, so that the step between counts as a reset, never as energy.

Source: Apple, ``man powermetrics``, and samples that it prints on Apple silicon.
"""

import math
import plistlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.parsers.expat import ExpatError

from effmeter.probes.base import Failure

RAILS = ("cpu", "gpu", "ane", "package")
"""The parts of the chip that a sample tells apart; the package on an Intel Mac alone."""
_PACKAGE = "package"
BREAK_MJ = 2**40
"""How far a counter jumps over an unknown stretch: more than a chip uses in a year."""
LARGEST_SAMPLE_BYTES = 4 * 2**20
_END = b"</plist>"
_BETWEEN = b"\0 \t\r\n"
_UNREADABLE = (ExpatError, ValueError, LookupError, AttributeError, TypeError)
"""What ``plistlib`` raises over text that is no property list."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One stretch: its length, and the energy of each rail that it shows (mJ)."""

    elapsed_ns: int
    energy_mj: Mapping[str, float]


class SampleCutter:
    """Cuts the bytes that arrive into samples; a Failure stands for what is none."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, arrived: bytes) -> list[Sample | Failure]:
        """The samples that are whole now, in order."""
        *whole, self._pending = (self._pending + arrived).split(_END)
        cut = [parse_sample(part + _END) for part in whole]
        if len(self._pending) > LARGEST_SAMPLE_BYTES:
            self._pending = b""
            cut.append(Failure("powermetrics prints without end, and no sample"))
        return cut

    @property
    def is_amid_sample(self) -> bool:
        """Whether a sample has begun that is not whole yet."""
        return bool(self._pending.strip(_BETWEEN))


def parse_sample(text: bytes) -> Sample | Failure:
    """The sample that a property list tells; a Failure with the reason if it tells none."""
    try:
        shown = plistlib.loads(text.strip(_BETWEEN), fmt=plistlib.FMT_XML)
    except _UNREADABLE as error:
        return Failure(f"powermetrics printed what is no sample: {error}")
    if not isinstance(shown, dict):
        return Failure("powermetrics printed a property list that is no sample")
    elapsed_ns = _number(shown.get("elapsed_ns"))
    if not elapsed_ns:
        return Failure("powermetrics printed a sample without its length")
    return Sample(int(elapsed_ns), _energies_mj(shown, elapsed_ns))


class EnergyTotals:
    """The counters that samples add up to, one for each rail (mJ).

    They begin at ``base_mj``: where another program's would not, so that the one is never taken
    to go on with the count of the other.
    """

    def __init__(self, base_mj: int = 0) -> None:
        self._base_mj = dict.fromkeys(RAILS, base_mj)
        self._passed_mj = dict.fromkeys(RAILS, 0.0)

    def add(self, sample: Sample | Failure) -> dict[str, int | Failure]:
        """What each counter shows after a sample; a Failure where the sample does not tell."""
        if isinstance(sample, Failure):
            self.break_off()
            return dict.fromkeys(RAILS, sample)
        return {rail: self._add(rail, sample.energy_mj.get(rail)) for rail in RAILS}

    def break_off(self) -> None:
        """What is used from here to the next sample is unknown."""
        for rail in RAILS:
            self._break_off(rail)

    def _add(self, rail: str, energy_mj: float | None) -> int | Failure:
        if energy_mj is None:
            self._break_off(rail)
            return Failure(f"powermetrics shows no {rail}_energy here, as it does on Apple silicon")
        self._passed_mj[rail] += energy_mj
        return self._base_mj[rail] + int(self._passed_mj[rail])

    def _break_off(self, rail: str) -> None:
        self._base_mj[rail] += BREAK_MJ
        self._passed_mj[rail] = 0.0


def _energies_mj(shown: Mapping[str, Any], elapsed_ns: float) -> dict[str, float]:
    """The energy of each rail; from its mean power where only that is shown, or is not zero."""
    figures = {rail: _figures(shown, rail) for rail in RAILS}
    are_wrong = any(energy_mj == 0 and power_mw for energy_mj, power_mw in figures.values())
    energies: dict[str, float] = {}
    for rail, (energy_mj, power_mw) in figures.items():
        if power_mw is not None and not energy_mj:
            energies[rail] = power_mw * elapsed_ns * 1e-9
        elif energy_mj or (energy_mj == 0 and not are_wrong):
            energies[rail] = energy_mj
    return energies


def _figures(shown: Mapping[str, Any], rail: str) -> tuple[float | None, float | None]:
    """The energy (mJ) and the mean power (mW) of a rail, as far as they are shown."""
    places = [place for place in map(shown.get, ("processor", rail)) if isinstance(place, dict)]
    if rail == _PACKAGE:
        names, prefix = ("package_joules", "package_watts"), 1e3
    else:
        names, prefix = (f"{rail}_energy", f"{rail}_power"), 1.0
    return _first(places, names[0], prefix), _first(places, names[1], prefix)


def _first(places: Sequence[Mapping[str, Any]], name: str, prefix: float) -> float | None:
    """The first number of this name, times ``prefix``."""
    numbers = (_number(place.get(name)) for place in places)
    return next((number * prefix for number in numbers if number is not None), None)


def _number(value: object) -> float | None:
    """A finite number that is not negative; None for everything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if 0 <= value < math.inf else None
