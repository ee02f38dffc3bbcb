"""Coverage and width on an NVIDIA H200 under known loads: ``python -m benchmarks.traces_h200``.

Replays ``tests/traces``: the energy counter alone, and with the driver's power samples. The figures
depend on the files alone. Ends with status 1 if a target is missed.
"""

import argparse
import statistics
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from effmeter.energy.confidence import CONFIDENCE
from tests.traces.h200 import (
    COUNTER,
    COUNTER_PERIOD_S,
    LENGTHS_S,
    SAMPLES,
    Replay,
    Window,
    counter_trace,
    joint_trace,
)

WINDOWS = 200
HALF_WIDTHS = {0.25: 0.12, 1.0: 0.03}
"""With all samples at most, by the length of the window (s), as a fraction of the truth."""


class Row(NamedTuple):
    """The windows of one length."""

    measured: str
    beside: str
    length_s: float
    windows: Sequence[Window]

    @property
    def coverage(self) -> float:
        return statistics.mean(window.is_held for window in self.windows)

    @property
    def half_width(self) -> float:
        return statistics.median(window.half_width for window in self.windows)

    @property
    def error(self) -> float:
        """What 95 % of the windows are off by at most."""
        return statistics.quantiles((w.error for w in self.windows), n=20)[-1]


def rows(count: int) -> Iterator[Row]:
    """All comparisons; of every second sample both halves together."""
    sampled, counted = Replay(SAMPLES), Replay(COUNTER)
    for length_s in LENGTHS_S:
        windows = list(sampled.by_load(joint_trace(sampled), length_s, count))
        yield Row("counter and samples", "the load", length_s, windows)
    for length_s in LENGTHS_S:
        windows = []
        for first in (0, 1):
            others = sampled.shape(1 - first, step=2)
            windows += sampled.by_shape(joint_trace(sampled, first, 2), others, length_s, count)
        yield Row("counter and every second sample", "the other samples", length_s, windows)
    for name, period_s in (("counter at 10 Hz", 0.1), ("counter each 0.74 s", COUNTER_PERIOD_S)):
        for length_s in LENGTHS_S:
            windows = []
            for replay in (sampled, counted):
                trace = counter_trace(replay.read(period_s))
                windows += replay.by_counter(trace, length_s, count)
            yield Row(name, "the load", length_s, windows)


def missed(measured: Iterable[Row]) -> Iterator[str]:
    """The targets that are missed, in words."""
    for row in measured:
        words = f"{row.measured}, {row.length_s:g} s"
        if row.coverage < CONFIDENCE:
            yield f"{words}: held in {row.coverage:.1%}"
        most = HALF_WIDTHS.get(row.length_s) if row.measured == "counter and samples" else None
        if most is not None and row.half_width > most:
            yield f"{words}: median half-width {row.half_width:.1%}"


def lines(measured: Iterable[Row]) -> Iterator[str]:
    """One line for each comparison and length."""
    titles = f"{'measured by':>31}  {'beside':>17} {'window':>6} {'held':>6}"
    yield f"{titles} {'half-width':>10} {'error':>6}"
    for row in measured:
        yield (
            f"{row.measured:>31}  {row.beside:>17} {row.length_s:>4g} s {row.coverage:>6.1%} "
            f"{row.half_width:>10.1%} {row.error:>6.1%}"
        )


def main() -> int:
    """Print the table; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.traces_h200", description=__doc__)
    parser.add_argument("--windows", type=int, default=WINDOWS, help="of each length and load")
    measured = list(rows(parser.parse_args().windows))
    print("\n".join(lines(measured)))
    misses = list(missed(measured))
    for miss in misses:
        print(f"missed: {miss}", file=sys.stderr)
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
