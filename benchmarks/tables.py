"""Results as one table: for a terminal, for a pipe, for a page of Markdown."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.figures import Figure, Result, Spread
from benchmarks.surroundings import Host

HEADINGS = ("", "here", "bare baseline", "", "ratio")
WIDTH_WHEN_PIPED = 160
LEGEND = (
    "Medians with [quartiles] of measurements taken in turn; a ratio is the median of the pairs' "
    "ratios. 'counted' rows are the floor: what the work takes beside the least it can take."
)


def print_table(results: Sequence[Result], heading: Sequence[str], console: Console) -> None:
    """The results below what they are of; then what else was seen."""
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    for heading_of_column in HEADINGS:
        table.add_column(heading_of_column, overflow="fold")
    for result in results:
        table.add_row(Text(f"{result.name}: {result.title}", style="bold"))
        for cells in _rows(result):
            table.add_row(*map(Text, ("  " + cells[0], *cells[1:])))
    for line in (*heading, LEGEND, ""):
        console.print(Text(line))
    console.print(table)
    for result in results:
        console.print("".join(f"\n{result.name}: {line}" for line in _facts(result)), end="")
    console.print()


def markdown(results: Sequence[Result], heading: Sequence[str]) -> str:
    """The same as a table of Markdown."""
    lines = [*(f"{line}  " for line in heading), LEGEND, ""]
    lines += ["| " + " | ".join(HEADINGS) + " |", "|" + "---|" * len(HEADINGS)]
    for result in results:
        lines.append(f"| **{result.name}**: {result.title} |" + " |" * (len(HEADINGS) - 1))
        lines += ["| " + " | ".join(_escaped(cells)) + " |" for cells in _rows(result)]
    facts = [f"- {result.name}: {fact}" for result in results for fact in _facts(result)]
    return "\n".join([*lines, "", *facts])


def heading_of(host: Host, date: str, quick: bool) -> list[str]:
    """What the figures are of, in one or two lines."""
    memory = f"{host.memory_gib:g} GiB"
    line = (
        f"{date}, {host.processor}, {host.cores} cores, {memory}, {host.system}, "
        f"Python {host.python}; simulated sensors."
    )
    return [line, "A quick run: too short for its figures to mean much."] if quick else [line]


def console_for(file_is_terminal: bool, file: TextIO | None = None) -> Console:
    """A file, by default stdout; wide and plain where it is no terminal."""
    file = sys.stdout if file is None else file
    if file_is_terminal:
        return Console(file=file, highlight=False)
    return Console(file=file, highlight=False, width=WIDTH_WHEN_PIPED, no_color=True)


def _rows(result: Result) -> Iterator[tuple[str, ...]]:
    """The floor first."""
    for figure in result.floor:
        yield (f"counted: {figure.name}", *_cells(figure))
    for figure in result.figures:
        yield (figure.name, *_cells(figure))


def _cells(figure: Figure) -> tuple[str, ...]:
    unit = f" {figure.unit}" if figure.unit else ""
    ratio = f"{_in_words(figure.ratio)}x"
    if figure.interval is not None:
        low, high = figure.interval
        ratio += f", 95 %: {low:.3f} to {high:.3f}"
    here, bare = f"{_in_words(figure.here)}{unit}", f"{_in_words(figure.bare)}{unit}"
    return (here, bare, figure.baseline, ratio)


def _in_words(spread: Spread) -> str:
    """Three digits; the quartiles where they differ."""
    median, low, high = (_rounded(value) for value in spread)
    return median if low == high else f"{median} [{low}, {high}]"


def _rounded(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _facts(result: Result) -> list[str]:
    return [f"{name}: {value}" for name, value in result.facts.items()]


def _escaped(cells: Sequence[str]) -> list[str]:
    return [cell.replace("|", "\\|") for cell in cells]


def as_json(results: Sequence[Result], host: Host, date: str, quick: bool) -> Mapping[str, object]:
    """Everything, with its host."""
    return {
        "date": date,
        "host": host._asdict(),
        "quick": quick,
        "benchmarks": [result.to_json() for result in results],
    }
