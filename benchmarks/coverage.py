"""Coverage and width of the 95 % intervals: ``python -m benchmarks.coverage``.

Pure arithmetic over simulated sensors (``tests.simulated.strata``): the figures depend on the
seed alone, not on the machine. Ends with status 1 if a target is missed.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from tests.simulated.strata import (
    FURTHER_INSTRUMENTS,
    INSTRUMENTS,
    LENGTHS_S,
    Stratum,
    by_instrument,
    loads,
    median_error,
    median_half_width,
    observe,
)

RUNS = 200
COUNTER_HALF_WIDTH = 0.02
GAUGE_HALF_WIDTH = 0.06
COUNTER_ERROR = 0.002
"""What medians over windows of a second and more may be at most, as fractions of the truth."""


def measure(runs: int, tell: Callable[[str], None]) -> list[Stratum]:
    """Every load on every instrument."""
    strata = []
    for instrument in (*INSTRUMENTS, *FURTHER_INSTRUMENTS):
        tell(instrument.name)
        for load in loads():
            strata += observe(instrument, load, runs)
    return strata


def missed(strata: Sequence[Stratum]) -> Iterator[str]:
    """The targets that these strata miss, in words; the further instruments are shown only."""
    for stratum in strata:
        if stratum.is_below:
            yield f"{_words(stratum)} holds the truth in {stratum.held} of {stratum.windows}"
    first = {instrument.name for instrument in INSTRUMENTS}
    longer = [s for s in strata if s.length_s >= 1 and s.instrument.name in first]
    for name, of_one in by_instrument(longer).items():
        if of_one[0].instrument.is_gauge:
            width, most = median_half_width(s for s in of_one if s.load.is_slow), GAUGE_HALF_WIDTH
        else:
            width, most = median_half_width(of_one), COUNTER_HALF_WIDTH
            if median_error(of_one) > COUNTER_ERROR:
                yield f"{name}: median error {_percent(median_error(of_one))}"
        if width > most:
            yield f"{name}: median half-width {_percent(width)}, more than {_percent(most)}"


def lines(strata: Sequence[Stratum]) -> Iterator[str]:
    """Tables of each instrument: by length of window, and by the load's period."""
    for name, of_one in by_instrument(strata).items():
        yield f"\n{name}"
        yield from _table("window", "s", of_one, lambda s: f"{s.length_s:g}")
        longer = [s for s in of_one if s.length_s >= 1]
        yield "  windows of 1 s and more, by the period of the load"
        yield from _table("period", "ms", longer, _period)
        yield f"  {'all of 1 s and more':>19}  {_figures(longer)}"


def _table(
    title: str, unit: str, strata: Iterable[Stratum], key: Callable[[Stratum], str]
) -> Iterator[str]:
    grouped: dict[str, list[Stratum]] = {}
    for stratum in strata:
        grouped.setdefault(key(stratum), []).append(stratum)
    yield (
        f"  {f'{title} ({unit})':>19}  strata  held in all  in the least"
        "  half-width  period>=1s   error"
    )
    for shown, of_one in grouped.items():
        yield f"  {shown:>19}  {_figures(of_one)}"


def _figures(strata: Sequence[Stratum]) -> str:
    windows, held = sum(s.windows for s in strata), sum(s.held for s in strata)
    slow = [s for s in strata if s.load.is_slow]
    slow_width = _percent(median_half_width(slow)) if slow else "-"
    least = min(s.coverage for s in strata)
    return (
        f"{len(strata):>6}  {_percent(held / windows):>11}  {_percent(least):>12}"
        f"  {_percent(median_half_width(strata)):>10}  {slow_width:>10}"
        f"  {_percent(median_error(strata)):>6}"
    )


def _period(stratum: Stratum) -> str:
    return "steady" if stratum.load.period_s is None else f"{stratum.load.period_s * 1e3:.4g}"


def _words(stratum: Stratum) -> str:
    load = f"{stratum.load.shape} {_period(stratum)} ms"
    return f"{stratum.instrument.name}, {load}, {stratum.length_s:g} s"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.3g} %"


def to_json(stratum: Stratum) -> dict[str, Any]:
    """Plain values."""
    return {
        "sensor": stratum.instrument.name,
        "shape": stratum.load.shape,
        "period_s": stratum.load.period_s,
        "window_s": stratum.length_s,
        "windows": stratum.windows,
        "held": stratum.held,
        "median_half_width_fraction": median_half_width([stratum]),
        "median_error_fraction": median_error([stratum]),
    }


def main() -> int:
    """Print the tables, or every stratum as JSON; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help="windows in each stratum")
    parser.add_argument("--json", action="store_true", help="every stratum on its own")
    wanted = parser.parse_args()
    strata = measure(wanted.runs, lambda line: print(line, file=sys.stderr))
    if wanted.json:
        print(json.dumps([to_json(stratum) for stratum in strata]))
    else:
        print(f"{len(strata)} strata of {wanted.runs} windows, lengths {LENGTHS_S} s")
        print("\n".join(lines(strata)))
    misses = list(missed(strata))
    for miss in misses:
        print(f"missed: {miss}", file=sys.stderr)
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
