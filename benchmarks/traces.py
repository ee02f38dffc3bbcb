"""Coverage on cards beside an external meter: ``python -m benchmarks.traces [FOLDER]``.

Their readings are replayed through effmeter's own description of such cards and its arithmetic.
FOLDER is by default what ``EFFMETER_TRACES`` names; ``tests/energy/metered.py`` describes its
files. The figures depend on the files and the seed alone. Ends with status 1 if a target is missed.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.energy.metered import TRACES, VARIABLE, MeteredCard, Stratum, strata

WINDOWS = 1000
COVERAGE_WITH_SENSOR_ERRORS = 0.95
COVERAGE = 0.93
HALF_WIDTHS = {0.2: 0.06, 1.0: 0.03}
"""Of ``instant`` at most, by the length of the window (s), as a fraction of the truth."""


def missed(stated: Sequence[Stratum], own: Sequence[Stratum]) -> Iterator[str]:
    """The targets that are missed, in words."""
    for stratum in stated:
        if stratum.coverage < COVERAGE_WITH_SENSOR_ERRORS:
            yield f"{_words(stratum)}: held in {stratum.coverage:.1%} with the sensor's errors"
    for stratum in own:
        if stratum.coverage < COVERAGE:
            yield f"{_words(stratum)}: held in {stratum.coverage:.1%} without the card's own gain"
        most = HALF_WIDTHS.get(stratum.length_s) if stratum.gauge == "instant" else None
        if most is not None and stratum.half_width > most:
            yield f"{_words(stratum)}: median half-width {stratum.half_width:.1%}"


def lines(stated: Sequence[Stratum], own: Sequence[Stratum]) -> Iterator[str]:
    """One line for each reading and length."""
    yield f"{'':>9} {'':>6}  as described, sensor errors added  own gain and offset taken off"
    yield f"{'reading':>9} {'window':>6}  {'held':>33}  {'held':>18} {'half-width':>11}"
    for with_errors, without in zip(stated, own, strict=True):
        yield (
            f"{without.gauge:>9} {without.length_s:>4g} s  {_held(with_errors):>33}  "
            f"{_held(without):>18} {without.half_width:>10.1%}"
        )


def fits(cards: Sequence[MeteredCard]) -> Iterator[str]:
    """The gain and offset of each card."""
    for card in cards:
        line = card.fit("instant").line
        yield (
            f"{card.name}: gain {line.slope:.4f} ± {line.slope_error:.4f}, "
            f"offset {line.intercept:+.1f} ± {line.intercept_error:.1f} W"
        )


def _held(stratum: Stratum) -> str:
    low, high = stratum.coverage_interval()
    return f"{stratum.coverage:.1%} [{100 * low:.0f}, {100 * high:.0f}]"


def _words(stratum: Stratum) -> str:
    return f"{stratum.gauge}, {stratum.length_s:g} s"


def main() -> int:
    """Print the table; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.traces", description=__doc__)
    parser.add_argument("folder", nargs="?", default=os.environ.get(VARIABLE), type=Path)
    parser.add_argument("--windows", type=int, default=WINDOWS, help="of each length and trace")
    wanted = parser.parse_args()
    if wanted.folder is None:
        parser.error(f"name a folder, or set {VARIABLE}")
    cards = [MeteredCard.read(wanted.folder, name) for name in TRACES]
    stated = list(strata(cards, wanted.windows, with_sensor_errors=True))
    calibrated = [card.calibrated() for card in cards]
    own = list(strata(calibrated, wanted.windows, with_sensor_errors=False))
    print("\n".join([*fits(cards), "", *lines(stated, own)]))
    misses = list(missed(stated, own))
    for miss in misses:
        print(f"missed: {miss}", file=sys.stderr)
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
