"""Figures as pictures: what is drawn, from known rows."""

from pathlib import Path

import pytest

from effmeter.errors import EffmeterError
from effmeter.lab.studies.figure import FigureData, Picture
from effmeter.lab.studies.picture import draw

ROWS = tuple(
    {"what": what, "seed": seed, "epoch": epoch, "loss": loss + seed}
    for what, loss in (("dense", 1.0), ("sparse", 2.0))
    for seed in (0, 1)
    for epoch in (1, 2)
)
LINES = Picture("epoch", "loss", "epoch", "loss", ("what",))
POINTS = Picture(
    "energy",
    "loss",
    "energy, J",
    "loss",
    ("what",),
    ("low", "high"),
    x_log=True,
)
PNG = b"\x89PNG\r\n\x1a\n"


def test_a_figure_is_drawn_beside_its_data(tmp_path: Path) -> None:
    (path,) = draw([FigureData(3, "loss curves", ROWS, LINES)], tmp_path)
    assert path.name == "figure-03-loss-curves.png"
    assert path.read_bytes().startswith(PNG)


def test_an_unknown_energy_is_left_out_and_the_others_are_drawn(tmp_path: Path) -> None:
    rows = (
        {"what": "small", "energy": 3.0, "low": 2.0, "high": 4.0, "loss": 0.5},
        {"what": "big", "energy": None, "low": None, "high": None, "loss": 0.25},
    )
    (path,) = draw([FigureData(1, "loss against energy", rows, POINTS)], tmp_path)
    assert path.read_bytes().startswith(PNG)


def test_a_figure_without_a_picture_is_not_drawn(tmp_path: Path) -> None:
    assert draw([FigureData(5, "efficiency", ROWS)], tmp_path) == []


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(EffmeterError, match="cannot be written"):
        draw([FigureData(3, "loss curves", ROWS, LINES)], tmp_path / "none")
