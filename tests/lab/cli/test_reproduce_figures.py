"""Figures of a study are written, with pictures where matplotlib is installed."""

import sys
from pathlib import Path

import pytest

from effmeter.lab.cli.reproduce import report_files, write
from effmeter.lab.studies.figure import FigureData, Picture

LINES = Picture("epoch", "loss", "epoch", "loss", ("what",))
ROWS = tuple({"what": "dense", "epoch": epoch, "loss": 1.0 / epoch} for epoch in (1, 2))
FIGURES = [FigureData(3, "loss curves", ROWS, LINES), FigureData(5, "efficiency", ROWS)]
DATA = ["figure-03-loss-curves.csv", "figure-05-efficiency.csv"]


def test_data_and_pictures_are_named_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    written = write(FIGURES, tmp_path / "figures")
    assert [path.name for path in written] == [*DATA, "figure-03-loss-curves.png"]
    assert all(path.stat().st_size > 0 for path in written)
    report_files(written)
    assert "figure (plot): figures/figure-03-loss-curves.png" in capsys.readouterr().err


def test_without_matplotlib_the_data_are_written_and_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    written = write(FIGURES, tmp_path / "figures")
    assert [path.name for path in written] == DATA
    assert "pip install 'effmeter[plots]'" in capsys.readouterr().err


def test_a_study_without_figures_makes_no_folder(tmp_path: Path) -> None:
    assert write([], tmp_path / "figures") == []
    assert not (tmp_path / "figures").exists()
