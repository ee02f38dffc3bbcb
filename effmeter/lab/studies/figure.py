"""A figure: its data, written as CSV for any plotting program, and how it is drawn."""

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from effmeter.errors import EffmeterError

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Picture:
    """How a figure's rows are drawn: columns by name, and what stands beside the axes."""

    x: str
    y: str
    x_title: str
    y_title: str
    series: tuple[str, ...]
    """The columns whose values name a series. Each series is a line, of the means of the rows
    with the same ``x``; with a range it is points with bars."""
    x_range: tuple[str, str] | None = None
    """The columns of the interval of ``x``."""
    y_range: tuple[str, str] | None = None
    x_log: bool = False
    y_log: bool = True


@dataclass(frozen=True, slots=True)
class FigureData:
    """One figure."""

    number: int
    what: str
    rows: tuple[Row, ...]
    """All with the same columns."""
    picture: Picture | None = None
    """How it is drawn; None: it is a table alone."""

    @property
    def file_name(self) -> str:
        """Such as ``figure-05-efficiency-per-epoch-mnist.csv``."""
        return f"figure-{self.number:02d}-{self.what.replace(' ', '-')}.csv"


def write_figures(figures: Iterable[FigureData], folder: Path) -> list[Path]:
    """A CSV file for each figure, over those of an earlier call; EffmeterError if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_write(figure, folder / figure.file_name) for figure in figures]
    except OSError as error:
        raise EffmeterError(f"{folder} cannot be written: {error.strerror}") from error


def _write(figure: FigureData, path: Path) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(figure.rows[0]) if figure.rows else [])
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in figure.rows)
    return path


def _cell(value: object) -> object:
    is_unknown = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if is_unknown else value
