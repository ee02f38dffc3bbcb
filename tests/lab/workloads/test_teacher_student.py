"""The study's students: one at a time by the methods, many at once by written-out gradients."""

import numpy as np
import pytest
import torch

from effmeter.errors import UsageError
from effmeter.lab.workloads.teacher_student.approaches import APPROACHES, IN_THE_PAPER
from effmeter.lab.workloads.teacher_student.curves import Curves, estimate, learning_curves
from effmeter.lab.workloads.teacher_student.students import Students
from effmeter.lab.workloads.teacher_student.task import draw_student, draw_task
from effmeter.lab.workloads.teacher_student.trial import StudentTrial

SEEDS = (4, 7)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name == "gradmax" else name
        for name in APPROACHES
    ],
)
def test_students_trained_at_once_are_those_trained_one_by_one(name: str) -> None:
    """Through the first two growths, where there are any."""
    iterations = 1_010 if name == "gradmax" else 40
    students = Students(APPROACHES[name], SEEDS)
    for _ in range(iterations):
        students.step()
    trials = [StudentTrial(APPROACHES[name], seed) for seed in SEEDS]
    for trial in trials:
        trial.train(iterations)
    alone = torch.tensor([trial.loss() for trial in trials])
    torch.testing.assert_close(students.losses(), alone, rtol=1e-4, atol=1e-6)
    for at_once, one in zip(students.weights, trials[0].student.parameters(), strict=True):
        torch.testing.assert_close(at_once[0], one.detach(), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "fraction"), [("big", 1.0), ("unstructured", 1.0), ("selection-30", 0.3)]
)
def test_a_trial_tells_its_work(name: str, fraction: float) -> None:
    work = StudentTrial(APPROACHES[name], 1).train(200)
    assert work.executed_fraction == pytest.approx(fraction, abs=0.1)


def test_sizes_are_those_of_the_paper() -> None:
    assert {name: APPROACHES[name].hidden for name in IN_THE_PAPER} == {
        "small": 25,
        "selection-30": 50,
        "selection-40": 50,
        "selection-50": 50,
        "gradmax": 25,
        "unstructured": 100,
        "big": 50,
    }
    growth = APPROACHES["gradmax"].growth
    assert growth is not None
    assert [growth.width(25, 50, growth.due(n)) for n in (499, 500, 1000, 2500)] == [25, 30, 35, 50]
    weights = Students(APPROACHES["unstructured"], [0]).weights
    assert weights[0].count_nonzero() + weights[2].count_nonzero() == 5_500


def test_the_task_depends_on_the_seed_alone() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        first, student = draw_task(3), draw_student(3, 25)
    again = draw_task(3)
    assert torch.equal(first.points, again.points)
    assert torch.equal(first.answers, again.answers)
    weight = draw_student(3, 25).get_parameter("0.weight")
    assert torch.equal(student.get_parameter("0.weight"), weight)
    assert not torch.equal(first.points, draw_task(4).points)


def test_curves_fall_and_end_with_an_interval() -> None:
    curves = learning_curves(["small", "big"], runs=6, iterations=60, read_every=4)
    big = curves["big"]
    assert big.losses.shape == (6, 16)
    assert list(big.iterations[:2]) == [0, 4]
    assert big.iterations[-1] == 60
    smoothed = big.smoothed()
    assert smoothed[-1] < smoothed[0]
    final = big.final()
    assert final.low < final.mean < final.high
    worse = curves["small"].final_against(big)
    assert worse.mean == pytest.approx(curves["small"].final().mean / final.mean - 1)


def test_many_runs_are_trained_in_parts() -> None:
    together = learning_curves(["small"], runs=5, iterations=5)["small"]
    apart = learning_curves(["small"], runs=5, iterations=5, runs_at_once=2)["small"]
    np.testing.assert_allclose(together.losses, apart.losses, rtol=1e-5)


def test_the_last_reading_is_always_of_the_end() -> None:
    curves = learning_curves(["small"], runs=2, iterations=7, read_every=5)["small"]
    assert list(curves.iterations) == [0, 5, 7]


def test_an_interval_takes_two_runs() -> None:
    with pytest.raises(UsageError, match="two runs or more"):
        learning_curves(["small"], runs=1)


def test_an_interval_holds_the_mean_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    intervals = [estimate(generator.normal(1.0, 2.0, 8)) for _ in range(1_000)]
    held = np.mean([interval.low <= 1.0 <= interval.high for interval in intervals])
    assert held == pytest.approx(0.95, abs=0.02)


def test_smoothing_is_linear_and_keeps_a_parabola() -> None:
    iterations = np.arange(30.0)
    curves = Curves(APPROACHES["big"], iterations, np.stack([iterations**2, 3 * iterations**2]))
    np.testing.assert_allclose(curves.smoothed(), 2 * iterations**2, atol=1e-9)
