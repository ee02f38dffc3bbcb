"""Draws figures with matplotlib (extra ``plots``), without its global state."""

import math
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from effmeter.errors import EffmeterError
from effmeter.lab.studies.figure import FigureData, Picture, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MISSING = "no pictures: matplotlib is not installed: python -m pip install 'effmeter[plots]'"
_SIZE_INCHES = (7.0, 4.5)
_DOTS_PER_INCH = 150


def draw(figures: Iterable[FigureData], folder: Path) -> list[Path]:
    """A PNG beside the CSV file of each figure that has a picture, over those of an earlier call.

    ModuleNotFoundError without matplotlib, EffmeterError where the folder cannot be written.
    """
    return [_draw(figure, figure.picture, folder) for figure in figures if figure.picture]


def _draw(figure: FigureData, picture: Picture, folder: Path) -> Path:
    from matplotlib.figure import Figure

    canvas = Figure(_SIZE_INCHES, layout="constrained")
    axes = canvas.subplots()
    for name, rows in _by_series(figure.rows, picture.series).items():
        _draw_series(axes, name, rows, picture)
    axes.set(xlabel=picture.x_title, ylabel=picture.y_title, title=figure.what.capitalize())
    axes.set_xscale("log" if picture.x_log else "linear")
    axes.set_yscale("log" if picture.y_log else "linear")
    axes.grid(True, which="both", alpha=0.25)
    axes.legend(fontsize="small")
    path = folder / figure.file_name.replace(".csv", ".png")
    try:
        canvas.savefig(path, dpi=_DOTS_PER_INCH)
    except OSError as error:
        raise EffmeterError(f"{path} cannot be written: {error.strerror}") from error
    return path


def _by_series(rows: Iterable[Row], columns: Sequence[str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        name = ", ".join(str(row[column]) for column in columns)
        found.setdefault(name, []).append(row)
    return found


def _draw_series(axes: "Axes", name: str, rows: Sequence[Row], picture: Picture) -> None:
    if picture.x_range is None and picture.y_range is None:
        means = _means(rows, picture)
        axes.plot(list(means), list(means.values()), label=name, linewidth=1.2)
        return
    axes.errorbar(
        [_number(row[picture.x]) for row in rows],
        [_number(row[picture.y]) for row in rows],
        xerr=_bars(rows, picture.x, picture.x_range),
        yerr=_bars(rows, picture.y, picture.y_range),
        fmt="o",
        capsize=3,
        label=name,
    )


def _means(rows: Sequence[Row], picture: Picture) -> dict[float, float]:
    at: dict[float, list[float]] = {}
    for row in rows:
        at.setdefault(_number(row[picture.x]), []).append(_number(row[picture.y]))
    return {x: statistics.fmean(values) for x, values in at.items()}


def _bars(
    rows: Sequence[Row], column: str, ends: tuple[str, str] | None
) -> list[list[float]] | None:
    """How far the intervals reach below and above their values."""
    if ends is None:
        return None
    values, lows, highs = ([_number(row[name]) for row in rows] for name in (column, *ends))
    below = [value - low for value, low in zip(values, lows, strict=True)]
    above = [high - value for value, high in zip(values, highs, strict=True)]
    return [below, above]


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
