"""``python -m benchmarks``: what it prints, never how fast anything was."""

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.figures import Figure, Result, counted, median_interval, paired, percentile
from benchmarks.surroundings import Host
from benchmarks.tables import heading_of, markdown

ROOT = Path(__file__).parents[2]
NAMES = ["import", "mark", "track", "recorder", "slowdown", "methods", "pruning", "kernels"]


def bench(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run it as ``make bench`` does."""
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def quick_run() -> "subprocess.CompletedProcess[str]":
    return bench("--quick", "--json")


def figures_in(printed: str) -> Iterator[dict[str, Any]]:
    for benchmark in json.loads(printed)["benchmarks"]:
        yield from benchmark["floor"]
        yield from benchmark["figures"]


@pytest.mark.slow
def test_every_benchmark_gives_a_floor_and_figures(
    quick_run: "subprocess.CompletedProcess[str]",
) -> None:
    assert quick_run.returncode == 0, quick_run.stderr
    benchmarks = json.loads(quick_run.stdout)["benchmarks"]
    assert [benchmark["name"] for benchmark in benchmarks] == NAMES
    for benchmark in benchmarks:
        assert benchmark["floor"], benchmark["name"]
        assert benchmark["figures"], benchmark["name"]


@pytest.mark.slow
def test_every_figure_is_finite_and_stands_beside_a_baseline(
    quick_run: "subprocess.CompletedProcess[str]",
) -> None:
    for figure in figures_in(quick_run.stdout):
        assert figure["baseline"], figure["name"]
        assert figure["repeats"] >= 1
        for spread in ("here", "bare", "ratio", "difference"):
            ordered = [figure[spread][part] for part in ("low", "median", "high")]
            assert all(map(math.isfinite, ordered)), figure["name"]
            assert ordered == sorted(ordered), figure["name"]
        assert figure["bare"]["low"] > 0, figure["name"]


@pytest.mark.slow
def test_the_run_says_what_it_is_of_and_that_it_was_quick(
    quick_run: "subprocess.CompletedProcess[str]",
) -> None:
    printed = json.loads(quick_run.stdout)
    assert printed["quick"] is True
    assert printed["host"]["cores"] >= 1
    assert "round" in quick_run.stderr


def test_an_unknown_benchmark_is_a_usage_error() -> None:
    finished = bench("no-such-benchmark")
    assert finished.returncode == 2
    assert finished.stdout == ""
    assert "no-such-benchmark" in finished.stderr


def test_a_ratio_is_the_median_of_the_pairs_ratios() -> None:
    figure = paired("loop", "ms", [2.0, 6.0, 9.0], "bare", [1.0, 2.0, 3.0])
    assert figure.ratio.median == 3.0
    assert figure.difference.median == 4.0
    assert (figure.here.median, figure.bare.median, figure.repeats) == (6.0, 2.0, 3)


@pytest.mark.parametrize(
    ("count", "first", "last"), [(3, 1, 3), (6, 1, 6), (10, 2, 9), (16, 4, 13)]
)
def test_the_interval_of_a_median_lies_between_the_ranks_of_the_binomial_table(
    count: int, first: int, last: int
) -> None:
    ranks = [float(rank) for rank in range(count, 0, -1)]
    assert median_interval(ranks) == (first, last)


def test_a_percentile_is_a_value_that_was_seen() -> None:
    assert percentile(range(1, 101), 99) == 99
    assert percentile([5.0], 99) == 5.0


@pytest.fixture
def result() -> Result:
    floor: Figure = counted("calls", "", 2, "one call", 1)
    return Result("mark", "a mark", (floor,), (paired("log|x", "us", [4.0], "send", [2.0]),))


def test_the_floor_stands_above_the_figures_in_the_table(result: Result) -> None:
    host = Host("a processor", 2, 8.0, "Linux 6", "3.11.7")
    table = markdown([result], heading_of(host, "2026-01-02", quick=False))
    rows = [line for line in table.splitlines() if line.startswith("|")]
    assert "counted: calls" in rows[-2]
    assert rows[-1].startswith("| log\\|x | 4 us | 2 us | send | 2x |")
    assert "2026-01-02, a processor, 2 cores" in table
