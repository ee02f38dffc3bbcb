"""The rule of Table 13, and which epochs of a run it compares."""

import math
from pathlib import Path

import pytest

from effmeter.analysis.overtraining import Overtraining, overtraining_between, overtraining_of
from effmeter.analysis.run_analysis import analyse
from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun
from tests.runfile.writing import RunFile, counter, every, metadata


def recorded(path: Path, *epochs: tuple[float, float]) -> RecordedRun:
    """A run whose epochs logged these accuracies on training and test data."""
    with RunFile(path, metadata(channels=(counter(),))) as file:
        file.count("cpu0", every(0.1, 0, len(epochs) + 1), 50.0)
        for number, (train, test) in enumerate(epochs, 1):
            file.epoch(number, number, number + 1, train_accuracy=train, accuracy=test)
        file.end(len(epochs) + 1)
    return read_run(path)


def test_columns_a_and_b() -> None:
    verdict = overtraining_between({50: 0.5, 100: 0.75}, {50: 0.5, 100: 0.625})
    assert (verdict.early_epoch, verdict.late_epoch) == (50, 100)
    assert (verdict.test_gain, verdict.gap_growth) == (0.125, 0.125)


@pytest.mark.parametrize(
    ("test_gain", "gap_growth", "is_overtrained"),
    [
        (0.004, -0.1, True),  # no gain left in two decimals
        (-0.05, -0.1, True),
        (0.1, 0.0317, True),  # the gap grew by a third of the gain
        (0.1, 0.0316, False),
        (0.1, -0.05, False),
    ],
)
def test_the_rule(test_gain: float, gap_growth: float, is_overtrained: bool) -> None:
    assert Overtraining(50, 100, test_gain, gap_growth).is_overtrained is is_overtrained


def test_the_factor_of_the_rule_can_be_set() -> None:
    assert Overtraining(50, 100, 0.1, 0.03, gap_factor=0.2).is_overtrained


def test_a_run_of_a_hundred_epochs_is_judged_by_its_50th_and_100th(tmp_path: Path) -> None:
    courses = [(n / 100, n / 100) for n in range(1, 104)]
    verdict = overtraining_of(recorded(tmp_path / "long.arrow", *courses))
    assert verdict is not None
    assert (verdict.early_epoch, verdict.late_epoch) == (50, 100)
    assert verdict.test_gain == pytest.approx(0.5)
    assert not verdict.is_overtrained


def test_a_shorter_run_is_judged_by_its_half_and_its_whole_and_the_report_warns(
    tmp_path: Path,
) -> None:
    courses = [(0.5, 0.5), (0.7, 0.7), (0.8, 0.7), (0.9, 0.7), (0.95, 0.7)]
    run = recorded(tmp_path / "short.arrow", *courses)
    verdict = overtraining_of(run)
    assert verdict is not None
    assert (verdict.early_epoch, verdict.late_epoch) == (2, 5)
    (warning,) = analyse(run).warnings
    assert warning == (
        "Eq 2 at the end is that of a model overtrained from epoch 2 to 5: +0.0000 on test data, "
        "+0.2500 in the gap to training data"
    )


def test_a_run_that_is_too_short_or_logged_one_accuracy_has_no_verdict(tmp_path: Path) -> None:
    run = recorded(tmp_path / "run.arrow", *[(0.5, 0.5)] * 4)
    assert overtraining_of(run) is not None
    assert overtraining_of(run, "f1") is None
    assert overtraining_of(recorded(tmp_path / "few.arrow", *[(0.5, 0.5)] * 3)) is None


def test_accuracies_that_are_no_numbers_tell_nothing(tmp_path: Path) -> None:
    courses = [(0.5, 0.5)] * 3 + [(0.9, math.nan)]
    run = recorded(tmp_path / "run.arrow", *courses)
    verdict = overtraining_of(run)
    assert verdict is not None
    assert not verdict.is_known
    assert not verdict.is_overtrained
