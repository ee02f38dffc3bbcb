"""Eq 2 against numbers worked out by hand."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from effmeter.analysis.efficiency import EpochEfficiency, efficiency_of
from effmeter.analysis.metrics import courses, default_metric, mode_of, unclear_names
from effmeter.energy import Energy
from effmeter.recorded.reading import read_run
from effmeter.recorded.records import RecordedEpoch
from effmeter.recorded.run import RecordedRun
from effmeter.runfile.format import Event
from tests.runfile.writing import ROOT, SOURCE, RunFile, counter, every, metadata

POWER_W = 100.0


@pytest.fixture
def file(tmp_path: Path) -> RunFile:
    """A second of preparation, then epochs of two seconds each, at 100 W."""
    file = RunFile(tmp_path / "run.arrow", metadata(channels=(counter(),)))
    file.count("cpu0", every(0.1, 0, 10), POWER_W)
    return file


def finished(file: RunFile) -> RecordedRun:
    file.end(10.0)
    return read_run(file.path)


def test_efficiency_is_the_metric_over_all_energy_since_the_first_epoch(file: RunFile) -> None:
    for number, accuracy in ((1, 0.4), (2, 0.9), (3, 0.96)):
        file.epoch(number, 2.0 * number - 1, 2.0 * number + 1, accuracy=accuracy)
    judged = efficiency_of(finished(file))
    assert judged is not None
    assert judged.metric == "accuracy"
    # 0.4 / 200 J, 0.9 / 400 J, 0.96 / 600 J
    values = [point.value_per_j for point in judged.epochs]
    assert values == pytest.approx([0.002, 0.00225, 0.0016], rel=1e-6)
    assert judged.best is not None
    assert (judged.final.epoch.number, judged.best.epoch.number) == (3, 2)


def test_interval_follows_from_that_of_the_energy() -> None:
    epoch = RecordedEpoch(1, 0, 1, None, 1, {})
    point = EpochEfficiency(epoch, 0.9, Energy(300.0, 200.0, 450.0))
    assert (point.low_per_j, point.high_per_j) == (0.9 / 450, 0.9 / 200)
    below_zero = EpochEfficiency(epoch, -0.9, Energy(300.0, 200.0, 450.0))
    assert (below_zero.low_per_j, below_zero.high_per_j) == (-0.9 / 200, -0.9 / 450)


def test_energy_that_may_be_zero_has_no_upper_end() -> None:
    point = EpochEfficiency(RecordedEpoch(1, 0, 1, None, 1, {}), 0.9, Energy(1.0, 0.0, 2.0))
    assert point.high_per_j == math.inf


def test_epochs_that_logged_nothing_or_no_number_are_passed_over(file: RunFile) -> None:
    file.epoch(1, 1, 3, accuracy=0.5)
    file.epoch(2, 3, 5, accuracy=math.nan)
    file.epoch(3, 5, 7)
    file.epoch(4, 7, None, accuracy=0.75)
    judged = efficiency_of(finished(file))
    assert judged is not None
    assert [point.epoch.number for point in judged.epochs] == [1]


def test_metric_can_be_named(file: RunFile) -> None:
    file.epoch(1, 1, 3, accuracy=0.5, f1=0.25)
    run = finished(file)
    named = efficiency_of(run, "f1")
    assert named is not None
    assert named.final.metric_value == 0.25
    assert efficiency_of(run, "bleu") is None


def test_ranks_share_one_energy_and_rank_zero_is_judged(file: RunFile) -> None:
    for rank, accuracy in ((1, 0.1), (0, 0.5)):
        source = f"host/{rank}/{rank + 10}"
        file.join(0, json.dumps({"rank": rank}), source)
        file.epoch(1, 1, 3, source, accuracy=accuracy)
    judged = efficiency_of(finished(file))
    assert judged is not None
    assert judged.final.value_per_j == pytest.approx(0.5 / 200, rel=1e-6)


def test_run_without_epochs_or_energy_has_no_efficiency(file: RunFile, tmp_path: Path) -> None:
    assert efficiency_of(finished(file)) is None
    with RunFile(tmp_path / "unread.arrow") as unread:
        unread.epoch(1, 1, 3, accuracy=0.5)
        unread.end(10.0)
    assert efficiency_of(read_run(unread.path)) is None


@pytest.mark.parametrize(
    ("logged", "expected"),
    [
        ({"loss": 1.0, "accuracy": 0.5}, "accuracy"),
        ({"loss": 1.0, "f1": 0.5, "bleu": 0.1}, "f1"),
        ({"val_loss": 1.0}, None),
        ({"reward": 1.0, "f1": 0.5}, "f1"),
        ({"rmse": 1.0, "reward": 1.0}, "reward"),
    ],
)
def test_default_metric_is_one_that_should_rise(
    file: RunFile, logged: dict[str, Any], expected: str | None
) -> None:
    file.epoch(1, 1, 3, **logged)
    assert default_metric(finished(file)) == expected


def test_best_of_a_loss_is_its_lowest_and_never_nan(file: RunFile) -> None:
    for number, loss in ((1, 0.5), (2, 0.25), (3, math.nan)):
        file.epoch(number, number, number + 1.0, loss=loss)
    (course,) = courses(finished(file))
    assert (course.best, course.best_epoch, course.final_epoch) == (0.25, 2, 3)
    assert math.isnan(course.final)


def test_a_metric_whose_name_does_not_say_what_is_better_has_no_best(file: RunFile) -> None:
    for number, reward in ((1, -3.0), (2, 5.0), (3, 4.0)):
        file.epoch(number, number, number + 1.0, reward=reward)
    run = finished(file)
    (course,) = courses(run)
    assert (course.final, course.best, course.best_epoch) == (4.0, None, None)
    assert unclear_names(run) == ("reward",)
    judged = efficiency_of(run)
    assert judged is not None
    assert (judged.metric, judged.best) == ("reward", None)


def test_where_less_is_better_the_reciprocal_of_the_metric_is_what_was_learned(
    file: RunFile,
) -> None:
    file.epoch(1, 1, 2, loss=0.5)
    file.epoch(2, 2, 3, loss=0.2)
    file.epoch(3, 3, 4, loss=0.0)
    judged = efficiency_of(finished(file), "loss")
    assert judged is not None
    assert (judged.mode, judged.learned) == ("min", "1/loss")
    assert [point.epoch.number for point in judged.epochs] == [1, 2], "0 has no reciprocal"
    first, second = judged.epochs
    assert first.value_per_j == pytest.approx(1 / (0.5 * first.energy.value_j))
    assert second.low_per_j < second.value_per_j < second.high_per_j
    assert judged.best is second


def test_the_file_states_a_direction_in_place_of_the_name(file: RunFile) -> None:
    modes = {"eval_accuracy": "min", "steps": "neither", "f1": "unknown", "auc": "sideways"}
    file.join(0.5, '{"name": "lenet-1"}')
    file.event(0.5, Event.NOTE, name="metric_modes", source=SOURCE, id=ROOT, text=json.dumps(modes))
    for number, value in ((1, 0.93), (2, 0.92)):
        file.epoch(number, number, number + 1.0, steps=5.0, eval_accuracy=value, f1=0.1)
    run = finished(file)
    assert mode_of(run, "eval_accuracy") == "min"
    assert mode_of(run, "eval_accuracy", {"eval_accuracy": "max"}) == "max"
    assert mode_of(run, "auc") == "max", "what a later version states is passed over"
    assert unclear_names(run) == ("f1",)
    assert default_metric(run) == "eval_accuracy"
    best = {course.name: course.best for course in courses(run)}
    assert best == {"steps": None, "eval_accuracy": 0.92, "f1": None}
