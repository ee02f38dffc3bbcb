"""Whether a network still learns with each method: ``python -m benchmarks.learning``.

A small convolutional network on the digits, with each method and without, for equal epochs and
the same seeds; differences to the dense training are paired over the seeds. The figures follow
from seeds alone, on one kind of machine.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from math import sqrt
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

import effmeter
from benchmarks.tables import console_for
from effmeter.lab.workloads import Recipe, prepare

DENSE = "dense"
METHODS = (
    "gskip",
    "gskip:burn_in_steps=90,loss_tolerance=0.1,relative_tolerance=true",
    *(f"deadhorse:policy={policy}" for policy in ("dh", "ddh", "sddh", "hsdh", "hsddh", "cdh")),
    *(f"random-skipping:level={level}" for level in ("batch", "sample", "step", "layer")),
    "e2-train",
    "ssprop",
    "zero-gradient",
    "random-gradient",
    "max-gradient",
    "meprop",
    "e2-train+deadhorse:policy=dh",
)
"""GSkip twice: with the paper's burn-in and tolerance, and with those of a short training."""
RECIPE = Recipe("lenet", "digits", device="cpu", batch_size=64, options=(("shifts", 0),))
EPOCHS = 25
SEEDS = 5
TOLERATED_POINTS = 1.0
CONFIDENCE = 0.95

Metrics = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A method's trainings beside the dense ones, in percentage points of test accuracy."""

    method: str
    accuracy_percent: float
    difference_points: float
    interval_points: tuple[float, float] | None
    """Of the difference, with 95 % confidence; None from a single seed."""
    executed_fraction: float
    active_runs: int
    runs: int

    @property
    def finding(self) -> str:
        """In words; a method that did nothing is not thereby harmless."""
        if not self.active_runs:
            return "inactive"
        if self.difference_points >= -TOLERATED_POINTS:
            return f"within {TOLERATED_POINTS:g} point"
        return f"falls short by {-self.difference_points:.1f} points"


def outcome_of(method: str, runs: Sequence[Metrics], dense: Sequence[Metrics]) -> Outcome:
    """From the last epoch's metrics of runs of the same seeds, in the same order."""
    points = [
        100.0 * (with_method["accuracy"] - without["accuracy"])
        for with_method, without in zip(runs, dense, strict=True)
    ]
    return Outcome(
        method,
        100.0 * statistics.fmean(run["accuracy"] for run in runs),
        statistics.fmean(points),
        _interval(points),
        statistics.fmean(run["executed_fraction"] for run in runs),
        sum(run["method_active"] > 0 for run in runs),
        len(runs),
    )


def _interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Student's interval for the mean."""
    if len(values) < 2:
        return None
    from scipy.stats import t as student

    quantile = float(student.ppf((1.0 + CONFIDENCE) / 2.0, len(values) - 1))
    mean, half = statistics.fmean(values), quantile * statistics.stdev(values) / sqrt(len(values))
    return mean - half, mean + half


def train(method: str, seed: int, epochs: int, directory: Path | None) -> Metrics:
    """The last epoch's metrics, its work that of the whole training; recorded where asked for."""
    training = prepare(replace(RECIPE, method=method, seed=seed))
    logged: list[Metrics] = []
    with _recorded(method, seed, directory) as run:

        def log(epoch: Any, /, **metrics: float) -> None:
            logged.append(metrics)
            if run is not None:
                epoch.log(**metrics)

        numbers: Iterable[Any] = range(epochs)
        if run is not None:
            numbers = run.epochs(stop=[effmeter.MaxEpochs(epochs)])
        training.run(numbers, log, epochs)
    return {**logged[-1], "executed_fraction": _whole_fraction(logged)}


def _recorded(
    method: str, seed: int, directory: Path | None
) -> AbstractContextManager[effmeter.Run | None]:
    if directory is None:
        return nullcontext()
    labels: dict[str, str | int] = {
        "architecture": RECIPE.architecture,
        "dataset": RECIPE.dataset,
        "method": method,
        "seed": seed,
    }
    name = f"{RECIPE.architecture}-{method.partition(':')[0]}-seed-{seed}"
    return effmeter.track(name, labels, directory=directory, join=False)


def _whole_fraction(epochs: Sequence[Metrics]) -> float:
    def total(names: Sequence[str]) -> float:
        return sum(epoch[name] for epoch in epochs for name in names)

    executed = total(("forward_flops", "backward_flops"))
    return executed / total(("dense_forward_flops", "dense_backward_flops"))


def compare(
    methods: Sequence[str],
    seeds: int,
    epochs: int,
    directory: Path | None,
    tell: Callable[[str], None],
) -> Iterator[Outcome]:
    """The dense training first, then each method."""

    def runs(method: str) -> list[Metrics]:
        tell(method)
        return [train(method, seed, epochs, directory) for seed in range(seeds)]

    dense = runs(DENSE)
    yield replace(outcome_of(DENSE, dense, dense), active_runs=seeds)
    for method in methods:
        yield outcome_of(method, runs(method), dense)


def table_of(outcomes: Sequence[Outcome]) -> Table:
    """One row for each method."""
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    headings = ("method", "accuracy", "against dense", "95 %", "work", "active", "")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for outcome in outcomes:
        dense = outcome.method == DENSE
        interval = "unknown"
        if outcome.interval_points is not None:
            interval = "{:+.2f} to {:+.2f}".format(*outcome.interval_points)
        cells = (
            outcome.method,
            f"{outcome.accuracy_percent:.2f} %",
            "" if dense else f"{outcome.difference_points:+.2f}",
            "" if dense else interval,
            f"{outcome.executed_fraction:.3f}",
            "" if dense else f"{outcome.active_runs} of {outcome.runs}",
            "" if dense else outcome.finding,
        )
        table.add_row(*map(Text, cells))
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Print how well each method learns beside the dense training."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning", description=__doc__)
    parser.add_argument("methods", nargs="*", help="such as gskip:hold=2 (default: all)")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many, from 0")
    parser.add_argument("--runs", type=Path, help="record every training into this folder")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)

    def tell(method: str) -> None:
        print(f"benchmarks.learning: {method}", file=sys.stderr)

    chosen = options.methods or METHODS
    outcomes = list(compare(chosen, options.seeds, options.epochs, options.runs, tell))
    if options.json:
        print(json.dumps([{**asdict(o), "finding": o.finding} for o in outcomes], allow_nan=False))
        return
    console = console_for(sys.stdout.isatty())
    console.print(
        f"{RECIPE.architecture} on {RECIPE.dataset}, {options.epochs} epochs, {options.seeds} "
        "seeds; test accuracy after the last epoch, in points against dense paired over seeds; "
        "work is executed over dense FLOPs.\n"
    )
    console.print(table_of(outcomes))


if __name__ == "__main__":
    main()
