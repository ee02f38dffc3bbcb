"""Labels and rows become trials; whatever does not mean the same is refused by name."""

from pathlib import Path
from typing import Any

import pytest

from effmeter.analysis.efficiency_framework.observation import Observation, Trial
from effmeter.analysis.efficiency_framework.trials import (
    differing_sizes,
    finished_once,
    has_labels,
    refuse_mixtures,
    refuse_repeated,
    trials_of,
)
from effmeter.errors import UsageError
from effmeter.recorded.run import RecordedRun
from tests.analysis.efficiency_framework.observations import observation, trial
from tests.analysis.labelled_runs import labelled_run


def run(folder: Path, name: str, status: str = "completed", **labels: Any) -> RecordedRun:
    described = {"architecture": "lenet", "dataset": "digits", "size": 1, **labels}
    return labelled_run(folder / f"{name}.arrow", (0.5, 0.9), status=status, **described)


def test_numbers_are_compared_as_numbers_and_texts_as_texts(tmp_path: Path) -> None:
    labelled = run(tmp_path, "a", size=2, seed="x")
    assert has_labels(labelled, {"size": "2.0", "seed": "x"})
    assert not has_labels(labelled, {"size": "3"})
    assert not has_labels(labelled, {"seed": "1"})
    assert not has_labels(labelled, {"fold": "1"})
    assert has_labels(labelled, {})


def test_a_completed_run_replaces_unfinished_ones_of_its_labels(tmp_path: Path) -> None:
    broken = run(tmp_path, "broken", "failed: KeyError", seed=1)
    alone = run(tmp_path, "alone", "stopped", seed=2)
    whole = run(tmp_path, "whole", seed=1)
    kept, left_out = finished_once([broken, alone, whole])
    assert kept == [alone, whole]
    (line,) = left_out
    assert "broken.arrow left out (failed: KeyError)" in line


def test_labels_name_the_trial(tmp_path: Path) -> None:
    (found,) = trials_of([run(tmp_path, "a", size="2", seed=3, fold=1)])
    assert found == Trial("lenet", "digits", 2.0, 3, 1)
    assert str(found) == "lenet size 2 seed 3 fold 1 on digits"


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"architecture": None}, r"no label architecture: .*b\.arrow"),
        ({"size": None}, r"no label size: .*b\.arrow"),
        ({"dataset": None}, r"no label dataset: .*b\.arrow"),
        ({"size": "large"}, r"b\.arrow: the label size is no number: 'large'"),
        ({"method": "gskip", "seed": 1}, "differ in method"),
        ({}, r"equal labels .*a\.arrow.*b\.arrow"),
    ],
)
def test_a_run_that_is_no_trial_beside_another_is_refused(
    tmp_path: Path, labels: dict[str, Any], said: str
) -> None:
    runs = [run(tmp_path, "a"), run(tmp_path, "b", **labels)]
    with pytest.raises(UsageError, match=said):
        trials_of(runs)


def test_only_repeated_trials_are_refused_with_their_sources() -> None:
    refuse_repeated([("one", "a"), ("two", "b")])
    with pytest.raises(UsageError, match=r"equal labels \(one\): a, c: give each a seed"):
        refuse_repeated([("one", "a"), ("two", "b"), ("one", "c")])


def test_long_lists_of_sources_are_cut() -> None:
    with pytest.raises(UsageError, match="0, 1, 2, 3, 4, 5 and 4 more"):
        refuse_repeated([("one", str(number)) for number in range(10)])


@pytest.mark.parametrize(
    ("odd", "what"),
    [
        (observation(trial(seed=1), quantity="power-samples", source="b"), "quantities"),
        (observation(trial(seed=1), host="other", source="b"), "hosts"),
        (observation(trial(seed=1), cover=("gpu0",), source="b"), "covers"),
        (observation(trial(seed=1), batch_size=64, source="b"), "batch sizes"),
    ],
)
def test_what_is_not_measured_alike_is_never_averaged(odd: Observation, what: str) -> None:
    usual = observation(source="a")
    refuse_mixtures([usual, observation(trial(seed=2))])
    with pytest.raises(UsageError, match=rf"{what} differ, and are never averaged together: .*b"):
        refuse_mixtures([usual, odd])


def test_batch_sizes_may_differ_between_data_sets() -> None:
    refuse_mixtures([observation(), observation(trial(dataset="mnist"), batch_size=64)])


def test_sizes_that_one_architecture_alone_has_are_named_by_data_set() -> None:
    sources = [
        (trial("lenet", 1), "a"),
        (trial("lenet", 2), "b"),
        (trial("vgg", 1), "c"),
        (trial("vgg", 1, dataset="mnist"), "d"),
    ]
    (line,) = differing_sizes(sources)
    assert line == "sizes differ between architectures on digits: only lenet has 2 (b)"
    assert list(differing_sizes(sources[2:])) == []
